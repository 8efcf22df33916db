// What the group does on a real broker beyond the contract of the ports: other producers' batches, and the
// failures that end it.

import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import { Connections } from "../../../src/adapters/kafka/connections.ts";
import { createKafkaGroup } from "../../../src/adapters/kafka/group.ts";
import type { KafkaGroupOptions } from "../../../src/adapters/kafka/group.ts";
import { produceBatch } from "../../../src/adapters/kafka/produce-protocol.ts";
import { createKafkaProducer } from "../../../src/adapters/kafka/producer.ts";
import { encodeRecordBatch } from "../../../src/adapters/kafka/record-encoder.ts";
import { createTopics } from "../../../src/adapters/kafka/topics.ts";
import type { BrokerFailure, Group, OutRecord } from "../../../src/runtime/ports.ts";
import type { Telemetry } from "../../../src/runtime/telemetry.ts";
import { cluster } from "../../cluster.ts";
import { transactionalProducer } from "./transaction.ts";

const kafka = cluster();
const HEADER_BYTES = 61;

suite("kafka group", { skip: kafka.skip }, () => {
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "group-test" });
  const connections = new Connections(client);
  const producer = createKafkaProducer(client);
  const groups: Group[] = [];
  let named = 0;
  after(async () => {
    await Promise.all(groups.map((group) => group.stop()));
    producer.close();
    connections.close();
  });

  async function topicOf(partitions: number): Promise<string> {
    const topic = `${kafka.prefix}group-${(named += 1)}`;
    await createTopics(client, [{ topic, partitions, replication: 1, config: {} }]);
    return topic;
  }

  /** A member that reads all topics from `from` on. */
  async function reading(topics: readonly string[], options: { from?: number } & Partial<KafkaGroupOptions> = {}) {
    const { from = 0, ...more } = options;
    const group = createKafkaGroup({ client, groupId: `${topics[0]}-group`, topics, sessionTimeoutMs: 6_000, ...more });
    groups.push(group);
    const values: (string | null)[] = [];
    const failures: BrokerFailure[] = [];
    await group.start({
      onSuspend: () => {},
      onAssigned({ tasks }) {
        for (const topic of topics) {
          for (const task of tasks) {
            group.seek(topic, task, from);
            group.resume(topic, task);
          }
        }
      },
      onBatch(batch) {
        for (let index = 0; index < batch.length; index += 1) values.push(batch.valueAt(index)?.toString() ?? null);
      },
      onFailure: (failure) => failures.push(failure),
    });
    return { group, values, failures };
  }

  async function compressed(topic: string, codec: 1 | 4, records: readonly OutRecord[]): Promise<void> {
    const plain = encodeRecordBatch(records, Date.now());
    const compress = codec === 1 ? gzipSync : zstdCompressSync;
    const batch = Buffer.concat([plain.subarray(0, HEADER_BYTES), compress(plain.subarray(HEADER_BYTES))]);
    batch.writeInt16BE(codec, 21);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeUInt32BE(checksum(batch.subarray(21)), 17);
    await produceBatch(await connections.leader(topic, 0), batch, { topic, partition: 0, timeoutMs: 5_000 });
  }

  test("gzip and zstd from other producers are read; a bomb is shown as its records without content", async () => {
    const topic = await topicOf(1);
    await compressed(topic, 1, records("gzip"));
    await compressed(topic, 4, records("zstd", "zstd too"));
    await compressed(topic, 4, records(...Array.from({ length: 3 }, () => "0".repeat(1_000_000))));
    await producer.send(topic, 0, records("after"));
    const { values, failures } = await reading([topic], { maxBatchBytes: 100_000 });
    await until(() => values.length === 7 || failures.length > 0);
    assert.deepEqual(values, ["gzip", "zstd", "zstd too", null, null, null, "after"]);
  });

  test("what transactions took back is never seen, also when several were open at once", async (t) => {
    const topic = await topicOf(1);
    const producers = await Promise.all([1, 2, 3].map(() => transactionalProducer(kafka.brokers)));
    t.after(() => Promise.all(producers.map((each) => each.disconnect())));
    const transactions = await Promise.all(producers.map((each) => each.transaction()));
    for (const round of [1, 2]) {
      for (const [index, transaction] of transactions.entries()) {
        await transaction.send({ topic, messages: [{ partition: 0, value: `${index}.${round}` }] });
      }
    }
    await transactions[2]!.abort();
    await transactions[1]!.commit();
    await transactions[0]!.abort();
    await producer.send(topic, 0, records("end"));
    const { values } = await reading([topic]);
    await until(() => values.includes("end"));
    assert.deepEqual(values, ["1.1", "1.2", "end"]);
  });

  test("an offset that was deleted ends the group, naming topic, partition, offset and the log's range", async () => {
    const topic = await topicOf(1);
    await producer.send(topic, 0, records("0", "1", "2", "3"));
    const admin = client.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "3" }] });
    await admin.disconnect();
    for (const from of [1, 9]) {
      const { group, values, failures } = await reading([topic], { from });
      await until(() => failures.length > 0);
      assert.equal(failures[0]!.disposition, "halt");
      assert.equal(failures[0]!.code, "OFFSET_OUT_OF_RANGE");
      assert.ok(
        failures[0]!.message.startsWith(`${topic} partition 0: offset ${from} is expected, but the log holds 3 to 4`),
        failures[0]!.message,
      );
      assert.deepEqual(values, []);
      await group.stop();
      assert.deepEqual([failures.length, group.generation()], [1, -1]);
    }
  });

  test("topics with different partition counts end the group, naming the counts", async () => {
    const [two, three] = [await topicOf(2), await topicOf(3)];
    const { failures } = await reading([two, three]);
    await until(() => failures.length > 0);
    assert.equal(failures[0]!.disposition, "halt");
    assert.match(failures[0]!.message, new RegExp(`${two} has 2, ${three} has 3`, "u"));
  });

  test("a partition is not resumed before it was sought", async () => {
    const topic = await topicOf(1);
    const group = createKafkaGroup({ client, groupId: `${topic}-group`, topics: [topic], sessionTimeoutMs: 6_000 });
    groups.push(group);
    let thrown: unknown;
    await group.start({
      onSuspend: () => {},
      onAssigned: () => {
        try {
          group.resume(topic, 0);
        } catch (error) {
          thrown = error;
        }
      },
      onBatch: () => {},
      onFailure: () => {},
    });
    await until(() => group.generation() >= 0);
    assert.match(String(thrown), /resumed before a seek/u);
  });

  test("a commit of another generation is refused without asking anybody (M3)", async () => {
    const topic = await topicOf(1);
    const { group } = await reading([topic]);
    await until(() => group.generation() >= 0);
    const assignment = { generation: group.generation(), member: "whoever", tasks: [0] };
    await group.stop();
    // Nobody could be asked any more: there would be no answer.
    assert.equal(await group.commit(assignment, [{ topic, partition: 0, offset: 1, metadata: "" }]), "rejected");
  });

  test("a group whose brokers do not answer keeps trying, and stops when told", async () => {
    const nowhere = createKafkaClient({ brokers: ["127.0.0.1:1"], clientId: "nowhere" });
    let suspended = 0;
    const told = new Set<string>();
    const telemetry: Telemetry = { emit: (name, fields) => told.add(`${name} ${JSON.stringify(fields)}`) };
    const group = createKafkaGroup({ client: nowhere, groupId: "g", topics: ["t"], telemetry });
    await group.start({
      onSuspend: () => (suspended += 1),
      onAssigned: () => assert.fail("assigned"),
      onBatch: () => {},
      onFailure: (failure) => assert.fail(failure.message),
    });
    await until(() => suspended > 2);
    const before = performance.now();
    await group.stop();
    assert.ok(performance.now() - before < 2_000);
    assert.match([...told].join("\n"), /^broker\.failed .*"CONNECTION".*"retry".*"take part in the group"/u);
  });
});

function records(...values: string[]): OutRecord[] {
  return values.map((value) => ({ key: null, value: Buffer.from(value), headers: {} }));
}

/** CRC-32C, bit by bit: not the implementation under test. */
function checksum(bytes: Buffer): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !holds();) {
    assert.ok(performance.now() < end, "not within 30 s");
    await delay(5);
  }
}
