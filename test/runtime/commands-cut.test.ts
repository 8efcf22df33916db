// The log of commands cut back, created anew, or deleted by retention: what was said and nobody has adopted is
// never passed over, and what everybody knows may go (OP2).

import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskRefused } from "../../src/runtime/task-refused.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  commitByHand,
  committedCheckpoint,
  frozen,
  openDriver,
  startReady,
  takeover,
  TAKEOVER_MS,
  worked,
} from "./driver-fixture.ts";

const { commands, state } = DRIVER_TOPICS;
const PAIR = { topic: commands, partition: 0 };

/** The processor dies before its next commit once the account is frozen. */
function dieOnceFrozen(driver: ProcessorDriver, processor: DrivenProcessor, accountId: string): void {
  driver.broker.onCall(({ process, kind }) => {
    if (process !== processor.process.name || kind !== "commit" || !frozen(driver).includes(accountId))
      return undefined;
    processor.kill();
    return { applied: false, answer: "none" };
  });
}

/** A command of the only case is said, and its owner dies before the checkpoint. */
async function diedInBetween(): Promise<ProcessorDriver> {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  dieOnceFrozen(driver, first, "alice");
  await takeover(driver, "alice");
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.equal(committedCheckpoint(driver, 0)!.positions[commands], 0);
  return driver;
}

/** As `holdfast recover --forget holdfast.commands --apply` does. */
async function forget(driver: ProcessorDriver): Promise<void> {
  const pair = { topic: state, partition: 0 };
  await commitByHand(driver, [state], () => {
    const [last] = driver.broker.coordinator(driver.groupId).committed([pair]);
    const checkpoint = JSON.parse(last!.metadata) as Record<"positions" | "marks", Record<string, unknown>>;
    delete checkpoint.positions[commands];
    delete checkpoint.marks[commands];
    return [{ ...last!, metadata: JSON.stringify(checkpoint) }];
  });
}

function assertRefused(processor: DrivenProcessor, words: RegExp): void {
  const end = processor.end();
  assert.ok(end.how === "failed" && end.error instanceof TaskRefused, JSON.stringify(end));
  assert.match(end.error.message, words);
  assert.match(end.error.message, /recover --forget holdfast\.commands --apply/);
}

test("cut back below its position it is refused; let go of, later owners adopt what is said from then on (OP2)", async () => {
  const driver = await worked();
  driver.broker.log(PAIR).truncate(3);
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS);
  assertRefused(second, /holdfast\.commands partition 0 holds offsets 0 to 3, .* at 4: the log was truncated/);
  await forget(driver);
  const third = await startReady(driver, "third");
  await takeover(driver, "carol");
  await driver.advance(2_000);
  assert.equal(committedCheckpoint(driver, 0)!.positions[commands], driver.broker.log(PAIR).end());
  dieOnceFrozen(driver, third, "dora");
  await takeover(driver, "dora");
  await driver.advance(TAKEOVER_MS);
  const said = driver.records(commands).length;
  const fourth = await startReady(driver, "fourth");
  await driver.advance(2_000);
  assert.deepEqual(
    fourth.reports("task.adopted").map((each) => each.commands),
    [2],
  );
  assert.equal(driver.records(commands).length, said, "nothing is said again");
});

test("cut back while the task runs, its next command's checkpoint ends it (OP2)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  for (const accountId of ["alice", "bob", "carol"]) {
    await takeover(driver, accountId);
    await driver.advance(2_000);
  }
  const before = committedCheckpoint(driver, 0)!;
  driver.broker.log(PAIR).truncate(2);
  await takeover(driver, "dora");
  await driver.advance(2_000);
  assertRefused(first, /ends a command at offset 4, and held commands up to 6 before/);
  assert.equal(committedCheckpoint(driver, 0)!.positions[commands], before.positions[commands]);
});

test("commands that were deleted before anybody adopted them are refused; those that are known may go (OP2)", async () => {
  const lost = await diedInBetween();
  lost.broker.log(PAIR).deleteBefore(lost.broker.log(PAIR).end());
  const second = lost.start("second");
  await lost.advance(TAKEOVER_MS);
  assertRefused(second, /holds offsets 2 to 2, .* at 0: records were deleted before they were read/);

  const known = await worked();
  known.broker.log(PAIR).deleteBefore(known.broker.log(PAIR).end());
  await startReady(known, "second");

  const adopted = await diedInBetween();
  await adopted.advance(TAKEOVER_MS);
  const heir = await startReady(adopted, "second");
  await adopted.advance(2_000);
  assert.equal(committedCheckpoint(adopted, 0)!.positions[commands], 2, "what was adopted is in the checkpoint");
  heir.stop();
  await adopted.advance(1_000);
  adopted.broker.log(PAIR).deleteBefore(2);
  await startReady(adopted, "third");
  await adopted.advance(2_000);
  assert.deepEqual(adopted.commands(), [], "and nothing is said again");
});

test("checkpoints say which log the commands are in, also after one that did not know (OP2)", async () => {
  const driver = await worked();
  const { id } = driver.broker.log(PAIR);
  await commitByHand(driver, [state], () => {
    const [last] = driver.broker.coordinator(driver.groupId).committed([{ topic: state, partition: 0 }]);
    return [{ ...last!, metadata: JSON.stringify({ ...(JSON.parse(last!.metadata) as object), marks: {} }) }];
  });
  const second = await startReady(driver, "second");
  driver.produce({ accountId: "alice", type: "LOGOUT" });
  await driver.advance(2_000);
  assert.deepEqual(committedCheckpoint(driver, 0)!.marks[commands], [id, -1]);
  second.stop();
  await driver.advance(1_000);
  driver.broker.createAnew(commands);
  const third = driver.start("third");
  await driver.advance(TAKEOVER_MS);
  assertRefused(third, /holdfast\.commands was deleted and created anew/);
});
