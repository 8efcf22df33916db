// value_sum: the sum of a field over the window that ends at an event. A lower bound on values that are not
// negative only grows and is decided at once; as soon as a negative one is in the memory, and for every
// other comparison, the sum is decided when its window is complete. An event without a number takes no part.
//
// What is kept: of a sum that only grows the largest amounts. A flood of small ones in order hides no match that
// few large ones make (L7), and what is kept never sums to more than what happened. Of any other sum the
// newest; windows that lost any of theirs are judged no more (cut.ts).

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import { holdAllOfSum } from "./comparison.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { cutOldest, firstWhole } from "./cut.ts";
import { AFTER_GRACE, comparisonsOf, membersOf, membersTo, waitsOf, windowAt } from "./window.ts";

const LEAST = 32;

export function valueSum(rule: CorrelationRule, { maxEntries }: CorrelationSettings): Kind {
  const comparisons = comparisonsOf(rule);
  const onlyGrows = waitsOf(comparisons).length === 0;
  const isWaiting = (entries: readonly Entry[]): boolean => {
    if (!onlyGrows) return true;
    for (const { value, steps } of entries) if (value! < 0 && steps !== 0) return true;
    return false;
  };
  return {
    waits: AFTER_GRACE,
    isWaiting,
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: (entry) => entry.value !== null,
    matchAt(entries, end, settled) {
      const waits = isWaiting(entries);
      if (waits && entries[end]!.occurredAt >= settled) return undefined;
      const [first, last] = windowAt(entries, end, rule.timespan);
      let all = 0;
      for (let at = last; at >= first; at--) all += entries[at]!.value!;
      if (!holdAllOfSum(comparisons, all)) return undefined;
      if (waits) return membersOf(entries, [first, last]);
      // The fewest newest are evidence enough.
      let sum = entries[end]!.value!;
      let from = last + 1;
      while (from > first && !holdAllOfSum(comparisons, sum)) {
        from--;
        if (from !== end) sum += entries[from]!.value!;
      }
      return membersTo(entries, end, [from, last]);
    },
    evict({ entries }, to) {
      const most = to === "cap" ? maxEntries : LEAST;
      if (entries.length <= most) return 0;
      return isWaiting(entries) ? cutOldest(entries, most) : dropSmallest(entries, most);
    },
  };
}

/** @param entries none negative */
function dropSmallest(entries: Entry[], limit: number): number {
  const over = entries.length - limit;
  for (let dropped = 0; dropped < over; dropped++) {
    let smallest = firstWhole(entries);
    for (let at = smallest + 1; at < entries.length; at++) {
      if (entries[at]!.value! < entries[smallest]!.value!) smallest = at;
    }
    entries.splice(smallest, 1);
  }
  return over;
}
