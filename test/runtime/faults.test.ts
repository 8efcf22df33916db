// The whole processor when everything that can fail does: at every call to the broker, alone and in
// storms. Whatever happens, what was said by id and what is remembered equal the run without faults.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import { seededRandom } from "../../src/testing/exchange/random.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  commandsById,
  committedState,
  detectionsById,
  frozen,
  openDriver,
  ready,
  startReady,
  takeover,
  TAKEOVER_MS,
  tellWith,
} from "./driver-fixture.ts";
import type { FateOf } from "./driver-fixture.ts";

const LOST = { disposition: "retry", code: "CONNECTION" } as const;

interface Outcome {
  readonly commands: Record<string, unknown>;
  readonly detections: Record<string, unknown>;
  readonly state: Record<string, string>;
}

function outcome(driver: ProcessorDriver): Outcome {
  return { commands: commandsById(driver), detections: detectionsById(driver), state: committedState(driver, 0) };
}

/** The story all single-fault runs tell: start, a takeover with checkpoints in between, and a quiet end. */
async function tell(driver: ProcessorDriver): Promise<void> {
  await driver.advance(500);
  await takeover(driver, "alice", 700);
  await driver.advance(1_500);
  driver.produce({ accountId: "alice", eventId: "alice-4", type: "LOGOUT" });
  driver.produceRaw("auth-events", 0, { key: Buffer.from("alice"), value: Buffer.from("bad") });
  await driver.advance(TAKEOVER_MS + 2_000);
}

async function toldWith(fateOf: FateOf): Promise<Awaited<ReturnType<typeof tellWith>> & { readonly outcome: Outcome }> {
  const told = await tellWith(tell, fateOf);
  return { ...told, outcome: outcome(told.driver) };
}

test("killed at any call to the broker, before or after its effect, the next owner ends where no fault would have", async () => {
  const fair = await toldWith(() => undefined);
  assert.equal(Object.keys(fair.outcome.commands).length, 2);
  for (const n of fair.calls.keys()) {
    for (const applied of [false, true]) {
      const told = await toldWith((number, _, { driver, first }) => {
        if (number !== n) return undefined;
        first.kill();
        driver.start("second");
        return { applied, answer: "none" };
      });
      const where = `call ${n} (${fair.calls[n]!.kind} ${fair.calls[n]!.topic ?? ""}) ${applied ? "done" : "not done"}`;
      assert.deepEqual(told.outcome, fair.outcome, where);
      assert.deepEqual(frozen(told.driver), ["alice"], `${where}: a freeze that was said is adopted, not repeated`);
    }
  }
});

test("any call may fail, done or not done, once or three times in a row: the processor goes on by itself", async () => {
  const fair = await toldWith(() => undefined);
  for (const n of fair.calls.keys()) {
    for (const [applied, times] of [
      [false, 1],
      [true, 1],
      [false, 3],
      [true, 3],
    ] as const) {
      const told = await toldWith((number) =>
        number >= n && number < n + times ? { applied, answer: LOST } : undefined,
      );
      const where = `calls from ${n} (${fair.calls[n]!.kind} ${fair.calls[n]!.topic ?? ""}), ${times}, ${applied ? "done" : "not done"}`;
      assert.deepEqual(told.first.end(), { how: "running" }, where);
      assert.deepEqual(told.outcome, fair.outcome, where);
    }
  }
});

test("frozen at any call until another has taken over, then thawed: two that meant the same say it once", async () => {
  const fair = await toldWith(() => undefined);
  for (const n of fair.calls.keys()) {
    const told = await toldWith((number, _, { driver, first }) => {
      if (number !== n) return undefined;
      first.freeze();
      driver.start("second");
      return { applied: true, answer: "result" };
    });
    const where = `call ${n} (${fair.calls[n]!.kind} ${fair.calls[n]!.topic ?? ""})`;
    assert.deepEqual(told.outcome, fair.outcome, where);
    told.first.thaw();
    await told.driver.advance(TAKEOVER_MS);
    await ready(told.driver, told.first);
    assert.deepEqual(outcome(told.driver), fair.outcome, `${where}, thawed`);
    assert.deepEqual(frozen(told.driver), ["alice"], where);
  }
});

