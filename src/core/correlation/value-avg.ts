// value_avg: the mean of a field over the window that ends at an event, decided when the window is complete.
// An event without a number takes no part. What is kept: the newest.

import type { CorrelationRule } from "../rule.ts";
import { holdAll } from "./comparison.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { comparisonsOf, keepNewest, membersOf, windowAt } from "./window.ts";

const MOST = 256;
const LEAST = 32;

export function valueAvg(rule: CorrelationRule, { maxEntries }: CorrelationSettings): Kind {
  const comparisons = comparisonsOf(rule);
  const cap = Math.min(maxEntries, MOST);
  return {
    waits: [0],
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: (entry) => entry.value !== null,
    matchAt(entries, end, settled) {
      if (entries[end]!.occurredAt >= settled) return undefined;
      const window = windowAt(entries, end, rule.timespan);
      let sum = 0;
      for (let at = window[0]; at <= window[1]; at++) sum += entries[at]!.value!;
      return holdAll(comparisons, sum / (window[1] - window[0] + 1)) ? membersOf(entries, window) : undefined;
    },
    evict: ({ entries }, to) => keepNewest(entries, to === "cap" ? cap : LEAST),
  };
}
