// How a task starts, and every reason for which it does not (T3, T7). A start that could forget something
// in silence ends the process with a message that says what, where and what to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { murmur2Partitioner } from "../../src/adapters/kafka/partitioner.ts";
import { TaskRefused } from "../../src/runtime/task-refused.ts";
import { coPartitioned } from "../../src/runtime/topics.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  commitByHand,
  committedCheckpoint,
  committedState,
  frozen,
  openDriver,
  ready,
  startReady,
  takeover,
  TAKEOVER_MS,
} from "./driver-fixture.ts";

const { state, commands } = DRIVER_TOPICS;

/** A driver whose only processor has worked, committed and stopped. */
async function worked(options: Parameters<typeof openDriver>[0] = {}): Promise<ProcessorDriver> {
  const driver = await openDriver(options);
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  await driver.advance(2_000);
  first.stop();
  await driver.advance(1_000);
  assert.deepEqual(first.end(), { how: "stopped" });
  return driver;
}

/** Commits another checkpoint in place of the last, as a wrong tool or another release would. */
async function rewrite(
  driver: ProcessorDriver,
  change: (checkpoint: Record<string, unknown>) => object | string,
): Promise<void> {
  await commitByHand(driver, [state], () => {
    const [last] = driver.broker.coordinator(driver.groupId).committed([{ topic: state, partition: 0 }]);
    const changed = change(JSON.parse(last!.metadata) as Record<string, unknown>);
    const metadata = typeof changed === "string" ? changed : JSON.stringify(changed);
    return [{ ...last!, metadata }];
  });
}

/** The next start is refused with words that match; nothing is written, said or committed by it. */
async function assertRefused(driver: ProcessorDriver, words: RegExp): Promise<void> {
  const before = [driver.records(state).length, driver.records(commands).length];
  const metadata = JSON.stringify(
    driver.broker.coordinator(driver.groupId).committed([{ topic: state, partition: 0 }]),
  );
  const second = driver.start("second");
  await driver.advance(5_000);
  const end = second.end();
  assert.equal(end.how, "failed");
  assert.ok(end.how === "failed" && end.error instanceof Error);
  assert.match(end.error.message, words);
  assert.deepEqual([driver.records(state).length, driver.records(commands).length], before);
  assert.equal(
    JSON.stringify(driver.broker.coordinator(driver.groupId).committed([{ topic: state, partition: 0 }])),
    metadata,
  );
}

test("a first start commits an empty checkpoint before anything is appended (T7)", async () => {
  const driver = await openDriver();
  await takeover(driver, "alice");
  const order: string[] = [];
  driver.broker.onCall((call) => {
    if (call.kind === "commit" || call.kind === "send") order.push(call.topic ?? call.kind);
    return undefined;
  });
  driver.start("first");
  await driver.advance(3_000);
  assert.equal(order[0], "commit");
  assert.ok(order.includes(state) && order.includes(commands));
  assert.deepEqual(frozen(driver), ["alice"]);
});

test("nothing is appended while it is not certain that the empty checkpoint is committed (T7)", async () => {
  for (const applied of [false, true]) {
    const driver = await openDriver();
    await takeover(driver, "alice");
    let unknown = 3;
    driver.broker.onCall((call) => {
      if (call.kind === "send")
        assert.ok(committedCheckpoint(driver, 0) !== null, `${call.topic} before the checkpoint`);
      if (call.kind !== "commit" || unknown-- <= 0) return undefined;
      return { applied, answer: { disposition: "retry", code: "CONNECTION" } };
    });
    const first = await startReady(driver, "first");
    await driver.advance(5_000);
    assert.deepEqual(frozen(driver), ["alice"]);
    assert.deepEqual(first.end(), { how: "running" });
  }
});

