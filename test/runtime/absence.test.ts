// Absences decided by the clock on idle topics, on the whole processor (L3).

import assert from "node:assert/strict";
import { test } from "node:test";
import { murmur2Partitioner } from "../../src/adapters/kafka/partitioner.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type { TaskContext } from "../../src/runtime/task-context.ts";
import { openDriver, SESSION_MS, startReady } from "./driver-fixture.ts";

const MINUTE = 60_000;

function unconfirmed(driver: Awaited<ReturnType<typeof openDriver>>, accountId = "alice"): void {
  driver.produce({ accountId, type: "ACCOUNT_SNAPSHOT", enrolledFactors: ["TOTP", "SMS"] });
  driver.produce({ accountId, type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" });
  driver.produce({ accountId, type: "ADDRESS_ADDED", address: "TX9", verifiedWith: ["SMS"] });
}

/** Commands of the rule on what was never confirmed. */
function said(driver: Awaited<ReturnType<typeof openDriver>>): string[] {
  return driver
    .commands()
    .filter(({ reasonCode }) => reasonCode === "UNCONFIRMED_LOGIN")
    .map(({ action }) => action);
}

test("an absence on idle topics is decided on the clock, once, and not before its span and grace are over (L3)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  unconfirmed(driver);
  await driver.advance(30 * MINUTE);
  assert.deepEqual(said(driver), []);
  await driver.advance(5 * MINUTE);
  assert.deepEqual(said(driver), ["REVIEW", "HOLD"]);
  await driver.advance(60 * MINUTE);
  assert.equal(said(driver).length, 2);
});

test("what was in the log before the grace ended is read before the absence is decided, pause or not (L3)", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  const confirmedAt = driver.now() + MINUTE;
  unconfirmed(driver);
  await driver.advance(30 * MINUTE + 58_000);
  processor.freeze();
  const confirmation = { type: "LOGIN_SUCCEEDED", verifiedWith: ["PASSWORD" as const, "TOTP" as const] };
  driver.produce({ accountId: "alice", occurredAt: confirmedAt, ...confirmation });
  await driver.advance(SESSION_MS * 0.4); // past the end of the grace, within the lease
  processor.thaw();
  await driver.advance(5 * MINUTE);
  assert.deepEqual(said(driver), []);
});

test("an absence is not decided while a topic has records that nobody could read yet (L3)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  const confirmedAt = driver.now() + MINUTE;
  unconfirmed(driver);
  await driver.advance(30 * MINUTE + 50_000);
  // The broker of one topic answers no fetch, that of the others does; the ends are known.
  driver.broker.onCall(({ kind, topic }) =>
    kind === "fetch" && topic === "auth-events"
      ? { applied: false, answer: { disposition: "retry", code: "CONNECTION" } }
      : undefined,
  );
  const confirmation = { type: "LOGIN_SUCCEEDED", verifiedWith: ["PASSWORD" as const, "TOTP" as const] };
  driver.produce({ accountId: "alice", occurredAt: confirmedAt, ...confirmation });
  await driver.advance(2 * MINUTE);
  assert.deepEqual(said(driver), []);
  driver.broker.onCall(() => undefined);
  await driver.advance(5 * MINUTE);
  assert.deepEqual(said(driver), []);
});

test("a broker that does not answer is not idle: other topics' events decide no absence in its place (L3)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  const confirmedAt = driver.now() + MINUTE;
  unconfirmed(driver);
  await driver.advance(30 * MINUTE + 30_000);
  // The broker that leads one topic cannot be reached: neither its records nor its end can be had.
  driver.broker.onCall(({ kind, topic }) =>
    kind === "ranges" || (kind === "fetch" && topic === "auth-events")
      ? { applied: false, answer: { disposition: "retry", code: "CONNECTION" } }
      : undefined,
  );
  const confirmation = { type: "LOGIN_SUCCEEDED", verifiedWith: ["PASSWORD" as const, "TOTP" as const] };
  driver.produce({ accountId: "alice", occurredAt: confirmedAt, ...confirmation });
  for (let later = 0; later < 12; later++) {
    await driver.advance(10_000);
    driver.produce({ accountId: "bob", type: "ADDRESS_REMOVED", address: "TX1" });
  }
  await driver.settle();
  assert.deepEqual(said(driver), []);
  driver.broker.onCall(() => undefined);
  await driver.advance(5 * MINUTE);
  assert.deepEqual(said(driver), []);
});

test("a partition whose end nobody tells holds up its own task's absences, no other task and no other lag (W4)", async () => {
  const failure = new BrokerFailure("no leader", { disposition: "retry", code: "LEADER_NOT_AVAILABLE" });
  const blind = new Set<string>();
  const around = (context: TaskContext): TaskContext => ({
    ...context,
    logs: {
      ...context.logs,
      ends: (pairs) => {
        const ends = context.logs.ends(pairs);
        return pairs.map(({ topic, partition }, index) =>
          blind.has(`${topic}/${partition}`) ? ends[index]!.then(() => Promise.reject(failure)) : ends[index]!,
        );
      },
    },
  });
  const driver = await openDriver({ partitions: 2, around });
  const processor = await startReady(driver, "first");
  const accounts = ["alice", "bob", "carol", "dave", "erin", "frank"];
  const ofTask = (task: number): string[] =>
    accounts.filter((account) => murmur2Partitioner(Buffer.from(account), 2) === task);
  const [own, passing] = ofTask(0) as [string, string];
  const [others] = ofTask(1) as [string];
  for (const account of [own, others]) unconfirmed(driver, account);
  await driver.advance(20 * MINUTE);
  blind.add("auth-events/0");
  for (let minute = 0; minute < 40; minute++) {
    await driver.advance(MINUTE);
    driver.produce({ accountId: passing, type: "ADDRESS_REMOVED", address: "TX1" });
  }
  const found = (): string[] => {
    const absent = driver.commands().filter(({ reasonCode }) => reasonCode === "UNCONFIRMED_LOGIN");
    return [...new Set(absent.map(({ accountId }) => accountId))].toSorted();
  };
  assert.deepEqual(found(), [others]);
  const lags = processor.reports("lag.observed").slice(-100);
  assert.ok(lags.some(({ topic, partition }) => topic === "withdrawal-events" && partition === 0));
  assert.ok(!lags.some(({ topic, partition }) => topic === "auth-events" && partition === 0));
  assert.equal(processor.reports("broker.failed").at(-1)?.code, "LEADER_NOT_AVAILABLE");
  blind.clear();
  await driver.advance(5 * MINUTE);
  assert.deepEqual(found(), [own, others].toSorted());
});
