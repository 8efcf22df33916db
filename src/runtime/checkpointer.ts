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

import { isDeepStrictEqual } from "node:util";

import type { Partition } from "../core/partition.ts";
import { checkpointMetadata, extendLineage } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { commitCheckpoint } from "./commit.ts";
import type { Intake } from "./intake.ts";
import type { Outbox } from "./outbox.ts";
import { OwnershipLost } from "./ownership.ts";
import type { Ownership } from "./ownership.ts";
import type { OutRecord } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import { blockSends, markerRecord } from "./state-log.ts";
import type { TaskContext } from "./task-context.ts";

export interface CheckpointerOptions {
  readonly context: TaskContext;
  readonly ownership: Ownership;
  readonly task: number;
  readonly writer: string;
  readonly partition: Partition;
  readonly intake: Intake;
  readonly outbox: Outbox;
  /** The checkpoint the task was opened with, and its committed metadata. */
  readonly opened: { readonly checkpoint: Checkpoint; readonly committed: string };
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #last: Checkpoint;
  #committed: string;
  #takenAt: number;
  #records = 0;
  #urgent = false;
  #running: Promise<void> | null = null;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#last = options.opened.checkpoint;
    this.#committed = options.opened.committed;
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

  get last(): Checkpoint {
    return this.#last;
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
    const { context, ownership, task, partition, intake, outbox } = this.#options;
    const { clock, telemetry } = context;
    const startedAt = clock.monotonic();
    ownership.assertNotLost();
    // K1: no await from here …
    const mark = outbox.mark();
    const positions = intake.positions();
    const changed = partition.takeChanged();
    const n = this.#last.n + 1;
    const sends = blockSends(changed, {
      partition: partition.encode(),
      writer: this.#options.writer,
      n,
      codec: context.stateLogCodec,
    });
    this.#takenAt = startedAt;
    this.#records = 0;
    this.#urgent = false;
    // … to here.
    const result = (outcome: "committed" | "rejected"): void =>
      telemetry.emit("checkpoint.done", {
        task,
        result: outcome,
        seconds: (clock.monotonic() - startedAt) / 1_000,
        groups: changed.length,
        bytes: sends.flat().reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
      });
    try {
      await this.#confirm({ n, mark, positions, sends });
      result("committed");
    } catch (error) {
      if (error instanceof OwnershipLost) result("rejected");
      throw error;
    }
  }

  async #confirm(taken: {
    n: number;
    mark: ReturnType<Outbox["mark"]>;
    positions: Record<string, number>;
    sends: OutRecord[][];
  }): Promise<void> {
    const { context, ownership, task, writer, outbox } = this.#options;
    const { commands } = context.topics;
    const [from] = await Promise.all([this.#append(taken.sends), outbox.flushed(taken.mark)]); // K2
    const said = outbox.nextOffset(taken.mark, commands, task);
    const positions = {
      ...this.#last.positions,
      ...taken.positions,
      [commands]: Math.max(said, this.#last.positions[commands] ?? 0),
    };
    if (from < 0 && isDeepStrictEqual(positions, this.#last.positions)) return; // nothing happened
    let next: Checkpoint = { ...this.#last, writer, n: taken.n, positions };
    if (from >= 0) next = await this.#mark(next, from);
    await commitCheckpoint(next, { context, ownership, task, previous: this.#committed });
    this.#last = next;
    this.#committed = checkpointMetadata(next);
  }

  /** @returns the offset of the first block; -1 when nothing changed */
  async #append(sends: readonly OutRecord[][]): Promise<number> {
    let first = -1;
    for (const records of sends) {
      const base = await this.#send(records);
      if (first < 0) first = base;
    }
    return first;
  }

  /** Closes the checkpoint's blocks with its marker, which says where it itself ends. */
  async #mark(next: Checkpoint, from: number): Promise<Checkpoint> {
    const { writer, context } = this.#options;
    const marked = { ...next, lineage: extendLineage(next.lineage, writer, { from, to: from }) };
    const offset = await this.#send([markerRecord(marked, context.stateLogCodec)]);
    const head = offset + 1;
    return { ...next, head, lineage: extendLineage(next.lineage, writer, { from, to: head }) };
  }

  #send(records: readonly OutRecord[]): Promise<number> {
    const { context, ownership, task } = this.#options;
    const { state } = context.topics;
    return retryWhileOwned(() => context.stateProducer.send(state, task, records), {
      ...context,
      ownership,
      doing: `append to ${state}`,
    });
  }
}
