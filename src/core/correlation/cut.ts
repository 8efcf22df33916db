// What has to go for want of room although windows still look at it. A count or a mean of what is left of a
// window is not that of the window, so one that lost anything is judged no more where later events could have
// undone its verdict: silence, counted as eviction, instead of a wrong detection.
//
//     ╳ ╳ ╳ ▏   ●  ●    ●   ●  ●──►     the newest that went stays in front, without steps: the cut. Windows that
//           ╞════ reach ════╡           reach back to it are not judged; what comes at or before it takes no part
//
// The cut is an entry as any other: it is saved, and released with time, so nothing else has to remember where
// the silence ends.

import type { Entry } from "../entry.ts";
import type { Instant } from "../time.ts";

const NOTHING: readonly string[] = [];

/** Up to when entries are missing; -Infinity: none are. */
export function cutAt(entries: readonly Entry[]): Instant {
  const first = entries[0];
  return first !== undefined && first.steps === 0 ? first.occurredAt : -Infinity;
}

/** Index of the first entry that is no cut. */
export function firstWhole(entries: readonly Entry[]): number {
  return entries[0]?.steps === 0 ? 1 : 0;
}

/** Brings the entries, the cut among them, down to `most` (at least 1) by dropping the oldest; how many. */
export function cutOldest(entries: Entry[], most: number): number {
  const at = entries.length - most;
  if (at <= 0) return 0;
  const dropped = at + 1 - firstWhole(entries);
  entries.splice(0, at);
  entries[0]!.steps = 0;
  entries[0]!.values = NOTHING;
  return dropped;
}