test("the empty checkpoint: no state, where the inputs begin, whose it is (T7)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  const { writer, ...checkpoint } = committedCheckpoint(driver, 0)!;
  assert.match(writer, /^first/);
  const positions = Object.fromEntries(coPartitioned(DRIVER_TOPICS).map((topic) => [topic, 0]));
  delete positions[state];
  const marks = Object.fromEntries(Object.keys(positions).map((topic) => [topic, [`${topic}#1`, -1]]));
  const whose = { partitions: 1, group: "holdfast" };
  assert.deepEqual(checkpoint, { n: 0, base: 0, head: 0, lineage: [], positions, marks, ...whose });
  assert.deepEqual(driver.records(state), []);
});

for (const [startFrom, expected] of [
  ["earliest", ["alice", "bob"]],
  ["latest", []],
  [60_000, ["bob"]],
] as const) {
  test(`a first start from ${startFrom} (T7)`, async () => {
    const driver = await openDriver({ tuning: { startFrom } });
    await takeover(driver, "alice");
    await driver.advance(120_000);
    await takeover(driver, "bob");
    await startReady(driver, "first");
    await driver.advance(2_000);
    assert.deepEqual(frozen(driver), expected);
  });
}

test("begun anew without its state, a task says nothing of what was said before a second time (T3, T7)", async () => {
  const driver = await worked();
  const said = driver.records(commands).length;
  assert.ok(said > 0);
  driver.broker.coordinator(driver.groupId).forgetOffsets();
  driver.broker.createAnew(state);
  const second = await startReady(driver, "second");
  await takeover(driver, "bob");
  await driver.advance(2_000);
  assert.deepEqual(second.reports("task.adopted"), [{ task: 0, commands: said }]);
  assert.deepEqual(frozen(driver), ["alice", "bob"]);
  assert.equal(driver.records(commands).length, 2 * said, "alice's are in force, not said again");
});

test("of what was said when the topics had fewer partitions, a task adopts its own accounts' (T3)", async () => {
  const before = await worked();
  const driver = await openDriver({ partitions: 2 });
  const own = murmur2Partitioner(Buffer.from("alice"), 2);
  for (const partition of [0, 1]) driver.broker.append({ topic: commands, partition }, before.records(commands));
  const first = await startReady(driver, "first");
  const adopted = first.reports("task.adopted").filter((report) => report.commands > 0);
  assert.deepEqual(adopted, [{ task: own, commands: before.records(commands).length }]);
});

test("killed after its first checkpoint, a first start is not made a second time elsewhere (T7)", async () => {
  const driver = await openDriver({ tuning: { startFrom: "latest" } });
  const first = await startReady(driver, "first");
  first.kill();
  await takeover(driver, "alice");
  driver.start("second");
  await driver.advance(TAKEOVER_MS);
  assert.deepEqual(frozen(driver), ["alice"], "what came in between is not skipped");
});

test("state without a checkpoint is refused, never taken for a first start (T7)", async () => {
  const driver = await worked();
  driver.broker.coordinator(driver.groupId).forgetOffsets();
  await assertRefused(driver, /no committed checkpoint/);
});

test("a checkpoint of another partitioning, group or program is refused (T7)", async () => {
  for (const [change, words] of [
    [(checkpoint: object) => ({ ...checkpoint, partitions: 8 }), /written for 8 partitions/],
    [(checkpoint: object) => ({ ...checkpoint, group: "other" }), /written by group other/],
    [(checkpoint: object) => ({ ...checkpoint, v: 99 }), /version 99/],
    [() => "17", /is not an object/],
  ] as const) {
    const driver = await worked();
    await rewrite(driver, change);
    await assertRefused(driver, words);
  }
});

test("a state log that is shorter, cut off below or damaged is refused, never read as less state (T3)", async () => {
  const truncated = await worked();
  truncated.broker.log({ topic: state, partition: 0 }).truncate(committedCheckpoint(truncated, 0)!.head - 1);
  await assertRefused(truncated, /holdfast\.state partition 0/);

  const cut = await worked();
  cut.broker.log({ topic: state, partition: 0 }).deleteBefore(committedCheckpoint(cut, 0)!.base + 1);
  await assertRefused(cut, /holdfast\.state partition 0/);

  const damaged = await worked();
  const { base } = committedCheckpoint(damaged, 0)!;
  const block = damaged.records(state).find(({ offset }) => offset === base)!;
  block.value![block.value!.length >> 1]! ^= 1;
  await assertRefused(damaged, new RegExp(`offset ${base} is damaged`));

  const later = await worked();
  const { base: at } = committedCheckpoint(later, 0)!;
  const record = later.records(state).find(({ offset }) => offset === at)!;
  Object.assign(record.headers, { version: "9" });
  await assertRefused(later, /format 9, .* a newer one has written it/);

  const foreign = await worked();
  foreign.broker.append({ topic: state, partition: 0 }, [{ key: null, value: Buffer.from("?"), headers: {} }]);
  await startReady(foreign, "second");
});

