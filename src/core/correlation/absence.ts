// What the temporal kinds keep of floods. Without absence the newest events of each rule are enough (what a
// sequence needs beyond that it protects itself). With absence two more things matter:
//
//   wanted      ──a─────a a a a a a──►   the oldest whose span is still open: in a run of events without a
//                 │                      forbidden one between them it is the last to be contradicted
//   forbidden   ────n n n n n n n a──►   the first after and the last before each wanted event tell all; one
//                   │ redundant │        that has forbidden neighbours on both sides may go

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import type { Duration } from "../time.ts";
import type { CorrelationSettings, Memory } from "./correlation.ts";
import { firstWhole } from "./cut.ts";
import { countOf, dropIdle } from "./entry-set.ts";

export interface Limits {
  /** Entries of each wanted and of each forbidden input. */
  readonly wanted: number;
  readonly forbidden: number;
  readonly timespan: Duration;
}

const PER_INPUT = 16;

export function needsFew(rule: CorrelationRule, settings: CorrelationSettings, to: "cap" | "least"): Limits {
  const inputs = Math.max(1, rule.inputs.length);
  const room = Math.max(2, Math.floor(settings.maxEntries / inputs));
  const wanted = to === "least" ? 1 : Math.min(room, Math.max(PER_INPUT, 2 * inputs));
  return { wanted, forbidden: 2 * wanted * inputs + 2, timespan: rule.timespan };
}

/**
 * Brings the entries of every input back to their limits; how much was dropped.
 * @param inputs bits of the inputs; `isKept` protects an entry's bit from being dropped
 */
export function evictAround(
  memory: Memory,
  limits: Limits,
  inputs: {
    readonly wanted: number;
    readonly forbidden: number;
    readonly isKept?: (at: number, bit: number) => boolean;
  },
): number {
  const { entries } = memory;
  if (entries.length <= limits.wanted) return 0;
  let evicted = 0;
  const from = firstWhole(entries);
  for (let rest = inputs.wanted | inputs.forbidden; rest !== 0; rest &= rest - 1) {
    const bit = rest & -rest;
    const isForbidden = (inputs.forbidden & bit) !== 0;
    const over = countOf(entries, bit) - (isForbidden ? limits.forbidden : limits.wanted);
    if (over <= 0) continue;
    evicted += isForbidden
      ? dropBetween(entries, { bit, over, wanted: inputs.wanted & ~bit })
      : dropOldest(memory, { bit, over, inputs, timespan: limits.timespan });
  }
  if (evicted > 0) dropIdle(entries, from);
  return evicted;
}

function dropOldest(
  { entries, decidedTo }: Memory,
  of: {
    readonly bit: number;
    readonly over: number;
    readonly inputs: { readonly forbidden: number; readonly isKept?: (at: number, bit: number) => boolean };
    readonly timespan: Duration;
  },
): number {
  const { bit, inputs } = of;
  const newest = entries.findLastIndex((entry) => (entry.steps & bit) !== 0);
  let spared = inputs.forbidden === 0;
  let dropped = 0;
  for (let at = 0; at < newest && dropped < of.over; at++) {
    const entry = entries[at]!;
    if ((entry.steps & bit) === 0 || inputs.isKept?.(at, bit) === true) continue;
    if (!spared && !entry.reported && entry.occurredAt + of.timespan >= decidedTo) {
      spared = true;
      continue;
    }
    entry.steps &= ~bit;
    dropped++;
  }
  return dropped;
}

function dropBetween(
  entries: readonly Entry[],
  of: { readonly bit: number; readonly over: number; readonly wanted: number },
): number {
  let dropped = 0;
  let before = -1; // the last one kept since a wanted event, and whether one stands before it since then
  let hasNeighbour = false;
  for (let at = 0; at < entries.length && dropped < of.over; at++) {
    const entry = entries[at]!;
    const isForbidden = (entry.steps & of.bit) !== 0;
    if (isForbidden) {
      if (before >= 0 && hasNeighbour) {
        entries[before]!.steps &= ~of.bit;
        dropped++;
      } else if (before >= 0) hasNeighbour = true;
      before = at;
    }
    if ((entry.steps & of.wanted) !== 0) {
      before = isForbidden ? at : -1;
      hasNeighbour = false;
    }
  }
  for (let at = 0; at < entries.length && dropped < of.over; at++) {
    if ((entries[at]!.steps & of.bit) === 0) continue;
    entries[at]!.steps &= ~of.bit;
    dropped++;
  }
  return dropped;
}
