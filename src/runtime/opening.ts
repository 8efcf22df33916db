// How a task comes to life: its committed checkpoint found or, on a first start, made (T7); its groups kept
// (T4) or restored (T3); what was said above the checkpoint adopted. Owns the order, and what of an earlier
// ownership's memory may be used.
//
//            OffsetFetch    state log        commands
//   open ──► checkpoint ──► base … head ──► position … end ──► inputs at their positions
//               └ still this memory's own ─────┘
//
// Invariants:
//   OP1  Memory is kept only while the committed checkpoint is the one it was made from or wrote itself.
//   OP2  Of what was said above the checkpoint nothing is missing: commands that were cut off, or deleted before
//        anybody adopted them, are refused by name. Below its position retention may delete as it likes, since that
//        is in the state; what is adopted moves the next checkpoint's position on, and so comes to lie below.

import type { Partition } from "../core/partition.ts";
import type { Instant } from "../core/time.ts";
import { checkpointMetadata, parseCheckpoint } from "./checkpoint.ts";
import type { Checkpoint, CommittedCheckpoint } from "./checkpoint.ts";
import { commitCheckpoint, committedMetadata } from "./commit.ts";
import { Ledger } from "./ledger.ts";
import type { StartPosition } from "./intake.ts";
import type { TaskEvent } from "./lifecycle.ts";
import { logRanges, rangeOf } from "./log-ranges.ts";
import type { Ranges } from "./log-ranges.ts";
import type { LogMark, PartitionRange } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import { checkLogs, checkPosition, firstPositions, offsetsSince, startPositions } from "./start-positions.ts";
import { restoreState } from "./state-restoring.ts";
import type { StateRestoring } from "./state-restoring.ts";
import type { TaskMemory } from "./task-memory.ts";
import { TaskRefused } from "./task-refused.ts";
import { readTopics, servicesRead } from "./topics.ts";

interface Opening extends StateRestoring {
  /** Of an earlier ownership in this process, or empty. */
  readonly memory: TaskMemory;
  /** Empty memory in place of one that is of no use. */
  readonly startAnew: () => TaskMemory;
  readonly advance: (event: TaskEvent) => void;
}

export interface OpenedTask {
  readonly ledger: Ledger;
  readonly said: Said;
  readonly inputs: ReadonlyMap<string, StartPosition>;
}

/** How far the commands are in the state, and which log that is in; a producer is not told its leader's epoch. */
export interface Said {
  readonly to: number;
  readonly mark: LogMark;
}

const DEFAULT_SLACK_BYTES = 1_048_576;
/** Commands whose bytes are held at once: after a first start from far back there may be very many. */
const ADOPTED_TOGETHER = 5_000;

/** @throws OwnershipLost; TaskRefused with what is wrong and the remedy */
export async function openTask(opening: Opening): Promise<OpenedTask> {
  const { context, advance } = opening;
  const committed = await committedMetadata(opening);
  const { commands, state } = context.topics;
  const ranges = await logRanges(opening, [...readTopics(context.topics).map(({ topic }) => topic), commands, state]);
  advance("found");
  const memory = usableMemory(opening, committed);
  const { standing } = memory;
  if (standing === null) memory.ledger = await takeUp(opening, { memory, committed, ranges });
  else keep(opening, memory.partition);
  const ledger = memory.ledger as Ledger;
  advance("restored");
  const { positions } = ledger.last;
  const known = {
    positions: { ...positions, ...standing?.positions },
    marks: { ...ledger.last.marks, ...standing?.marks },
  };
  checkLogs(opening.task, { known, ranges });
  const since = memory.partition.frontier() - context.settings.allowedLateness;
  const position = positions[commands];
  const to = await adopt(opening, {
    partition: memory.partition,
    position: position === undefined ? undefined : Math.max(position, standing?.saidTo ?? 0),
    since,
  });
  advance("adopted");
  const inputs = await startPositions(opening, { known, since, ranges });
  return { ledger, inputs, said: { to, mark: [rangeOf(ranges, commands).id, -1] } };
}

/** OP1 */
function usableMemory({ memory, startAnew }: Opening, committed: string): TaskMemory {
  const { standing, ledger, restoring } = memory;
  const isUsable =
    standing === null
      ? restoring === null || restoring.committed === committed
      : ledger !== null && ledger.recognises(committed);
  return isUsable ? memory : startAnew();
}

/** T4: nothing is restored. Who is idle has to be asked again. */
function keep({ context, task }: Opening, partition: Partition): void {
  for (const service of servicesRead(context.topics)) partition.setIdle(service, false);
  context.telemetry.emit("task.kept", { task, groups: partition.groups });
}

