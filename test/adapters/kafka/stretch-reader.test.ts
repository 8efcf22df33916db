// Stretches of partitions on a real broker: from one offset to another, side by side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import { createStretchReader } from "../../../src/adapters/kafka/stretch-reader.ts";
import type { StretchReader } from "../../../src/adapters/kafka/stretch-reader.ts";
import { createKafkaProducer } from "../../../src/adapters/kafka/producer.ts";
import { createTopics } from "../../../src/adapters/kafka/topics.ts";
import { cluster } from "../../cluster.ts";

const kafka = cluster();
const topic = `${kafka.prefix}stretches`;

/** Offsets of all batches of one stretch, and that they follow each other. */
async function readAll(reader: StretchReader, index: number): Promise<number[]> {
  const offsets: number[] = [];
  for (let batch = await reader.next(index); batch !== null; batch = await reader.next(index)) {
    for (let at = 0; at < batch.length; at++) offsets.push(batch.offsetAt(at));
  }
  return offsets;
}

test(
  "each stretch is read once, in order, whoever else is read (SR1)",
  { skip: kafka.skip, timeout: 60_000 },
  async (t) => {
    const client = createKafkaClient({ brokers: kafka.brokers, clientId: "test" });
    await createTopics(client, [{ topic, partitions: 3, replication: 1, config: {} }]);
    const producer = createKafkaProducer(client);
    t.after(() => producer.close());
    const value = Buffer.alloc(1_000);
    const records = Array.from({ length: 300 }, () => ({ key: null, value, headers: {} }));
    for (let send = 0; send < 10; send++) {
      for (const partition of [0, 1]) await producer.send(topic, partition, records);
    }

    const reader = createStretchReader(client, [
      { topic, partition: 0, from: 450, to: 2_950 },
      { topic, partition: 1, from: 0, to: 3_000 },
      { topic, partition: 2, from: 0, to: 0 },
    ]);
    t.after(() => reader.close());
    assert.equal(await reader.next(2), null);
    // Nobody takes from the other one meanwhile: it waits, and holds this one up in nothing (SR2).
    const first = (await readAll(reader, 0)).filter((offset) => offset >= 450 && offset < 2_950);
    assert.deepEqual(
      first,
      Array.from({ length: 2_500 }, (_, index) => 450 + index),
    );
    assert.deepEqual(
      await readAll(reader, 1),
      Array.from({ length: 3_000 }, (_, index) => index),
    );
    assert.equal(await reader.next(0), null);
  },
);

test("who waits is told when it is closed", { skip: kafka.skip, timeout: 60_000 }, async () => {
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "test" });
  const reader = createStretchReader(client, [{ topic, partition: 2, from: 0, to: 1 }]);
  const waiting = reader.next(0);
  reader.close();
  assert.equal(await waiting, null);
});
