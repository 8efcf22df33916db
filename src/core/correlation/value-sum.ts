// value_sum: the sum of a field over the window that ends at an event. A lower bound on values that are not
// negative only grows and is decided at once; as soon as a negative one is in the memory, and for every
// other comparison, the sum is decided when its window is complete. An event without a number takes no part.
//
// What is kept: the largest amounts. A flood of small ones in order hides no match that few large ones make
// (L7), and what is kept never sums to more than what happened.

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import { holdAll } from "./comparison.ts";
import { decimalSum } from "./decimal-sum.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { comparisonsOf, memberOf, membersOf, membersTo, waitsOf, windowAt } from "./window.ts";

const MOST = 256;
const LEAST = 32;
const WHEN_COMPLETE = [0];

export function valueSum(rule: CorrelationRule, { maxEntries }: CorrelationSettings): Kind {
  const comparisons = comparisonsOf(rule);
  const onlyGrows = waitsOf(comparisons).length === 0;
  const cap = Math.min(maxEntries, MOST);
  const isWaiting = (entries: readonly Entry[]): boolean => !onlyGrows || entries.some(({ value }) => value! < 0);
  return {
    waits: WHEN_COMPLETE,
    isWaiting,
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: (entry) => entry.value !== null,
    matchAt(entries, end, settled) {
      const waits = isWaiting(entries);
      if (waits && entries[end]!.occurredAt >= settled) return undefined;
      const [first, last] = windowAt(entries, end, rule.timespan);
      let sum = entries[end]!.value!;
      if (!waits && holdAll(comparisons, sum)) return [memberOf(entries, end)];
      for (let at = last; at >= first; at--) {
        if (at === end) continue;
        sum += entries[at]!.value!;
        if (!waits && holdAll(comparisons, decimalSum(sum))) return membersTo(entries, end, [at, last]);
      }
      return waits && holdAll(comparisons, decimalSum(sum)) ? membersOf(entries, [first, last]) : undefined;
    },
    evict: ({ entries }, to) => dropSmallest(entries, to === "cap" ? cap : LEAST),
  };
}

function dropSmallest(entries: Entry[], limit: number): number {
  const over = entries.length - limit;
  for (let dropped = 0; dropped < over; dropped++) {
    let smallest = 0;
    for (let at = 1; at < entries.length; at++) {
      if (Math.abs(entries[at]!.value!) < Math.abs(entries[smallest]!.value!)) smallest = at;
    }
    entries.splice(smallest, 1);
  }
  return Math.max(0, over);
}
