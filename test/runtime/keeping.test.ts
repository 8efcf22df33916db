// Keeping what is yours over a rebalance (T4): an owner whose checkpoint is still the committed one restores
// nothing, and nothing it had decided is lost or said twice; one whose checkpoint is not starts again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  checkpointed,
  commandsById,
  committedCheckpoint,
  committedState,
  detectionsById,
  frozen,
  openDriver,
  ready,
  SESSION_MS,
  startReady,
  takeover,
  TAKEOVER_MS,
} from "./driver-fixture.ts";

const restores = (processor: DrivenProcessor): number => processor.reports("task.restored").length;
const keeps = (processor: DrivenProcessor): number => processor.reports("task.kept").length;

/** Two processors on two tasks, both at work. */
async function pair(): Promise<{ driver: ProcessorDriver; first: DrivenProcessor; second: DrivenProcessor }> {
  const driver = await openDriver({ partitions: 2 });
  const first = await startReady(driver, "first");
  const second = await startReady(driver, "second");
  await ready(driver, first);
  return { driver, first, second };
}

test("a rebalance that changes nothing for an owner costs it no restore (T4)", async () => {
  const { driver, first, second } = await pair();
  for (const accountId of ["alice", "bob", "carol", "dave"]) await takeover(driver, accountId, 100);
  await driver.advance(2_000);
  const before = [restores(first), restores(second)];
  const third = driver.start("third");
  await driver.advance(5_000);
  third.stop();
  await driver.advance(5_000);
  assert.ok(first.ready() && second.ready());
  assert.deepEqual([restores(first), restores(second)], before);
  assert.ok(keeps(first) >= 2 && keeps(second) >= 2);
  await takeover(driver, "erin");
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver).toSorted(), ["alice", "bob", "carol", "dave", "erin"]);
});