test("inputs that were deleted before they were read, or truncated, are refused by name (T7)", async () => {
  const deleted = await worked();
  for (let i = 0; i < 3; i++) deleted.produce({ accountId: "alice", type: "LOGOUT" });
  deleted.broker.log({ topic: "auth-events", partition: 0 }).deleteBefore(4);
  await assertRefused(deleted, /auth-events partition 0 .* deleted before they were read/);

  const truncated = await worked();
  truncated.broker.log({ topic: "auth-events", partition: 0 }).truncate(1);
  await assertRefused(truncated, /auth-events partition 0 .* truncated/);
});

test("an input that is another log by now is refused by name, however far it has grown (T7)", async () => {
  const regrow = (driver: ProcessorDriver): void => {
    for (let i = 0; i < 5; i++) driver.produce({ accountId: "alice", type: "LOGOUT" });
  };
  const anew = await worked();
  anew.broker.createAnew("auth-events");
  regrow(anew);
  await assertRefused(anew, /auth-events was deleted and created anew .*recover --forget auth-events --apply/);

  const said = await worked();
  said.broker.createAnew(commands);
  await assertRefused(said, /holdfast\.commands was deleted and created anew/);

  const cutBack = await worked();
  cutBack.broker.log({ topic: "auth-events", partition: 0 }).truncate(1);
  regrow(cutBack);
  const second = cutBack.start("second");
  await cutBack.advance(5_000);
  const end = second.end();
  assert.ok(end.how === "failed" && end.error instanceof Error);
  assert.match(end.error.message, /auth-events partition 0 is not the log that was read/);
});

test("an election that loses nothing that was read is passed over (T7)", async () => {
  const driver = await worked();
  const log = driver.broker.log({ topic: "auth-events", partition: 0 });
  log.truncate(log.end());
  await startReady(driver, "second");
  await takeover(driver, "bob");
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice", "bob"]);
});

test("records that are lost while it runs end the process: no hole is passed in silence", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  first.freeze();
  for (let i = 0; i < 5; i++) driver.produce({ accountId: "alice", type: "LOGOUT" });
  driver.broker.log({ topic: "auth-events", partition: 0 }).deleteBefore(3);
  first.thaw();
  await driver.advance(2_000);
  assert.equal(first.end().how, "failed");
});

test("a topic added later starts at the frontier less the allowed lateness (T7)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  // Sixteen minutes of one topic; another one holds records of all that time.
  for (let minute = 0; minute <= 16; minute++) {
    driver.produce({ accountId: "alice", eventId: `a${minute}`, type: "LOGIN_SUCCEEDED" });
    driver.produce({ accountId: "alice", eventId: `w${minute}`, type: "ADDRESS_ADDED" });
    await driver.advance(60_000);
  }
  first.stop();
  await driver.advance(1_000);
  await rewrite(driver, (checkpoint) => {
    const { "withdrawal-events": _, ...positions } = checkpoint["positions"] as Record<string, number>;
    return { ...checkpoint, positions };
  });
  const second = await startReady(driver, "second");
  const [running] = second.reports("task.running");
  assert.equal(running!.positions["withdrawal-events"], 6, "sixteen minutes less ten");
  assert.equal(running!.positions["auth-events"], 17);
});

