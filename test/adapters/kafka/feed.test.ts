// Which fetched batches count (feed.ts).

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Feed } from "../../../src/adapters/kafka/feed.ts";
import type { RecordBatch } from "../../../src/runtime/ports.ts";

const batch = (from: number, to: number): RecordBatch =>
  ({ fetchedFrom: from, nextOffset: to, topic: "t", partition: 0, leaderEpochAt: () => 7 }) as unknown as RecordBatch;

function reading(offset: number): Feed {
  const feed = new Feed("t", 0);
  feed.log = "id";
  feed.seek(offset);
  feed.paused = false;
  return feed;
}

test("a feed begins paused and wants nothing before a seek", () => {
  const feed = new Feed("t", 0);
  assert.equal(feed.hungry, false);
  feed.paused = false;
  assert.equal(feed.hungry, false);
  feed.seek(0);
  assert.equal(feed.hungry, false, "it is not known yet which log it is");
  feed.log = "id";
  assert.equal(feed.hungry, true);
});

test("the same batch fetched twice is delivered once (R1)", () => {
  const feed = reading(40);
  assert.equal(feed.accept(batch(40, 50)), true);
  assert.equal(feed.accept(batch(40, 50)), false);
  assert.equal(feed.position, 50);
});

test("a seek drops what is under way and what is kept (R1)", () => {
  const feed = reading(40);
  feed.seek(90);
  assert.equal(feed.accept(batch(40, 50)), false);
  feed.paused = true;
  assert.equal(feed.accept(batch(90, 95)), false);
  assert.equal(feed.keeps, true);
  feed.seek(7);
  assert.equal(feed.keeps, false);
  assert.equal(feed.position, 7);
});

test("what arrives during a pause is kept and delivered once after it (R2)", () => {
  const feed = reading(40);
  feed.paused = true;
  assert.equal(feed.accept(batch(40, 50)), false);
  assert.equal(feed.takeKept(), null);
  feed.paused = false;
  assert.equal(feed.hungry, false, "the kept batch comes first");
  assert.equal(feed.takeKept()?.fetchedFrom, 40);
  assert.equal(feed.takeKept(), null);
  assert.equal(feed.position, 50);
});

test("whatever happens in whatever order, deliveries follow each other from the last seek on (R1, R2)", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("seek" as const), offset: fc.nat(20) }),
    fc.record({ kind: fc.constantFrom("pause" as const, "resume" as const, "fetch" as const), offset: fc.nat(3) }),
    fc.record({ kind: fc.constant("answer" as const), offset: fc.nat(5) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const feed = new Feed("t", 0);
      const underWay: number[] = [];
      let next = -1;
      const deliver = (delivered: RecordBatch): void => {
        assert.equal(feed.paused, false);
        assert.equal(delivered.fetchedFrom, next);
        next = delivered.nextOffset;
      };
      for (const { kind, offset } of steps) {
        if (kind === "seek") feed.seek((next = offset));
        if (kind === "pause") feed.paused = true;
        if (kind === "resume") {
          feed.paused = false;
          const kept = feed.takeKept();
          if (kept !== null) deliver(kept);
        }
        if (kind === "fetch" && feed.hungry) underWay.push(feed.position);
        if (kind === "answer" && underWay.length > 0) {
          const [from] = underWay.splice(offset % underWay.length, 1);
          const answered = batch(from!, from! + 1 + offset);
          if (feed.accept(answered)) deliver(answered);
        }
      }
    }),
  );
});
