// What every adapter behind src/runtime/ports.ts owes the runtime: one suite, run on the memory broker and
// on a real one. Each test says one or two sentences of the ports' documentation. Owns the sentences;
// opening a broker, letting time pass and doing an operator's work is the world's.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type {
  Assignment,
  Clock,
  Group,
  GroupListener,
  Logs,
  OutRecord,
  Producer,
  RecordBatch,
} from "../../src/runtime/ports.ts";

export interface ContractWorld {
  /** Topics of its own, two partitions each, empty at the beginning. */
  readonly topics: readonly [string, string];
  readonly clock: Clock;
  readonly producer: Producer;
  readonly logs: Logs;
  /** A member-to-be of the world's one group, over both topics. */
  group(): Group;
  /** Lets the world go on until `holds`; fails with `what` after a deadline. */
  until(holds: () => boolean, what: string): Promise<void>;
  /** Takes a member out of the group without its knowing. */
  expel(member: string): Promise<void>;
  /** Drops records below `offset` (DeleteRecords). */
  deleteBefore(topic: string, partition: number, offset: number): Promise<void>;
  /** Makes an offset that no reader sees, as the end of a transaction does. */
  appendControl(topic: string, partition: number): Promise<void>;
  close(): Promise<void>;
}

type Seen =
  | { readonly call: "suspend"; readonly generation: number }
  | { readonly call: "assigned"; readonly assignment: Assignment; readonly generation: number }
  | { readonly call: "batch"; readonly batch: RecordBatch }
  | { readonly call: "failure"; readonly failure: BrokerFailure };

/** A group that is listened to, and everything it has said. */
class Member {
  readonly group: Group;
  readonly seen: Seen[] = [];
  /** What to do in onAssigned; a test sets it before start. */
  onAssigned: (assignment: Assignment) => void = () => {};
  onBatch: (batch: RecordBatch) => void = () => {};

  constructor(group: Group) {
    this.group = group;
  }

  listener(): GroupListener {
    return {
      onSuspend: () => this.seen.push({ call: "suspend", generation: this.group.generation() }),
      onAssigned: (assignment) => {
        this.seen.push({ call: "assigned", assignment, generation: this.group.generation() });
        this.onAssigned(assignment);
      },
      onBatch: (batch) => {
        this.seen.push({ call: "batch", batch });
        this.onBatch(batch);
      },
      onFailure: (failure) => this.seen.push({ call: "failure", failure }),
    };
  }

  assignments(): Assignment[] {
    return this.seen.flatMap((seen) => (seen.call === "assigned" ? [seen.assignment] : []));
  }

  assignment(): Assignment {
    const latest = this.assignments().at(-1);
    assert.ok(latest, "no assignment yet");
    return latest;
  }

  tasks(): readonly number[] {
    return this.assignments().at(-1)?.tasks ?? [];
  }

  batches(topic: string, partition: number): RecordBatch[] {
    const all = this.seen.flatMap((seen) => (seen.call === "batch" ? [seen.batch] : []));
    return all.filter((batch) => batch.topic === topic && batch.partition === partition);
  }

  /** Values of all records delivered of a partition, in order of delivery. */
  values(topic: string, partition: number): string[] {
    return this.batches(topic, partition).flatMap((batch) =>
      Array.from({ length: batch.length }, (_, index) => String(batch.valueAt(index))),
    );
  }

  /** Fetches a partition from `offset` on. */
  read(topic: string, partition: number, offset: number): void {
    this.group.seek(topic, partition, offset);
    this.group.resume(topic, partition);
  }
}

function record(value: string): OutRecord {
  return { key: Buffer.from("k"), value: Buffer.from(value), headers: {} };
}

const numbered = (from: number, to: number): OutRecord[] =>
  Array.from({ length: to - from }, (_, index) => record(String(from + index)));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));

