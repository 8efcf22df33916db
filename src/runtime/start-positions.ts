// Where a task begins to read its topics: at the checkpoint's positions, or, where there are none, as
// configured or by the frontier. Owns the refusal to skip anything in silence.

import type { Instant } from "../core/time.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { StartPosition } from "./intake.ts";
import { rangeOf } from "./log-ranges.ts";
import type { Asking, Ranges } from "./log-ranges.ts";
import type { PartitionRange } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import { forgetRemedy, TaskRefused } from "./task-refused.ts";
import { readTopics } from "./topics.ts";

/** What a checkpoint goes on from. */
export type Known = Pick<Checkpoint, "positions" | "marks">;

/** Of a first start (T7): of the topics that are read, and of the commands, so that what was said is not said again. */
export async function firstPositions(asking: Asking, ranges: Ranges): Promise<Record<string, number>> {
  const { clock, topics, tuning } = asking.context;
  const { startFrom } = tuning;
  const names = [...readTopics(topics).map(({ topic }) => topic), topics.commands];
  if (startFrom === "earliest") return Object.fromEntries(names.map((topic) => [topic, rangeOf(ranges, topic).start]));
  if (startFrom === "latest") return Object.fromEntries(names.map((topic) => [topic, rangeOf(ranges, topic).end]));
  return offsetsSince(asking, { topics: names, since: clock.now() - startFrom });
}

/** Where the records begin that are at or after a time. */
export async function offsetsSince(
  { context, ownership, task }: Asking,
  options: { topics: readonly string[]; since: Instant },
): Promise<Record<string, number>> {
  const { topics, since } = options;
  const pairs = topics.map((topic) => ({ topic, partition: task }));
  const offsets = await retryWhileOwned(() => context.logs.offsetsAt(pairs, since), {
    ...context,
    ownership,
    doing: "ask for offsets by time",
  });
  return Object.fromEntries(topics.map((topic, i) => [topic, offsets[i] as number]));
}

/**
 * @param known positions, and the logs they are in
 * @throws TaskRefused when one of these logs is not the one that was read
 */
export function checkLogs(task: number, { known, ranges }: { known: Known; ranges: Ranges }): void {
  for (const [topic, [read]] of Object.entries(known.marks)) {
    const now = ranges.get(topic)?.id ?? read;
    if (read === now || read === "") continue;
    throw new TaskRefused(
      `${topic} was deleted and created anew since partition ${task} of it was read to offset ` +
        `${known.positions[topic]} (topic id ${read}, now ${now}): other records stand there now. ${forgetRemedy(topic)}`,
    );
  }
}

/**
 * The positions of the topics that are read, each checked against what its log holds.
 * @param options.known the checkpoint's, or of an ownership that ended
 * @param options.since a topic that is not among them, added later, starts at this record time
 * @throws TaskRefused when records were deleted before they were read, or the log was cut back
 */
export async function startPositions(
  asking: Asking,
  options: { known: Known; since: Instant; ranges: Ranges },
): Promise<ReadonlyMap<string, StartPosition>> {
  const { known, since, ranges } = options;
  const topics = readTopics(asking.context.topics).map(({ topic }) => topic);
  const added = topics.filter((topic) => known.positions[topic] === undefined);
  const late = added.length === 0 ? {} : await offsetsSince(asking, { topics: added, since });
  const starts = new Map<string, StartPosition>();
  for (const topic of topics) {
    const range = rangeOf(ranges, topic);
    const position = (known.positions[topic] ?? late[topic]) as number;
    checkPosition(asking, { topic, position, range });
    const epoch = known.marks[topic]?.[1] ?? -1;
    starts.set(topic, { position, endOffset: range.end, mark: [range.id, epoch] });
  }
  return starts;
}

/** @throws TaskRefused when the log does not hold what comes next */
export function checkPosition(
  { task }: Asking,
  { topic, position, range }: { topic: string; position: number; range: PartitionRange },
): void {
  const { start, end } = range;
  if (position >= start && position <= end) return;
  throw new TaskRefused(
    `${topic} partition ${task} holds offsets ${start} to ${end}, but the checkpoint goes on at ${position}: ` +
      `${position < start ? "records were deleted before they were read" : "the log was truncated"}. ${forgetRemedy(topic)}`,
  );
}
