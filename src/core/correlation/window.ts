// What the counting and measuring kinds share: the window of one timespan that ends at an event (L5), both
// ends inclusive, events at the last instant all in it. What only grows is decided at once; anything else
// when no event of the window can come any more.

import type { Entry } from "../entry.ts";
import type { Comparison, CorrelationRule } from "../rule.ts";
import type { Duration, Instant } from "../time.ts";
import { isLowerBound } from "./comparison.ts";
import type { Member } from "./correlation.ts";
import { lastAt, lowestStep } from "./entry-set.ts";

/** @throws Error for a rule without numbers to compare: the compiler lets none through */
export function comparisonsOf(rule: CorrelationRule): readonly Comparison[] {
  if (rule.condition.kind !== "compare") throw new Error(`${rule.id}: a ${rule.type} needs numbers to compare with`);
  return rule.condition.comparisons;
}

const AT_ONCE: readonly Duration[] = [];
/** `Kind.waits` of what is decided of whole windows only. */
export const AFTER_GRACE: readonly Duration[] = [0];

/** `Kind.waits` of a window whose number only grows. */
export function waitsOf(comparisons: readonly Comparison[]): readonly Duration[] {
  return isLowerBound(comparisons) ? AT_ONCE : AFTER_GRACE;
}

/** Indexes, both inclusive, of the window that ends at entries[end]. */
export function windowAt(entries: readonly Entry[], end: number, timespan: Duration): readonly [number, number] {
  const last = lastAt(entries, end);
  const start: Instant = entries[end]!.occurredAt - timespan;
  let first = end;
  while (first > 0 && entries[first - 1]!.occurredAt >= start) first--;
  return [first, last];
}

export function memberOf(entries: readonly Entry[], at: number): Member {
  return { at, input: lowestStep(entries[at]!) };
}

export function membersOf(entries: readonly Entry[], [first, last]: readonly [number, number]): Member[] {
  const members: Member[] = [];
  for (let at = first; at <= last; at++) members.push(memberOf(entries, at));
  return members;
}

/** The newest of a window, and the event that the match ends in: of those at its instant it need not be the last. */
export function membersTo(entries: readonly Entry[], end: number, newest: readonly [number, number]): Member[] {
  const members = membersOf(entries, newest);
  return end < newest[0] ? [memberOf(entries, end), ...members] : members;
}

/** Drops the oldest beyond `limit`; how many. */
export function keepNewest(entries: Entry[], limit: number): number {
  const over = entries.length - limit;
  if (over <= 0) return 0;
  entries.splice(0, over);
  return over;
}
