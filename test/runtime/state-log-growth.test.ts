// The state log of a task that works for long (T6): as long as its live state a few times over, however
// much is written; what lies below is deleted, and what is left restores everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  committedCheckpoint,
  committedState,
  frozen,
  openDriver,
  ready,
  startReady,
  takeover,
} from "./driver-fixture.ts";

const { state } = DRIVER_TOPICS;
const SLACK_BYTES = 2_000;

/** Forty quiet accounts, each with half a takeover, and a busy one that changes at every checkpoint. */
async function worked(checkpoints: number): Promise<ProcessorDriver> {
  const driver = await openDriver({ tuning: { stateLogSlackBytes: SLACK_BYTES } });
  await startReady(driver, "first");
  const at = driver.now();
  for (let n = 0; n < 40; n++) {
    driver.produce({ accountId: `quiet-${n}`, type: "RISK_NOTICE_SENT", channel: "SMS", occurredAt: at });
  }
  for (let n = 0; n < checkpoints; n++) {
    driver.produce({ accountId: "busy", type: "LOGIN_SUCCEEDED", deviceId: `d${n}`, occurredAt: at + n });
    await driver.advance(1_010);
  }
  return driver;
}

function logBytes(driver: ProcessorDriver): number {
  const { base, head } = committedCheckpoint(driver, 0)!;
  const needed = driver.records(state).filter(({ offset, headers }) => {
    return offset >= base && offset < head && String(headers["kind"]) === "block";
  });
  return needed.reduce((sum, { value }) => sum + value!.length, 0);
}

test("the log stays a few times as long as the state, and what no checkpoint needs is deleted (T6)", async () => {
  const driver = await worked(400);
  const live = Object.values(committedState(driver, 0)).reduce((sum, hex) => sum + hex.length / 2, 0);
  const written = driver.broker.log({ topic: state, partition: 0 }).range();
  assert.ok(written.end > 700, "every checkpoint wrote a block and a marker");
  assert.ok(logBytes(driver) < 4 * live + SLACK_BYTES, `${logBytes(driver)} bytes for ${live}`);
  assert.ok(written.start > 400, `deleted up to ${written.start}`);
  const { base } = committedCheckpoint(driver, 0)!;
  assert.ok(written.start <= base);
});

test("what is left of a trimmed log restores every account (T6)", async () => {
  const driver = await worked(120);
  const before = committedState(driver, 0);
  assert.equal(Object.keys(before).length, 41);
  driver.start("second");
  await driver.advance(20_000);
  const third = driver.start("third");
  await driver.advance(20_000);
  await ready(driver, third);
  driver.produce({ accountId: "quiet-7", type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
  driver.produce({
    accountId: "quiet-7",
    type: "API_KEY_CREATED",
    keyId: "k",
    rights: ["TRADE"],
    verifiedWith: ["SMS"],
  });
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["quiet-7"]);
  const { "quiet-7": _, ...rest } = before;
  const { "quiet-7": __, ...after } = committedState(driver, 0);
  assert.deepEqual(after, rest);
});

test("a deletion that fails ends nothing and is made again (T6)", async () => {
  const driver = await openDriver({ tuning: { stateLogSlackBytes: 0 } });
  const first = await startReady(driver, "first");
  let refused = 0;
  driver.broker.onCall(({ kind }) =>
    kind === "deleteRecords" && refused++ < 2
      ? { applied: false, answer: { disposition: "halt", code: "TOPIC_AUTHORIZATION_FAILED" } }
      : undefined,
  );
  for (let n = 0; n < 60; n++) {
    await takeover(driver, `account-${n % 3}-${n}`, 10);
    await driver.advance(1_010);
  }
  assert.deepEqual(first.end(), { how: "running" });
  assert.ok(refused > 2);
  assert.ok(driver.broker.log({ topic: state, partition: 0 }).range().start > 0);
});

test("accounts beyond the number kept are dropped for good: from memory, from the log, and from a restore (T6)", async () => {
  const driver = await openDriver({ settings: { maxAccounts: 20 }, tuning: { stateLogSlackBytes: SLACK_BYTES } });
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  for (let n = 0; n < 200; n++) {
    driver.produce({ accountId: `passer-by-${n}`, type: "LOGIN_SUCCEEDED", deviceId: "d" });
    await driver.advance(300);
  }
  await driver.advance(2_000);
  const kept = Object.keys(committedState(driver, 0));
  assert.ok(kept.length <= 21, `${kept.length} accounts`);
  assert.ok(kept.includes("alice"), "an open case is never dropped");
  const dropped = first.reports("state.evicted").filter(({ reason }) => reason === "accounts");
  assert.ok(dropped.reduce((sum, { count }) => sum + count, 0) >= 180);
  first.stop();
  await driver.advance(1_000);
  const second = await startReady(driver, "second");
  assert.equal(second.reports("task.restored")[0]!.groups, kept.length);
});
