// Reads what the topics hold of one account: of each topic only the partition the account lives in, decoding
// only the account's own records. Joins no group and commits nothing. What cannot be read is said, not
// skipped in silence.

import type { KafkaClient } from "../../adapters/kafka/client.ts";
import { createKafkaLogs } from "../../adapters/kafka/logs.ts";
import { murmur2Partitioner } from "../../adapters/kafka/partitioner.ts";
import { readTopic } from "../../adapters/kafka/reader.ts";
import type { TopicReader } from "../../adapters/kafka/reader.ts";
import { RecordDecoder, Undecodable } from "../../adapters/record-decoder.ts";
import type { SchemaRegistry } from "../../adapters/registry.ts";
import type { SchemaFile, Schemas } from "../../adapters/schema-files.ts";
import type { Ack, Decision } from "../../core/decision.ts";
import type { Command, Detection } from "../../core/output.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import type { Topics } from "../../runtime/topics.ts";
import type { AccountRecords, Appended } from "./case-file.ts";

export interface Cluster {
  readonly client: KafkaClient;
  readonly registry: SchemaRegistry;
  readonly schemas: Schemas;
  readonly topics: Topics;
  readonly signal: AbortSignal;
}

export interface AccountReading {
  readonly records: AccountRecords;
  /** What could not be read. */
  readonly gaps: readonly string[];
}

/** @throws BrokerFailure; the signal's reason when it aborts */
export async function readAccount(cluster: Cluster, accountId: string): Promise<AccountReading> {
  const { topics, schemas } = cluster;
  const gaps: string[] = [];
  const read = <T>(topic: string, file: SchemaFile): Promise<Appended<T>[]> =>
    readKey<T>(cluster, { topic, key: accountId, file, gaps });
  const [commands, detections, decisions, acks] = await Promise.all([
    read<Command>(topics.commands, schemas.command),
    read<Detection>(topics.detections, schemas.detection),
    read<Decision>(topics.decisions, schemas.decision),
    read<Ack>(topics.acks, schemas.ack),
  ]);
  return { records: { commands, detections, decisions, acks }, gaps };
}

async function readKey<T>(
  cluster: Cluster,
  of: { readonly topic: string; readonly key: string; readonly file: SchemaFile; readonly gaps: string[] },
): Promise<Appended<T>[]> {
  const { topic, key, file, gaps } = of;
  const decoder = new RecordDecoder<T>(cluster.registry, file);
  const found: Appended<T>[] = [];
  for (const { value, at, offset } of await recordsOf(cluster, topic, key)) {
    try {
      found.push({ value: await decoder.decode(value), at });
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error;
      gaps.push(`a record of ${topic} (offset ${offset}) cannot be read: ${error.message}`);
    }
  }
  return found;
}

/** All detections of one id, whoever's key they have: of what several accounts share, of a breaker. Reads it all. */
export async function readDetections(cluster: Cluster, caseId: string): Promise<Appended<Detection>[]> {
  const { client, registry, schemas, topics, signal } = cluster;
  const wanted = Buffer.from(caseId);
  const candidates: RawRecord[] = [];
  const reading = { client, topic: topics.detections, from: "start", until: "end" } as const;
  const reader = await readTopic(reading, ({ value, timestamp, offset }) => {
    if (value?.includes(wanted)) candidates.push({ value: Buffer.from(value), at: timestamp, offset });
  });
  await unlessStopped(reader, signal);
  const decoder = new RecordDecoder<Detection>(registry, schemas.detection);
  const found: Appended<Detection>[] = [];
  for (const { value, at } of candidates) {
    const detection = await decoder.decode(value);
    if (detection.caseId === caseId) found.push({ value: detection, at });
  }
  return found.sort((a, b) => a.at - b.at);
}

interface RawRecord {
  readonly value: Buffer | null;
  readonly at: number;
  readonly offset: number;
}

async function recordsOf(cluster: Cluster, topic: string, key: string): Promise<RawRecord[]> {
  const { client, signal } = cluster;
  const wanted = Buffer.from(key);
  const partition = await partitionOf(cluster, topic, wanted);
  const found: RawRecord[] = [];
  const reader = await readTopic(
    { client, topic, from: "start", until: "end", partitions: [partition] },
    ({ key: own, value, timestamp, offset }) => {
      // A copy: the value is a view of its whole batch.
      if (own !== null && own.equals(wanted)) found.push({ value: value && Buffer.from(value), at: timestamp, offset });
    },
  );
  await unlessStopped(reader, signal);
  return found;
}

async function unlessStopped(reader: TopicReader, signal: AbortSignal): Promise<void> {
  const stop = (): void => reader.stop();
  signal.addEventListener("abort", stop, { once: true });
  await reader.done.finally(() => signal.removeEventListener("abort", stop));
  signal.throwIfAborted();
}

/** @throws BrokerFailure when there is no such topic */
export async function partitionOf({ client }: Cluster, topic: string, key: Buffer): Promise<number> {
  const logs = createKafkaLogs(client);
  try {
    const count = (await logs.partitionCounts([topic])).get(topic) ?? 0;
    if (count > 0) return murmur2Partitioner(key, count);
    throw new BrokerFailure(`topic ${topic} does not exist`, {
      disposition: "halt",
      code: "UNKNOWN_TOPIC_OR_PARTITION",
    });
  } finally {
    logs.close();
  }
}
