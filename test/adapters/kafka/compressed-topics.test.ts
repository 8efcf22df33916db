// Records that a real broker has compressed, with each codec of Kafka's.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import { createKafkaProducer } from "../../../src/adapters/kafka/producer.ts";
import { readTopic } from "../../../src/adapters/kafka/reader.ts";
import { createTopics } from "../../../src/adapters/kafka/topics.ts";
import { cluster } from "../../cluster.ts";

const kafka = cluster();

suite("topics that compress", { skip: kafka.skip }, () => {
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "compressed" });
  const sizes = [1, 40, 700];

  for (const codec of ["gzip", "snappy", "lz4", "zstd"]) {
    test(`with ${codec}: what was written is what is read`, async () => {
      const topic = `${kafka.prefix}${codec}`;
      await createTopics(client, [{ topic, partitions: 1, replication: 1, config: { "compression.type": codec } }]);
      const producer = createKafkaProducer(client);
      const written: string[] = [];
      for (const size of sizes) {
        const values = Array.from({ length: size }, (_, index) => `${size}/${index} ${"repeated ".repeat(index % 50)}`);
        written.push(...values);
        const records = values.map((value) => ({
          key: Buffer.from("k"),
          value: Buffer.from(value),
          headers: { codec },
        }));
        await producer.send(topic, 0, records);
      }
      producer.close();
      const read: string[] = [];
      const reader = await readTopic({ client, topic, from: "start", until: "end" }, ({ value, headers }) => {
        read.push(headers["codec"]?.toString() === codec ? String(value) : "without its header");
      });
      await reader.done;
      assert.deepEqual(read, written);
    });
  }
});
