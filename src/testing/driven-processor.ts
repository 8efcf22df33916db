// One processor under a driver: a process that can be killed, frozen or told to stop, and everything it
// reported. Owns its life; composing it is processor-driver.ts's.

import type { MemoryProcess } from "../adapters/memory/process.ts";
import type { RuleSet } from "../core/rule.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import type { TaskContext } from "../runtime/task-context.ts";
import type { Telemetry, TelemetryEvents } from "../runtime/telemetry.ts";
import { Worker } from "../runtime/worker.ts";

export interface Reported<K extends keyof TelemetryEvents = keyof TelemetryEvents> {
  readonly name: K;
  readonly fields: TelemetryEvents[K];
}

type End =
  | { readonly how: "running" }
  | { readonly how: "stopped" }
  | { readonly how: "failed"; readonly error: unknown };

/** Between two tries to prepare while the registry does not answer. */
const PREPARE_AGAIN_MS = 100;

export class DrivenProcessor {
  readonly process: MemoryProcess;
  readonly reported: Reported[] = [];
  readonly #stop = new AbortController();
  readonly #worker: Worker;
  readonly #readFields: (fields: ReadonlySet<string>) => void;
  #end: End = { how: "running" };
  #prepared = false;

  /** @param compose makes what the worker needs, what must be done before it runs, and at other rules */
  constructor(
    process: MemoryProcess,
    compose: (telemetry: Telemetry) => {
      context: TaskContext;
      prepare: () => Promise<readonly string[]>;
      readFields: (fields: ReadonlySet<string>) => void;
    },
  ) {
    this.process = process;
    const telemetry: Telemetry = { emit: (name, fields) => void this.reported.push({ name, fields }) };
    const { context, prepare, readFields } = compose(telemetry);
    this.#readFields = readFields;
    this.#worker = new Worker(context);
    void this.#run(prepare);
  }

  /** SIGTERM: it drains and leaves; let time pass until `end()` says so. */
  stop(): void {
    this.#stop.abort();
  }

  /** kill -9. */
  kill(): void {
    this.process.kill();
  }

  /** SIGSTOP; the clock and the others go on. */
  freeze(): void {
    this.process.freeze();
  }

  thaw(): void {
    this.process.thaw();
  }

  /** As if the rules on disk had changed. */
  replaceRules(rules: RuleSet): void {
    this.#readFields(rules.fields);
    this.#worker.replaceRules(rules);
  }

  /** Assigned, and every task restored. */
  ready(): boolean {
    return this.#end.how === "running" && this.process.alive() && this.#worker.ready();
  }

  /** Past its start: it takes part in the group. */
  get prepared(): boolean {
    return this.#prepared;
  }

  /** What `/status` would say of its tasks. */
  status(): object {
    return this.#worker.status();
  }

  /** How the process ended, if it has by itself. */
  end(): End {
    return this.#end;
  }

  /** What was reported under one name, in order. */
  reports<K extends keyof TelemetryEvents>(name: K): TelemetryEvents[K][] {
    return this.reported.flatMap((event) => (event.name === name ? [event.fields as TelemetryEvents[K]] : []));
  }

  async #run(prepare: () => Promise<readonly string[]>): Promise<void> {
    try {
      const problems = await this.#untilAnswered(prepare);
      this.#prepared = true;
      if (problems.length > 0) throw new Error(problems.join("\n"));
      await this.#worker.run(this.#stop.signal);
      this.#end = { how: "stopped" };
    } catch (error) {
      this.#end = { how: "failed", error };
    }
  }

  /** A registry that does not answer is waited for, unless the processor is told to stop. */
  async #untilAnswered(prepare: () => Promise<readonly string[]>): Promise<readonly string[]> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await prepare();
      } catch (error) {
        if (!(error instanceof BrokerFailure) || error.disposition === "halt") throw error;
        await this.process.clock.sleep(PREPARE_AGAIN_MS, signal);
      }
    }
    return [];
  }
}
