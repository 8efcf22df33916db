// Two owners of one task: what an owner that has lost it, or may have, still says and writes (T5). The rest of
// the fence is in what readers make of it: ranges of the lineage, ids of commands.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { BrokerCall } from "../../src/adapters/memory/wire.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  commandsById,
  committedCheckpoint,
  committedState,
  frozen,
  openDriver,
  ready,
  SESSION_MS,
  startReady,
  takeover,
  TAKEOVER_MS,
} from "./driver-fixture.ts";

interface Heard extends BrokerCall {
  readonly at: number;
}

/** Records every call of one process that changes something, with the time it reached the broker. */
function recordWrites(driver: ProcessorDriver, process: string): Heard[] {
  const heard: Heard[] = [];
  driver.broker.onCall((call) => {
    if (call.process === process && (call.kind === "send" || call.kind === "commit")) {
      heard.push({ ...call, at: driver.broker.clock.monotonic() });
    }
    return undefined;
  });
  return heard;
}

/** Holds back what one channel carries until released. */
function holdable(): {
  pick: (ready: readonly string[]) => number;
  hold: (channel: (name: string) => boolean) => void;
  release: () => void;
} {
  let held: (name: string) => boolean = () => false;
  return {
    pick: (names) => names.findIndex((name) => !held(name)),
    hold: (channel) => (held = channel),
    release: () => (held = () => false),
  };
}

test("back from a long freeze, an owner neither says nor commits anything before it has joined again (T5)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  const second = driver.start("second");
  await driver.advance(5_000);
  // With one task, the one that holds it is frozen while a batch is on its way to it.
  const owner = first.reports("group.assigned").at(-1)!.tasks.length === 1 ? first : second;
  const other = owner === first ? second : first;
  owner.freeze();
  await takeover(driver, "alice");
  await driver.advance(2 * TAKEOVER_MS);
  assert.deepEqual(frozen(driver), ["alice"], "the other has taken over and said it");
  const writes = recordWrites(driver, owner.process.name);
  const joins = owner.reports("group.assigned").length;
  owner.thaw();
  await driver.advance(TAKEOVER_MS);
  await ready(driver, owner);
  assert.equal(owner.reports("group.assigned").length, joins + 1);
  assert.deepEqual(writes, [], "the other keeps the task; this one has nothing to write");
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.ok(other.ready());
});

test("frozen at any call for most of a session: nothing starts before a heartbeat has come through again (T5)", async () => {
  const run = async (freezeAt: number): Promise<number> => {
    const driver = await openDriver();
    const first = driver.start("first");
    let calls = 0;
    let thawedAt = Infinity;
    let heard = false;
    driver.broker.onCall(({ kind, topic }) => {
      if (calls++ === freezeAt) first.freeze();
      if (driver.broker.clock.monotonic() < thawedAt) return undefined;
      heard ||= kind === "heartbeat" || kind === "sync";
      if (kind === "send" || kind === "commit") assert.ok(heard, `frozen at call ${freezeAt}: ${kind} ${topic ?? ""}`);
      return undefined;
    });
    await driver.advance(500);
    await takeover(driver, "alice", 700);
    await driver.advance(0.7 * SESSION_MS);
    thawedAt = driver.broker.clock.monotonic();
    first.thaw();
    await driver.advance(3_000);
    await ready(driver, first);
    assert.deepEqual(frozen(driver), ["alice"], `frozen at call ${freezeAt}`);
    return calls;
  };
  const calls = await run(-1);
  for (let n = 0; n < calls; n++) await run(n);
});

test("no send and no commit starts later than half a session after the last heartbeat that succeeded (T5)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  const writes: number[] = [];
  let lastHeartbeat = driver.broker.clock.monotonic();
  let silent = false;
  driver.broker.onCall((call) => {
    const at = driver.broker.clock.monotonic();
    if (call.kind === "heartbeat" && silent)
      return { applied: true, answer: { disposition: "retry", code: "CONNECTION" } };
    if (call.kind === "heartbeat") lastHeartbeat = at;
    if (call.kind === "send" || call.kind === "commit") {
      writes.push(at);
      assert.ok(at - lastHeartbeat < SESSION_MS / 2, `${call.kind} ${at - lastHeartbeat} ms after the last heartbeat`);
    }
    return undefined;
  });
  await driver.advance(2_000);
  silent = true;
  for (let round = 0; round < 6; round++) await takeover(driver, `account-${round}`, 1_000);
  assert.ok(frozen(driver).length > 0 && frozen(driver).length < 6, "it stopped in the middle");
  silent = false;
  await driver.advance(5_000);
  assert.equal(frozen(driver).length, 6, "and went on when the heartbeats did");
  assert.deepEqual(first.end(), { how: "running" });
});

