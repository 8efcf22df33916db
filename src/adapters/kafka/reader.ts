// Reads a topic, or some of its partitions, without a consumer group: for tools, enforcing services in tests
// and the demo, which keep their own place. Commits nothing, rebalances with nobody.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { PartitionRange, RecordBatch, RecordHeaders } from "../../runtime/ports.ts";
import type { Instant } from "../../core/time.ts";
import type { KafkaClient } from "./client.ts";
import { Connections } from "./connections.ts";
import { Fetcher } from "./fetcher.ts";
import { createKafkaLogs } from "./logs.ts";

export interface ReadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: Instant;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

export interface TopicReading {
  readonly client: KafkaClient;
  readonly topic: string;
  /** `end`: what is appended after readTopic resolved. A list: the first offset of each partition. */
  readonly from: "start" | "end" | readonly number[];
  /** `end`: up to where the topic ended when readTopic was called. Default: until stopped. */
  readonly until?: "end";
  /** Which partitions; default: all. */
  readonly partitions?: readonly number[];
}

export interface TopicReader {
  /** Resolves when everything asked for was read, or at stop(). Rejects with BrokerFailure when reading cannot go on. */
  readonly done: Promise<void>;
  /** No record is handed over after this returns. */
  stop(): void;
}

const LIMITS = { maxWaitMs: 50, maxBytesPerPartition: 1_048_576, maxBytes: 16_777_216, maxBatchBytes: 33_554_432 };

/**
 * Calls `onRecord` for each record, in order within a partition. Brokers that fail meanwhile are waited for.
 * @throws BrokerFailure when the topic cannot be found at the beginning
 */
export async function readTopic(reading: TopicReading, onRecord: (record: ReadRecord) => void): Promise<TopicReader> {
  const { client, topic, from, until, partitions } = reading;
  const ranges = await rangesOf(client, topic);
  const isRead = (partition: number): boolean => partitions === undefined || partitions.includes(partition);
  const connections = new Connections(client);
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  done.catch(() => {}); // whoever wants to know awaits it
  const unread = new Map<number, number>();

  const fetcher: Fetcher = new Fetcher(
    connections,
    ranges.map((_, partition) => ({ topic, partition })),
    {
      ...LIMITS,
      listener: {
        onBatch(batch) {
          handOver(batch, unread.get(batch.partition) ?? Infinity);
          if (batch.nextOffset >= (unread.get(batch.partition) ?? Infinity)) unread.delete(batch.partition);
          if (until === "end" && unread.size === 0) stop();
        },
        onFailure(failure) {
          reject(failure);
          stop();
        },
      },
    },
  );
  let stopped = false;

  function handOver(batch: RecordBatch, end: number): void {
    for (let index = 0; index < batch.length; index += 1) {
      const offset = batch.offsetAt(index);
      if (stopped || offset >= end) return;
      onRecord({
        topic,
        partition: batch.partition,
        offset,
        timestamp: batch.timestampAt(index),
        key: batch.keyAt(index),
        value: batch.valueAt(index),
        headers: batch.headersAt(index),
      });
    }
  }

  function stop(): void {
    if (stopped) return;
    stopped = true;
    fetcher.stop();
    connections.close();
    resolve();
  }

  for (const [partition, { start, end }] of ranges.entries()) {
    if (!isRead(partition)) continue;
    const position = from === "start" ? start : from === "end" ? end : (from[partition] ?? start);
    fetcher.seek(topic, partition, position);
    if (until === "end" && position >= end) continue;
    if (until === "end") unread.set(partition, end);
    fetcher.resume(topic, partition);
  }
  fetcher.start();
  if (until === "end" && unread.size === 0) stop();
  return { done, stop };
}

async function rangesOf(client: KafkaClient, topic: string): Promise<PartitionRange[]> {
  const logs = createKafkaLogs(client);
  try {
    const partitions = (await logs.partitionCounts([topic])).get(topic) ?? 0;
    if (partitions === 0) {
      throw new BrokerFailure(`topic ${topic} does not exist`, {
        disposition: "retry",
        code: "UNKNOWN_TOPIC_OR_PARTITION",
      });
    }
    return await logs.ranges(Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
  } finally {
    logs.close();
  }
}
