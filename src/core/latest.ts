// The times of the latest few events of one kind, so that "how long since the last one" has the right
// answer for an event that arrives late as well. A set with a cap: adding a time twice, or in another
// order, gives the same.

import type { Instant } from "./time.ts";

/** Distinct times, ascending, at most LATEST_KEPT. Never changed in place. */
export type LatestTimes = readonly Instant[];

export const LATEST_KEPT = 4;

/** Shared by every account without such an event. */
export const NO_TIMES: LatestTimes = [];

/** The same array when nothing changes. */
export function addTime(times: LatestTimes, at: Instant): LatestTimes {
  if (times.includes(at)) return times;
  if (times.length === LATEST_KEPT && at < times[0]!) return times;
  const next = [...times, at].sort((a, b) => a - b);
  return next.slice(-LATEST_KEPT); // a copy has no room to spare
}

/** The last time at or before `at`; undefined: none is known. */
export function lastTime(times: LatestTimes, at: Instant): Instant | undefined {
  for (let index = times.length - 1; index >= 0; index--) {
    if (times[index]! <= at) return times[index];
  }
  return undefined;
}
