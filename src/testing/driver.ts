// Runs the production core on events that are handed to it, with time moved by hand: what `holdfast
// replay`, the rules' own tests and timelines have in common. Owns the order of apply and tick, one
// frontier for all services, and the end of time. Stateless beyond the partition it drives.
//
// Signals come back at once, in the order they were said: what an event tells other accounts is decided before
// the next event.

import type { Arrival, ExchangeEvent } from "../core/event.ts";
import type { Outputs } from "../core/output.ts";
import { openPartition } from "../core/partition.ts";
import type { CoreSettings, StateCodec } from "../core/partition.ts";
import type { RuleSet } from "../core/rule.ts";
import type { Signal } from "../core/signal.ts";
import { DAY, MINUTE } from "../core/time.ts";
import type { Instant } from "../core/time.ts";

export interface DriverOptions {
  readonly rules: RuleSet;
  /** What is left out is as a processor has it by default. */
  readonly settings?: Partial<CoreSettings>;
}

const SETTINGS: CoreSettings = { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" };

export interface Driver {
  /** What this event decides, in order; then what the time it moved decides. */
  apply(arrival: Arrival, event: ExchangeEvent): readonly Outputs[];
  /** What time alone still decides, as if it had passed. Nothing may be applied afterwards. */
  finish(): readonly Outputs[];
}

export function openDriver(options: DriverOptions): Driver {
  let decided: Outputs[] = [];
  const signals: Signal[] = [];
  let heard = 0;
  let recordTimestamp: Instant = 0;
  const partition = openPartition({
    rules: options.rules,
    settings: { ...SETTINGS, ...options.settings },
    codec: NO_STATE_LOG,
    services: ["all"],
    emit: (outputs) => {
      signals.push(...outputs.signals);
      decided.push(outputs);
    },
  });
  const take = (): readonly Outputs[] => {
    const taken = decided;
    decided = [];
    return taken;
  };
  const tick = (): void => {
    const wakeAt = partition.wakeAt();
    if (wakeAt !== undefined && wakeAt <= partition.frontier()) partition.tick();
  };
  const hear = (): void => {
    for (let signal = signals.shift(); signal !== undefined; signal = signals.shift()) {
      const arrival: Arrival = { service: "signal", topic: SIGNALS, partition: 0, offset: heard++, recordTimestamp };
      if (signal.type === "FACT") partition.link(arrival, signal);
      else partition.apply(arrival, signal, partition.frontier());
      tick();
    }
  };
  /** What time decides on its way is said, and heard of by others, in its own time, however far time jumps. */
  const passTo = (to: Instant): void => {
    for (
      let wakeAt = partition.wakeAt();
      wakeAt !== undefined && wakeAt <= to;
      wakeAt = next(partition.wakeAt(), wakeAt)
    ) {
      partition.advance(wakeAt);
      partition.tick();
      hear();
    }
  };
  return {
    apply(arrival, event) {
      ({ recordTimestamp } = arrival);
      passTo(Math.min(event.occurredAt, recordTimestamp));
      // Stale is what had expired when this event arrived: by the frontier, since no wall clock is here.
      partition.apply(arrival, event, partition.frontier());
      tick();
      hear();
      return take();
    },
    finish() {
      passTo(Infinity);
      return take();
    },
  };
}

/** Where signals seem to come from. */
const SIGNALS = "holdfast.signals";

function unused(): never {
  throw new Error("a driver keeps no state log");
}

/** For a partition whose state is never written. */
export const NO_STATE_LOG: StateCodec = {
  encodeGroup: unused,
  decodeGroup: unused,
  rest: unused,
  bytesAtRest: unused,
  encodeLink: unused,
  decodeLink: unused,
  encodePartition: unused,
  decodePartition: unused,
};

/** A timer that does not move would be waited for for ever. */
function next(wakeAt: Instant | undefined, before: Instant): Instant | undefined {
  if (wakeAt !== undefined && wakeAt <= before) throw new Error(`tick() at ${before} left a timer at ${wakeAt}`);
  return wakeAt;
}
