// What event_count and value_count share: which number is asked for, whether it is decided at once, and how
// many entries that takes: all that have to be told apart, and for late ones as many again.

import type { Comparison, CorrelationRule } from "../rule.ts";
import type { Duration } from "../time.ts";
import { countToTell, leastCount } from "./comparison.ts";
import { comparisonsOf, waitsOf } from "./window.ts";

const SPARE = 2;
const LEAST_CAP = 64;

export interface Count {
  readonly comparisons: readonly Comparison[];
  /** `Kind.waits`. */
  readonly waits: readonly Duration[];
  readonly atOnce: boolean;
  /** The least number for which the lower bounds hold. */
  readonly least: number;
  /** Entries that `Kind.evict` leaves of too many. */
  readonly keeps: Readonly<Record<"cap" | "least", number>>;
}

export function countOfRule(rule: CorrelationRule, maxEntries: number): Count {
  const comparisons = comparisonsOf(rule);
  const waits = waitsOf(comparisons);
  const needed = Math.min(maxEntries, countToTell(comparisons));
  return {
    comparisons,
    waits,
    atOnce: waits.length === 0,
    least: leastCount(comparisons),
    keeps: { cap: Math.min(maxEntries, Math.max(LEAST_CAP, SPARE * needed)), least: needed },
  };
}
