// What an account was seen with (devices, networks, countries, addresses): for each value when it was
// first and last seen. One flat array of triples instead of an object for each value: a million accounts
// have to fit into one process. A list is never changed in place, so "nothing changed" is identity.
//
// Invariants:
//   SN1 first seen only goes down, last seen (kept to the hour) only up: sightings are a set
//   SN2 at the capacity the value seen least recently goes first, the new one included

import { HOUR, type Instant } from "./time.ts";

/** `[value, firstSeen, lastSeenHour, value, …]`; first seen is milliseconds, SINCE_EVER or both. */
export type SeenList = readonly (string | number)[];

/** First seen of what a snapshot lists. */
export const SINCE_EVER: Instant = 0;

/** Shared by every account that has none. */
export const NOTHING_SEEN: SeenList = [];

const WIDTH = 3;

/** When the value was first seen; undefined: never (as far as is remembered). */
export function firstSeen(list: SeenList, value: string | number): Instant | undefined {
  for (let index = 0; index < list.length; index += WIDTH) {
    if (list[index] === value) return list[index + 1] as Instant;
  }
  return undefined;
}

/** Whether a sighting at `at`, of a value known since `first`, would tell nothing new. */
export function isKnown(list: SeenList, value: string | number, first: Instant, at: Instant): boolean {
  for (let index = 0; index < list.length; index += WIDTH) {
    if (list[index] === value)
      return first >= (list[index + 1] as Instant) && at < ((list[index + 2] as number) + 1) * HOUR;
  }
  return false;
}

/** The latest first sighting at or before `at` that is not since ever; undefined: none. */
export function latestFirstSeen(list: SeenList, at: Instant): Instant | undefined {
  let latest = SINCE_EVER;
  for (let index = 1; index < list.length; index += WIDTH) {
    const first = list[index] as Instant;
    if (first <= at && first > latest) latest = first;
  }
  return latest === SINCE_EVER ? undefined : latest;
}

/** One sighting: of `value`, at `at`, known since `first` (`at` itself, or SINCE_EVER). */
export interface Sighting {
  readonly first: Instant;
  readonly at: Instant;
  readonly capacity: number;
  /** Told when a value is dropped at the capacity. */
  readonly onEvicted: () => void;
}

/** The list with the sighting; the same one when the value is older than all it has room for. */
export function see(list: SeenList, value: string | number, sighting: Sighting): SeenList {
  const hour = Math.floor(sighting.at / HOUR);
  for (let index = 0; index < list.length; index += WIDTH) {
    if (list[index] !== value) continue;
    const first = list[index + 1] as Instant;
    const last = list[index + 2] as number;
    const next = list.slice();
    next[index + 1] = Math.min(first, sighting.first); // SN1
    next[index + 2] = Math.max(last, hour);
    return next;
  }
  const next = [...list, value, sighting.first, hour].slice(); // a copy has no room to spare
  return next.length > sighting.capacity * WIDTH ? evict(list, next, sighting) : next;
}

/** SN2; the order is total, so that it does not matter in which order values came. */
function evict(before: SeenList, next: (string | number)[], sighting: Sighting): SeenList {
  let oldest = 0;
  for (let index = WIDTH; index < next.length; index += WIDTH) {
    if (seenBefore(next, index, oldest)) oldest = index;
  }
  sighting.onEvicted();
  if (oldest === next.length - WIDTH) return before;
  next.splice(oldest, WIDTH);
  return next;
}

function seenBefore(list: SeenList, a: number, b: number): boolean {
  if (list[a + 2] !== list[b + 2]) return list[a + 2]! < list[b + 2]!;
  if (list[a + 1] !== list[b + 1]) return list[a + 1]! < list[b + 1]!;
  return list[a]! < list[b]!;
}
