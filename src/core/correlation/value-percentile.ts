// value_percentile: a percentile of a field over the window that ends at an event. The p-th percentile of n
// numbers is the one at rank ⌈p/100 · n⌉ (nearest rank; p = 0: the least), so it is always a number that
// occurred.
//
// It is compared without sorting: the number at rank r is at least x exactly when fewer than r are below x.

import type { Entry } from "../entry.ts";
import type { Comparison, CorrelationRule } from "../rule.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { measureOf } from "./measure.ts";
import { comparisonsOf } from "./window.ts";

/** @throws Error for a rule without a percentile: the compiler lets none through */
export function valuePercentile(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  const comparisons = comparisonsOf(rule);
  const percentile = rule.condition.kind === "compare" ? rule.condition.percentile : null;
  if (percentile === null) throw new Error(`${rule.id}: a value_percentile needs a percentile`);
  return measureOf(rule, settings, (entries, window) => {
    const rank = Math.max(1, Math.ceil((percentile / 100) * (window[1] - window[0] + 1)));
    return comparisons.every((comparison) => holdsAtRank(comparison, rank, { entries, window }));
  });
}

function holdsAtRank(
  { operator, value }: Comparison,
  rank: number,
  of: { readonly entries: readonly Entry[]; readonly window: readonly [number, number] },
): boolean {
  let below = 0;
  let upTo = 0;
  for (let at = of.window[0]; at <= of.window[1]; at++) {
    const number = of.entries[at]!.value!;
    if (number < value) below++;
    if (number <= value) upTo++;
  }
  switch (operator) {
    case "gte":
      return below < rank;
    case "gt":
      return upTo < rank;
    case "lt":
      return below >= rank;
    case "lte":
      return upTo >= rank;
    case "eq":
      return below < rank && upTo >= rank;
    case "neq":
      return below >= rank || upTo < rank;
  }
}