test("told to stop at any call: it ends cleanly, and the next one goes on from there", async () => {
  const fair = await toldWith(() => undefined);
  for (const n of fair.calls.keys()) {
    const told = await toldWith((number, _, { driver, first }) => {
      if (number !== n) return undefined;
      first.stop();
      driver.start("second");
      return undefined;
    });
    const where = `call ${n} (${fair.calls[n]!.kind} ${fair.calls[n]!.topic ?? ""})`;
    assert.deepEqual(told.first.end(), { how: "stopped" }, where);
    assert.deepEqual(told.outcome, fair.outcome, where);
    assert.deepEqual(frozen(told.driver), ["alice"], where);
  }
});

test("another joins at any call: whoever has the task in the end, it is as if nobody had", async () => {
  const fair = await toldWith(() => undefined);
  for (const n of fair.calls.keys()) {
    // The last of what is ready first: the newcomer overtakes whatever is under way.
    for (const pick of [undefined, (names: readonly string[]) => names.length - 1]) {
      const driver = await openDriver(pick === undefined ? {} : { pick });
      const first = driver.start("first");
      let calls = 0;
      driver.broker.onCall(({ process }) => {
        if (process === "first" && calls++ === n) driver.start("aaa-second");
        return undefined;
      });
      await tell(driver);
      const where = `call ${n} (${fair.calls[n]!.kind} ${fair.calls[n]!.topic ?? ""})`;
      assert.deepEqual(first.end(), { how: "running" }, where);
      assert.deepEqual(commandsById(driver), fair.outcome.commands, where);
      assert.deepEqual(committedState(driver, 0), fair.outcome.state, where);
    }
  }
});

test("killed between command and checkpoint, then killed again at any call while it comes back", async () => {
  const run = async (kill: number): Promise<{ calls: number; outcome: Outcome; frozen: string[] }> => {
    const driver = await openDriver();
    const first = driver.start("first");
    const second: { processor: DrivenProcessor | null; calls: number } = { processor: null, calls: 0 };
    driver.broker.onCall((call) => {
      if (second.processor === null) {
        if (call.kind !== "send" || call.topic !== DRIVER_TOPICS.commands) return undefined;
        first.kill();
        second.processor = driver.start("second");
        return { applied: true, answer: "none" };
      }
      if (call.process !== "second" || second.calls++ !== kill) return undefined;
      second.processor.kill();
      driver.start("third");
      return { applied: true, answer: "none" };
    });
    await tell(driver);
    await driver.advance(TAKEOVER_MS);
    return { calls: second.calls, outcome: outcome(driver), frozen: frozen(driver) };
  };
  const fair = await toldWith(() => undefined);
  const once = await run(-1);
  assert.deepEqual(once.outcome, fair.outcome);
  for (let kill = 0; kill < Math.min(once.calls, 40); kill++) {
    const twice = await run(kill);
    assert.deepEqual(twice.outcome, fair.outcome, `second killed at its call ${kill}`);
    assert.deepEqual(twice.frozen, ["alice"], `second killed at its call ${kill}`);
  }
});