/** @param open a new world for each test, with topics and a group of its own */
export function brokerContract(name: string, open: () => Promise<ContractWorld>): void {
  /** One test in a world of its own, which it leaves clean. */
  const law = (sentence: string, body: (world: ContractWorld, join: (tasks: number) => Promise<Member>) => Promise<void>): void => {
    test(sentence, { timeout: 120_000 }, async () => {
      const world = await open();
      const members: Member[] = [];
      const join = async (tasks: number): Promise<Member> => {
        const member = new Member(world.group());
        members.push(member);
        await member.group.start(member.listener());
        await world.until(
          () => member.assignments().at(-1)?.tasks.length === tasks,
          `a member gets ${tasks} tasks`,
        );
        return member;
      };
      try {
        await body(world, join);
        for (const { seen } of members) assert.deepEqual(seen.filter(({ call }) => call === "failure"), []);
      } finally {
        await Promise.all(members.map(({ group }) => finish(world, group.stop())));
        await world.close();
      }
    });
  };

  suite(`broker contract: ${name}`, () => {
    producing(law);
    asking(law);
    fetching(law);
    joining(law);
    committing(law);
  });
}

type Law = (sentence: string, body: (world: ContractWorld, join: (tasks: number) => Promise<Member>) => Promise<void>) => void;

/** Waits for a promise while the world goes on. */
async function finish<T>(world: ContractWorld, promise: Promise<T>): Promise<T> {
  let over = false;
  const ended = promise.finally(() => (over = true));
  ended.catch(() => {});
  await world.until(() => over, "a call is answered");
  return ended;
}

async function failureOf(world: ContractWorld, promise: Promise<unknown>): Promise<BrokerFailure> {
  const error = await finish(world, promise).then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BrokerFailure, String(error));
  return error;
}

function producing(law: Law): void {
  law("a send returns the offset of its first record, the others follow it", async (world) => {
    const [topic] = world.topics;
    assert.equal(await finish(world, world.producer.send(topic, 0, numbered(0, 3))), 0);
    assert.equal(await finish(world, world.producer.send(topic, 0, numbered(3, 4))), 3);
    assert.equal(await finish(world, world.producer.send(topic, 1, numbered(0, 1))), 0);
    assert.equal(await finish(world, world.producer.send(topic, 0, numbered(4, 6))), 4);
  });

  law("sends made without waiting are appended in the order they were made", async (world, join) => {
    const [topic] = world.topics;
    const bases = Promise.all([0, 10, 20, 30].map((from) => world.producer.send(topic, 0, numbered(from, from + 10))));
    assert.deepEqual(await finish(world, bases), [0, 10, 20, 30]);
    const member = await join(2);
    member.read(topic, 0, 0);
    await world.until(() => member.values(topic, 0).length === 40, "all records arrive");
    assert.deepEqual(member.values(topic, 0), numbers(0, 40));
  });

  law("a record the broker never takes is a failure with disposition halt, and nothing is appended", async (world) => {
    const [topic] = world.topics;
    const huge: OutRecord = { key: null, value: Buffer.alloc(2_000_000, 7), headers: {} };
    const failure = await failureOf(world, world.producer.send(topic, 0, [record("0"), huge]));
    assert.equal(failure.disposition, "halt");
    assert.equal(failure.code, "MESSAGE_TOO_LARGE");
    assert.equal(await finish(world, world.producer.send(topic, 0, [record("1")])), 0, "and the producer still works");
  });

  law("a send to a topic or partition that does not exist fails and creates nothing", async (world) => {
    const missing = `${world.topics[0]}-missing`;
    await failureOf(world, world.producer.send(missing, 0, [record("0")]));
    await failureOf(world, world.producer.send(world.topics[0], 9, [record("0")]));
    // Asked about a topic that does not exist, an adapter leaves it out or fails; it never makes one.
    const counts = await finish(world, world.logs.partitionCounts([missing])).catch(() => new Map());
    assert.equal(counts.size, 0);
  });
}