async function takeUp(
  opening: Opening,
  options: { memory: TaskMemory; committed: string; ranges: Ranges },
): Promise<Ledger> {
  const { context } = opening;
  const { memory, committed, ranges } = options;
  const { stateLogSlackBytes: slackBytes = DEFAULT_SLACK_BYTES } = context.tuning;
  const writer = context.newWriter();
  if (committed === "") {
    const first = await firstStart(opening, { writer, ranges });
    return new Ledger({ checkpoint: first, committed: checkpointMetadata(first) }, { writer, slackBytes });
  }
  const found = checked(opening, committed);
  const log = rangeOf(ranges, context.topics.state);
  const checkpoint = await restoreState(opening, { memory, found, committed, log });
  const places = memory.restoring?.restore.places;
  if (places === undefined) throw new Error("a restored task has no places");
  return new Ledger({ checkpoint, committed }, { writer, places, slackBytes });
}

/** T7: an empty checkpoint is committed before anything is appended. */
async function firstStart(opening: Opening, of: { writer: string; ranges: Ranges }): Promise<Checkpoint> {
  const { context, task } = opening;
  const { state } = context.topics;
  const { writer, ranges } = of;
  const stateEnd = rangeOf(ranges, state).end;
  if (stateEnd > 0) {
    throw new TaskRefused(
      `${state} partition ${task} holds state up to offset ${stateEnd}, but group ${context.groupId} has no ` +
        `committed checkpoint: its offsets expired or were reset. Starting empty would forget open cases. ` +
        `\`holdfast recover\` finds the last checkpoint in the state log and commits it again.`,
    );
  }
  const positions = await firstPositions(opening, ranges);
  const checkpoint: Checkpoint = {
    writer,
    n: 0,
    base: stateEnd,
    head: stateEnd,
    lineage: [],
    positions,
    marks: Object.fromEntries(Object.keys(positions).map((topic) => [topic, [rangeOf(ranges, topic).id, -1]])),
    partitions: context.partitions,
    group: context.groupId,
  };
  await commitCheckpoint(checkpoint, { ...opening, previous: "" });
  return checkpoint;
}

function checked({ context, task }: Opening, committed: string): CommittedCheckpoint {
  const where = `the committed checkpoint of group ${context.groupId}, task ${task}`;
  const found = parseCheckpoint(committed);
  if ("problem" in found) {
    throw new TaskRefused(
      `${where} ${found.problem}. Was it written by another program, or a newer Holdfast? Run that release; ` +
        `otherwise \`holdfast recover\` finds the last checkpoint in the state log and commits it again.`,
    );
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

/**
 * T3: what was said above the position is in force, whoever said it.
 * @param options.position undefined: let go of; then what was said since that time is
 * @returns up to where
 */
async function adopt(
  opening: Opening,
  options: { partition: Partition; position: number | undefined; since: Instant },
): Promise<number> {
  const { context, ownership, task } = opening;
  const { commands } = context.topics;
  const [range] = await retryWhileOwned(() => context.logs.ranges([{ topic: commands, partition: task }]), {
    ...context,
    ownership,
    doing: "ask for the end of the commands",
  });
  const { start, end } = range as PartitionRange;
  const from =
    options.position ?? (await offsetsSince(opening, { topics: [commands], since: options.since }))[commands]!;
  checkPosition(opening, { topic: commands, position: from, range: { start, end } }); // OP2
  let adopted = 0;
  for (let next = from; next < end; next += ADOPTED_TOGETHER) {
    const said = await readSaid(opening, { from: next, to: Math.min(end, next + ADOPTED_TOGETHER) });
    for (const { value, at } of said) {
      const command = await retryWhileOwned(() => context.codec.decodeCommand(value), {
        ...context,
        ownership,
        doing: `decode a command of ${commands}`,
      });
      options.partition.adopt(command, at);
    }
    adopted += said.length;
  }
  context.telemetry.emit("task.adopted", { task, commands: adopted });
  return end;
}

interface SaidBytes {
  readonly value: Buffer;
  readonly at: Instant;
}

/** Those of this task: before the topics had as many partitions as now, others' came to lie here, too. */
async function readSaid(
  { context, task, reader }: Opening,
  range: { readonly from: number; readonly to: number },
): Promise<SaidBytes[]> {
  const said: SaidBytes[] = [];
  await reader.read(context.topics.commands, range, (batch) => {
    for (let i = 0; i < batch.length && batch.offsetAt(i) < range.to; i++) {
      const [key, value] = [batch.keyAt(i), batch.valueAt(i)];
      if (key === null || value === null || context.partitioner(key, context.partitions) !== task) continue;
      said.push({ value, at: batch.timestampAt(i) });
    }
  });
  return said;
}
