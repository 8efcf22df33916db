// `holdfast replay`: the processor's core on a file of events, without Kafka. Each line is an event with
// its `topic`, in the order of arrival. One frontier for all topics; stale is what had expired by it; at
// the end time passes until nothing waits any more.
//
// A line that is no event is one message on standard error; the others go on, and the exit code is 1.

import { createReadStream } from "node:fs";
import type { Outputs } from "../core/output.ts";
import type { CoreSettings } from "../core/partition.ts";
import type { RuleSet } from "../core/rule.ts";
import { LIMITS } from "../core/validation.ts";
import { openDriver } from "../testing/driver.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { EventLines } from "./replay/event-line.ts";
import type { Inputs } from "./replay/event-line.ts";
import { linesOf } from "./replay/lines.ts";
import { printCases, printJson } from "./replay/report.ts";
import { readSoundRules } from "./sound-rules.ts";

export interface ReplayOptions {
  /** A directory of rule files, or one file. */
  readonly rules: string;
  /** A file of one JSON object a line; `-`: standard input. */
  readonly file: string;
  /** NDJSON even on a terminal. */
  readonly json: boolean;
  readonly inputs: Inputs;
  readonly settings: CoreSettings;
}

interface Tally {
  events: number;
  rejected: number;
  detections: number;
  commands: number;
}

/** Exit code 0 when every line was an event; 1 when some were not; 2 when it could not start. */
export async function replay(options: ReplayOptions, io: Io): Promise<number> {
  const loaded = await readSoundRules(options.rules, io);
  if (loaded === null) return EXIT.usage;
  const { rules } = loaded;
  const tally: Tally = { events: 0, rejected: 0, detections: 0, commands: 0 };
  try {
    await run(rules, { options, io, tally });
  } catch (error) {
    if (!isFileError(error)) throw error;
    io.stderr(
      `${options.file} cannot be read (${error.code}); give a file of one JSON object a line, or - for standard input\n`,
    );
    return EXIT.usage;
  }
  io.stderr(
    `${tally.events} events, ${tally.rejected} lines rejected, ${tally.detections} detections, ${tally.commands} commands\n`,
  );
  return tally.rejected === 0 && !io.signal.aborted ? EXIT.ok : EXIT.failed;
}

async function run(
  rules: RuleSet,
  { options, io, tally }: { options: ReplayOptions; io: Io; tally: Tally },
): Promise<void> {
  const driver = openDriver({ rules, settings: options.settings });
  const print = io.isTTY && !options.json ? printCases : printJson;
  const say = (decided: readonly Outputs[]): void => {
    for (const outputs of decided) {
      tally.detections += outputs.detections.length;
      tally.commands += outputs.commands.length;
      io.stdout(print(outputs));
    }
  };
  const events = new EventLines(options.inputs);
  const chunks = options.file === "-" ? io.stdin : createReadStream(options.file);
  for await (const line of linesOf(chunks, LIMITS.recordBytes)) {
    if (io.signal.aborted) return;
    if (line.bytes?.length === 0) continue;
    const outcome = events.read(line);
    if ("rejection" in outcome) {
      tally.rejected += 1;
      io.stderr(`${options.file}:${line.number}: ${outcome.rejection.reason}: ${outcome.rejection.detail}\n`);
      continue;
    }
    tally.events += 1;
    say(driver.apply(outcome.arrival, outcome.event));
  }
  say(driver.finish());
}

function isFileError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}
