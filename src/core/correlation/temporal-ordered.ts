// temporal_ordered: events e1..en, ei matching step i, in non-decreasing order of event time and within the
// timespan (inclusive); equal times count as ordered either way, and one event may serve several steps (L1).
// With negated steps: temporal-ordered-absence.ts.
//
// How a match is found. A greedy walk back over the entries, which lie in event order, is enough:
//
//     step 0        A1   A2                          from D the latest entry of step 2 at or before it, from
//     step 1             B1        B2                there the latest of step 1, and so on: no other chain
//     step 2                  C1                     that ends in D starts later (C1, B1, A2). It fires if
//     step 3                            D            and only if D − A2 ≤ timespan.
//     ────────────┴────┴────┴────┴──────┴──► time    A late event may complete chains that end up to a
//                      └──── span ──────┘            timespan after it: each of these ends is walked.
//
// The walk chooses optimally at each step because an earlier choice never forbids a better later one (a
// later B only widens the choice of A). So existence over all subsets is decided by one walk per end. A
// second walk takes another event for each step: where that fits into the timespan too, it is the evidence.
//
// What is kept. At most `cap` entries a step. For events that arrive in order only the latest entry of each
// step can be continued, and the best chain behind it is the backward walk from there: these chains are
// never evicted, whatever floods in (L7). Of the others the oldest of the overflowing step goes first; a late
// event may then miss it, which is counted.
//
// Rejected: an automaton with one state for each partial match (what CEP engines do). It has to choose
// between partial matches or keep exponentially many, and an event that arrives out of order has no place
// in it unless everything waits for a watermark, which is what L3 forbids.

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import { evictAround, needsFew } from "./absence.ts";
import type { CorrelationSettings, Kind, Member } from "./correlation.ts";
import { lastAt } from "./entry-set.ts";

/** Steps are bits of a small integer. */
export const MAX_STEPS = 30;

export function temporalOrdered(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  const steps = rule.inputs.map((_, index) => index);
  const last = steps.length - 1;
  const wanted = 2 ** steps.length - 1;
  return {
    waits: [],
    reach: rule.timespan,
    contradicts: 0,
    isTaken: () => true,
    matchAt(entries, end) {
      if ((entries[end]!.steps & (1 << last)) === 0) return undefined;
      const chain = walkBack(entries, end, steps);
      if (chain === undefined || entries[end]!.occurredAt - entries[chain[0]!]!.occurredAt > rule.timespan)
        return undefined;
      return membersOf(distinct(entries, chain, { steps, timespan: rule.timespan }) ?? chain, steps);
    },
    evict(memory, to) {
      const isKept = protection(memory.entries, steps);
      return evictAround(memory, needsFew(rule, settings, to), { wanted, forbidden: 0, isKept });
    },
  };
}

export function membersOf(chain: readonly number[], steps: readonly number[]): Member[] {
  return chain.map((at, index) => ({ at, input: steps[index]! }));
}

/** Indexes of the entries of the latest-starting chain over `steps` that ends at `end`, which serves the last. */
function walkBack(entries: readonly Entry[], end: number, steps: readonly number[]): number[] | undefined {
  const chain = new Array<number>(steps.length);
  chain[steps.length - 1] = end;
  let from = end;
  for (let step = steps.length - 2; step >= 0; step--) {
    const bit = 1 << steps[step]!;
    // Entries at the same instant may lie behind it: equal times count either way.
    let index = lastAt(entries, from);
    while (index >= 0 && (entries[index]!.steps & bit) === 0) index--;
    if (index < 0) return undefined;
    chain[step] = index;
    from = index;
  }
  return chain;
}

/** The same walk with another event for each step; undefined: the chain is so already, or there is none in time. */
function distinct(
  entries: readonly Entry[],
  chain: readonly number[],
  of: { readonly steps: readonly number[]; readonly timespan: number },
): number[] | undefined {
  if (new Set(chain).size === chain.length) return undefined;
  const end = chain.at(-1)!;
  const start = entries[end]!.occurredAt - of.timespan;
  const found = chain.slice();
  let from = end;
  for (let step = chain.length - 2; step >= 0; step--) {
    const bit = 1 << of.steps[step]!;
    let index = lastAt(entries, from);
    while (index >= 0 && ((entries[index]!.steps & bit) === 0 || found.indexOf(index, step + 1) >= 0)) index--;
    if (index < 0 || entries[index]!.occurredAt < start) return undefined;
    found[step] = index;
    from = index;
  }
  return found;
}

/** L7: what serves in the best chain behind the latest entry of some step. Built when the first entry asks. */
export function protection(entries: readonly Entry[], steps: readonly number[]): (at: number, bit: number) => boolean {
  let kept: Set<number> | undefined;
  const key = (at: number, bit: number): number => at * 32 + (31 - Math.clz32(bit));
  return (at, bit) => {
    kept ??= protectedOf(entries, steps, key);
    return kept.has(key(at, bit));
  };
}

function protectedOf(
  entries: readonly Entry[],
  steps: readonly number[],
  key: (at: number, bit: number) => number,
): Set<number> {
  const kept = new Set<number>();
  for (let length = 1; length <= steps.length; length++) {
    const bit = 1 << steps[length - 1]!;
    const latest = entries.findLastIndex((entry) => (entry.steps & bit) !== 0);
    if (latest < 0) continue;
    const chain = walkBack(entries, latest, steps.slice(0, length)) ?? [];
    chain.forEach((at, step) => kept.add(key(at, 1 << steps[step]!)));
    kept.add(key(latest, bit));
  }
  return kept;
}
