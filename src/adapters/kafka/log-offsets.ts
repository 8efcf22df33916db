// Kafka's ListOffsets, version 2 (brokers since 0.11), for many partitions at once: one request a leader. Owns the
// grouping, and that each partition has an answer of its own: kafkajs fails them all for the first that is refused.

import { BrokerFailure } from "../../runtime/ports.ts";
import { leaderOf } from "./connections.ts";
import type { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { kafkajs } from "./kafkajs.ts";
import { sendRequest } from "./request.ts";
import type { Throttled } from "./request.ts";
import { WireReader, WireWriter } from "./wire.ts";

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export const EARLIEST = -2;
export const LATEST = -1;
const LIST_OFFSETS = 2;
const VERSION = 2;
const NO_REPLICA = -1;
/** Ends are high watermarks: also what an open transaction has written counts as written. */
const READ_UNCOMMITTED = 0;
/** Of a partition that an answer leaves out: UNKNOWN_SERVER_ERROR. */
const NO_ANSWER = { code: -1, offset: -1 };

interface OffsetsAnswer extends Throttled {
  readonly partitions: ReadonlyMap<string, { readonly code: number; readonly offset: number }>;
}

/**
 * @param timestamp epoch milliseconds, EARLIEST or LATEST
 * @returns for each pair, in order, the first offset at or after the timestamp; -1 where there is none
 * @throws BrokerFailure
 */
export function listOffsets(
  connections: Connections,
  pairs: readonly TopicPartition[],
  timestamp: number,
): Promise<number[]> {
  return Promise.all(listEachOffset(connections, pairs, timestamp));
}

/**
 * The same, as soon as each is known: a broker that is silent, or a partition that has none, holds up no other.
 * @returns a promise for each pair, in order; each rejects with BrokerFailure
 */
export function listEachOffset(
  connections: Connections,
  pairs: readonly TopicPartition[],
  timestamp: number,
): Promise<number>[] {
  const questions = pairs.map((pair) => ({ ...pair, answer: Promise.withResolvers<number>() }));
  void askAll(connections, questions, timestamp);
  return questions.map(({ answer }) => answer.promise);
}

interface Question extends TopicPartition {
  readonly answer: PromiseWithResolvers<number>;
}

async function askAll(connections: Connections, questions: readonly Question[], timestamp: number): Promise<void> {
  try {
    const cluster = await connections.ready([...new Set(questions.map(({ topic }) => topic))]);
    const led = Map.groupBy(questions, ({ topic, partition }) => leaderOf(cluster, topic, partition));
    for (const [leader, asked] of led) {
      if (leader instanceof BrokerFailure) fail(connections, leader, asked);
      else void ask(connections, leader, { asked, timestamp });
    }
  } catch (error) {
    fail(connections, error, questions);
  }
}

async function ask(
  connections: Connections,
  leader: number,
  { asked, timestamp }: { asked: readonly Question[]; timestamp: number },
): Promise<void> {
  try {
    const { partitions } = await sendRequest(await connections.broker(leader), {
      apiKey: LIST_OFFSETS,
      apiVersion: VERSION,
      apiName: "ListOffsets",
      body: [encodeRequest(asked, timestamp)],
      decode: decodeAnswer,
      timeoutMs: 0,
    });
    for (const question of asked) {
      const { code, offset } = partitions.get(`${question.topic}/${question.partition}`) ?? NO_ANSWER;
      if (code === 0) question.answer.resolve(offset);
      else fail(connections, kafkajs.createErrorFromCode(code), [question]);
    }
  } catch (error) {
    fail(connections, error, asked);
  }
}

function fail(connections: Connections, error: unknown, questions: readonly Question[]): void {
  connections.suspect(error);
  const failure = failureOf(error);
  for (const { answer } of questions) answer.reject(failure);
}

/** A bug stays what it is. */
function failureOf(error: unknown): unknown {
  try {
    return brokerFailure(error, "list offsets");
  } catch (bug) {
    return bug;
  }
}

function encodeRequest(asked: readonly TopicPartition[], timestamp: number): Buffer {
  const topics = byTopic(asked, ({ partition }) => partition);
  const writer = new WireWriter(64 + asked.length * 48).int32(NO_REPLICA).int8(READ_UNCOMMITTED).int32(topics.length);
  for (const { topic, partitions } of topics) {
    writer.string(topic).int32(partitions.length);
    for (const partition of partitions) writer.int32(partition).int64(timestamp);
  }
  return writer.take();
}

function decodeAnswer(payload: Buffer): OffsetsAnswer {
  const reader = new WireReader(payload);
  const throttleMs = reader.int32();
  const partitions = new Map<string, { code: number; offset: number }>();
  reader.array(() => {
    const topic = reader.string();
    reader.array(() => {
      const partition = reader.int32();
      const code = reader.int16();
      reader.int64(); // timestamp of the record found
      partitions.set(`${topic}/${partition}`, { code, offset: reader.int64() });
    });
  });
  return { throttleMs, partitions };
}

/** As requests list them. */
export function byTopic<T extends TopicPartition, P>(
  items: readonly T[],
  partition: (item: T) => P,
): { topic: string; partitions: P[] }[] {
  const topics = new Map<string, P[]>();
  for (const item of items) {
    const partitions = topics.get(item.topic);
    if (partitions === undefined) topics.set(item.topic, [partition(item)]);
    else partitions.push(partition(item));
  }
  return Array.from(topics, ([topic, partitions]) => ({ topic, partitions }));
}
