// How a task comes to life: its committed checkpoint found or, on a first start, made (T7); its groups
// restored (T3); what was said above the checkpoint adopted. Owns every reason not to start.
//
//            OffsetFetch    state log        commands
//   open ──► checkpoint ──► base … head ──► position … end ──► inputs at their positions

import type { Partition } from "../core/partition.ts";
import { checkpointMetadata, extendLineage, parseCheckpoint } from "./checkpoint.ts";
import type { Checkpoint, CommittedCheckpoint, LineageRange } from "./checkpoint.ts";
import { commitCheckpoint, committedMetadata } from "./commit.ts";
import type { TaskEvent } from "./lifecycle.ts";
import type { LogReader } from "./log-reader.ts";
import type { Ownership } from "./ownership.ts";
import type { PartitionRange } from "./ports.ts";
import { Restore } from "./restore.ts";
import { retryWhileOwned } from "./retry.ts";
import { readStateRecord } from "./state-log.ts";
import type { TaskContext } from "./task-context.ts";
import { readTopics } from "./topics.ts";

/** A task cannot start, and no retry will help: the process ends with this message. */
export class TaskRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TaskRefused";
  }
}

interface Opening {
  readonly context: TaskContext;
  readonly ownership: Ownership;
  readonly task: number;
  readonly writer: string;
  readonly reader: LogReader;
  readonly partition: Partition;
  readonly advance: (event: TaskEvent) => void;
}

export interface OpenedTask {
  readonly checkpoint: Checkpoint;
  /** Metadata committed when the task was opened; the next commit replaces exactly this. */
  readonly committed: string;
  readonly inputs: ReadonlyMap<string, { position: number; endOffset: number }>;
}

type Ranges = ReadonlyMap<string, PartitionRange>;

/** @throws OwnershipLost; TaskRefused with what is wrong and the remedy */
export async function openTask(opening: Opening): Promise<OpenedTask> {
  const committed = await committedMetadata(opening);
  const ranges = await logRanges(opening);
  opening.advance("found");
  const { checkpoint, metadata } =
    committed === "" ? await firstStart(opening, ranges) : await resume(opening, { committed, ranges });
  opening.advance("restored");
  await adopt(opening, checkpoint);
  opening.advance("adopted");
  return { checkpoint, committed: metadata, inputs: await inputStarts(opening, { checkpoint, ranges }) };
}

async function logRanges({ context, ownership, task }: Opening): Promise<Ranges> {
  const { commands, state } = context.topics;
  const topics = [...readTopics(context.topics).map(({ topic }) => topic), commands, state];
  const pairs = topics.map((topic) => ({ topic, partition: task }));
  const found = await retryWhileOwned(() => context.logs.ranges(pairs), {
    ...context,
    ownership,
    doing: "ask for the logs' ends",
  });
  return new Map(topics.map((topic, i) => [topic, found[i] as PartitionRange]));
}

function rangeOf(ranges: Ranges, topic: string): PartitionRange {
  const range = ranges.get(topic);
  if (range === undefined) throw new Error(`no range of ${topic} was asked for`);
  return range;
}

/** T7: an empty checkpoint is committed before anything is appended. */
async function firstStart(opening: Opening, ranges: Ranges): Promise<{ checkpoint: Checkpoint; metadata: string }> {
  const { context, task, writer } = opening;
  const { state, commands } = context.topics;
  const stateEnd = rangeOf(ranges, state).end;
  if (stateEnd > 0) {
    throw new TaskRefused(
      `${state} partition ${task} holds state up to offset ${stateEnd}, but group ${context.groupId} has no ` +
        `committed checkpoint: its offsets expired or were reset. Starting empty would forget open cases. ` +
        `Restore the group's offsets, or start under a new group id with a new, empty state topic.`,
    );
  }
  const starts = await startOffsets(opening, { topics: readTopics(context.topics).map(({ topic }) => topic), ranges });
  const checkpoint: Checkpoint = {
    writer,
    n: 0,
    base: stateEnd,
    head: stateEnd,
    lineage: [],
    positions: { ...starts, [commands]: rangeOf(ranges, commands).end },
    partitions: context.partitions,
    group: context.groupId,
  };
  await commitCheckpoint(checkpoint, { ...opening, previous: "" });
  return { checkpoint, metadata: checkpointMetadata(checkpoint) };
}

async function startOffsets(
  { context, ownership, task }: Opening,
  options: { topics: readonly string[]; ranges: Ranges },
): Promise<Record<string, number>> {
  const { startFrom } = context.tuning;
  const { topics, ranges } = options;
  if (startFrom === "earliest") return Object.fromEntries(topics.map((t) => [t, rangeOf(ranges, t).start]));
  if (startFrom === "latest") return Object.fromEntries(topics.map((t) => [t, rangeOf(ranges, t).end]));
  return offsetsSince({ context, ownership, task }, { topics, since: context.clock.now() - startFrom });
}

