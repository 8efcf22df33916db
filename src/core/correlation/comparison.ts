// Numeric conditions of correlations: whether they hold, and whether a later event could undo them.

import type { Comparison } from "../rule.ts";

export function holdAll(comparisons: readonly Comparison[], number: number): boolean {
  for (const comparison of comparisons) if (!holds(comparison, number)) return false;
  return true;
}

/** What hundreds of doubles, added up in any order, differ by at most from what they were written as. */
const ROUNDING = 1e-12;

/**
 * Of a sum, or a mean: 0.7 and 0.1 are the 0.8 that `gte: 0.8` means, and not the 0.7999999999999999 that they add up
 * to. Whole numbers are exact as they are.
 */
export function holdAllOfSum(comparisons: readonly Comparison[], sum: number): boolean {
  if (Number.isInteger(sum)) return holdAll(comparisons, sum);
  const meant = comparisons.find(({ value }) => Math.abs(sum - value) <= ROUNDING * Math.abs(value));
  return holdAll(comparisons, meant?.value ?? sum);
}

function holds({ operator, value }: Comparison, number: number): boolean {
  switch (operator) {
    case "lt":
      return number < value;
    case "lte":
      return number <= value;
    case "gt":
      return number > value;
    case "gte":
      return number >= value;
    case "eq":
      return number === value;
    case "neq":
      return number !== value;
  }
}

/** Once true of a growing number they stay true: what L3 calls a lower bound. */
export function isLowerBound(comparisons: readonly Comparison[]): boolean {
  return comparisons.every(({ operator }) => operator === "gt" || operator === "gte");
}

/** The least count for which the lower bounds among them hold, at least 1. */
export function leastCount(comparisons: readonly Comparison[]): number {
  let least = 1;
  for (const { operator, value } of comparisons) {
    if (operator === "gte" || operator === "eq") least = Math.max(least, Math.ceil(value));
    if (operator === "gt") least = Math.max(least, Math.floor(value) + 1);
  }
  return least;
}

/**
 * The highest number that each comparison may name for a memory of that many entries to decide it as written.
 * What waits for the grace to pass is decided beside as many entries again that come meanwhile.
 */
export function highestCountable(comparisons: readonly Comparison[], entries: number): number[] {
  if (!isLowerBound(comparisons)) return comparisons.map(() => Math.floor(entries / 2) - 1);
  return comparisons.map(({ operator }) => (operator === "gte" ? entries : entries - 1));
}

/** The least number of things that has to be told apart from more: one above everything compared with. */
export function countToTell(comparisons: readonly Comparison[]): number {
  return Math.max(1, ...comparisons.map(({ value }) => Math.floor(value) + 1));
}
