// The Logs port on Kafka: partition counts, offsets, deletion. Retries nothing; one set of connections.

import type { Logs, PartitionRange } from "../../runtime/ports.ts";
import type { KafkaClient } from "./client.ts";
import { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { EARLIEST, LATEST, listEachOffset, listOffsets } from "./log-offsets.ts";
import { topicIds } from "./topic-ids.ts";

export interface KafkaLogs extends Logs {
  close(): void;
}

export function createKafkaLogs(client: KafkaClient): KafkaLogs {
  const connections = new Connections(client);
  return {
    async partitionCounts(topics) {
      try {
        const cluster = await connections.ready(topics);
        return new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]));
      } catch (error) {
        connections.suspect(error);
        throw brokerFailure(error, `read the partition counts of ${topics.join(", ")}`);
      }
    },

    logIds: (topics) => topicIds(connections, topics),

    async ranges(pairs) {
      const [starts, ends] = await Promise.all([
        listOffsets(connections, pairs, EARLIEST),
        listOffsets(connections, pairs, LATEST),
      ]);
      return starts.map((start, index): PartitionRange => ({ start, end: ends[index]! }));
    },

    ends: (pairs) => listEachOffset(connections, pairs, LATEST),

    async offsetsAt(pairs, timestamp) {
      // The end first: a record appended between the two questions is found by the second.
      const ends = await listOffsets(connections, pairs, LATEST);
      const found = await listOffsets(connections, pairs, timestamp);
      return found.map((offset, index) => (offset < 0 ? ends[index]! : offset));
    },

    async deleteRecords(pairs) {
      try {
        for (const { topic, partition, before } of pairs) {
          const leader = await connections.leader(topic, partition);
          await leader.deleteRecords({ topics: [{ topic, partitions: [{ partition, offset: before }] }] });
        }
      } catch (error) {
        connections.suspect(error);
        throw brokerFailure(refusalOf(error), "delete records");
      }
    },

    close: () => connections.close(),
  };
}

/** The library hides what the broker said of the partition in a list. */
function refusalOf(error: unknown): unknown {
  const { partitions } = error as { partitions?: readonly { error?: unknown }[] };
  return partitions?.[0]?.error ?? error;
}
