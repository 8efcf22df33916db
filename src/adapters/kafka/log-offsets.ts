// ListOffsets for many partitions at once: one request a leader. Owns the grouping, by leader and by topic.

import type { Connections } from "./connections.ts";
import type { Broker } from "./kafkajs.ts";
import { brokerFailure } from "./failures.ts";

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export const EARLIEST = -2;
export const LATEST = -1;
/** Ends are high watermarks: also what an open transaction has written counts as written. */
const READ_UNCOMMITTED = 0;

/**
 * @param timestamp epoch milliseconds, EARLIEST or LATEST
 * @returns for each pair, in order, the first offset at or after the timestamp; -1 where there is none
 * @throws BrokerFailure
 */
export async function listOffsets(
  connections: Connections,
  pairs: readonly TopicPartition[],
  timestamp: number,
): Promise<number[]> {
  try {
    const byLeader = new Map<Broker, number[]>();
    for (const [index, { topic, partition }] of pairs.entries()) {
      const leader = await connections.leader(topic, partition);
      const led = byLeader.get(leader);
      if (led === undefined) byLeader.set(leader, [index]);
      else led.push(index);
    }
    const offsets = new Array<number>(pairs.length).fill(-1);
    const requests = Array.from(byLeader, ([leader, indices]) => ask(leader, { pairs, indices, timestamp, offsets }));
    await Promise.all(requests);
    return offsets;
  } catch (error) {
    connections.suspect(error);
    throw brokerFailure(error, "list offsets");
  }
}

async function ask(
  leader: Broker,
  query: { pairs: readonly TopicPartition[]; indices: readonly number[]; timestamp: number; offsets: number[] },
): Promise<void> {
  const { pairs, indices, timestamp, offsets } = query;
  const topics = new Map<string, { partition: number; timestamp: number }[]>();
  for (const index of indices) {
    const { topic, partition } = pairs[index]!;
    const partitions = topics.get(topic) ?? [];
    topics.set(topic, [...partitions, { partition, timestamp }]);
  }
  const { responses } = await leader.listOffsets({
    isolationLevel: READ_UNCOMMITTED,
    topics: Array.from(topics, ([topic, partitions]) => ({ topic, partitions })),
  });
  const answers = new Map<string, number>();
  for (const { topic, partitions } of responses) {
    for (const { partition, offset } of partitions) answers.set(`${topic}/${partition}`, Number(offset));
  }
  for (const index of indices) {
    const { topic, partition } = pairs[index]!;
    offsets[index] = answers.get(`${topic}/${partition}`) ?? -1;
  }
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
