// Writes the checkpoints of one running task (T2). Owns when one is due and the order of its steps.
//
//     take changed groups, positions, outbox mark   ← one synchronous step
//     append blocks │ wait for every output so far  ← side by side
//     append marker
//     OffsetCommit with the checkpoint as metadata  ← the only commit point
//
// Rejected alternative: one Kafka transaction for outputs, state and offsets. It would fence by producer
// epoch, not by group generation, and make a freeze wait for the commit before anybody can read it.
//
// Invariants:
//   K1  Positions, changed groups and the outbox mark are taken in one synchronous step.
//   K2  A checkpoint commits only after everything decided before it was acknowledged.
//   K3  One checkpoint at a time; the next begins where this one's taking ended.
//   K4  Nothing is committed of a state log that has gone back (LG4).

import { isDeepStrictEqual } from "node:util";

import type { Partition } from "../core/partition.ts";
import { extendLineage } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { commitCheckpoint } from "./commit.ts";
import type { Intake } from "./intake.ts";
import type { Ledger } from "./ledger.ts";
import type { Said } from "./opening.ts";
import type { Outbox } from "./outbox.ts";
import { OwnershipLost } from "./ownership.ts";
import type { Ownership } from "./ownership.ts";
import type { LogMark, OutRecord } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import { blockSends, markerRecord } from "./state-log.ts";
import type { BlockSend } from "./state-log.ts";
import type { TaskContext } from "./task-context.ts";
import { forgetRemedy, TaskRefused } from "./task-refused.ts";
import { Trimmer } from "./trimmer.ts";

