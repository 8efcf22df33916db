// What a task knows of its own state log: the last committed checkpoint, where each group's latest state
// lies, and what was taken for a checkpoint that is not committed yet. Outlives a rebalance with the task's
// memory (T4). Owns what goes into the next checkpoint and what its metadata say; sending and committing
// are checkpointer.ts's.
//
// Invariants:
//   LG1  What was taken for a checkpoint goes into the next one, too, until one is committed.
//   LG2  n is never used twice, whatever became of the checkpoint that had it.
//   LG3  What may be deleted lies below the base of the checkpoint before the last committed one.
//   LG4  The log only grows: what it takes lies above the head and above all it has taken from this memory. Others
//        that append to it, an owner that had lost the task among them, can only raise the offsets.

import type { ChangedGroup, Partition } from "../core/partition.ts";
import { checkpointMetadata, clipLineage, extendLineage } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { Places } from "./places.ts";
import type { PlacedBlock } from "./places.ts";

/** Bytes of unchanged groups that a checkpoint writes again at least, once the log is too long. */
const REWRITE_LEAST_BYTES = 64 * 1_024;
/** How many times as much when the log is twice too long, or the lineage long. */
const HURRY = 4;
const LONG_LINEAGE = 16;

export interface Taken {
  readonly n: number;
  /** Those written again among them. */
  readonly groups: readonly ChangedGroup[];
  /** Whether the partition's own record has to be written even without a group. */
  readonly isOwnDue: boolean;
}

export class Ledger {
  /** Of the blocks this memory writes. */
  readonly writer: string;
  readonly #places: Places;
  readonly #slackBytes: number;
  #last: Checkpoint;
  #committed: string;
  #n: number;
  #carried: readonly ChangedGroup[] = [];
  #isOwnDue = false;
  #attempt: Checkpoint | null = null;
  #deletableBelow = 0;
  /** Next offset as far as is known (LG4). */
  #end: number;

  /** @param options.slackBytes how much longer than twice the live state the log may be */
  constructor(
    opened: { readonly checkpoint: Checkpoint; readonly committed: string },
    options: { readonly writer: string; readonly places?: Places; readonly slackBytes: number },
  ) {
    this.writer = options.writer;
    this.#places = options.places ?? new Places();
    this.#slackBytes = options.slackBytes;
    this.#last = opened.checkpoint;
    this.#committed = opened.committed;
    this.#n = opened.checkpoint.n;
    this.#end = opened.checkpoint.head;
  }

  /** The last checkpoint known to be committed. */
  get last(): Checkpoint {
    return this.#last;
  }

  /** Its metadata; the next commit replaces exactly this. */
  get committed(): string {
    return this.#committed;
  }

  get liveBytes(): number {
    return this.#places.liveBytes;
  }

  get logBytes(): number {
    return this.#places.logBytes;
  }

  /** LG3: offset of the state partition below which no committed checkpoint needs anything. */
  get deletableBelow(): number {
    return this.#deletableBelow;
  }

  /** What the next checkpoint writes; synchronous with the partition's state. */
  take(partition: Partition): Taken {
    const changed = merged(this.#carried, partition.takeChanged()); // LG1
    const again = changed.length === 0 ? [] : this.#dueAgain(changed);
    for (const group of again) {
      const state = partition.encodeGroup(group);
      if (state === null) throw new Error("a group is in the state log, but neither known nor reported removed");
      changed.push({ group, state });
    }
    this.#carried = changed;
    this.#isOwnDue = partition.takeOwnChange() || this.#isOwnDue;
    this.#n++; // LG2
    return { n: this.#n, groups: changed, isOwnDue: this.#isOwnDue };
  }

  #dueAgain(changed: readonly ChangedGroup[]): string[] {
    const changedBytes = changed.reduce((sum, { state }) => sum + (state?.length ?? 0), 0);
    const isLong = this.#last.lineage.length > LONG_LINEAGE;
    const tooLong = this.logBytes + changedBytes - 2 * this.liveBytes - this.#slackBytes;
    if (tooLong <= 0 && !isLong) return [];
    const isUrgent = isLong || tooLong > 2 * this.liveBytes;
    const bytes = Math.max(changedBytes, REWRITE_LEAST_BYTES) * (isUrgent ? HURRY : 1);
    return this.#places.oldest(bytes, new Set(changed.map(({ group }) => group)));
  }

  /**
   * The log says that it has taken records from an offset on.
   * @returns false: below what it had taken already (LG4); it was cut back, or is another log by now
   */
  extend(from: number, records: number): boolean {
    if (from < this.#end) return false;
    this.#end = from + records;
    return true;
  }

  /** A block of the checkpoint under way was acknowledged. */
  appended(block: PlacedBlock): void {
    this.#places.put(block);
  }

  /**
   * The checkpoint under way, up to its marker.
   * @param from offset of its first block; -1: none was written
   */
  next(n: number, { from, ...inputs }: { from: number } & Pick<Checkpoint, "positions" | "marks">): Checkpoint {
    const next = { ...this.#last, writer: this.writer, n, ...inputs };
    if (from < 0) return next;
    const base = this.#places.advanceBase(from);
    const lineage = extendLineage(this.#last.lineage, this.writer, { from, to: from });
    return { ...next, base, lineage: clipLineage(lineage, base) };
  }

  /** Its commit is about to be sent: should the answer be lost, it may be the committed one. */
  attempt(checkpoint: Checkpoint): void {
    this.#attempt = checkpoint;
  }

  confirm(checkpoint: Checkpoint): void {
    this.#deletableBelow = this.#last.base; // LG3
    this.#last = checkpoint;
    this.#committed = checkpointMetadata(checkpoint);
    this.#attempt = null;
    this.#carried = [];
    this.#isOwnDue = false;
  }

  /** Whether the committed metadata are this memory's own (T4), and with that what became of the last attempt. */
  recognises(committed: string): boolean {
    const attempt = this.#attempt;
    if (attempt !== null && committed === checkpointMetadata(attempt)) {
      this.confirm(attempt);
      return true;
    }
    // Of an older generation: it cannot be committed any more.
    this.#attempt = null;
    return committed === this.#committed;
  }
}

/** Of a group that is in both the later state counts. */
function merged(carried: readonly ChangedGroup[], changed: ChangedGroup[]): ChangedGroup[] {
  if (carried.length === 0) return changed;
  const groups = new Map([...carried, ...changed].map((each) => [each.group, each]));
  return [...groups.values()];
}
