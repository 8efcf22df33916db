// value_avg: the mean of a field over the window that ends at an event.

import type { CorrelationRule } from "../rule.ts";
import { holdAllOfSum } from "./comparison.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { measureOf } from "./measure.ts";
import { comparisonsOf } from "./window.ts";

export function valueAvg(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  const comparisons = comparisonsOf(rule);
  return measureOf(rule, settings, (entries, [first, last]) => {
    let sum = 0;
    for (let at = first; at <= last; at++) sum += entries[at]!.value!;
    return holdAllOfSum(comparisons, sum / (last - first + 1));
  });
}