function asking(law: Law): void {
  law("partitionCounts: the number of partitions of each topic", async (world) => {
    const [alpha, beta] = world.topics;
    const counts = await finish(world, world.logs.partitionCounts([beta, alpha]));
    assert.deepEqual(Object.fromEntries(counts), { [alpha]: 2, [beta]: 2 });
  });

  law("ranges: first offset that can be read, next to be written; in the order asked", async (world) => {
    const [alpha, beta] = world.topics;
    await finish(world, world.producer.send(alpha, 1, numbered(0, 5)));
    await finish(world, world.producer.send(beta, 0, numbered(0, 2)));
    const pairs = [
      { topic: beta, partition: 0 },
      { topic: alpha, partition: 0 },
      { topic: alpha, partition: 1 },
    ];
    const before = await finish(world, world.logs.ranges(pairs));
    assert.deepEqual(before, [{ start: 0, end: 2 }, { start: 0, end: 0 }, { start: 0, end: 5 }]);
    await world.deleteBefore(alpha, 1, 3);
    const [range] = await finish(world, world.logs.ranges([{ topic: alpha, partition: 1 }]));
    assert.deepEqual(range, { start: 3, end: 5 });
  });

  law("offsetsAt: first offset at or after the time; the log's end where there is none", async (world, join) => {
    const [alpha, beta] = world.topics;
    await finish(world, world.producer.send(alpha, 0, numbered(0, 2)));
    const after = world.clock.now() + 50;
    await world.until(() => world.clock.now() > after, "time passes");
    await finish(world, world.producer.send(alpha, 0, numbered(2, 4)));
    const member = await join(2);
    member.read(alpha, 0, 0);
    await world.until(() => member.values(alpha, 0).length === 4, "the records arrive");
    const times = member.batches(alpha, 0).flatMap((batch) => Array.from({ length: batch.length }, (_, i) => batch.timestampAt(i)));
    const pairs = [
      { topic: beta, partition: 0 },
      { topic: alpha, partition: 0 },
    ];
    assert.deepEqual(await finish(world, world.logs.offsetsAt(pairs, times[2]!)), [0, 2]);
    assert.deepEqual(await finish(world, world.logs.offsetsAt(pairs, times[0]! - 1_000)), [0, 0]);
    assert.deepEqual(await finish(world, world.logs.offsetsAt(pairs, times[3]! + 3_600_000)), [0, 4]);
  });

  law("a question about what does not exist is a failure", async (world) => {
    const missing = { topic: `${world.topics[0]}-missing`, partition: 0 };
    await failureOf(world, world.logs.ranges([missing]));
    await failureOf(world, world.logs.offsetsAt([missing], 0));
  });
}

