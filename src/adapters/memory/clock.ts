// Time that moves when it is told to. Owns the alarms (of the broker, of sleeping processes) and fires
// them in order of time; who moves it, and what runs in between, is the broker's settle().
//
// Invariants:
//   B1  An alarm fires once, at its own instant, however far one move goes; equal instants fire in the
//       order they were set.

import type { Instant } from "../../core/time.ts";
import type { Clock } from "../../runtime/ports.ts";

export interface ManualClock extends Clock {
  /** Calls `ring` when the clock reaches `at` (monotonic). @returns cancels it */
  alarm(at: number, ring: () => void): () => void;
  /** When the next alarm rings, on the monotonic clock. */
  nextAlarm(): number | undefined;
  /** Moves to `at` (monotonic), ringing what is due on the way, synchronously. */
  moveTo(at: number): void;
}

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

/** @param startAt wall clock at monotonic 0; both move together */
export function createManualClock(startAt: Instant): ManualClock {
  /** Ascending; a later one of equal time stands behind. (B1) */
  const alarms: Alarm[] = [];
  let elapsed = 0;

  const alarm = (at: number, ring: () => void): (() => void) => {
    const added: Alarm = { at, ring };
    const behind = alarms.findLastIndex((other) => other.at <= at);
    alarms.splice(behind + 1, 0, added);
    return () => {
      const index = alarms.indexOf(added);
      if (index >= 0) alarms.splice(index, 1);
    };
  };

  return {
    now: () => startAt + elapsed,
    monotonic: () => elapsed,
    alarm,
    nextAlarm: () => alarms[0]?.at,
    moveTo(at) {
      while (alarms[0] !== undefined && alarms[0].at <= at) {
        const due = alarms.shift()!;
        elapsed = Math.max(elapsed, due.at);
        due.ring();
      }
      elapsed = Math.max(elapsed, at);
    },
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const wake = (): void => {
          cancel();
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const cancel = alarm(elapsed + Math.max(ms, 0), wake);
        signal?.addEventListener("abort", wake);
      });
    },
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
