// What value_avg and value_percentile share: a number of the whole window, which any later event of it can
// move both ways; so it is decided when the window is complete. An event without a number takes no part.
// What is kept: the newest; windows that lost any of theirs are judged no more (cut.ts).

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { cutOldest } from "./cut.ts";
import { AFTER_GRACE, membersOf, windowAt } from "./window.ts";

const LEAST = 32;

/** @param holds whether the entries of the window, both ends inclusive, satisfy the rule; each has a value */
export function measureOf(
  rule: CorrelationRule,
  { maxEntries }: CorrelationSettings,
  holds: (entries: readonly Entry[], window: readonly [number, number]) => boolean,
): Kind {
  return {
    waits: AFTER_GRACE,
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: (entry) => entry.value !== null,
    matchAt(entries, end, settled) {
      if (entries[end]!.occurredAt >= settled) return undefined;
      const window = windowAt(entries, end, rule.timespan);
      return holds(entries, window) ? membersOf(entries, window) : undefined;
    },
    evict: ({ entries }, to) => cutOldest(entries, to === "cap" ? maxEntries : LEAST),
  };
}
