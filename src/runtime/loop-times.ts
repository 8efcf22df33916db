// What the loop's time goes to: it is in one phase at any moment, so the phases add up to the time passed.

import type { Clock } from "./ports.ts";
import type { Telemetry, TelemetryEvents } from "./telemetry.ts";

/** `process`: records are applied; `checkpoint`: state is taken and encoded; `poll`: I/O has its turn; `idle`: nothing is due. */
export type LoopPhase = keyof TelemetryEvents["loop.observed"];

export class LoopTimes {
  readonly #clock: Clock;
  readonly #ms: Record<LoopPhase, number> = { process: 0, checkpoint: 0, poll: 0, idle: 0 };
  #phase: LoopPhase = "idle";
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  enter(phase: LoopPhase): void {
    const now = this.#clock.monotonic();
    this.#ms[this.#phase] += now - this.#since;
    this.#phase = phase;
    this.#since = now;
  }

  /** Tells the time since the last report, the phase at hand included. */
  report(telemetry: Telemetry): void {
    this.enter(this.#phase);
    const { process, checkpoint, poll, idle } = this.#ms;
    Object.assign(this.#ms, { process: 0, checkpoint: 0, poll: 0, idle: 0 });
    telemetry.emit("loop.observed", {
      process: process / 1_000,
      checkpoint: checkpoint / 1_000,
      poll: poll / 1_000,
      idle: idle / 1_000,
    });
  }
}