async function offsetsSince(
  { context, ownership, task }: Pick<Opening, "context" | "ownership" | "task">,
  options: { topics: readonly string[]; since: number },
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

/** T3: the groups as the committed checkpoint left them. */
async function resume(
  opening: Opening,
  options: { committed: string; ranges: Ranges },
): Promise<{ checkpoint: Checkpoint; metadata: string }> {
  const { context, task, reader, partition } = opening;
  const { committed, ranges } = options;
  const { state } = context.topics;
  const found = checked(opening, committed);
  const { base, head } = found;
  const log = rangeOf(ranges, state);
  if (base < head && (log.start > base || log.end < head)) {
    throw new TaskRefused(
      `${state} partition ${task} holds offsets ${log.start} to ${log.end}, but the committed checkpoint needs ` +
        `${base} to ${head}: the log was truncated. Check retention (it must be off) and unclean leader election.`,
    );
  }
  const startedAt = context.clock.monotonic();
  context.telemetry.emit("task.restoring", { task, records: head - base });
  const lineage = found.lineage ?? (await lineageFromMarker(opening, found));
  const restore = new Restore(lineage, context.stateLogCodec);
  await reader.read(state, { from: base, to: head }, (batch) => {
    restore.read(batch, head);
    context.telemetry.emit("task.restoreProgress", { task, remaining: Math.max(0, head - batch.nextOffset) });
  });
  let groups = 0;
  const own = restore.partition();
  if (own !== null) partition.loadPartition(own);
  for (const { group, state: bytes } of restore.groups()) {
    partition.loadGroup(group, bytes);
    groups++;
  }
  const seconds = (context.clock.monotonic() - startedAt) / 1_000;
  context.telemetry.emit("task.restored", { task, groups, seconds });
  return { checkpoint: { ...found, lineage }, metadata: committed };
}

function checked({ context, task }: Opening, committed: string): CommittedCheckpoint {
  const where = `the committed checkpoint of group ${context.groupId}, task ${task}`;
  const found = parseCheckpoint(committed);
  if ("problem" in found) {
    throw new TaskRefused(`${where} ${found.problem}. Was it written by another program? Restore the group's offsets.`);
  }
  if (found.group !== context.groupId) {
    throw new TaskRefused(`${where} was written by group ${found.group}. Two groups must not share a state topic.`);
  }
  if (found.partitions !== context.partitions) {
    throw new TaskRefused(
      `${where} was written for ${found.partitions} partitions; the topics now have ${context.partitions}. ` +
        `Accounts have moved between partitions: start under a new group id with a new, empty state topic.`,
    );
  }
  return found;
}

/** A long lineage stands in the marker just below head only. */
async function lineageFromMarker(
  { context, reader, task }: Opening,
  { head }: CommittedCheckpoint,
): Promise<readonly LineageRange[]> {
  const { state } = context.topics;
  const markers: (readonly LineageRange[])[] = [];
  await reader.read(state, { from: head - 1, to: head }, (batch) => {
    for (let i = 0; i < batch.length; i++) {
      if (batch.offsetAt(i) !== head - 1) continue;
      const record = readStateRecord(batch, i);
      if (record.kind === "marker") markers.push(context.stateLogCodec.decodeMarker(record.value).lineage);
    }
  });
  const last = markers[0]?.at(-1);
  if (markers[0] === undefined || last === undefined) {
    throw new TaskRefused(`${state} partition ${task} offset ${head - 1} should be a checkpoint's marker and is not`);
  }
  return extendLineage(markers[0], last[0], { from: last[1], to: head }); // it could not know its own offset
}

/** T3: what was said above the checkpoint is in force, whoever said it. */
async function adopt({ context, ownership, task, reader, partition }: Opening, checkpoint: Checkpoint): Promise<void> {
  const { commands } = context.topics;
  const [range] = await retryWhileOwned(() => context.logs.ranges([{ topic: commands, partition: task }]), {
    ...context,
    ownership,
    doing: "ask for the end of the commands",
  });
  const { start, end } = range as PartitionRange;
  const from = Math.max(checkpoint.positions[commands] ?? end, start);
  const said: Buffer[] = [];
  await reader.read(commands, { from, to: end }, (batch) => {
    for (let i = 0; i < batch.length; i++) {
      const value = batch.valueAt(i);
      if (batch.offsetAt(i) < end && value !== null) said.push(value);
    }
  });
  for (const value of said) {
    const command = await retryWhileOwned(() => context.codec.decodeCommand(value), {
      ...context,
      ownership,
      doing: `decode a command of ${commands}`,
    });
    partition.adopt(command);
  }
  context.telemetry.emit("task.adopted", { task, commands: said.length });
}

/** The inputs' positions; a topic added later starts at the frontier minus the allowed lateness. */
async function inputStarts(
  opening: Opening,
  options: { checkpoint: Checkpoint; ranges: Ranges },
): Promise<ReadonlyMap<string, { position: number; endOffset: number }>> {
  const { context, task, partition } = opening;
  const { checkpoint, ranges } = options;
  const topics = readTopics(context.topics).map(({ topic }) => topic);
  const added = topics.filter((topic) => checkpoint.positions[topic] === undefined);
  const since = partition.frontier() - context.settings.allowedLateness;
  const late = added.length === 0 ? {} : await offsetsSince(opening, { topics: added, since });
  const starts = new Map<string, { position: number; endOffset: number }>();
  for (const topic of topics) {
    const { start, end } = rangeOf(ranges, topic);
    const position = (checkpoint.positions[topic] ?? late[topic]) as number;
    if (position < start || position > end) {
      throw new TaskRefused(
        `${topic} partition ${task} holds offsets ${start} to ${end}, but the checkpoint goes on at ${position}: ` +
          `${position < start ? "records were deleted before they were read" : "the log was truncated"}. ` +
          `Nothing is skipped in silence; move the position with an offset tool only when the loss is understood.`,
      );
    }
    starts.set(topic, { position, endOffset: end });
  }
  return starts;
}