test("nothing is applied under a lapsed lease (T5)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  driver.broker.onCall(({ kind }) =>
    kind === "heartbeat" ? { applied: true, answer: { disposition: "retry", code: "CONNECTION" } } : undefined,
  );
  await driver.advance(0.7 * SESSION_MS);
  await takeover(driver, "alice", 50);
  await driver.advance(1_000);
  assert.deepEqual(first.reports("records.processed"), []);
  driver.broker.onCall(() => undefined);
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.equal(first.reports("group.assigned").length, 1);
});

test("blocks that a lost owner appends late, among the new owner's, count for nothing (T3)", async () => {
  const run = async (late: boolean): Promise<Record<string, string>> => {
    const { pick, hold, release } = holdable();
    const driver = await openDriver({ pick });
    const began = driver.now();
    const alice = (eventId: string, type: string): void => {
      driver.produce({ accountId: "alice", eventId, type, occurredAt: began });
    };
    const later = (accountId: string): void => {
      driver.produce({ accountId, type: "FACTOR_ENROLLED", factor: "TOTP", occurredAt: began + 10_000 });
    };
    const first = await startReady(driver, "first");
    // The first's appends to the state log are on their way for longer than its session.
    if (late) hold((channel) => channel.startsWith("first/producer-2/"));
    alice("alice-1", "RISK_NOTICE_SENT");
    await driver.advance(1_500);
    if (late) first.freeze();
    else first.stop();
    // What the first wrote of alice is less than what the second will, under the same checkpoint number.
    alice("alice-2", "PASSWORD_CHANGED");
    const second = driver.start("second");
    await driver.advance(TAKEOVER_MS);
    assert.ok(second.ready());
    later("bob");
    await driver.advance(1_500);
    const before = driver.records(DRIVER_TOPICS.state).length;
    release();
    await driver.settle();
    if (late) assert.ok(driver.records(DRIVER_TOPICS.state).length > before, "the late blocks are in the log");
    first.kill();
    // The next checkpoint's range reaches over the late blocks.
    later("carol");
    await driver.advance(1_500);
    second.stop();
    await driver.advance(500);
    await startReady(driver, "third");
    later("dave");
    await driver.advance(2_000);
    return committedState(driver, 0);
  };
  assert.deepEqual(await run(true), await run(false));
});

test("an append that was given up and made again, and arrives late after all, undoes nothing (T3)", async () => {
  const { pick, hold, release } = holdable();
  const driver = await openDriver({ pick });
  const first = await startReady(driver, "first");
  const alice = (eventId: string, type: string): void => {
    driver.produce({ accountId: "alice", eventId, type, occurredAt: Date.UTC(2024, 5, 9) });
  };
  hold((channel) => channel.startsWith("network/"));
  let late = 1;
  driver.broker.onCall(({ kind, topic }) =>
    kind === "send" && topic === DRIVER_TOPICS.state && late-- > 0
      ? { applied: "late", answer: { disposition: "retry", code: "TIMEOUT" } }
      : undefined,
  );
  alice("alice-1", "RISK_NOTICE_SENT");
  await driver.advance(1_500);
  alice("alice-2", "PASSWORD_CHANGED");
  await driver.advance(1_500);
  const before = committedState(driver, 0);
  release();
  // The range of the next checkpoint reaches over the late block.
  driver.produce({ accountId: "bob", type: "RISK_NOTICE_SENT" });
  await driver.advance(1_500);
  assert.equal(committedState(driver, 0)["alice"], before["alice"]);
  assert.deepEqual(first.end(), { how: "running" });
});

test("a commit under way when the generation moves on is refused; the new owner's checkpoint stands (T5)", async () => {
  const { pick, hold, release } = holdable();
  const driver = await openDriver({ pick });
  const first = await startReady(driver, "first");
  hold((channel) => channel === "first/coordinator>");
  await takeover(driver, "alice");
  await driver.advance(100);
  const second = driver.start("second");
  await driver.advance(2 * TAKEOVER_MS);
  assert.ok(second.ready());
  const { writer, n } = committedCheckpoint(driver, 0)!;
  assert.match(writer, /^second/);
  release();
  await driver.advance(SESSION_MS);
  const after = committedCheckpoint(driver, 0)!;
  assert.match(after.writer, /^second/);
  assert.ok(after.n >= n);
  await ready(driver, first);
  assert.deepEqual(frozen(driver), ["alice"]);
});

test("a command of a dying owner that comes after the adoption has an id consumers know", async () => {
  const { pick, hold, release } = holdable();
  const driver = await openDriver({ pick });
  const first = await startReady(driver, "first");
  hold((channel) => channel.startsWith("first/producer-1/"));
  await takeover(driver, "alice");
  await driver.advance(100);
  first.freeze();
  const second = driver.start("second");
  await driver.advance(2 * TAKEOVER_MS);
  assert.ok(second.ready());
  assert.deepEqual(frozen(driver), ["alice"]);
  release();
  await driver.settle();
  assert.deepEqual(frozen(driver), ["alice", "alice"], "the late one is in the log");
  assert.equal(Object.keys(commandsById(driver)).length, 2, "a hold and a freeze, by id");
});
