// A state log that is cut back or created anew, while its owner runs or while nobody does: never a start with
// what is left of the state, and never a commit that names what is gone (K4, R3).

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import { recoverTask } from "../../src/runtime/recovery.ts";
import type { Recovery } from "../../src/runtime/recovery.ts";
import { TaskRefused } from "../../src/runtime/task-refused.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  checkpointed,
  commitByHand,
  committedCheckpoint,
  committedState,
  openDriver,
  startReady,
  TAKEOVER_MS,
} from "./driver-fixture.ts";

const { state } = DRIVER_TOPICS;
const PAIR = { topic: state, partition: 0 };

async function notice(driver: ProcessorDriver, accountId: string): Promise<void> {
  driver.produce({ accountId, type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(1_100);
}

function assertRefused(processor: DrivenProcessor, words: RegExp): void {
  const end = processor.end();
  assert.ok(end.how === "failed" && end.error instanceof TaskRefused, JSON.stringify(end));
  assert.match(end.error.message, words);
  assert.match(end.error.message, /holdfast recover/);
}

function metadata(driver: ProcessorDriver): string {
  return driver.broker.coordinator(driver.groupId).committed([PAIR])[0]!.metadata;
}

/** What the command says of the only task. */
function recovered(driver: ProcessorDriver): Promise<Recovery> {
  return recoverTask({
    task: 0,
    groupId: driver.groupId,
    partitions: 1,
    codec: createStateLogCodec("schemas"),
    committed: metadata(driver),
    log: driver.broker.log(PAIR).range(),
    read: ({ from, to }, onRecord) => {
      for (const { offset, value, headers } of driver.broker.records(state, 0)) {
        if (offset >= from && offset < to) onRecord({ ...PAIR, offset, value, headers });
      }
      return Promise.resolve();
    },
  });
}

for (const [how, cut] of [
  ["cut back", (driver: ProcessorDriver, head: number) => driver.broker.log(PAIR).truncate(head - 10)],
  [
    "cut back by the marker alone",
    (driver: ProcessorDriver, head: number) => driver.broker.log(PAIR).truncate(head - 1),
  ],
  ["created anew", (driver: ProcessorDriver) => driver.broker.createAnew(state)],
] as const) {
  test(`${how} while its owner runs: its next append ends it, nothing is committed, nobody starts with less (K4)`, async () => {
    const driver = await openDriver();
    const first = await startReady(driver, "first");
    for (let n = 0; n < 10; n++) await notice(driver, `account-${n}`);
    const { head } = committedCheckpoint(driver, 0)!;
    const before = metadata(driver);
    cut(driver, head);
    await notice(driver, "late");
    assertRefused(first, /holdfast\.state partition 0 gave offset \d+ to an append, and had given higher ones before/);
    assert.equal(metadata(driver), before);
    const second = driver.start("second");
    await driver.advance(TAKEOVER_MS);
    assertRefused(second, /holdfast\.state partition 0/);
    assert.equal(metadata(driver), before);
  });
}

test("cut back between a checkpoint's blocks and its marker, it is not committed either (K4)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await notice(driver, "alice");
  const { head } = committedCheckpoint(driver, 0)!;
  const before = metadata(driver);
  driver.broker.onCall(({ kind, topic }) => {
    const log = driver.broker.log(PAIR);
    if (kind === "send" && topic === state && log.end() === head + 1) log.truncate(head);
    return undefined;
  });
  await notice(driver, "bob");
  assertRefused(first, /had given higher ones before/);
  assert.equal(metadata(driver), before);
});

/** A log that was cut back while nobody ran, and holds other state records up to beyond head by now. */
async function regrown(): Promise<ProcessorDriver> {
  const driver = await openDriver();
  await checkpointed(driver, 10);
  const { head } = committedCheckpoint(driver, 0)!;
  const records = driver.records(state).slice(0, 6);
  driver.broker.log(PAIR).truncate(head - 4);
  driver.broker.append(PAIR, records);
  return driver;
}

test("cut back and grown again above head, it is not read as less state; recovery does not call it whole (R3)", async () => {
  const driver = await regrown();
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS);
  assertRefused(second, /should be the committed checkpoint's marker and is not/);
  const found = await recovered(driver);
  assert.ok(found.kind === "found", JSON.stringify(found));
  assert.match(found.because, /is not its marker/);
});

test("so it is where the lineage stands in a marker only: another checkpoint's is not taken for it (R3)", async () => {
  const driver = await openDriver();
  await checkpointed(driver, 10);
  const { head } = committedCheckpoint(driver, 0)!;
  const earlier = driver.records(state).find(({ headers }) => String(headers["kind"]) === "marker")!;
  driver.broker.log(PAIR).truncate(head - 1);
  driver.broker.append(PAIR, [{ ...earlier, headers: { ...earlier.headers, writer: "another", n: "10" } }]);
  await commitByHand(driver, [state], () => {
    const [last] = driver.broker.coordinator(driver.groupId).committed([PAIR]);
    return [{ ...last!, metadata: JSON.stringify({ ...(JSON.parse(last!.metadata) as object), lineage: null }) }];
  });
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS);
  assertRefused(second, /should be the committed checkpoint's marker and is not/);
});

test("checkpoints without blocks end at an older one's marker, that of an owner before among them (R3)", async () => {
  const driver = await openDriver();
  await checkpointed(driver, 3);
  const { head } = committedCheckpoint(driver, 0)!;
  const before = committedState(driver, 0);
  for (const name of ["second", "third"]) {
    const processor = await startReady(driver, name);
    driver.produceRaw("auth-events", 0, { key: Buffer.from("m"), value: Buffer.from("poison") });
    await driver.advance(1_100);
    processor.stop();
    await driver.advance(1_000);
    assert.equal(committedCheckpoint(driver, 0)!.writer.split("-")[0], name);
    assert.equal(committedCheckpoint(driver, 0)!.head, head);
  }
  await startReady(driver, "fourth");
  assert.deepEqual(committedState(driver, 0), before);
  assert.equal((await recovered(driver)).kind, "committed");
});

test("whoever has lost the task while it read judges nothing: its successor trims the log as it should (R3)", async () => {
  let late = "";
  const pick = (ready: readonly string[]): number =>
    ready.findIndex((channel) => late === "" || !channel.startsWith(late));
  const driver = await openDriver({ pick, tuning: { stateLogSlackBytes: 0 } });
  await checkpointed(driver, 1);
  const { head } = committedCheckpoint(driver, 0)!;
  const second = driver.start("second");
  driver.broker.onCall(({ process, kind, topic }) => {
    if (process !== "second" || kind !== "fetch" || topic !== state || late !== "") return undefined;
    late = "network/second/";
    second.freeze();
    return { applied: "late", answer: "result" };
  });
  await driver.advance(1_000);
  assert.notEqual(late, "");
  await driver.advance(TAKEOVER_MS);
  const third = await startReady(driver, "third");
  for (let n = 0; n < 30; n++) await notice(driver, "account-0");
  assert.ok(driver.broker.log(PAIR).range().start >= head);
  late = "-";
  second.thaw();
  await driver.advance(TAKEOVER_MS);
  assert.deepEqual([second.end(), third.end()], [{ how: "running" }, { how: "running" }]);
});
