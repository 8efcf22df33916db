// What a running processor tells of its flow: lag, lateness, and where the loop's time goes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopTimes } from "../../src/runtime/loop-times.ts";
import type { Clock } from "../../src/runtime/ports.ts";
import type { TelemetryEvents } from "../../src/runtime/telemetry.ts";
import { openDriver, startReady } from "./driver-fixture.ts";

const MINUTE = 60_000;

test("a topic read to its end has no lag; one that cannot be read has more with every second", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  driver.produce({ accountId: "alice", type: "LOGIN_SUCCEEDED" });
  await driver.advance(3_000);
  const lagOf = (topic: string): number | null | undefined =>
    processor.reports("lag.observed").findLast((report) => report.topic === topic)?.seconds;
  assert.equal(lagOf("auth-events"), 0);
  // A schema id that the registry does not know: the record waits, and all behind it.
  const place = driver.produce({ accountId: "alice", type: "LOGOUT" });
  const { key, value } = driver.broker.records(place.topic, place.partition).at(-1)!;
  const unknown = Buffer.from(value!);
  unknown.writeInt32BE(999, 1);
  driver.produceRaw("api-key-events", place.partition, { key, value: unknown });
  await driver.advance(20_000);
  const lag = lagOf("api-key-events");
  assert.ok(lag !== null && lag !== undefined && lag >= 18 && lag <= 20, `lag ${lag}`);
  assert.equal(lagOf("auth-events"), 0);
});

test("lateness is how far behind the frontier an event comes, by topic", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  const now = driver.now();
  driver.produce({ accountId: "alice", type: "LOGIN_SUCCEEDED", occurredAt: now });
  await driver.advance(2_000);
  driver.produce({ accountId: "bob", type: "LOGIN_SUCCEEDED", occurredAt: now - 3 * MINUTE });
  driver.produce({ accountId: "bob", type: "LOGOUT", occurredAt: now + 1 });
  await driver.advance(2_000);
  const latest = processor.reports("time.observed").map(({ topic, latenessSeconds }) => [topic, latenessSeconds]);
  assert.deepEqual(latest, [
    ["auth-events", 0],
    ["auth-events", 180],
  ]);
});

test("a record whose command would be over already is counted as stale", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  const old = { accountId: "alice", occurredAt: driver.now() - 3 * 24 * 60 * MINUTE };
  driver.produce({ ...old, type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" });
  driver.produce({ ...old, type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
  driver.produce({ ...old, type: "API_KEY_CREATED", rights: ["TRADE", "WITHDRAW"], verifiedWith: ["SMS"] });
  await driver.advance(3_000);
  const flows = processor.reports("records.processed").map(({ topic, ok, stale }) => [topic, ok, stale]);
  assert.deepEqual(flows, [
    ["auth-events", 2, 0],
    ["api-key-events", 0, 1],
  ]);
  assert.deepEqual(driver.commands(), []);
});

test("the loop is in one phase at any time: they add up to the time passed", async () => {
  let now = 0;
  const clock = { monotonic: () => now } as Clock;
  const times = new LoopTimes(clock);
  const told: TelemetryEvents["loop.observed"][] = [];
  const telemetry = { emit: (_: string, fields: object) => void told.push(fields as TelemetryEvents["loop.observed"]) };
  now = 1_000;
  times.enter("process");
  now = 1_250;
  times.enter("checkpoint");
  now = 1_300;
  times.enter("poll");
  now = 1_500;
  times.report(telemetry);
  now = 2_500;
  times.report(telemetry);
  assert.deepEqual(told, [
    { process: 0.25, checkpoint: 0.05, poll: 0.2, idle: 1 },
    { process: 0, checkpoint: 0, poll: 1, idle: 0 },
  ]);
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  const before = processor.reports("loop.observed").length;
  await driver.advance(10_000);
  const idle = processor.reports("loop.observed").slice(before);
  const seconds = idle.reduce(
    (sum, { process, checkpoint, poll, idle: rest }) => sum + process + checkpoint + poll + rest,
    0,
  );
  assert.ok(idle.length >= 9 && Math.abs(seconds - 10) < 1.1, `${seconds} s in ${idle.length} reports`);
});
