// value_count: how many distinct values (tuples, where several fields are counted) occur in the window that
// ends at an event. An event without a value takes no part.
//
// What is kept: of a lower bound of each value the newest event, then further ones by age. For events in order
// the newest of each value decides, so a flood of one value hides no other (L7). Of other counts: count.ts.

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import { holdAll } from "./comparison.ts";
import type { CorrelationSettings, Kind, Member } from "./correlation.ts";
import { countOfRule, thinning } from "./count.ts";
import { keepNewest, memberOf, windowAt } from "./window.ts";

export function valueCount(rule: CorrelationRule, { maxEntries }: CorrelationSettings): Kind {
  const { comparisons, waits, atOnce, least, keeps } = countOfRule(rule, maxEntries);
  return {
    waits,
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: (entry) => entry.values.length > 0,
    matchAt(entries, end, settled) {
      if (!atOnce && entries[end]!.occurredAt >= settled) return undefined;
      const [first, last] = windowAt(entries, end, rule.timespan);
      const seen = new Set(entries[end]!.values);
      const members: Member[] = [memberOf(entries, end)];
      if (atOnce && seen.size >= least) return members;
      // From the newest back: each other member brings a value, and the fewest newest are evidence enough.
      for (let at = last; at >= first; at--) {
        const before = seen.size;
        for (const value of entries[at]!.values) seen.add(value);
        if (seen.size === before) continue;
        members.push(memberOf(entries, at));
        if (atOnce && seen.size >= least) return members;
      }
      return !atOnce && holdAll(comparisons, seen.size) ? members : undefined;
    },
    evict: atOnce
      ? ({ entries }, to) => keepDistinct(entries, keeps[to])
      : thinning(rule, { maxEntries, thingsOf: ({ values }) => values }),
  };
}

function keepDistinct(entries: Entry[], limit: number): number {
  const over = entries.length - limit;
  return over <= 0 ? 0 : dropRepeated(entries, over) + keepNewest(entries, limit);
}

/** Drops the oldest entries all of whose values occur in newer ones, at most `most`; how many. */
function dropRepeated(entries: Entry[], most: number): number {
  const newest = new Map<string, number>();
  entries.forEach(({ values }, at) => {
    for (const value of values) newest.set(value, at);
  });
  let kept = 0;
  let dropped = 0;
  entries.forEach((entry, at) => {
    if (dropped < most && entry.values.every((value) => newest.get(value)! > at)) dropped++;
    else entries[kept++] = entry;
  });
  entries.length = kept;
  return dropped;
}