function fetching(law: Law): void {
  law("records arrive as sent: key, value, headers, consecutive offsets, the broker's time", async (world, join) => {
    const [topic] = world.topics;
    const before = world.clock.now();
    const sent: OutRecord[] = [
      { key: Buffer.from("k"), value: Buffer.from("v"), headers: { a: "text", b: Buffer.from([0, 255]) } },
      { key: null, value: Buffer.from(""), headers: {} },
      { key: Buffer.from(""), value: null, headers: {} },
    ];
    await finish(world, world.producer.send(topic, 0, sent));
    const member = await join(2);
    member.read(topic, 0, 0);
    await world.until(() => member.values(topic, 0).length === 3, "the records arrive");
    const got = member.batches(topic, 0).flatMap((batch) =>
      Array.from({ length: batch.length }, (_, i) => ({
        offset: batch.offsetAt(i),
        key: batch.keyAt(i),
        value: batch.valueAt(i),
        headers: Object.fromEntries(Object.entries(batch.headersAt(i)).map(([key, value]) => [key, Buffer.from(value ?? "")])),
        timestamp: batch.timestampAt(i),
      })),
    );
    assert.deepEqual(got.map(({ offset }) => offset), [0, 1, 2]);
    assert.deepEqual(got.map(({ key }) => key?.toString() ?? null), ["k", null, ""]);
    assert.deepEqual(got.map(({ value }) => value?.toString() ?? null), ["v", "", null]);
    assert.deepEqual(got[0]!.headers, { a: Buffer.from("text"), b: Buffer.from([0, 255]) });
    for (const { timestamp } of got) assert.ok(Math.abs(timestamp - before) < 60_000, `timestamp ${timestamp}`);
  });

  law("batches follow each other without a hole up to the log's end, across offsets no reader sees", async (world, join) => {
    const [topic] = world.topics;
    const member = await join(2);
    member.read(topic, 0, 0);
    await finish(world, world.producer.send(topic, 0, numbered(0, 700)));
    await world.appendControl(topic, 0);
    await finish(world, world.producer.send(topic, 0, numbered(700, 702)));
    await world.appendControl(topic, 0);
    const [range] = await finish(world, world.logs.ranges([{ topic, partition: 0 }]));
    await world.until(() => member.batches(topic, 0).at(-1)?.nextOffset === range!.end, "the end is reached");
    assert.deepEqual(member.values(topic, 0), numbers(0, 702));
    let next = 0;
    for (const batch of member.batches(topic, 0)) {
      assert.equal(batch.fetchedFrom, next);
      for (let i = 0; i < batch.length; i++) {
        assert.ok(batch.offsetAt(i) >= next && batch.offsetAt(i) < batch.nextOffset);
        if (i > 0) assert.ok(batch.offsetAt(i) > batch.offsetAt(i - 1));
      }
      assert.ok(batch.endOffset >= batch.nextOffset);
      if (batch.length > 0) assert.ok(batch.bytes > 0);
      next = batch.nextOffset;
    }
    assert.equal(member.batches(topic, 0).at(-1)!.endOffset, range!.end);
  });

  law("after a seek the next batch is fetched from there, whatever was under way", async (world, join) => {
    const [topic] = world.topics;
    await finish(world, world.producer.send(topic, 0, numbered(0, 50)));
    const member = await join(2);
    const wrong: string[] = [];
    let sought = -1;
    let rounds = 0;
    member.onBatch = (batch) => {
      if (batch.topic !== topic || sought < 0) return;
      if (batch.fetchedFrom !== sought) wrong.push(`${batch.fetchedFrom} instead of ${sought}`);
      sought = -1;
      rounds += 1;
    };
    member.read(topic, 0, 0);
    for (let round = 0; round < 20; round++) {
      sought = (round * 7) % 50;
      member.group.seek(topic, 0, sought);
      // Half of the seeks come while a fetch waits at the log's end, half right after an append.
      if (round % 2 === 0) await finish(world, world.producer.send(topic, 0, [record("more")]));
      const done = round + 1;
      await world.until(() => rounds === done, `round ${round} is delivered`);
    }
    assert.deepEqual(wrong, []);
  });

  law("a seek inside onBatch holds for the next batch", async (world, join) => {
    const [topic] = world.topics;
    await finish(world, world.producer.send(topic, 0, numbered(0, 10)));
    const member = await join(2);
    let again = 3;
    member.onBatch = () => {
      if ((again -= 1) >= 0) member.group.seek(topic, 0, 4);
    };
    member.read(topic, 0, 0);
    await world.until(() => member.batches(topic, 0).length >= 4, "four batches");
    assert.deepEqual(member.batches(topic, 0).map(({ fetchedFrom }) => fetchedFrom), [0, 4, 4, 4]);
  });

  law("a paused partition rests and holds up no other; resumed it goes on where it stood", async (world, join) => {
    const [alpha, beta] = world.topics;
    const member = await join(2);
    member.read(alpha, 0, 0);
    member.read(beta, 0, 0);
    member.read(alpha, 1, 0);
    await finish(world, world.producer.send(alpha, 0, numbered(0, 3)));
    await world.until(() => member.values(alpha, 0).length === 3, "the first records arrive");
    member.group.pause(alpha, 0);
    // Two rounds over the others: a fetch of the paused one would have come in between.
    for (const round of [0, 1]) {
      await finish(world, world.producer.send(alpha, 0, numbered(3 + round, 4 + round)));
      await finish(world, world.producer.send(beta, 0, numbered(round, round + 1)));
      await finish(world, world.producer.send(alpha, 1, numbered(round, round + 1)));
      await world.until(() => member.values(beta, 0).length === round + 1, "another topic flows");
      await world.until(() => member.values(alpha, 1).length === round + 1, "another partition flows");
    }
    assert.deepEqual(member.values(alpha, 0), numbers(0, 3));
    member.group.resume(alpha, 0);
    await world.until(() => member.values(alpha, 0).length === 5, "the rest arrives");
    assert.deepEqual(member.values(alpha, 0), numbers(0, 5));
  });

  law("what was deleted below the position is never skipped in silence", async (world, join) => {
    const [topic] = world.topics;
    await finish(world, world.producer.send(topic, 0, numbered(0, 6)));
    await world.deleteBefore(topic, 0, 4);
    const member = await join(2);
    member.read(topic, 0, 1);
    await world.until(
      () => member.batches(topic, 0).length > 0 || member.seen.some(({ call }) => call === "failure"),
      "a batch or a failure",
    );
    for (const batch of member.batches(topic, 0)) assert.notEqual(batch.fetchedFrom, 1);
    const failed = member.seen.findIndex(({ call }) => call === "failure");
    if (failed >= 0) member.seen.splice(failed, 1);
  });
}

