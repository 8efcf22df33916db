// What the ports promise of logs: producing, and questions about them.

import assert from "node:assert/strict";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type { OutRecord } from "../../src/runtime/ports.ts";
import { failureOf, finish, numbered, numbers, record } from "./contract-world.ts";
import type { Law } from "./contract-world.ts";

/** The Producer port. */
export function producing(law: Law): void {
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

/** The Logs port. */
export function asking(law: Law): void {
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
    assert.deepEqual(before, [
      { start: 0, end: 2 },
      { start: 0, end: 0 },
      { start: 0, end: 5 },
    ]);
    await world.deleteBefore(alpha, 1, 3);
    const [range] = await finish(world, world.logs.ranges([{ topic: alpha, partition: 1 }]));
    assert.deepEqual(range, { start: 3, end: 5 });
  });

  law(
    "ends: next to be written, in the order asked; a partition that has no answer holds up no other",
    async (world) => {
      const [alpha, beta] = world.topics;
      await finish(world, world.producer.send(alpha, 1, numbered(0, 5)));
      const pairs = [
        { topic: alpha, partition: 9 },
        { topic: beta, partition: 0 },
        { topic: alpha, partition: 1 },
      ];
      const [missing, ...ends] = await finish(world, Promise.allSettled(world.logs.ends(pairs)));
      assert.ok(missing!.status === "rejected" && missing!.reason instanceof BrokerFailure);
      assert.deepEqual(
        ends,
        [0, 5].map((value) => ({ status: "fulfilled", value })),
      );
    },
  );

  law("offsetsAt: first offset at or after the time; the log's end where there is none", async (world, join) => {
    const [alpha, beta] = world.topics;
    await finish(world, world.producer.send(alpha, 0, numbered(0, 2)));
    const after = world.clock.now() + 50;
    await world.until(() => world.clock.now() > after, "time passes");
    await finish(world, world.producer.send(alpha, 0, numbered(2, 4)));
    const member = await join(2);
    member.read(alpha, 0, 0);
    await world.until(() => member.values(alpha, 0).length === 4, "the records arrive");
    const times = member
      .batches(alpha, 0)
      .flatMap((batch) => Array.from({ length: batch.length }, (_, i) => batch.timestampAt(i)));
    const pairs = [
      { topic: beta, partition: 0 },
      { topic: alpha, partition: 0 },
    ];
    assert.deepEqual(await finish(world, world.logs.offsetsAt(pairs, times[2]!)), [0, 2]);
    assert.deepEqual(await finish(world, world.logs.offsetsAt(pairs, times[0]! - 1_000)), [0, 0]);
    assert.deepEqual(await finish(world, world.logs.offsetsAt(pairs, times[3]! + 3_600_000)), [0, 4]);
  });

  law(
    "deleteRecords: what lies below is gone, what lies above is as it was, a second time changes nothing",
    async (world, join) => {
      const [alpha] = world.topics;
      await finish(world, world.producer.send(alpha, 0, numbered(0, 5)));
      await finish(world, world.producer.send(alpha, 1, numbered(0, 2)));
      const pairs = [0, 1].map((partition) => ({ topic: alpha, partition }));
      await finish(world, world.logs.deleteRecords([{ ...pairs[0]!, before: 3 }]));
      const cut = [
        { start: 3, end: 5 },
        { start: 0, end: 2 },
      ];
      assert.deepEqual(await finish(world, world.logs.ranges(pairs)), cut);
      await finish(world, world.logs.deleteRecords([{ ...pairs[0]!, before: 2 }]));
      assert.deepEqual(await finish(world, world.logs.ranges(pairs)), cut);
      const member = await join(2);
      member.read(alpha, 0, 3);
      await world.until(() => member.values(alpha, 0).length === 2, "the rest is read");
      assert.deepEqual(member.values(alpha, 0), numbers(3, 5));
      assert.equal(await finish(world, world.producer.send(alpha, 0, numbered(5, 6))), 5);
    },
  );

  law("a question about what does not exist is a failure", async (world) => {
    const missing = { topic: `${world.topics[0]}-missing`, partition: 0 };
    await failureOf(world, world.logs.ranges([missing]));
    await failureOf(world, world.logs.offsetsAt([missing], 0));
    await failureOf(world, world.logs.deleteRecords([{ ...missing, before: 1 }]));
  });
}