test("all brokers away for 70 s: nothing ends, nothing is lost, it goes on by itself", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  driver.broker.onCall(() => ({ applied: false, answer: LOST }));
  driver.produce({ accountId: "bob", eventId: "bob-1", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(70_000);
  assert.deepEqual(first.end(), { how: "running" });
  driver.broker.onCall(() => undefined);
  await driver.advance(TAKEOVER_MS);
  await ready(driver, first);
  await takeover(driver, "bob");
  await driver.advance(5_000);
  assert.deepEqual(frozen(driver), ["alice", "bob"]);
});

test("a question without an answer keeps no processor busy", async () => {
  let wakeUps = 0;
  let silent = false;
  const pick = (names: readonly string[]): number => {
    const next = names.findIndex((name) => !(silent && name === "first/logs-1>"));
    if (names[next] === "first/timers<") wakeUps += 1;
    return next;
  };
  const driver = await openDriver({ pick });
  await startReady(driver, "first");
  silent = true;
  await driver.advance(5_000);
  wakeUps = 0;
  await driver.advance(20_000);
  assert.ok(wakeUps < 200, `${wakeUps} wake-ups in 20 s`);
});

test("started while the brokers are away, it comes up when they do", async () => {
  const driver = await openDriver();
  driver.broker.onCall(() => ({ applied: false, answer: LOST }));
  const first = driver.start("first");
  await driver.advance(20_000);
  driver.broker.onCall(() => undefined);
  await ready(driver, first);
});

test("what will never succeed ends the process with the failure; nothing after it is committed", async () => {
  for (const topic of [
    DRIVER_TOPICS.commands,
    DRIVER_TOPICS.detections,
    DRIVER_TOPICS.deadLetter,
    DRIVER_TOPICS.state,
  ]) {
    const driver = await openDriver();
    const first = await startReady(driver, "first");
    driver.broker.onCall((call) =>
      call.topic === topic && call.kind === "send"
        ? { applied: false, answer: { disposition: "halt", code: "TOPIC_AUTHORIZATION_FAILED" } }
        : undefined,
    );
    driver.produceRaw("auth-events", 0, { key: Buffer.from("alice"), value: Buffer.from("bad") });
    await takeover(driver, "alice");
    await driver.advance(5_000);
    const end = first.end();
    assert.ok(end.how === "failed" && end.error instanceof BrokerFailure, topic);
    assert.equal(end.error.code, "TOPIC_AUTHORIZATION_FAILED");
    // An operator mends it; the next start says everything.
    driver.broker.onCall(() => undefined);
    await startReady(driver, "second");
    await driver.advance(5_000);
    assert.deepEqual(frozen(driver), ["alice"], topic);
    const places = driver.deadLetters().map(({ headers }) => String(headers["holdfast-offset"]));
    assert.deepEqual([...new Set(places)], ["0"], topic);
  }
});

test("a command the broker takes for too large is said without its evidence, its neighbours with theirs (T1)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  // Both together, then the hold alone, then the freeze alone, then the freeze without evidence.
  const tooLarge = [true, false, true, false];
  driver.broker.onCall(({ kind, topic }) =>
    kind === "send" && topic === DRIVER_TOPICS.commands && tooLarge.shift() === true
      ? { applied: false, answer: { disposition: "halt", code: "MESSAGE_TOO_LARGE" } }
      : undefined,
  );
  await takeover(driver, "alice");
  await driver.settle();
  const said = driver.commands().map(({ action, evidence, evidenceCount }) => [action, evidence.length, evidenceCount]);
  assert.deepEqual(said, [
    ["HOLD", 1, 1],
    ["FREEZE", 0, said[1]![2]],
  ]);
  assert.ok(Number(said[1]![2]) >= 2);
});

test("a bad record too large for the dead letters is one without its bytes, and the partition goes on", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  let tooLarge = 2;
  driver.broker.onCall(({ kind, topic }) =>
    kind === "send" && topic === DRIVER_TOPICS.deadLetter && tooLarge-- > 0
      ? { applied: false, answer: { disposition: "halt", code: "MESSAGE_TOO_LARGE" } }
      : undefined,
  );
  driver.produceRaw("auth-events", 0, { key: Buffer.from("alice"), value: Buffer.alloc(900_000) });
  await takeover(driver, "alice");
  await driver.advance(2_000);
  assert.deepEqual(first.end(), { how: "running" });
  assert.deepEqual(frozen(driver), ["alice"]);
  const [letter] = driver.deadLetters();
  assert.equal(letter!.value, null);
  assert.deepEqual([letter!.headers["holdfast-reason"], letter!.headers["holdfast-offset"]], ["TOO_LARGE", "0"]);
});

test("a group that refuses us for good ends the process with its reason", async () => {
  for (const kind of ["join", "heartbeat", "fetch", "committed", "ranges"] as const) {
    const driver = await openDriver();
    driver.broker.onCall((call) =>
      call.kind === kind
        ? { applied: false, answer: { disposition: "halt", code: "GROUP_AUTHORIZATION_FAILED" } }
        : undefined,
    );
    const first = driver.start("first");
    driver.produce({ accountId: "alice", type: "LOGOUT" });
    await driver.advance(5_000);
    const end = first.end();
    assert.ok(end.how === "failed" && end.error instanceof BrokerFailure, kind);
    assert.equal(end.error.code, "GROUP_AUTHORIZATION_FAILED", kind);
  }
});

/**
 * Two to three processors on two tasks, with a seeded order of everything, lost and half-done calls,
 * kills, freezes and stops; then a calm in which all of it has to come right.
 */