test("a sequence that began before a rebalance is completed after it, and its state is as without one (T4)", async () => {
  const tell = async (rebalance: boolean): Promise<object> => {
    const driver = await openDriver();
    const first = await startReady(driver, "first");
    const began = driver.now();
    const alice = (nth: number, rest: object): void => {
      const event = { accountId: "alice", eventId: `alice-${nth}`, occurredAt: began + nth * 1_000, ...rest };
      driver.produce(event as Parameters<typeof driver.produce>[0]);
    };
    alice(1, { type: "RISK_NOTICE_SENT", channel: "SMS" });
    await driver.advance(300); // applied, not in a checkpoint yet
    if (rebalance) {
      driver.start("zzz-second").stop();
      await driver.advance(TAKEOVER_MS);
      assert.equal(keeps(first) > 0 && restores(first) === 0, true);
    }
    alice(2, { type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
    alice(3, { type: "API_KEY_CREATED", keyId: "k1", rights: ["TRADE"], verifiedWith: ["SMS"] });
    await driver.advance(3_000);
    return { commands: Object.keys(commandsById(driver)), state: committedState(driver, 0) };
  };
  assert.deepEqual(await tell(true), await tell(false));
});

test("a rebalance at any call, with answers lost: what was decided and what is remembered are as without one (T4)", async () => {
  const tell = async (at: number, lose: boolean): Promise<{ outcome: object; calls: number; kept: number }> => {
    const driver = await openDriver();
    const first = driver.start("first");
    let calls = 0;
    let newcomer: DrivenProcessor | null = null;
    driver.broker.onCall((call) => {
      if (call.process !== "first" || calls++ !== at) return undefined;
      // It joins, gets nothing (there is one task) and goes: two rebalances.
      newcomer = driver.start("zzz-second");
      return lose ? { applied: true, answer: { disposition: "retry", code: "CONNECTION" } } : undefined;
    });
    await driver.advance(500);
    await takeover(driver, "alice", 700);
    await driver.advance(1_500);
    (newcomer as DrivenProcessor | null)?.stop();
    driver.produce({ accountId: "alice", eventId: "alice-4", type: "LOGOUT" });
    await driver.advance(TAKEOVER_MS);
    assert.deepEqual(first.end(), { how: "running" });
    assert.deepEqual(frozen(driver).slice(0, 1), ["alice"]);
    const outcome = {
      commands: commandsById(driver),
      detections: detectionsById(driver),
      state: committedState(driver, 0),
    };
    return { outcome, calls, kept: keeps(first) };
  };
  const fair = await tell(-1, false);
  let kept = 0;
  for (let at = 0; at < fair.calls; at++) {
    for (const lose of [false, true]) {
      const told = await tell(at, lose);
      assert.deepEqual(told.outcome, fair.outcome, `call ${at}${lose ? ", its answer lost" : ""}`);
      kept += told.kept;
    }
  }
  assert.ok(kept > fair.calls, `memory was kept ${kept} times`);
});

test("commands decided and not acknowledged when a rebalance begins go out after it (T4)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  let away = true;
  driver.broker.onCall(({ process, kind, topic }) =>
    away && process === "first" && kind === "send" && topic === DRIVER_TOPICS.commands
      ? { applied: false, answer: { disposition: "retry", code: "NOT_ENOUGH_REPLICAS" } }
      : undefined,
  );
  await takeover(driver, "alice", 100);
  await driver.advance(500);
  driver.start("zzz-second").stop();
  await driver.advance(3_000);
  assert.deepEqual(frozen(driver), []);
  away = false;
  await driver.advance(3_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.equal(restores(first), 0, "from memory, not by reading the events again");
});

test("records applied before a rebalance are not applied again after it: a bad one is one dead letter (T4)", async () => {
  const driver = await openDriver({ tuning: { checkpointIntervalMs: 60_000 } });
  const first = await startReady(driver, "first");
  driver.produceRaw("auth-events", 0, { key: Buffer.from("alice"), value: Buffer.from("bad") });
  await driver.advance(100);
  assert.equal(driver.deadLetters().length, 1);
  driver.start("zzz-second").stop();
  await driver.advance(TAKEOVER_MS);
  assert.ok(keeps(first) > 0);
  assert.equal(driver.deadLetters().length, 1);
});

test("a commit whose answer is lost in a rebalance is recognised as its own (T4)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await driver.advance(1_500);
  let lost = 0;
  driver.broker.onCall(({ process, kind }) => {
    if (process !== "first" || kind !== "commit" || lost++ > 0) return undefined;
    driver.start("zzz-second").stop();
    return { applied: true, answer: "none" };
  });
  await takeover(driver, "alice", 100);
  await driver.advance(TAKEOVER_MS);
  assert.ok(lost > 0 && keeps(first) > 0);
  assert.equal(restores(first), 0);
  await takeover(driver, "bob");
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice", "bob"]);
  assert.equal(Object.keys(committedState(driver, 0)).length, 2);
});

test("blocks given up in a rebalance that arrive late undo nothing of what the same owner wrote after it (T4)", async () => {
  let held = false;
  const pick = (names: readonly string[]): number =>
    names.findIndex((name) => !(held && name.startsWith("network/first/producer-2/")));
  const driver = await openDriver({ pick });
  const first = await startReady(driver, "first");
  await driver.advance(1_500);
  held = true;
  let sends = 0;
  driver.broker.onCall(({ process, kind, topic }) => {
    if (process !== "first" || kind !== "send" || topic !== DRIVER_TOPICS.state || keeps(first) > 0) return undefined;
    const answer = { disposition: "retry", code: "TIMEOUT" } as const;
    return { applied: sends++ === 0 ? "late" : false, answer };
  });
  const alice = (eventId: string, type: string): void => {
    driver.produce({ accountId: "alice", eventId, type, occurredAt: Date.UTC(2024, 5, 9) });
  };
  alice("alice-1", "RISK_NOTICE_SENT");
  await driver.advance(1_500);
  alice("alice-2", "PASSWORD_CHANGED"); // not in the checkpoint whose block is on its way
  await driver.advance(100);
  driver.start("zzz-second").stop();
  await driver.advance(TAKEOVER_MS);
  assert.ok(keeps(first) > 0);
  const before = committedState(driver, 0);
  const blocks = driver.records(DRIVER_TOPICS.state).length;
  held = false;
  // The range of the next checkpoint reaches over the late block.
  driver.produce({ accountId: "bob", type: "RISK_NOTICE_SENT" });
  await driver.advance(1_500);
  assert.equal(driver.records(DRIVER_TOPICS.state).length, blocks + 3, "the late one, another block, its marker");
  assert.equal(committedState(driver, 0)["alice"], before["alice"]);
});

test("an owner that finds another's checkpoint committed forgets what it had and restores (T4)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  await driver.advance(2_000);
  first.freeze();
  const second = driver.start("second");
  await driver.advance(2 * TAKEOVER_MS);
  await takeover(driver, "bob");
  await driver.advance(2_000);
  second.kill();
  first.thaw();
  await driver.advance(SESSION_MS + TAKEOVER_MS);
  await ready(driver, first);
  assert.equal(restores(first), 1);
  await takeover(driver, "carol");
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice", "bob", "carol"]);
});

