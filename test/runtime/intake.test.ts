import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { Intake } from "../../src/runtime/intake.ts";
import type { Clock, Group } from "../../src/runtime/ports.ts";
import { recordBatch } from "./batch.ts";

/** A group that only remembers what it was told. */
function fetching(): { group: Group; log: string[] } {
  const log: string[] = [];
  const never = (): never => assert.fail("not an intake's business");
  const group: Group = {
    start: never,
    stop: never,
    generation: never,
    lastHeartbeatAt: never,
    commit: never,
    committed: never,
    seek: (topic, _partition, offset) => log.push(`seek ${topic} ${offset}`),
    pause: (topic) => log.push(`pause ${topic}`),
    resume: (topic) => log.push(`resume ${topic}`),
  };
  return { group, log };
}

function open(
  ends: Record<string, { position: number; endOffset: number }>,
  options: { alignmentMs?: number; bufferBytes?: number; optional?: ReadonlySet<string> } = {},
): { intake: Intake; log: string[]; pass: (ms: number) => void; paused: string[] } {
  const { group, log } = fetching();
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.resolve(),
    turn: () => Promise.resolve(),
  };
  const paused: string[] = [];
  const intake = new Intake(new Map(Object.entries(ends)), {
    partition: 0,
    group,
    clock,
    alignmentMs: options.alignmentMs ?? 60_000,
    bufferBytes: options.bufferBytes ?? 1_000_000,
    ...(options.optional === undefined ? {} : { optional: options.optional }),
    onAlignmentPause: (topic) => paused.push(topic),
  });
  return { intake, log, pass: (ms) => (now += ms), paused };
}

/** Hands out everything that is ready, as `topic@offset`. */
function drain(intake: Intake): string[] {
  const out: string[] = [];
  for (let cursor = intake.peek(); cursor !== null; cursor = intake.peek()) {
    out.push(`${cursor.queue.topic}@${cursor.batch.offsetAt(cursor.index)}`);
    intake.advance(cursor);
  }
  return out;
}

test("records of several topics are handed out by record timestamp", () => {
  const { intake } = open({ auth: { position: 5, endOffset: 7 }, keys: { position: 0, endOffset: 2 } });
  intake.add(
    recordBatch({
      topic: "auth",
      records: [
        { offset: 5, timestamp: 10 },
        { offset: 6, timestamp: 30 },
      ],
    }),
  );
  intake.add(
    recordBatch({
      topic: "keys",
      records: [
        { offset: 0, timestamp: 20 },
        { offset: 1, timestamp: 40 },
      ],
    }),
  );
  assert.deepEqual(drain(intake), ["auth@5", "keys@0", "auth@6", "keys@1"]);
  assert.deepEqual(intake.positions(), { auth: 7, keys: 2 });
});

test("a topic with unread records holds the others back beyond the alignment", () => {
  const { intake, paused } = open({ auth: { position: 0, endOffset: 2 }, keys: { position: 0, endOffset: 2 } });
  intake.add(
    recordBatch({
      topic: "auth",
      records: [
        { offset: 0, timestamp: 0 },
        { offset: 1, timestamp: 60_001 },
      ],
    }),
  );
  assert.deepEqual(drain(intake), [], "nothing of keys is known yet, and it has unread records");
  intake.add(recordBatch({ topic: "keys", records: [{ offset: 0, timestamp: 0 }], endOffset: 2 }));
  assert.deepEqual(drain(intake), ["auth@0", "keys@0"]);
  assert.deepEqual(paused, ["auth", "auth"]);
  intake.add(recordBatch({ topic: "keys", records: [{ offset: 1, timestamp: 60_000 }], endOffset: 2 }));
  assert.deepEqual(drain(intake), ["keys@1", "auth@1"], "keys is read to its end");
});

test("no topic waits for another for more than 30 s, nor for one that is blocked", () => {
  const { intake, pass } = open({ auth: { position: 0, endOffset: 1 }, keys: { position: 0, endOffset: 1 } });
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 0, timestamp: 0 }] }));
  assert.deepEqual(drain(intake), []);
  assert.equal(intake.waitEndsAt(), 30_000);
  pass(29_999);
  assert.deepEqual(drain(intake), []);
  pass(1);
  assert.deepEqual(drain(intake), ["auth@0"]);

  const blocked = open({ auth: { position: 0, endOffset: 1 }, keys: { position: 0, endOffset: 1 } });
  for (const queue of blocked.intake.queues()) if (queue.topic === "keys") queue.blocked = true;
  blocked.intake.add(recordBatch({ topic: "auth", records: [{ offset: 0, timestamp: 0 }] }));
  assert.deepEqual(drain(blocked.intake), ["auth@0"]);
});

test("a wait ends once: with the patience over nothing is due by it, and with nothing to wait neither", () => {
  const { intake, pass } = open({ auth: { position: 0, endOffset: 2 }, keys: { position: 0, endOffset: 1 } });
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 0, timestamp: 0 }], endOffset: 2 }));
  assert.deepEqual([drain(intake), intake.waitEndsAt()], [[], 30_000]);
  pass(30_000);
  assert.deepEqual([drain(intake), intake.waitEndsAt()], [["auth@0"], Infinity]);
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 1, timestamp: 1 }] }));
  assert.deepEqual(drain(intake), ["auth@1"], "the patience with that topic is over, whatever came since");

  const held = open({ auth: { position: 0, endOffset: 1 }, keys: { position: 0, endOffset: 1 } });
  held.intake.add(recordBatch({ topic: "auth", records: [{ offset: 0, timestamp: 0 }] }));
  assert.deepEqual([drain(held.intake), held.intake.waitEndsAt()], [[], 30_000]);
  held.intake.hold("auth");
  assert.deepEqual([drain(held.intake), held.intake.waitEndsAt()], [[], Infinity]);
});