function joining(law: Law): void {
  law("before the first join the generation is -1 and no heartbeat was sent", async (world) => {
    const group = world.group();
    assert.equal(group.generation(), -1);
    assert.equal(group.lastHeartbeatAt(), -Infinity);
  });

  law("onSuspend comes before every onAssigned; the generation is -1 in between, then the assignment's", async (world, join) => {
    const first = await join(2);
    const second = await join(1);
    await world.until(() => first.tasks().length === 1, "the first gives one up");
    await finish(world, second.group.stop());
    await world.until(() => first.tasks().length === 2, "and gets it back");
    for (const { seen, group } of [first, second]) {
      const calls = seen.filter(({ call }) => call === "suspend" || call === "assigned");
      assert.equal(calls[0]!.call, "suspend");
      for (const [index, call] of calls.entries()) {
        if (call.call === "suspend") assert.equal(call.generation, -1);
        if (call.call !== "assigned") continue;
        assert.equal(calls[index - 1]!.call, "suspend");
        assert.equal(call.generation, call.assignment.generation);
      }
      const generations = calls.flatMap((call) => (call.call === "assigned" ? [call.generation] : []));
      for (const [index, generation] of generations.entries()) if (index > 0) assert.ok(generation > generations[index - 1]!);
      if (group === first.group) assert.equal(group.generation(), generations.at(-1));
    }
  });

  law("at an assignment everything is paused, whatever was resumed before", async (world, join) => {
    const [alpha, beta] = world.topics;
    const member = await join(2);
    member.read(alpha, 0, 0);
    await finish(world, world.producer.send(alpha, 0, numbered(0, 1)));
    await world.until(() => member.values(alpha, 0).length === 1, "it flows before");
    const { generation } = member.assignment();
    await world.expel(member.assignment().member);
    await world.until(() => member.assignment().generation > generation, "it is assigned again");
    await finish(world, world.producer.send(alpha, 0, numbered(1, 3)));
    await finish(world, world.producer.send(beta, 1, numbered(0, 1)));
    member.read(beta, 1, 0);
    await world.until(() => member.values(beta, 1).length === 1, "what was resumed flows");
    const assigned = member.seen.findLastIndex(({ call }) => call === "assigned");
    const since = member.seen.slice(assigned).flatMap((seen) => (seen.call === "batch" ? [seen.batch.topic] : []));
    assert.deepEqual([...new Set(since)], [beta]);
    member.read(alpha, 0, 1);
    await world.until(() => member.values(alpha, 0).length === 3, "and the rest when resumed");
  });

  law("all partitions of a task are with one member; every task has one", async (world, join) => {
    const [alpha, beta] = world.topics;
    const first = await join(2);
    const second = await join(1);
    await world.until(() => first.tasks().length === 1, "the first gives one up");
    assert.deepEqual([...first.tasks(), ...second.tasks()].toSorted(), [0, 1]);
    for (const member of [first, second]) {
      for (const topic of [alpha, beta]) for (const task of [0, 1]) member.group.seek(topic, task, 0);
      for (const topic of [alpha, beta]) for (const task of member.tasks()) member.group.resume(topic, task);
    }
    for (const topic of [alpha, beta]) for (const task of [0, 1]) await finish(world, world.producer.send(topic, task, [record("x")]));
    for (const member of [first, second]) {
      for (const topic of [alpha, beta]) {
        for (const task of member.tasks()) await world.until(() => member.values(topic, task).length === 1, `${topic}/${task} arrives`);
        for (const task of [0, 1]) if (!member.tasks().includes(task)) assert.deepEqual(member.values(topic, task), []);
      }
    }
  });

  law("who joins or leaves moves no more tasks than it must", async (world, join) => {
    const first = await join(2);
    const second = await join(1);
    await world.until(() => first.tasks().length === 1, "the first gives one up");
    const [kept] = first.tasks();
    const third = await join(0);
    await world.until(
      () => first.assignment().generation === third.assignment().generation && second.assignment().generation === third.assignment().generation,
      "all are in the third's generation",
    );
    assert.deepEqual(first.tasks(), [kept]);
    assert.deepEqual(second.tasks(), [1 - kept!]);
    await finish(world, second.group.stop());
    await world.until(() => third.tasks().length === 1, "the third takes over");
    assert.deepEqual(third.tasks(), [1 - kept!]);
    assert.deepEqual(first.tasks(), [kept]);
  });

  law("lastHeartbeatAt is when the last successful one was sent, and goes on", async (world, join) => {
    const before = world.clock.monotonic();
    const { group } = await join(2);
    const first = group.lastHeartbeatAt();
    assert.ok(first >= before && first <= world.clock.monotonic());
    await world.until(() => group.lastHeartbeatAt() > first, "a heartbeat");
    assert.ok(group.lastHeartbeatAt() <= world.clock.monotonic());
  });

  law("after stop() nothing is called any more and the tasks are free", async (world, join) => {
    const [topic] = world.topics;
    const stopped = await join(2);
    stopped.read(topic, 0, 0);
    await finish(world, stopped.group.stop());
    const { length } = stopped.seen;
    await finish(world, world.producer.send(topic, 0, numbered(0, 2)));
    const next = await join(2);
    next.read(topic, 0, 0);
    await world.until(() => next.values(topic, 0).length === 2, "the next one reads");
    assert.equal(stopped.seen.length, length);
    assert.equal(stopped.group.generation(), -1);
  });
}

