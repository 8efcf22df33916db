// Deletes what no committed checkpoint needs from the head of the task's state log (T6). Owns how often;
// what may go is the ledger's to say. A deletion that fails is made again later: until then the log is
// longer than it need be, and that is all.

import type { Ledger } from "./ledger.ts";
import type { Ownership } from "./ownership.ts";
import { BrokerFailure } from "./ports.ts";
import type { TaskContext } from "./task-context.ts";
import { failed } from "./telemetry.ts";

const EVERY_MS = 10_000;

export class Trimmer {
  readonly #options: { context: TaskContext; ownership: Ownership; task: number; ledger: Ledger };
  #nextAt = -Infinity;
  #trimmedTo = 0;
  #isTrimming = false;

  constructor(options: { context: TaskContext; ownership: Ownership; task: number; ledger: Ledger }) {
    this.#options = options;
  }

  /** Deletes what may go, when it is time; resolves nothing, fails nothing. */
  trim(): void {
    const { context, ownership, ledger } = this.#options;
    const before = ledger.deletableBelow;
    if (this.#isTrimming || before <= this.#trimmedTo || context.clock.monotonic() < this.#nextAt) return;
    if (!ownership.held()) return;
    this.#isTrimming = true;
    this.#nextAt = context.clock.monotonic() + EVERY_MS;
    void this.#delete(before).finally(() => (this.#isTrimming = false));
  }

  async #delete(before: number): Promise<void> {
    const { context, task } = this.#options;
    const { state } = context.topics;
    try {
      await context.logs.deleteRecords([{ topic: state, partition: task, before }]);
      this.#trimmedTo = before;
    } catch (error) {
      if (!(error instanceof BrokerFailure)) throw error;
      // Whatever it is, it ends nothing: an operator who allows it later is not too late.
      const told = failed(error, `delete old records of ${state}`);
      context.telemetry.emit("broker.failed", { ...told, disposition: "retry" });
    }
  }
}
