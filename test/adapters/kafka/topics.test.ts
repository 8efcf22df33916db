// Topics made, checked, written and read as a whole, on a real broker.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import { createKafkaLogs } from "../../../src/adapters/kafka/logs.ts";
import { murmur2Partitioner } from "../../../src/adapters/kafka/partitioner.ts";
import { readTopic } from "../../../src/adapters/kafka/reader.ts";
import type { ReadRecord } from "../../../src/adapters/kafka/reader.ts";
import { createTopics, plannedTopics, verifyTopics } from "../../../src/adapters/kafka/topics.ts";
import { createKeyedWriter } from "../../../src/adapters/kafka/writer.ts";
import type { Topics } from "../../../src/runtime/topics.ts";
import { cluster } from "../../cluster.ts";

const kafka = cluster();
let named = 0;

function names(): Topics {
  const prefix = `${kafka.prefix}topics-${(named += 1)}-`;
  return {
    inputs: [
      { topic: `${prefix}auth`, service: "auth" },
      { topic: `${prefix}keys`, service: "api_key" },
    ],
    decisions: `${prefix}decisions`,
    acks: `${prefix}acks`,
    signals: `${prefix}signals`,
    commands: `${prefix}commands`,
    detections: `${prefix}detections`,
    state: `${prefix}state`,
    deadLetter: `${prefix}dead-letter`,
  };
}

suite("kafka topics", { skip: kafka.skip }, () => {
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "topics-test" });

  test("what is created passes the check; creating again changes nothing", async () => {
    const topics = names();
    const planned = plannedTopics(topics, { partitions: 3, replication: 1 });
    assert.deepEqual(
      await createTopics(client, planned),
      planned.map(({ topic }) => topic),
    );
    assert.deepEqual(await createTopics(client, planned), []);
    const problems = await verifyTopics(client, topics);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === "error"),
      [],
    );
    // One replica can be lost with its broker: said of each topic that holds what was acknowledged.
    const warned = problems.map(({ topic }) => topic).toSorted();
    const own = [topics.commands, topics.state, topics.signals, topics.detections, topics.deadLetter];
    assert.deepEqual(warned, own.toSorted());
  });

  test("two processes may create the same topics at once", async () => {
    const planned = plannedTopics(names(), { partitions: 1, replication: 1 });
    await Promise.all([createTopics(client, planned), createTopics(client, planned)]);
  });

  test("everything wrong is reported at once, errors first", async () => {
    const topics = names();
    const [auth, keys] = topics.inputs.map(({ topic }) => topic);
    const plain = { replication: 1, config: {} };
    await createTopics(client, [
      { topic: auth!, partitions: 2, ...plain, config: { "message.timestamp.type": "LogAppendTime" } },
      {
        topic: topics.commands,
        partitions: 2,
        ...plain,
        config: { "message.timestamp.type": "LogAppendTime", "cleanup.policy": "compact" },
      },
      {
        topic: topics.state,
        partitions: 5,
        ...plain,
        config: { "retention.ms": "1000", "max.message.bytes": "500000" },
      },
      { topic: topics.detections, partitions: 1, ...plain },
    ]);
    const problems = await verifyTopics(client, topics);
    const said = problems.map(({ severity, topic, problem }) => `${severity} ${topic}: ${problem}`);
    for (const expected of [
      `error ${keys}: does not exist`,
      `error ${topics.deadLetter}: does not exist`,
      `error ${topics.state}: has 5 partitions`,
      `error ${topics.state}: has retention.ms=1000`,
      `error ${topics.state}: has max.message.bytes=500000`,
      `error ${topics.commands}: has cleanup.policy=compact`,
      `warning ${topics.state}: has replication 1`,
    ]) {
      assert.ok(
        said.some((line) => line.startsWith(expected)),
        `${expected} is missing in\n${said.join("\n")}`,
      );
    }
    const severities = problems.map(({ severity }) => severity);
    assert.deepEqual(severities, severities.toSorted());
    for (const { remedy } of problems) assert.ok(remedy.length > 0);
  });

  test("records written by key are in the key's partition, in order, where the writer says, and read back whole", async (t) => {
    const [planned] = plannedTopics(names(), { partitions: 3, replication: 1 });
    const { topic } = planned!;
    await createTopics(client, [planned!]);
    const writer = createKeyedWriter(client);
    t.after(() => writer.close());
    const sent = Array.from({ length: 1_000 }, (_, index) => ({
      key: `account-${index % 50}`,
      value: Buffer.from(`${index}`),
    }));
    const positions = await writer.write(topic, sent);
    const read: ReadRecord[] = [];
    await (
      await readTopic({ client, topic, from: "start", until: "end" }, (record) => read.push(record))
    ).done;
    assert.equal(read.length, sent.length);
    for (const record of read) {
      const index = Number(record.value);
      assert.deepEqual(positions[index], { partition: record.partition, offset: record.offset });
      assert.equal(record.partition, murmur2Partitioner(Buffer.from(sent[index]!.key), 3));
    }
    for (const partition of [0, 1, 2]) {
      const order = read.filter((record) => record.partition === partition).map(({ value }) => Number(value));
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    }
  });

  test("reading from the end sees what comes later, and nothing after stop", async (t) => {
    const [planned] = plannedTopics(names(), { partitions: 2, replication: 1 });
    const { topic } = planned!;
    await createTopics(client, [planned!]);
    const writer = createKeyedWriter(client);
    t.after(() => writer.close());
    await writer.write(topic, [{ key: "a", value: Buffer.from("before") }]);
    const read: string[] = [];
    const reader = await readTopic({ client, topic, from: "end" }, ({ value }) => {
      read.push(String(value));
      if (read.length === 2) reader.stop();
    });
    await writer.write(
      topic,
      ["1", "2", "3"].map((value) => ({ key: "a", value: Buffer.from(value) })),
    );
    await reader.done;
    assert.deepEqual(read, ["1", "2"]);
    const rest: string[] = [];
    const from = [0, 0];
    from[murmur2Partitioner(Buffer.from("a"), 2)] = 3;
    await (
      await readTopic({ client, topic, from, until: "end" }, ({ value }) => rest.push(String(value)))
    ).done;
    assert.deepEqual(rest, ["3"]);
  });

  test("a topic that does not exist is a failure for readers and logs", async () => {
    const missing = `${kafka.prefix}missing`;
    await assert.rejects(
      readTopic({ client, topic: missing, from: "start" }, () => {}),
      { code: "UNKNOWN_TOPIC_OR_PARTITION" },
    );
    const logs = createKafkaLogs(client);
    await assert.rejects(logs.partitionCounts([missing]), { code: "UNKNOWN_TOPIC_OR_PARTITION" });
    await delay(0);
    logs.close();
  });
});
