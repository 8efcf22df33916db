// What of a task outlives a rebalance (T4): the groups, what the ledger knows of the log, where the inputs
// stand, what is decided and not acknowledged. Made at a first opening; handed from one ownership of the
// task to the next of the same process, which keeps it if its checkpoint is still the committed one.

import type { Outputs } from "../core/output.ts";
import type { Partition } from "../core/partition.ts";
import type { Ledger } from "./ledger.ts";
import type { Unsent } from "./outbox.ts";
import type { LogMark } from "./ports.ts";
import type { Restore } from "./restore.ts";
import type { TaskContext } from "./task-context.ts";
import { servicesRead } from "./topics.ts";

/** A restore under way, or complete: what it reads belongs to these committed metadata. */
export interface Restoring {
  readonly committed: string;
  readonly restore: Restore;
}

/** Where a running task stood when its ownership ended. */
export interface Standing {
  readonly positions: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, LogMark>>;
  readonly unsent: readonly Unsent[];
  /** Offset after the last of its own commands that was acknowledged; -1: none was. */
  readonly saidTo: number;
}

export class TaskMemory {
  readonly partition: Partition;
  /** Told of each decision; the present ownership sets it. */
  onOutputs: (outputs: Outputs) => void = () => {};
  /** null: not restored yet. */
  ledger: Ledger | null = null;
  restoring: Restoring | null = null;
  /** null: it never ran. */
  standing: Standing | null = null;

  constructor(context: TaskContext) {
    this.partition = context.openPartition({
      rules: context.rules,
      settings: context.settings,
      codec: context.stateCodec,
      services: servicesRead(context.topics),
      emit: (outputs) => this.onOutputs(outputs),
    });
  }

  /** Whether there is anything that the next ownership could use. */
  get isWorthKeeping(): boolean {
    return this.standing !== null || this.restoring !== null;
  }
}
