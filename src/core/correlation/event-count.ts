// event_count: how many events, of all its rules together, lie in the window that ends at an event. An event
// that matches several of them counts once.
//
// What is kept: of a lower bound the newest. Of n events in order the newest n decide `gte: n`, so no flood
// hides a match (L7). What the memory cannot hold (`maxEntries`) cannot be counted: a rule that asks for more
// is refused when it is loaded (highestCountable in comparison.ts). Of other counts: count.ts.

import type { CorrelationRule } from "../rule.ts";
import { holdAll } from "./comparison.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { countOfRule, thinning } from "./count.ts";
import { firstFrom, lastAt } from "./entry-set.ts";
import { keepNewest, membersOf, membersTo } from "./window.ts";

export function eventCount(rule: CorrelationRule, { maxEntries }: CorrelationSettings): Kind {
  const { comparisons, waits, atOnce, least, keeps } = countOfRule(rule, maxEntries);
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
      if (atOnce) return membersTo(entries, end, [end < nth ? nth + 1 : nth, last]);
      const first = firstFrom(entries, start);
      return holdAll(comparisons, last - first + 1) ? membersOf(entries, [first, last]) : undefined;
    },
    evict: atOnce
      ? ({ entries }, to) => keepNewest(entries, keeps[to])
      : thinning(rule, { maxEntries, thingsOf: ({ eventId }) => [eventId] }),
  };
}
