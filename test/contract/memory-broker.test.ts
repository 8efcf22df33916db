// What the memory broker offers beyond the ports: moments that a real one reaches only by accident. Kills,
// frozen processes, half-complete calls, expiries, truncation; all in an order that repeats.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryBroker } from "../../src/adapters/memory/broker.ts";
import type { MemoryBroker } from "../../src/adapters/memory/broker.ts";
import { createManualClock } from "../../src/adapters/memory/clock.ts";
import { MemoryLog } from "../../src/adapters/memory/log.ts";
import type { MemoryProcess } from "../../src/adapters/memory/process.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type { Assignment, Group, OutRecord, RecordBatch } from "../../src/runtime/ports.ts";

const SESSION_MS = 10_000;
const GROUP = {
  groupId: "g",
  topics: ["in"],
  sessionTimeoutMs: SESSION_MS,
  heartbeatIntervalMs: 1_000,
  rebalanceTimeoutMs: SESSION_MS,
};
const LOST = { disposition: "retry", code: "CONNECTION" } as const;

function record(value: string): OutRecord {
  return { key: null, value: Buffer.from(value), headers: {} };
}

const values = (broker: MemoryBroker, partition = 0): string[] =>
  broker.records("in", partition).map(({ value }) => String(value));

interface Joined {
  readonly process: MemoryProcess;
  readonly group: Group;
  readonly calls: string[];
  readonly batches: RecordBatch[];
  assignment: Assignment | null;
}

async function join(broker: MemoryBroker, name: string, options: typeof GROUP = GROUP): Promise<Joined> {
  const process = broker.connect(name);
  const joined: Joined = { process, group: process.group(options), calls: [], batches: [], assignment: null };
  await joined.group.start({
    onSuspend: () => joined.calls.push("suspend"),
    onAssigned(assignment) {
      joined.calls.push(`assigned ${assignment.tasks.join(",")}`);
      joined.assignment = assignment;
      for (const task of assignment.tasks) {
        joined.group.seek("in", task, 0);
        joined.group.resume("in", task);
      }
    },
    onBatch: (batch) => joined.batches.push(batch),
    onFailure: (failure) => joined.calls.push(`failed ${failure.code}`),
  });
  return joined;
}

/** How a promise stands, without waiting for it. */
function outcome(promise: Promise<unknown>): { state: string } {
  const seen = { state: "pending" };
  promise.then(
    (value) => (seen.state = `done ${String(value)}`),
    (error: unknown) =>
      (seen.state = error instanceof BrokerFailure ? `${error.disposition} ${error.code}` : String(error)),
  );
  return seen;
}

test("alarms ring at their own instants, in order of time, then of setting (B1)", () => {
  const clock = createManualClock(1_000);
  const rung: string[] = [];
  clock.alarm(20, () => rung.push(`c ${clock.now()}`));
  clock.alarm(10, () => {
    rung.push(`a ${clock.now()}`);
    clock.alarm(15, () => rung.push(`b ${clock.now()}`));
  });
  clock.alarm(20, () => rung.push(`d ${clock.now()}`));
  const cancel = clock.alarm(20, () => rung.push("cancelled"));
  cancel();
  clock.moveTo(30);
  assert.deepEqual(rung, ["a 1010", "b 1015", "c 1020", "d 1020"]);
  assert.equal(clock.monotonic(), 30);
});

test("a sleep ends early when its signal aborts, at once when it has", async () => {
  const clock = createManualClock(0);
  const abort = new AbortController();
  const first = clock.sleep(1_000, abort.signal);
  abort.abort();
  await first;
  await clock.sleep(1_000, abort.signal);
  assert.equal(clock.nextAlarm(), undefined);
});

test("offsets go on after a deletion, and are given again after a truncation (B2)", () => {
  const log = new MemoryLog();
  log.append([record("0"), record("1"), record("2")], 0);
  log.deleteBefore(2);
  assert.deepEqual(log.range(), { start: 2, end: 3 });
  assert.equal(log.append([record("3")], 0), 3);
  log.truncate(3);
  assert.equal(log.append([record("other 3")], 0), 3);
  log.deleteBefore(99);
  assert.deepEqual(log.range(), { start: 4, end: 4 });
});

test("a control record takes an offset and is not read (B3)", () => {
  const log = new MemoryLog();
  log.append([record("0")], 0);
  log.appendControl();
  log.append([record("2")], 0);
  const { records, nextOffset } = log.read(0, 10);
  assert.deepEqual(
    records.map(({ offset }) => offset),
    [0, 2],
  );
  assert.equal(nextOffset, 3);
  assert.deepEqual(log.read(0, 2).nextOffset, 2);
});

test("a caller that reuses its buffers does not change what was appended", () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const value = Buffer.from("first");
  broker.append({ topic: "in", partition: 0 }, [{ key: null, value, headers: {} }]);
  value.fill(0);
  assert.deepEqual(values(broker), ["first"]);
});