export interface CheckpointerOptions {
  readonly context: TaskContext;
  readonly ownership: Ownership;
  readonly task: number;
  readonly partition: Partition;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly ledger: Ledger;
  /** As of the opening. */
  readonly said: Said;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #trimmer: Trimmer;
  #takenAt: number;
  #records = 0;
  #urgent = false;
  #running: Promise<void> | null = null;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#trimmer = new Trimmer(options);
    this.#takenAt = options.context.clock.monotonic();
  }

  /** Records applied since the last taking. */
  count(records: number): void {
    this.#records += records;
  }

  /** A command was decided: the next checkpoint is due at once. */
  hurry(): void {
    this.#urgent = true;
  }

  /** When the next one is due by time, on the monotonic clock; Infinity while one is being written. */
  dueAt(): number {
    return this.#running !== null ? Infinity : this.#takenAt + this.#options.context.tuning.checkpointIntervalMs;
  }

  due(): boolean {
    const { tuning, clock } = this.#options.context;
    if (this.#running !== null) return false;
    return this.#urgent || this.#records >= tuning.checkpointMaxRecords || clock.monotonic() >= this.dueAt();
  }

  /** Takes and writes a checkpoint, after the one under way if there is one (K3). @throws OwnershipLost */
  async write(): Promise<void> {
    while (this.#running !== null) await this.#running;
    this.#running = this.#write();
    try {
      await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #write(): Promise<void> {
    const { context, ownership, task, partition, intake, outbox, ledger } = this.#options;
    const { clock, telemetry } = context;
    const startedAt = clock.monotonic();
    ownership.assertNotLost();
    // K1: no await from here …
    const mark = outbox.mark();
    const positions = intake.positions();
    const marks = intake.marks();
    const { n, groups, isOwnDue } = ledger.take(partition);
    const sends = blockSends(groups, {
      isOwnDue,
      partition: partition.encode(),
      writer: ledger.writer,
      n,
      codec: context.stateLogCodec,
    });
    this.#takenAt = startedAt;
    this.#records = 0;
    this.#urgent = false;
    // … to here.
    const result = (outcome: "committed" | "rejected" | "failed"): void =>
      telemetry.emit("checkpoint.done", {
        task,
        result: outcome,
        seconds: (clock.monotonic() - startedAt) / 1_000,
        groups: groups.length,
        bytes: sends.reduce((sum, { records }) => sum + bytesOf(records), 0),
        stateBytes: ledger.liveBytes,
        logBytes: ledger.logBytes,
      });
    try {
      if (await this.#confirm({ n, mark, positions, marks, sends })) result("committed");
      // With records unread it is no news that nothing was done: the last checkpoint grows old.
      else if (intake.isReadUp()) telemetry.emit("checkpoint.unneeded", { task });
      this.#trimmer.trim();
    } catch (error) {
      result(error instanceof OwnershipLost ? "rejected" : "failed");
      throw error;
    }
  }

  /** @returns false: nothing has happened since the last one */
  async #confirm(taken: {
    n: number;
    mark: ReturnType<Outbox["mark"]>;
    positions: Record<string, number>;
    marks: Record<string, LogMark>;
    sends: readonly BlockSend[];
  }): Promise<boolean> {
    const { context, ownership, task, outbox, ledger, said } = this.#options;
    const { commands } = context.topics;
    const { last } = ledger;
    const [from] = await Promise.all([this.#append(taken.sends), outbox.flushed(taken.mark)]); // K2
    const saidBefore = Math.max(said.to, last.positions[commands] ?? 0);
    const saidNow = outbox.nextOffset(taken.mark, commands, task);
    if (saidNow >= 0 && saidNow < saidBefore) throw commandsGoneBack({ commands, task, saidBefore, saidNow });
    const positions = { ...last.positions, ...taken.positions, [commands]: Math.max(saidNow, saidBefore) };
    if (from < 0 && isDeepStrictEqual(positions, last.positions)) return false;
    const marks = { ...last.marks, ...taken.marks, [commands]: said.mark };
    let next = ledger.next(taken.n, { from, positions, marks });
    if (from >= 0) next = await this.#mark(next, from);
    ledger.attempt(next);
    await commitCheckpoint(next, { context, ownership, task, previous: ledger.committed });
    ownership.assertNotLost(); // the ledger may be another ownership's by now, which knows what became of this
    ledger.confirm(next);
    return true;
  }

  /** @returns the offset of the first block; -1 when nothing changed */
  async #append(sends: readonly BlockSend[]): Promise<number> {
    let first = -1;
    for (const { records, groups } of sends) {
      const base = await this.#send(records);
      if (first < 0) first = base;
      for (const [index, { value }] of records.entries()) {
        this.#options.ledger.appended({ offset: base + index, bytes: value?.length ?? 0, groups: groups[index] ?? [] });
      }
    }
    return first;
  }

  /** Closes the checkpoint's blocks with its marker, which says where it itself ends. */
  async #mark(next: Checkpoint, from: number): Promise<Checkpoint> {
    const { context, ledger } = this.#options;
    const marked = { ...next, follows: ledger.last.head };
    const offset = await this.#send([markerRecord(marked, context.stateLogCodec)]);
    const head = offset + 1;
    return { ...next, head, lineage: extendLineage(next.lineage, ledger.writer, { from, to: head }) };
  }

  async #send(records: readonly OutRecord[]): Promise<number> {
    const { context, ownership, task, ledger } = this.#options;
    const { state } = context.topics;
    const offset = await retryWhileOwned(() => context.stateProducer.send(state, task, records), {
      ...context,
      ownership,
      doing: `append to ${state}`,
    });
    if (ledger.extend(offset, records.length)) return offset; // K4
    // Committed, it would name blocks that are gone: the next owner would start with what little is left.
    throw new TaskRefused(
      `${state} partition ${task} gave offset ${offset} to an append, and had given higher ones before: it was cut ` +
        `back, or deleted and created anew, while the task ran. Nothing of it was committed. Check unclean leader ` +
        `election and who may delete it. Stop all instances; \`holdfast recover\` says which checkpoint is still whole.`,
    );
  }
}

/** Otherwise what is said from now on, below the position, would be adopted by nobody. */
function commandsGoneBack(of: { commands: string; task: number; saidBefore: number; saidNow: number }): TaskRefused {
  const { commands, task, saidBefore, saidNow } = of;
  return new TaskRefused(
    `${commands} partition ${task} ends a command at offset ${saidNow}, and held commands up to ${saidBefore} before: it ` +
      `was cut back, or deleted and created anew, while the task ran. ${forgetRemedy(commands)}`,
  );
}

function bytesOf(records: readonly OutRecord[]): number {
  return records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}
