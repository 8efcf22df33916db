// What telemetry is told of checkpoints and of leases: a task that stands still must not look as if it went on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import { openDriver, SESSION_MS, startReady } from "./driver-fixture.ts";

test("a checkpoint that is not needed is no checkpoint: told as such, and only with nothing left to read", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(3_000);
  const committed = processor.reports("checkpoint.done").length;
  assert.equal(committed, 1);
  const idle = processor.reports("checkpoint.unneeded").length;
  assert.ok(idle > 0);

  const poison = { key: Buffer.from("m"), value: Buffer.from("poison") };
  for (let i = 0; i < 2_000; i++) driver.produceRaw("auth-events", 0, poison);
  await driver.advance(5_000);
  assert.equal(processor.reports("quarantine.begun").length, 1);
  const done = processor.reports("checkpoint.done").length;
  const unneeded = processor.reports("checkpoint.unneeded").length;
  await driver.advance(60_000);
  assert.equal(processor.reports("checkpoint.done").length, done);
  assert.equal(processor.reports("checkpoint.unneeded").length, unneeded, "a thousand records are held");
});

test("a checkpoint that ends the process is told as failed", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  driver.broker.onCall(({ kind, topic }) =>
    kind === "send" && topic === DRIVER_TOPICS.state
      ? { applied: false, answer: { disposition: "halt", code: "TOPIC_AUTHORIZATION_FAILED" } }
      : undefined,
  );
  driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(2_000);
  assert.equal(processor.end().how, "failed");
  assert.deepEqual(
    processor.reports("checkpoint.done").map(({ result }) => result),
    ["failed"],
  );
});

test("a lease that lapses is told once each time, and is no lost task", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  for (const lapses of [1, 2]) {
    processor.freeze();
    await driver.advance(SESSION_MS * 0.7);
    processor.thaw();
    await driver.advance(5_000);
    assert.deepEqual(
      processor.reports("group.fenced"),
      Array.from({ length: lapses }, () => ({ task: 0, reason: "lease" })),
    );
  }
  assert.equal(processor.reports("group.assigned").length, 1);
});