test("no topic waits for an optional one; it waits for the others", () => {
  const ends = { auth: { position: 0, endOffset: 2 }, trades: { position: 0, endOffset: 2 } };
  const { intake, paused } = open(ends, { optional: new Set(["trades"]) });
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 0, timestamp: 0 }], endOffset: 2 }));
  assert.deepEqual(drain(intake), ["auth@0"]);
  assert.deepEqual(paused, []);
  const fills = [
    { offset: 0, timestamp: 60_000 },
    { offset: 1, timestamp: 60_001 },
  ];
  intake.add(recordBatch({ topic: "trades", records: fills }));
  assert.deepEqual(drain(intake), ["trades@0"]);
  assert.deepEqual(paused, ["trades"]);
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 1, timestamp: 60_000 }] }));
  assert.deepEqual(drain(intake), ["auth@1", "trades@1"]);
});

test("filtered records move the position to the batch's end, an empty batch too (N1)", () => {
  const { intake } = open({ auth: { position: 3, endOffset: 20 } });
  intake.add({
    ...recordBatch({ topic: "auth", records: [{ offset: 4, timestamp: 1 }], fetchedFrom: 3 }),
    nextOffset: 9,
  });
  assert.deepEqual(drain(intake), ["auth@4"]);
  assert.deepEqual(intake.positions(), { auth: 9 });
  intake.add(recordBatch({ topic: "auth", records: [], fetchedFrom: 9 }));
  intake.add({ ...recordBatch({ topic: "auth", records: [], fetchedFrom: 9 }), nextOffset: 12 });
  assert.deepEqual(intake.positions(), { auth: 12 });
});

test("a batch that leaves a hole or repeats records is refused (N2)", () => {
  const { intake } = open({ auth: { position: 3, endOffset: 20 } });
  const from4 = recordBatch({ topic: "auth", records: [{ offset: 4 }], fetchedFrom: 4 });
  assert.throws(() => intake.add(from4), /batch fetched from 4, expected 3/);
});

test("fetching pauses above the buffer's bound and goes on below half of it", () => {
  const { intake, log } = open({ auth: { position: 0, endOffset: 4 } }, { bufferBytes: 150 });
  intake.open();
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 0 }], bytes: 100 }));
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 1 }], bytes: 60 }));
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 2 }], bytes: 10 }));
  assert.deepEqual(log, ["seek auth 0", "resume auth", "pause auth"]);
  assert.deepEqual(drain(intake), ["auth@0", "auth@1", "auth@2"]);
  assert.deepEqual(log, ["seek auth 0", "resume auth", "pause auth", "resume auth"]);
});

test("idle means read to an end that was asked for after the last record", () => {
  const { intake } = open({ auth: { position: 0, endOffset: 1 } });
  assert.deepEqual(intake.observeEnd("auth", { endOffset: 1, askedAt: 0 }), { idle: false });
  intake.add(recordBatch({ topic: "auth", records: [{ offset: 0 }] }));
  drain(intake);
  assert.deepEqual(intake.observeEnd("auth", { endOffset: 0, askedAt: 0 }), { idle: false }, "asked before the record");
  assert.deepEqual(intake.observeEnd("auth", { endOffset: 1, askedAt: 1 }), { idle: true });
});

test("whatever arrives when, each topic comes in offset order, whole, and in step (N1)", () => {
  const topics = ["auth", "keys", "money"];
  const stream = fc.array(fc.integer({ min: 0, max: 50_000 }), { maxLength: 30 });
  fc.assert(
    fc.property(fc.tuple(stream, stream, stream), fc.infiniteStream(fc.nat()), (gaps, choose) => {
      const times = gaps.map((steps) =>
        steps.map(
          (
            (sum) => (gap: number) =>
              (sum += gap)
          )(0),
        ),
      );
      const ends = Object.fromEntries(
        topics.map((topic, i) => [topic, { position: 0, endOffset: times[i]?.length ?? 0 }]),
      );
      const { intake } = open(ends, { alignmentMs: 1_000 });
      const fed = [0, 0, 0];
      const out: string[] = [];
      const unread = (): number[] => [0, 1, 2].filter((i) => (fed[i] ?? 0) < (times[i]?.length ?? 0));
      for (let rest = unread(); rest.length > 0; rest = unread()) {
        const i = rest[choose.next().value % rest.length] as number;
        const from = fed[i] ?? 0;
        const all = times[i] ?? [];
        const size = 1 + (choose.next().value % 4);
        const records = all.slice(from, from + size).map((timestamp, k) => ({ offset: from + k, timestamp }));
        fed[i] = from + records.length;
        intake.add(recordBatch({ topic: topics[i] as string, records, endOffset: all.length }));
        out.push(...drain(intake));
      }
      for (const [i, topic] of topics.entries()) {
        const own = out.filter((entry) => entry.startsWith(`${topic}@`));
        assert.deepEqual(
          own,
          (times[i] ?? []).map((_, offset) => `${topic}@${offset}`),
        );
      }
      let highest = 0;
      for (const entry of out) {
        const [topic, offset] = entry.split("@") as [string, string];
        const timestamp = times[topics.indexOf(topic)]?.[Number(offset)] ?? 0;
        assert.ok(timestamp >= highest - 1_000, `${entry} came more than the alignment after a later record`);
        highest = Math.max(highest, timestamp);
      }
    }),
    { numRuns: 300 },
  );
});
