// temporal_ordered: events e1..en, ei matching step i, in non-decreasing order of event time and within the
// timespan (inclusive); equal times count as ordered either way, and one event may serve several steps (L1).
//
// How a match is found. Events arrive in any order, so a new entry e may complete a chain as any of its
// steps. For step i two greedy walks over the entries, which lie in event order, are enough:
//
//     step 0        A1   A2                          from e back: the latest entry of step 1 at or before e,
//     step 1             B1        B2                from there the latest of step 0: no other chain that
//     step 2                  e                      ends in e starts later (A2, B1)
//     step 3                          D1   D2        from e on: the earliest entry of step 3 at or after e:
//     ────────────┴────┴────┴────┴────┴────┴──► time     no other chain from e ends earlier (D1)
//                      └── span ──────┘              it fires if and only if D1 − A2 ≤ timespan
//
// Both walks choose optimally at each step because an earlier choice never forbids a better later one (a
// later B only widens the choice of A). So existence over all subsets is decided by n walks per entry.
//
// What is kept. At most `cap` entries a step. For events that arrive in order only the latest entry of each
// step can be continued, and the best chain behind it is the backward walk from there: these chains are
// never evicted, whatever floods in (L7). Of the others the oldest of the overflowing step goes first; a late
// event may then miss it, which is counted.
//
// Rejected: an automaton with one state for each partial match (what CEP engines do). It has to choose
// between partial matches or keep exponentially many, and an event that arrives out of order has no place
// in it unless everything waits for a watermark, which is what L3 forbids.

import type { CorrelationRule } from "../rule.ts";
import { type Entry, inEventOrder } from "../entry.ts";
import type { Instant } from "../time.ts";
import type { Correlation, CorrelationSettings, Match, Memory } from "./correlation.ts";

/** Steps are bits of a small integer. */
const MAX_STEPS = 30;

const ENTRIES_PER_STEP = 16;

export function temporalOrdered(rule: CorrelationRule, settings: CorrelationSettings): Correlation {
  const steps = rule.inputs.length;
  if (steps === 0 || steps > MAX_STEPS) throw new Error(`${rule.id}: ${steps} steps, not 1 to ${MAX_STEPS}`);
  const cap = Math.max(ENTRIES_PER_STEP, 2 * steps);
  const keep = rule.timespan + settings.allowedLateness;

  return {
    rule,
    apply(memory, entry, frontier) {
      release(memory, frontier, keep); // CR4
      if (!insert(memory, entry)) return undefined; // CR1
      memory.keepUntil = Math.max(memory.keepUntil, entry.occurredAt + keep + 1);
      const match = bestMatch(memory.entries, entry, rule);
      settings.onEvicted(evict(memory.entries, steps, cap));
      return match;
    },
    release: (memory, frontier) => release(memory, frontier, keep),
    reduce: (memory) => evict(memory.entries, steps, 1),
    wakeAt: (memory) => (memory.entries.length === 0 ? undefined : memory.entries[0]!.occurredAt + keep + 1),
  };
}

/** Entries lie in event order, so those the frontier has passed are a prefix. */
function release(memory: Memory, frontier: Instant, keep: number): boolean {
  const { entries } = memory;
  let passed = 0;
  while (passed < entries.length && entries[passed]!.occurredAt + keep < frontier) passed++;
  if (passed > 0) entries.splice(0, passed);
  return passed > 0;
}

/** False when the set already says all of it. An event seen again with more steps counts as new. */
function insert(memory: Memory, entry: Entry): boolean {
  const { entries } = memory;
  const known = entries.find((other) => other.eventId === entry.eventId);
  if (known !== undefined) {
    const isNew = (entry.steps & ~known.steps) !== 0;
    known.steps |= entry.steps;
    return isNew;
  }
  let place = entries.length;
  while (place > 0 && inEventOrder(entries[place - 1]!, entry) > 0) place--;
  entries.splice(place, 0, entry);
  return true;
}

