// The committed checkpoint of a task found again in its state log, when the group's offsets expired or were
// reset, or when what is committed is not whole any more (T7). Owns which marker to trust; asks for reading,
// commits nothing.
//
//   offset     … 40       50        60       61
//   marker     n=7        n=8       n=9      n=9'          9 and 9' both follow 8: an owner and its
//   follows      30         41        51       51          predecessor, and one of them was refused
//
// Each marker names the head of the checkpoint that was committed when it was written: 8 is certain. Of two
// that follow it nobody can tell which was committed, so 8 is taken. One alone is taken even if its commit
// never came: everything decided before it was acknowledged before it was written.
//
// Rejected alternative: the last marker in the log. It may be that of an owner that had lost the task.

import { extendLineage, parseCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { PartitionRange } from "./ports.ts";
import { Restore } from "./restore.ts";
import { stateRecordOf } from "./state-log.ts";
import type { StateLogCodec, StateRecordBytes } from "./state-log.ts";
import { TaskRefused } from "./task-refused.ts";

export interface RecoveryOptions {
  readonly task: number;
  readonly groupId: string;
  readonly partitions: number;
  readonly codec: StateLogCodec;
  /** Metadata committed now; empty: none. */
  readonly committed: string;
  /** What the state partition holds. */
  readonly log: PartitionRange;
  /** Hands over each record of the state partition from `from` up to `to`. */
  readonly read: (
    range: { readonly from: number; readonly to: number },
    onRecord: (record: StateRecordBytes) => void,
  ) => Promise<void>;
}

export type Recovery =
  /** Nothing to do: what is committed is whole. */
  | { readonly kind: "committed"; readonly checkpoint: Checkpoint; readonly groups: number }
  /** Nothing to do: the task has not started yet. */
  | { readonly kind: "empty" }
  | {
      readonly kind: "found";
      /** What is wrong with what is committed. */
      readonly because: string;
      readonly checkpoint: Checkpoint;
      /** Whether it is certain to have been committed. */
      readonly certain: boolean;
      readonly groups: number;
    }
  | { readonly kind: "lost"; readonly because: string };

interface Candidate {
  readonly checkpoint: Checkpoint;
  readonly follows: number;
}

/** @throws BrokerFailure of `read` */
export async function recoverTask(options: RecoveryOptions): Promise<Recovery> {
  const { committed, log } = options;
  if (committed === "" && log.end === 0) return { kind: "empty" };
  const present = await checkCommitted(options);
  if (present.kind === "committed") return present;
  const { candidates, problems } = await markedCheckpoints(options);
  const tried: string[] = [...problems];
  for (const { checkpoint, certain } of inOrderOfTrust(candidates)) {
    const whole = await groupsOf(options, checkpoint);
    if ("groups" in whole)
      return { kind: "found", because: present.because, checkpoint, certain, groups: whole.groups };
    tried.push(`checkpoint ${checkpoint.n}: ${whole.problem}`);
  }
  const why = tried.length === 0 ? "no marker of this group and number of partitions is left" : tried.join("; ");
  return { kind: "lost", because: `${present.because}; in the state log: ${why}` };
}

async function checkCommitted(
  options: RecoveryOptions,
): Promise<Extract<Recovery, { kind: "committed" }> | { kind: "broken"; because: string }> {
  const { committed, groupId, partitions } = options;
  const broken = (because: string): { kind: "broken"; because: string } => ({ kind: "broken", because });
  if (committed === "") return broken("no checkpoint is committed");
  const found = parseCheckpoint(committed);
  if ("problem" in found) return broken(`the committed checkpoint ${found.problem}`);
  if (found.group !== groupId) return broken(`the committed checkpoint is of group ${found.group}`);
  if (found.partitions !== partitions) return broken(`the committed checkpoint is for ${found.partitions} partitions`);
  const { lineage } = found;
  const marked = lineage === null ? await markerAt(options, found.head - 1) : null;
  if (lineage === null && marked === null) return broken(`offset ${found.head - 1} is not its marker`);
  const checkpoint: Checkpoint = { ...found, lineage: lineage ?? marked!.checkpoint.lineage };
  const whole = await groupsOf(options, checkpoint);
  return "groups" in whole
    ? { kind: "committed", checkpoint, groups: whole.groups }
    : broken(`the committed checkpoint ${found.n} is not whole: ${whole.problem}`);
}

async function markerAt(options: RecoveryOptions, offset: number): Promise<Candidate | null> {
  const { candidates } = await markedCheckpoints(options, { start: offset, end: offset + 1 });
  return candidates[0] ?? null;
}

/** The checkpoints that markers name, and what is wrong with records on the way. */
async function markedCheckpoints(
  options: RecoveryOptions,
  range: PartitionRange = options.log,
): Promise<{ candidates: Candidate[]; problems: string[] }> {
  const { codec, groupId, partitions, read } = options;
  const candidates: Candidate[] = [];
  const problems: string[] = [];
  await read({ from: range.start, to: range.end }, (bytes) => {
    try {
      const record = stateRecordOf(bytes);
      if (record.kind !== "marker") return;
      const { follows, ...marked } = codec.decodeMarker(record.value, record.version);
      if (marked.group !== groupId || marked.partitions !== partitions) return;
      candidates.push({ checkpoint: closed(marked, bytes.offset), follows });
    } catch (error) {
      problems.push(messageOf(error));
    }
  });
  return { candidates, problems };
}

/** A marker could not know its own offset, and does not say which logs its positions are in. */
function closed(marked: Omit<Checkpoint, "head" | "marks">, offset: number): Checkpoint {
  const head = offset + 1;
  const last = marked.lineage.at(-1);
  const lineage = last === undefined ? [] : extendLineage(marked.lineage, last[0], { from: last[1], to: head });
  return { ...marked, marks: {}, head, lineage };
}

/** The most trusted first: what alone follows the last one that is certain, that one, then earlier ones. */
function inOrderOfTrust(candidates: readonly Candidate[]): { checkpoint: Checkpoint; certain: boolean }[] {
  const followed = new Set(candidates.map(({ follows }) => follows));
  const latestFirst = candidates.toSorted((a, b) => b.checkpoint.n - a.checkpoint.n);
  const certain = latestFirst.filter(({ checkpoint }) => followed.has(checkpoint.head));
  const last = certain[0];
  const heirs = latestFirst.filter(({ follows, checkpoint }) =>
    last === undefined ? !followed.has(checkpoint.head) : follows === last.checkpoint.head,
  );
  // Without a certain one there is nothing to go back to; markers of version 1 do not say what they follow.
  const trusted = last === undefined || heirs.length === 1 ? heirs : [];
  return [
    ...trusted.map(({ checkpoint }) => ({ checkpoint, certain: false })),
    ...certain.map(({ checkpoint }) => ({ checkpoint, certain: true })),
  ];
}

/** How many groups it restores, or why it does not. */
async function groupsOf(
  options: RecoveryOptions,
  checkpoint: Checkpoint,
): Promise<{ readonly groups: number } | { readonly problem: string }> {
  const { codec, log, read } = options;
  const { base, head, lineage } = checkpoint;
  if (base < head && (base < log.start || head > log.end)) {
    return { problem: `it needs offsets ${base} to ${head}, and the log holds ${log.start} to ${log.end}` };
  }
  const groups = new Set<string>();
  const restore = new Restore(
    { lineage, base },
    {
      codec,
      takeGroup: (group, state) => {
        if (state === null) groups.delete(group);
        else groups.add(group);
      },
    },
  );
  let problem: string | null = null;
  await read({ from: base, to: head }, (record) => {
    if (problem !== null) return;
    try {
      restore.take(record);
    } catch (error) {
      problem = messageOf(error);
    }
  });
  if (problem === null && !restore.endsAsMarked(checkpoint)) problem = `offset ${head - 1} is not its marker`;
  return problem === null ? { groups: groups.size } : { problem };
}

function messageOf(error: unknown): string {
  if (error instanceof TaskRefused) return error.message.split(/(?<=\.) /u)[0]!;
  if (error instanceof Error) return error.message;
  return String(error);
}