test("nothing happens until the broker is told to settle; then sends keep their order whatever the picker (B4, B12)", async () => {
  for (const last of [false, true]) {
    const broker = createMemoryBroker({ topics: { in: 1 }, pick: (ready) => (last ? ready.length - 1 : 0) });
    const producer = broker.connect("a").producer();
    const sends = ["0", "1", "2"].map((value) => outcome(producer.send("in", 0, [record(value)])));
    assert.deepEqual(values(broker), []);
    await broker.settle();
    assert.deepEqual(values(broker), ["0", "1", "2"]);
    assert.deepEqual(
      sends.map(({ state }) => state),
      ["done 0", "done 1", "done 2"],
    );
  }
});

test("a channel the picker passes over waits, and nothing else does", async () => {
  let held = true;
  const pick = (ready: readonly string[]): number =>
    ready.findIndex((channel) => !(held && channel.startsWith("slow/")));
  const broker = createMemoryBroker({ topics: { in: 1 }, pick });
  for (const name of ["slow", "quick"])
    void broker
      .connect(name)
      .producer()
      .send("in", 0, [record(name)]);
  await broker.advance(1_000);
  assert.deepEqual(values(broker), ["quick"]);
  held = false;
  await broker.settle();
  assert.deepEqual(values(broker), ["quick", "slow"]);
});

test("what a killed process had not got to the broker never arrives, and it hears nothing (B5, B13)", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const process = broker.connect("a");
  const arrived: string[] = [];
  broker.onCall(({ kind }) => void arrived.push(kind));
  const sent = outcome(process.producer().send("in", 0, [record("lost")]));
  const asked = outcome(process.logs().ranges([]));
  const slept = outcome(process.clock.sleep(10));
  process.kill();
  await broker.advance(100);
  assert.deepEqual(arrived, []);
  assert.deepEqual([sent.state, asked.state, slept.state], ["pending", "pending", "pending"]);
  process.thaw();
  assert.equal(process.alive(), false);
});

test("a frozen process wakes where it was; its requests on the way still arrive (B6, B13)", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const process = broker.connect("a");
  const sent = outcome(process.producer().send("in", 0, [record("on its way")]));
  const slept = outcome(process.clock.sleep(10));
  process.freeze();
  await broker.advance(100);
  assert.deepEqual(values(broker), ["on its way"]);
  assert.deepEqual([sent.state, slept.state], ["pending", "pending"]);
  process.thaw();
  await broker.settle();
  assert.deepEqual([sent.state, slept.state], ["done 0", "done undefined"]);
});

test("a call fails as its fate says: not done, or done and not known (B15)", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const producer = broker.connect("a").producer();
  const fates = [
    { applied: false, answer: LOST },
    { applied: true, answer: LOST },
    { applied: true, answer: "none" },
  ] as const;
  let call = 0;
  broker.onCall(({ kind, process }) => {
    assert.deepEqual([kind, process], ["send", "a"]);
    return fates[call++];
  });
  const sends = ["not done", "done", "unanswered", "behind"].map((value) =>
    outcome(producer.send("in", 0, [record(value)])),
  );
  await broker.settle();
  assert.deepEqual(values(broker), ["done", "unanswered"]);
  assert.deepEqual(
    sends.map(({ state }) => state),
    ["retry CONNECTION", "retry CONNECTION", "pending", "pending"],
  );
});

test("a call may be done late, after its failure was told and its caller killed (B15)", async () => {
  let held = true;
  const pick = (ready: readonly string[]): number =>
    ready.findIndex((channel) => !(held && channel.startsWith("network/")));
  const broker = createMemoryBroker({ topics: { in: 1 }, pick });
  const process = broker.connect("a");
  broker.onCall(() => ({ applied: "late", answer: LOST }));
  const sent = outcome(process.producer().send("in", 0, [record("late")]));
  await broker.settle();
  assert.deepEqual([sent.state, values(broker)], ["retry CONNECTION", []]);
  process.kill();
  held = false;
  await broker.settle();
  assert.deepEqual(values(broker), ["late"]);
});

test("a commit whose answer is lost is unknown, and may have counted (B15)", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const member = await join(broker, "a");
  await broker.settle();
  for (const applied of [false, true]) {
    broker.onCall(({ kind }) => (kind === "commit" ? { applied, answer: LOST } : undefined));
    const entry = { topic: "in", partition: 0, offset: 5, metadata: "m" };
    const committed = outcome(member.group.commit(member.assignment!, [entry]));
    await broker.settle();
    assert.equal(committed.state, "retry CONNECTION");
    assert.equal(broker.coordinator("g").committed([entry])[0]!.offset, applied ? 5 : -1);
  }
});

test("the tasks of a killed member go to the others when its session ends, not before (B8)", async () => {
  const broker = createMemoryBroker({ topics: { in: 2 } });
  const dies = await join(broker, "a");
  const lives = await join(broker, "b");
  await broker.advance(2_000);
  assert.deepEqual([dies.assignment!.tasks, lives.assignment!.tasks], [[0], [1]]);
  dies.process.kill();
  await broker.advance(SESSION_MS - 2_000);
  assert.deepEqual(lives.assignment!.tasks, [1]);
  await broker.advance(4_000);
  assert.deepEqual(lives.assignment!.tasks, [0, 1]);
  assert.deepEqual(lives.calls.slice(-2), ["suspend", "assigned 0,1"]);
});

