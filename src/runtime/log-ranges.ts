// What the logs of one task hold, as of its opening: first and next offset of each topic's partition.

import type { Ownership } from "./ownership.ts";
import type { PartitionRange } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import type { TaskContext } from "./task-context.ts";

export type Ranges = ReadonlyMap<string, PartitionRange>;

/** Who asks, and for which task. */
export interface Asking {
  readonly context: TaskContext;
  readonly ownership: Ownership;
  readonly task: number;
}

/** @throws OwnershipLost */
export async function logRanges({ context, ownership, task }: Asking, topics: readonly string[]): Promise<Ranges> {
  const pairs = topics.map((topic) => ({ topic, partition: task }));
  const found = await retryWhileOwned(() => context.logs.ranges(pairs), {
    ...context,
    ownership,
    doing: "ask for the logs' ends",
  });
  return new Map(topics.map((topic, i) => [topic, found[i] as PartitionRange]));
}

export function rangeOf(ranges: Ranges, topic: string): PartitionRange {
  const range = ranges.get(topic);
  if (range === undefined) throw new Error(`no range of ${topic} was asked for`);
  return range;
}
