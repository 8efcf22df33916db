// What the ports promise of fetching: batches, seeks, pauses.

import assert from "node:assert/strict";
import type { OutRecord } from "../../src/runtime/ports.ts";
import { finish, numbered, numbers, record } from "./contract-world.ts";
import type { ContractWorld, Law } from "./contract-world.ts";

/** RecordBatch, and seek, pause and resume of the Group port. */
export function fetching(law: Law): void {
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
        headers: Object.fromEntries(
          Object.entries(batch.headersAt(i)).map(([key, value]) => [key, Buffer.from(value ?? "")]),
        ),
        timestamp: batch.timestampAt(i),
      })),
    );
    assert.deepEqual(
      got.map(({ offset }) => offset),
      [0, 1, 2],
    );
    assert.deepEqual(
      got.map(({ key }) => key?.toString() ?? null),
      ["k", null, ""],
    );
    assert.deepEqual(
      got.map(({ value }) => value?.toString() ?? null),
      ["v", "", null],
    );
    assert.deepEqual(got[0]!.headers, { a: Buffer.from("text"), b: Buffer.from([0, 255]) });
    for (const { timestamp } of got) assert.ok(Math.abs(timestamp - before) < 60_000, `timestamp ${timestamp}`);
  });

  law(
    "batches follow each other without a hole up to the log's end, across offsets no reader sees",
    async (world, join) => {
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
    },
  );

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
    assert.deepEqual(
      member.batches(topic, 0).map(({ fetchedFrom }) => fetchedFrom),
      [0, 4, 4, 4],
    );
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

  law("a topic created anew is not read on with, however far it has grown", async (world, join) => {
    const [topic] = world.topics;
    await finish(world, world.producer.send(topic, 0, numbered(0, 3)));
    const member = await join(2);
    const before = (await finish(world, world.logs.logIds([topic]))).get(topic) ?? "";
    member.group.seek(topic, 0, 3, [before, -1]);
    await world.createAnew(topic);
    assert.notEqual((await finish(world, world.logs.logIds([topic]))).get(topic), before);
    await finish(world, appended(world, topic, numbered(3, 10)));
    member.group.resume(topic, 0);
    const failed = (): number => member.seen.findIndex(({ call }) => call === "failure");
    await world.until(() => failed() >= 0 || member.batches(topic, 0).length > 0, "a failure");
    assert.deepEqual(member.values(topic, 0), []);
    member.seen.splice(failed(), 1);
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

/** A topic that was created just now may not be known everywhere yet. */
async function appended(world: ContractWorld, topic: string, records: readonly OutRecord[]): Promise<void> {
  const isDone = (): Promise<boolean> =>
    world.producer.send(topic, 0, records).then(
      () => true,
      () => world.clock.turn().then(() => false),
    );
  while (!(await isDone()));
}