/** Of the chains through `entry` the one that ends first, then the shortest. */
function bestMatch(entries: readonly Entry[], entry: Entry, rule: CorrelationRule): Match | undefined {
  const last = rule.inputs.length - 1;
  const at = entries.findIndex((other) => other.eventId === entry.eventId);
  let best: readonly number[] | undefined;
  for (let step = 0; step <= last; step++) {
    if ((entry.steps & (1 << step)) === 0) continue;
    const prefix = walkBack(entries, at, step);
    if (prefix === undefined) continue;
    const suffix = walkOn(entries, at, { step, last });
    if (suffix === undefined) continue;
    const chain = [...prefix, at, ...suffix];
    if (span(entries, chain) > rule.timespan) continue;
    if (best === undefined || isBetter(entries, chain, best)) best = chain;
  }
  return best === undefined ? undefined : toMatch(entries, best, rule);
}

/** Indexes of the entries of steps 0..step-1 of the latest-starting chain that ends at `at`. */
function walkBack(entries: readonly Entry[], at: number, step: number): number[] | undefined {
  const chain: number[] = [];
  let from = at;
  for (let wanted = step - 1; wanted >= 0; wanted--) {
    const limit = entries[from]!.occurredAt;
    let index = from;
    // Entries at the same instant may lie behind it: equal times count either way.
    while (index + 1 < entries.length && entries[index + 1]!.occurredAt === limit) index++;
    while (index >= 0 && (entries[index]!.steps & (1 << wanted)) === 0) index--;
    if (index < 0) return undefined;
    chain.unshift(index);
    from = index;
  }
  return chain;
}

/** Indexes of the entries of steps step+1..last of the earliest-ending chain that starts at `at`. */
function walkOn(entries: readonly Entry[], at: number, to: { step: number; last: number }): number[] | undefined {
  const chain: number[] = [];
  let from = at;
  for (let wanted = to.step + 1; wanted <= to.last; wanted++) {
    const limit = entries[from]!.occurredAt;
    let index = from;
    while (index > 0 && entries[index - 1]!.occurredAt === limit) index--;
    while (index < entries.length && (entries[index]!.steps & (1 << wanted)) === 0) index++;
    if (index === entries.length) return undefined;
    chain.push(index);
    from = index;
  }
  return chain;
}

function span(entries: readonly Entry[], chain: readonly number[]): number {
  return entries[chain.at(-1)!]!.occurredAt - entries[chain[0]!]!.occurredAt;
}

function isBetter(entries: readonly Entry[], chain: readonly number[], than: readonly number[]): boolean {
  const end = entries[chain.at(-1)!]!.occurredAt - entries[than.at(-1)!]!.occurredAt;
  return end !== 0 ? end < 0 : span(entries, chain) < span(entries, than);
}

function toMatch(entries: readonly Entry[], chain: readonly number[], rule: CorrelationRule): Match {
  const found: { entry: Entry; detection: number }[] = [];
  chain.forEach((index, step) => {
    const entry = entries[index]!;
    if (!found.some((other) => other.entry === entry)) found.push({ entry, detection: rule.inputs[step]!.index });
  });
  found.sort((a, b) => inEventOrder(a.entry, b.entry));
  return { entries: found.map((each) => each.entry), detections: found.map((each) => each.detection) };
}

/** Brings every step back to the cap (CR3) without touching what L7 protects; how much was dropped. */
function evict(entries: Entry[], steps: number, cap: number): number {
  let evicted = 0;
  for (let step = 0; step < steps; step++) {
    const bit = 1 << step;
    let over = -cap;
    for (const entry of entries) if ((entry.steps & bit) !== 0) over++;
    if (over <= 0) continue;
    const kept = protectedOf(entries, step, steps);
    for (let index = 0; index < entries.length && over > 0; index++) {
      const entry = entries[index]!;
      if ((entry.steps & bit) === 0 || kept.has(index)) continue;
      entry.steps &= ~bit;
      over--;
      evicted++;
    }
  }
  if (evicted > 0) dropEmpty(entries);
  return evicted;
}

/** L7: entries that serve as `step` in the best chain behind the latest entry of some step. */
function protectedOf(entries: readonly Entry[], step: number, steps: number): Set<number> {
  const kept = new Set<number>();
  for (let end = step; end < steps; end++) {
    const latest = entries.findLastIndex((entry) => (entry.steps & (1 << end)) !== 0);
    if (latest < 0) continue;
    if (end === step) kept.add(latest);
    const chain = walkBack(entries, latest, end);
    if (chain !== undefined && end > step) kept.add(chain[step]!);
  }
  return kept;
}

function dropEmpty(entries: Entry[]): void {
  let kept = 0;
  for (const entry of entries) if (entry.steps !== 0) entries[kept++] = entry;
  entries.length = kept;
}