async function storm(
  seed: number,
  produce: (driver: ProcessorDriver, round: number) => void,
  rounds: number,
): Promise<ProcessorDriver> {
  const random = seededRandom(seed);
  const { chance } = random;
  let calm = seed === 0;
  const driver = await openDriver({
    partitions: 2,
    maxFetchRecords: seed === 0 ? 500 : random.integer(1, 5),
    pick: (readyNow) => (seed === 0 ? 0 : random.integer(0, readyNow.length - 1)),
  });
  driver.broker.onCall(() => {
    if (calm || !chance(0.03)) return undefined;
    return { applied: random.pick([false, true, "late"] as const), answer: LOST };
  });
  let named = 0;
  const start = (): DrivenProcessor => driver.start(`p${(named += 1)}`);
  const fleet = [start(), start()];
  for (let round = 0; round < rounds; round++) {
    produce(driver, round);
    await driver.advance(calm ? 1_000 : random.integer(0, 2_000));
    if (calm) continue;
    const index = random.integer(0, fleet.length - 1);
    const hit = fleet[index]!;
    const luck = random.next();
    if (luck < 0.12) hit.kill();
    else if (luck < 0.2) hit.stop();
    else if (luck < 0.3) hit.freeze();
    else if (luck < 0.65) hit.thaw();
    if (luck < 0.2) fleet[index] = start();
    if (fleet.length < 3 && chance(0.1)) fleet.push(start());
  }
  calm = true;
  for (const processor of fleet) processor.thaw();
  await driver.advance(3 * TAKEOVER_MS);
  for (const processor of fleet) {
    const end = processor.end();
    if (end.how === "failed") throw end.error;
    assert.ok(processor.ready(), `seed ${seed}: ${processor.process.name} is ready again`);
  }
  return driver;
}

const SEEDS = 30;

test("storms over one topic: commands, detections and state equal the calm run's, byte for byte", async () => {
  // One topic has one order, so nothing may differ at all.
  const produce = (driver: ProcessorDriver, round: number): void => {
    const accountId = `account-${round % 5}`;
    const at = { accountId, occurredAt: Date.UTC(2024, 5, 9) + round * 1_000 };
    if (round % 7 === 0) driver.produce({ ...at, eventId: `a${round}`, type: "FACTOR_ENROLLED", factor: "TOTP" });
    driver.produce({
      ...at,
      eventId: `b${round}`,
      type: "FACTOR_SWITCHED",
      factor: "TOTP",
      toFactor: "SMS",
      verifiedWith: ["SMS"],
    });
    if (round % 3 === 0) driver.produce({ ...at, eventId: `c${round}`, type: "PASSWORD_CHANGED" });
  };
  const all = (driver: ProcessorDriver): object => ({
    commands: commandsById(driver),
    detections: detectionsById(driver),
    state: [committedState(driver, 0), committedState(driver, 1)],
  });
  const calm = all(await storm(0, produce, 25));
  for (let seed = 1; seed <= SEEDS; seed++) assert.deepEqual(all(await storm(seed, produce, 25)), calm, `seed ${seed}`);
});

test("storms over three topics: the same accounts are frozen, under the same ids", async () => {
  const produce = (driver: ProcessorDriver, round: number): void => {
    const accountId = `account-${Math.floor(round / 3)}`;
    const at = { accountId, occurredAt: Date.UTC(2024, 5, 9) + round * 1_000, eventId: `${accountId}-${round % 3}` };
    if (round % 3 === 0) driver.produce({ ...at, type: "RISK_NOTICE_SENT", channel: "SMS" });
    if (round % 3 === 1) driver.produce({ ...at, type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
    if (round % 3 === 2)
      driver.produce({ ...at, type: "API_KEY_CREATED", keyId: "k", rights: ["TRADE"], verifiedWith: ["SMS"] });
  };
  const freezes = (driver: ProcessorDriver): string[] => {
    const ids = driver.commands().flatMap(({ action, commandId }) => (action === "FREEZE" ? [commandId] : []));
    return [...new Set(ids)].toSorted();
  };
  const calm = freezes(await storm(0, produce, 30));
  assert.equal(calm.length, 10);
  for (let seed = 1; seed <= SEEDS; seed++) {
    const driver = await storm(seed, produce, 30);
    assert.deepEqual(freezes(driver), calm, `seed ${seed}`);
    const opened = new Set(driver.detections().map(({ caseId }) => caseId));
    for (const id of calm)
      assert.ok(opened.has(id.split("/").slice(0, 3).join("/")), `seed ${seed}: ${id} is told to people too`);
  }
});
