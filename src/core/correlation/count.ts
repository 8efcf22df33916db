// What event_count, value_count and a count of rules share: which number is asked for, whether it is decided at
// once, and what their memory keeps. A lower bound needs the newest that it counts, and for late ones as many
// again. What later events can undo is of whole windows: thin.ts says what those can do without, and what has
// to go beyond that is cut (cut.ts).

import type { Entry } from "../entry.ts";
import type { Comparison, CorrelationRule } from "../rule.ts";
import { hashOf } from "../text-hash.ts";
import type { Duration } from "../time.ts";
import { countToTell, holdAll, leastCount } from "./comparison.ts";
import type { Kind } from "./correlation.ts";
import { cutOldest } from "./cut.ts";
import { type Counted, thin } from "./thin.ts";
import { comparisonsOf, waitsOf } from "./window.ts";

const SPARE = 2;
const LEAST_CAP = 64;
/** A flood is thinned after about so many events, not with every one: chance tells which, so nothing is remembered. */
const STRIDE = 32;

export interface Count {
  readonly comparisons: readonly Comparison[];
  /** `Kind.waits`. */
  readonly waits: readonly Duration[];
  readonly atOnce: boolean;
  /** The least number for which the lower bounds hold. */
  readonly least: number;
  /** Entries that `Kind.evict` of a lower bound leaves of too many. */
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

/** `Kind.evict` of a count that waits for whole windows. */
export function thinning(
  rule: CorrelationRule,
  { maxEntries, thingsOf }: { readonly maxEntries: number; readonly thingsOf: Counted["thingsOf"] },
): Kind["evict"] {
  const comparisons = comparisonsOf(rule);
  const enough = Math.min(maxEntries, countToTell(comparisons));
  const counted = { thingsOf, enough, holdsOfEnough: holdAll(comparisons, enough), timespan: rule.timespan };
  const few = Math.max(LEAST_CAP, SPARE * enough);
  return (memory, to) => {
    const { entries } = memory;
    const most = to === "cap" ? maxEntries : enough + 1;
    if (to === "cap" && entries.length <= most && (entries.length <= few || !isDue(entries))) return 0;
    thin(memory, counted, false);
    if (entries.length <= most) return 0;
    const lost = thin(memory, counted, true);
    return entries.length <= most ? lost : lost + cutOldest(entries, most - Math.floor(most / STRIDE));
  };
}

function isDue(entries: readonly Entry[]): boolean {
  return hashOf(entries.at(-1)!.eventId) % STRIDE === 0;
}
