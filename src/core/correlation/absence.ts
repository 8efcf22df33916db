// What the temporal kinds keep of floods. Without absence the newest events of each rule are enough (what a
// sequence needs beyond that it protects itself). With absence any event of a flood may be the one that a match
// needs, so those kept are spread over the time that is not decided yet:
//
//   wanted      ──a───a───a─n─a───a───a──►  of two with no forbidden event between them and closest to each
//                 └ first   └ and last      other the later goes; so the first and the last of each run stay:
//                   of a run                the first is the last to be contradicted by what comes after it
//
//   forbidden   ────n n n n n n n a──►      the first after and the last before each wanted event tell all; one
//                   │ redundant │           that has forbidden neighbours on both sides may go
//
// So a flood in order hides no match that an event about a sixteenth of that time away could make as well. More is
// not to be had: `a and b and not c` is decided by whether any a lies between b and c, each less the timespan,
// and these may be as close together as events can be.

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

/** For each input; where nothing is saved and memory is larger, that part of it. */
const PER_INPUT = 16;
const PART = 1 / 64;

export function needsFew(rule: CorrelationRule, settings: CorrelationSettings, to: "cap" | "least"): Limits {
  const inputs = Math.max(1, rule.inputs.length);
  const room = Math.max(2, Math.floor(settings.maxEntries / inputs));
  const wanted =
    to === "least" ? 1 : Math.min(room, Math.max(PER_INPUT, Math.floor(settings.maxEntries * PART), 2 * inputs));
  return { wanted, forbidden: 2 * Math.max(wanted, inputs) * inputs + 2, timespan: rule.timespan };
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
      : (inputs.forbidden === 0 ? dropOldest : dropClosest)(memory, { bit, over, inputs, timespan: limits.timespan });
  }
  if (evicted > 0) dropIdle(entries, from);
  return evicted;
}

interface Overflow {
  readonly bit: number;
  readonly over: number;
  readonly inputs: { readonly forbidden: number; readonly isKept?: (at: number, bit: number) => boolean };
  readonly timespan: Duration;
}

function dropOldest({ entries }: Memory, { bit, over, inputs }: Overflow): number {
  const newest = entries.findLastIndex((entry) => (entry.steps & bit) !== 0);
  let dropped = 0;
  for (let at = 0; at < newest && dropped < over; at++) {
    const entry = entries[at]!;
    if ((entry.steps & bit) === 0 || inputs.isKept?.(at, bit) === true) continue;
    entry.steps &= ~bit;
    dropped++;
  }
  return dropped;
}

function dropClosest(memory: Memory, of: Overflow): number {
  let dropped = 0;
  for (; dropped < of.over; dropped++) {
    const at = closest(memory, of);
    if (at === undefined) break;
    memory.entries[at]!.steps &= ~of.bit;
  }
  return dropped;
}

/** Index of the event that the others of its rule can best stand for; never the newest of them. */
function closest({ entries, decidedTo }: Memory, { bit, inputs, timespan }: Overflow): number | undefined {
  let found: number | undefined;
  let least = Infinity;
  let candidate: { readonly at: number; readonly gap: Duration; readonly isFirst: boolean } | undefined;
  let isParted = true; // by a forbidden event since the candidate
  for (let at = 0; at < entries.length; at++) {
    const { steps, occurredAt } = entries[at]!;
    const isForbidden = (steps & inputs.forbidden) !== 0;
    isParted ||= isForbidden;
    if ((steps & bit) === 0) continue;
    const before = candidate && entries[candidate.at]!.occurredAt;
    if (candidate !== undefined && before !== undefined && inputs.isKept?.(candidate.at, bit) !== true) {
      const isEdge = candidate.isFirst || isParted;
      const worth =
        before + timespan < decidedTo ? -1 : isEdge ? timespan + candidate.gap : Math.min(candidate.gap, timespan);
      if (worth < least) [found, least] = [candidate.at, worth];
    }
    candidate = { at, gap: before === undefined ? Infinity : occurredAt - before, isFirst: isParted };
    isParted = isForbidden;
  }
  return found;
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