test("a member that misses a rejoin is out when its time is up (B8)", async () => {
  const broker = createMemoryBroker({ topics: { in: 2 } });
  const impatient = { ...GROUP, rebalanceTimeoutMs: 4_000 };
  const frozen = await join(broker, "a", impatient);
  await broker.settle();
  frozen.process.freeze();
  const joins = await join(broker, "b", impatient);
  await broker.advance(3_999);
  assert.equal(joins.assignment, null);
  await broker.advance(1);
  assert.deepEqual(joins.assignment!.tasks, [0, 1]);
});

test("who was put out is refused although the generation has not moved on yet (B7)", async () => {
  const broker = createMemoryBroker({ topics: { in: 2 } });
  const out = await join(broker, "a");
  await join(broker, "b");
  await broker.advance(2_000);
  broker.coordinator("g").leave(out.assignment!.member);
  const committed = outcome(
    out.group.commit(out.assignment!, [{ topic: "in", partition: 0, offset: 1, metadata: "" }]),
  );
  await broker.settle();
  assert.equal(committed.state, "done rejected");
});

test("frozen past its session: batches and commits of the old ownership meet the fence (B7, B9)", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const old = await join(broker, "a");
  await broker.settle();
  const assignment = old.assignment!;
  old.process.freeze();
  broker.append({ topic: "in", partition: 0 }, [record("0")]);
  const next = await join(broker, "b");
  await broker.advance(2 * SESSION_MS);
  assert.deepEqual(next.assignment!.tasks, [0]);
  old.process.thaw();
  const heardAt = old.group.lastHeartbeatAt();
  assert.ok(broker.clock.monotonic() - heardAt > SESSION_MS, "the lease shows how long it was away");
  const committed = outcome(old.group.commit(assignment, [{ topic: "in", partition: 0, offset: 1, metadata: "" }]));
  await broker.advance(2_000);
  assert.equal(committed.state, "done rejected");
  assert.deepEqual(old.calls.slice(1, 3), ["assigned 0", "suspend"]);
  assert.deepEqual(next.assignment!.tasks, [0], "who took over keeps it");
});

test("what was fetched before a pause may still arrive, before a seek never (B10, B11)", async () => {
  for (const seek of [false, true]) {
    const broker = createMemoryBroker({ topics: { in: 1 } });
    const member = await join(broker, "a");
    await broker.settle();
    broker.append({ topic: "in", partition: 0 }, [record("0"), record("1")]);
    broker.onCall(({ kind }) => {
      if (kind === "fetch") {
        member.group.pause("in", 0);
        if (seek) member.group.seek("in", 0, 1);
      }
      return undefined;
    });
    await broker.settle();
    assert.deepEqual(
      member.batches.map(({ length }) => length),
      seek ? [] : [2],
    );
  }
});

test("a fetch that fails is made again", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 }, maxFetchRecords: 1 });
  const member = await join(broker, "a");
  await broker.settle();
  let failures = 2;
  broker.onCall(({ kind }) => (kind === "fetch" && failures-- > 0 ? { applied: false, answer: LOST } : undefined));
  broker.append({ topic: "in", partition: 0 }, [record("0"), record("1")]);
  await broker.advance(1_000);
  assert.deepEqual(
    member.batches.map(({ fetchedFrom }) => fetchedFrom),
    [0, 1],
  );
});

test("resuming a partition that was never sought is a mistake that shows", async () => {
  const broker = createMemoryBroker({ topics: { in: 1 } });
  const group = broker.connect("a").group(GROUP);
  let thrown: unknown;
  await group.start({
    onSuspend: () => {},
    onAssigned() {
      try {
        group.resume("in", 0);
      } catch (error) {
        thrown = error;
      }
    },
    onBatch: () => {},
    onFailure: () => {},
  });
  await broker.settle();
  assert.match(String(thrown), /resumed before a seek/);
});

test("the same picks give the same history, others another order (B14)", async () => {
  const history = async (seed: number): Promise<string> => {
    let state = seed;
    const pick = (ready: readonly string[]): number =>
      (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % ready.length;
    const broker = createMemoryBroker({ topics: { in: 2 }, pick });
    const order: string[] = [];
    broker.onCall(({ process, kind }) => void order.push(`${process} ${kind}`));
    const producers = ["p", "q", "r"].map((name) => broker.connect(name).producer());
    await join(broker, "a");
    await join(broker, "b");
    for (const [index, producer] of producers.entries()) void producer.send("in", index % 2, [record(String(index))]);
    await broker.advance(5_000);
    return order.join("\n");
  };
  assert.equal(await history(1), await history(1));
  assert.notEqual(await history(1), await history(2));
});
