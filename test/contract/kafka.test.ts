// The broker contract on a real Kafka.

import assert from "node:assert/strict";
import { after, suite } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createKafkaClient } from "../../src/adapters/kafka/client.ts";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";
import { Connections } from "../../src/adapters/kafka/connections.ts";
import { createKafkaGroup } from "../../src/adapters/kafka/group.ts";
import { createKafkaLogs } from "../../src/adapters/kafka/logs.ts";
import { createKafkaProducer } from "../../src/adapters/kafka/producer.ts";
import { createTopics } from "../../src/adapters/kafka/topics.ts";
import { abortedTransaction } from "../adapters/kafka/transaction.ts";
import { cluster } from "../cluster.ts";
import { brokerContract } from "./broker-contract.ts";
import type { ContractWorld } from "./contract-world.ts";

const DEADLINE_MS = 30_000;
const STEP_MS = 5;

const kafka = cluster();
let worlds = 0;

suite("kafka", { skip: kafka.skip }, () => {
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "contract" });
  const admin = client.admin();
  const connected = kafka.skip === false ? admin.connect() : Promise.resolve();
  after(() => admin.disconnect());

  brokerContract("kafka", async () => {
    await connected;
    return openWorld(client, admin);
  });
});

async function openWorld(client: KafkaClient, admin: ReturnType<KafkaClient["admin"]>): Promise<ContractWorld> {
  worlds += 1;
  const name = `${kafka.prefix}contract-${worlds}`;
  const topics: readonly [string, string] = [`${name}-alpha`, `${name}-beta`];
  await createTopics(
    client,
    topics.map((topic) => ({ topic, partitions: 2, replication: 1, config: {} })),
  );
  const producer = createKafkaProducer(client);
  const logs = createKafkaLogs(client);
  const outside = new Connections(client);
  const until: ContractWorld["until"] = async (holds, what) => {
    for (const end = performance.now() + DEADLINE_MS; !holds();) {
      assert.ok(performance.now() < end, `not within ${DEADLINE_MS} ms: ${what}`);
      await delay(STEP_MS);
    }
  };
  return {
    topics,
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
      turn: () => new Promise((resolve) => void setImmediate(resolve)),
    },
    producer,
    logs,
    group: () =>
      createKafkaGroup({ client, groupId: `${name}-group`, topics, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 100 }),
    until,
    async expel(member) {
      const groupId = `${name}-group`;
      const coordinator = await outside.coordinator(groupId, topics);
      await coordinator.leaveGroup({ groupId, memberId: member });
    },
    async deleteBefore(topic, partition, offset) {
      await admin.fetchTopicOffsets(topic); // without it the library knows no leader of a new topic
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async createAnew(topic) {
      const [before] = (await logs.logIds([topic])).values();
      const id = async (): Promise<string | undefined> =>
        (await logs.logIds([topic]).catch(() => new Map<string, string>())).get(topic);
      await admin.deleteTopics({ topics: [topic] });
      while ((await id()) !== undefined) await delay(STEP_MS);
      await createTopics(client, [{ topic, partitions: 2, replication: 1, config: {} }]);
      for (let now = await id(); now === undefined || now === before; now = await id()) await delay(STEP_MS);
    },
    async appendControl(topic, partition) {
      const end = async (): Promise<number> => (await logs.ranges([{ topic, partition }]))[0]!.end;
      const before = await end();
      await abortedTransaction(kafka.brokers, { topic, partition });
      // The record and the marker behind it, which the coordinator writes after it has answered.
      while ((await end()) < before + 2) await delay(STEP_MS);
    },
    async close() {
      producer.close();
      logs.close();
      outside.close();
      await admin.deleteTopics({ topics: [...topics] });
    },
  };
}
