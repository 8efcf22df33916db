// What becomes of a task whose commits fail (commit.ts): slow tries that are told, or an end that says why.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fate } from "../../src/adapters/memory/wire.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import { committedCheckpoint, openDriver, startReady, takeover } from "./driver-fixture.ts";

const SECONDS = 10;

async function withFailingCommits(answer: Fate["answer"]) {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await driver.advance(2_000);
  let commits = 0;
  driver.broker.onCall(({ kind }) => {
    if (kind !== "commit") return undefined;
    commits += 1;
    return { applied: false, answer };
  });
  await takeover(driver, "alice");
  await driver.advance(SECONDS * 1_000);
  return { driver, first, commits };
}

test("a commit that keeps failing is tried more and more slowly, told each time, and made in the end", async () => {
  const { driver, first, commits } = await withFailingCommits({ disposition: "retry", code: "CONNECTION" });
  assert.ok(commits >= SECONDS && commits < 3 * SECONDS, `${commits} commits in ${SECONDS} s`);
  assert.deepEqual(
    first.reports("broker.failed").map(({ code, doing }) => `${code}: ${doing}`),
    Array.from({ length: commits }, () => "CONNECTION: commit a checkpoint"),
  );
  driver.broker.onCall(() => undefined);
  await driver.advance(2_000);
  const end = driver.broker.log({ topic: DRIVER_TOPICS.commands, partition: 0 }).end();
  assert.equal(committedCheckpoint(driver, 0)!.positions[DRIVER_TOPICS.commands], end);
});

test("a commit that can never succeed ends the process with what the broker said", async () => {
  const { first, commits } = await withFailingCommits({ disposition: "halt", code: "OFFSET_METADATA_TOO_LARGE" });
  assert.equal(commits, 1);
  const end = first.end();
  assert.ok(end.how === "failed");
  assert.match(String(end.error), /OFFSET_METADATA_TOO_LARGE/u);
});
