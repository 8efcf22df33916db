// node:test's own `spec` report, with what was skipped and why put before its closing summary, so that the
// summary stays the last thing printed.

import { spec } from "node:test/reporters";
import type { Readable } from "node:stream";
import type { TestEvent } from "node:test/reporters";

// oxlint-disable-next-line import/no-default-export -- node loads a reporter as the default export
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const reporter = new spec();
  const skipped = new Map<string, string[]>();
  let summaryBegun = false;
  for await (const event of events) {
    if (event.type === "test:pass" && event.data.skip !== undefined && event.data.skip !== false) {
      const reason = event.data.skip === true || event.data.skip === "" ? "no reason given" : event.data.skip;
      skipped.set(reason, [...(skipped.get(reason) ?? []), event.data.name]);
    }
    if (
      !summaryBegun &&
      event.type === "test:diagnostic" &&
      event.data.file === undefined &&
      /^tests \d/u.test(event.data.message)
    ) {
      summaryBegun = true;
      yield skippedText(skipped);
    }
    reporter.write(event);
    yield* printed(reporter);
  }
  reporter.end();
  for await (const rest of reporter) yield (rest as Buffer).toString();
}

function* printed(reporter: Readable): Generator<string> {
  for (let text: unknown = reporter.read(); text !== null; text = reporter.read()) yield (text as Buffer).toString();
}

function skippedText(skipped: ReadonlyMap<string, readonly string[]>): string {
  if (skipped.size === 0) return "\nnothing was skipped\n";
  const groups = [...skipped].map(
    ([reason, names]) => `skipped ${names.length}: ${reason}\n${names.map((name) => `  - ${name}\n`).join("")}`,
  );
  return `\n${groups.join("")}`;
}