test("an optional topic configured later, left out and configured again: no fill is skipped or read twice (T7)", async () => {
  const driver = await openDriver();
  const minutes = async (from: number, to: number): Promise<void> => {
    for (let minute = from; minute < to; minute++) {
      // A new device each: the frontier is checkpointed with what changed.
      driver.produce({ accountId: "alice", type: "LOGIN_SUCCEEDED", deviceId: `d${minute}` });
      driver.produce({ accountId: "alice", eventId: `t${minute}`, type: "TRADE_FILLED", priceDeviationBps: -5 });
      await driver.advance(60_000);
    }
  };
  const runFor = async (name: string, trades: boolean, span: readonly [number, number]): Promise<DrivenProcessor> => {
    const processor = driver.start(name, { trades });
    await ready(driver, processor);
    await minutes(...span);
    processor.stop();
    await driver.advance(1_000);
    return processor;
  };
  const startOf = (processor: DrivenProcessor): number | undefined =>
    processor.reports("task.running")[0]!.positions["trade-events"];
  assert.equal(startOf(await runFor("without", false, [0, 17])), undefined);
  assert.equal(startOf(await runFor("with", true, [17, 20])), 6, "sixteen minutes less ten");
  assert.equal(committedCheckpoint(driver, 0)!.positions["trade-events"], 20);
  await runFor("without again", false, [20, 22]);
  assert.equal(committedCheckpoint(driver, 0)!.positions["trade-events"], 20, "a removed one's position is kept");
  assert.equal(startOf(await runFor("with again", true, [22, 23])), 20);
  assert.equal(committedCheckpoint(driver, 0)!.positions["trade-events"], 23);
  assert.deepEqual(driver.deadLetters(), []);
});

test("many owners make a long lineage; the oldest blocks are written again until it is short, and nothing is forgotten (T2, T6)", async () => {
  const driver = await openDriver();
  for (let owner = 0; owner < 40; owner++) {
    const processor = await startReady(driver, `owner-${owner}`);
    driver.produce({ accountId: `account-${owner}`, eventId: `e${owner}`, type: "RISK_NOTICE_SENT", channel: "SMS" });
    await driver.advance(1_100);
    processor.stop();
    await driver.advance(200);
    const [committed] = driver.broker.coordinator(driver.groupId).committed([{ topic: state, partition: 0 }]);
    assert.ok(committed!.metadata.length <= 4_096, `${committed!.metadata.length} bytes of metadata`);
  }
  assert.ok(committedCheckpoint(driver, 0)!.lineage!.length <= 18);
  await startReady(driver, "last");
  for (let owner = 0; owner < 40; owner++) {
    const accountId = `account-${owner}`;
    driver.produce({ accountId, type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
    driver.produce({ accountId, type: "API_KEY_CREATED", keyId: "k", rights: ["TRADE"], verifiedWith: ["SMS"] });
  }
  await driver.advance(2_000);
  assert.deepEqual(
    frozen(driver),
    Array.from({ length: 40 }, (_, owner) => `account-${owner}`),
  );
});

test("a lineage too long for the metadata is read from the marker below head (T2, T3)", async () => {
  const driver = await openDriver();
  for (const owner of ["first", "second", "third"]) {
    const processor = await startReady(driver, owner);
    await takeover(driver, `account-${owner}`);
    await driver.advance(1_100);
    processor.stop();
    await driver.advance(200);
  }
  const before = committedState(driver, 0);
  await rewrite(driver, (checkpoint) => ({ ...checkpoint, lineage: null }));
  const last = await startReady(driver, "last");
  assert.deepEqual(
    last.reports("task.restored").map(({ groups }) => groups),
    [3],
  );
  driver.produce({ accountId: "another", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(2_000);
  const { another: _, ...after } = committedState(driver, 0);
  assert.deepEqual(after, before);
});

test("a refusal is a TaskRefused with its remedy", async () => {
  const driver = await worked();
  driver.broker.coordinator(driver.groupId).forgetOffsets();
  const second = driver.start("second");
  await driver.advance(2_000);
  const end = second.end();
  assert.ok(end.how === "failed" && end.error instanceof TaskRefused);
  assert.match(end.error.message, /[Rr]estore the group's offsets|recover/);
});