function committing(law: Law): void {
  const at = (topic: string, partition: number): { topic: string; partition: number } => ({ topic, partition });

  law("committed() answers -1 where nothing was committed, else offset and metadata, in the order asked", async (world, join) => {
    const [alpha, beta] = world.topics;
    const member = await join(2);
    const asked = [at(beta, 1), at(alpha, 0), at(beta, 0)];
    const none = await finish(world, member.group.committed(asked));
    assert.deepEqual(none, asked.map((pair) => ({ ...pair, offset: -1, metadata: "" })));
    const metadata = JSON.stringify({ lineage: "ä".repeat(500) });
    const entries = [
      { ...at(beta, 0), offset: 7, metadata },
      { ...at(alpha, 0), offset: 3, metadata: "" },
    ];
    assert.equal(await finish(world, member.group.commit(member.assignment(), entries)), "committed");
    const some = await finish(world, member.group.committed(asked));
    assert.deepEqual(some, [
      { ...at(beta, 1), offset: -1, metadata: "" },
      { ...at(alpha, 0), offset: 3, metadata: "" },
      { ...at(beta, 0), offset: 7, metadata },
    ]);
  });

  law("a commit counts in the generation it was made for, and is rejected after that", async (world, join) => {
    const [topic] = world.topics;
    const first = await join(2);
    const old = first.assignment();
    const entry = { ...at(topic, 0), metadata: "" };
    assert.equal(await finish(world, first.group.commit(old, [{ ...entry, offset: 1 }])), "committed");
    await join(1);
    await world.until(() => first.assignment().generation > old.generation, "the generation moves on");
    assert.equal(await finish(world, first.group.commit(old, [{ ...entry, offset: 2 }])), "rejected");
    const [kept] = await finish(world, first.group.committed([at(topic, 0)]));
    assert.equal(kept!.offset, 1, "a rejected commit changes nothing");
    assert.equal(await finish(world, first.group.commit(first.assignment(), [{ ...entry, offset: 3 }])), "committed");
  });

  law("a member that was expelled is refused, then joins again by itself", async (world, join) => {
    const [topic] = world.topics;
    const member = await join(2);
    const old = member.assignment();
    await world.expel(old.member);
    const entry = { ...at(topic, 0), offset: 5, metadata: "stale" };
    assert.equal(await finish(world, member.group.commit(old, [entry])), "rejected");
    await world.until(() => member.assignment().generation > old.generation, "it joins again");
    assert.deepEqual(member.tasks(), [0, 1]);
    const [kept] = await finish(world, member.group.committed([at(topic, 0)]));
    assert.equal(kept!.offset, -1);
  });

  law("metadata the broker refuses is never reported as committed", async (world, join) => {
    const [alpha, beta] = world.topics;
    const member = await join(2);
    const entries = [
      { ...at(alpha, 0), offset: 1, metadata: "x".repeat(10_000) },
      { ...at(beta, 0), offset: 1, metadata: "" },
    ];
    assert.equal(await finish(world, member.group.commit(member.assignment(), entries)), "unknown");
    const [refused] = await finish(world, member.group.committed([at(alpha, 0)]));
    assert.equal(refused!.offset, -1);
  });
}
