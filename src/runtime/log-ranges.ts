// The logs of one task as of its opening: first and next offset of each topic's partition, and which log it is.

import type { Ownership } from "./ownership.ts";
import type { PartitionRange } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import type { TaskContext } from "./task-context.ts";

export interface LogRange extends PartitionRange {
  /** Of the topic: another one once it was created anew. */
  readonly id: string;
}

export type Ranges = ReadonlyMap<string, LogRange>;

/** Who asks, and for which task. */
export interface Asking {
  readonly context: TaskContext;
  readonly ownership: Ownership;
  readonly task: number;
}

/** @throws OwnershipLost */
export async function logRanges({ context, ownership, task }: Asking, topics: readonly string[]): Promise<Ranges> {
  const pairs = topics.map((topic) => ({ topic, partition: task }));
  const asking = { ...context, ownership, doing: "ask for the logs' ends" };
  // The ids first: should a topic be created anew in between, its positions carry the id of the log that was read.
  const ids = await retryWhileOwned(() => context.logs.logIds(topics), asking);
  const found = await retryWhileOwned(() => context.logs.ranges(pairs), asking);
  return new Map(topics.map((topic, i) => [topic, { ...(found[i] as PartitionRange), id: ids.get(topic) ?? "" }]));
}

export function rangeOf(ranges: Ranges, topic: string): LogRange {
  const range = ranges.get(topic);
  if (range === undefined) throw new Error(`no range of ${topic} was asked for`);
  return range;
}