test("an owner in between that spoke and died before its commit is believed (T4)", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await driver.advance(2_000);
  first.freeze();
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS + SESSION_MS);
  await ready(driver, second);
  driver.broker.onCall(({ process, kind }) => {
    if (process !== "second" || kind !== "commit") return undefined;
    second.kill();
    return { applied: false, answer: "none" };
  });
  await takeover(driver, "alice", 100);
  await driver.advance(1_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  driver.broker.onCall(() => undefined);
  first.thaw();
  await driver.advance(SESSION_MS + TAKEOVER_MS);
  await ready(driver, first);
  assert.equal(restores(first), 0, "its memory is still the committed checkpoint's");
  await driver.advance(3_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.equal(Object.keys(commandsById(driver)).length, 2, "a hold and a freeze");
});

test("a restore that a rebalance interrupts goes on where it was (T4)", async () => {
  const driver = await openDriver({ maxFetchRecords: 1 });
  await checkpointed(driver, 30);
  const fetched: string[] = [];
  const second = driver.start("second");
  let newcomer: DrivenProcessor | null = null;
  driver.broker.onCall(({ process, kind, topic }) => {
    if (process !== "second" || kind !== "fetch" || topic !== DRIVER_TOPICS.state) return undefined;
    fetched.push(topic);
    if (fetched.length === 20) newcomer = driver.start("zzz-third");
    // Slow enough for the rebalance to come in between.
    return fetched.length > 20 && newcomer?.reports("group.assigned").length === 0
      ? { applied: false, answer: { disposition: "retry", code: "CONNECTION" } }
      : undefined;
  });
  await driver.advance(TAKEOVER_MS);
  await ready(driver, second);
  const [from, again] = second.reports("task.restoring").map(({ records }) => records);
  assert.ok(from! >= 30 && again! < from!, `${from} records, then ${again}`);
  assert.equal(second.reports("task.restored").at(-1)!.groups, 30);
});

test("a task that is lost without a rejoin fetches nothing until it is opened again, and goes on where it was", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  const fetched: string[] = [];
  let lost = false;
  driver.broker.onCall(({ kind, topic = "" }) => {
    if (kind === "fetch") fetched.push(topic);
    if (lost || kind !== "send" || topic !== DRIVER_TOPICS.state) return undefined;
    lost = true;
    return { applied: false, answer: { disposition: "rejoin", code: "FENCED" } };
  });
  driver.produce({ accountId: "alice", eventId: "alice-1", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(1_100);
  assert.deepEqual(
    processor.reports("task.stopped").map(({ reason }) => reason),
    ["lost"],
  );
  fetched.length = 0;
  for (let n = 0; n < 20; n++) {
    driver.produce({ accountId: "alice", type: "LOGOUT" });
    await driver.advance(40);
  }
  assert.equal(processor.ready(), false);
  assert.deepEqual(fetched, []);
  await takeover(driver, "alice");
  await driver.advance(5_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.equal(committedCheckpoint(driver, 0)!.positions["auth-events"], 23);
});
