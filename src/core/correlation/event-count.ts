// event_count: how many events, of all its rules together, lie in the window that ends at an event. An event
// that matches several of them counts once.
//
// What is kept: the newest. Of n events in order the newest n decide `gte: n`, so no flood hides a match
// (L7). More than the memory holds (`maxEntries`) cannot be counted: such a rule never fires.

import type { CorrelationRule } from "../rule.ts";
import { countToTell, holdAll, leastCount } from "./comparison.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { firstFrom, lastAt } from "./entry-set.ts";
import { comparisonsOf, keepNewest, membersOf, waitsOf } from "./window.ts";

const SPARE = 2;

export function eventCount(rule: CorrelationRule, { maxEntries }: CorrelationSettings): Kind {
  const comparisons = comparisonsOf(rule);
  const waits = waitsOf(comparisons);
  const atOnce = waits.length === 0;
  const least = leastCount(comparisons);
  const needed = Math.min(maxEntries, countToTell(comparisons));
  const cap = Math.min(maxEntries, Math.max(64, SPARE * needed));
  return {
    waits,
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: () => true,
    matchAt(entries, end, settled) {
      const at = entries[end]!.occurredAt;
      if (!atOnce && at >= settled) return undefined;
      const last = lastAt(entries, end);
      const start = at - rule.timespan;
      const nth = last - least + 1;
      if (nth < 0 || entries[nth]!.occurredAt < start) return undefined;
      if (atOnce) return membersOf(entries, [nth, last]);
      const first = firstFrom(entries, start);
      return holdAll(comparisons, last - first + 1) ? membersOf(entries, [first, last]) : undefined;
    },
    evict: ({ entries }, to) => keepNewest(entries, to === "cap" ? cap : needed),
  };
}
