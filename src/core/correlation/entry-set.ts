// One group's entries as a sorted set: by event time, at equal times by event id. The same event has the
// same time, so it is found by binary search.

import { type Entry, inEventOrder } from "../entry.ts";
import type { Instant } from "../time.ts";

/** Index of the first entry at or after the instant; the length when there is none. */
export function firstFrom(entries: readonly Entry[], instant: Instant): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.occurredAt < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the last entry at the same instant as entries[at]. */
export function lastAt(entries: readonly Entry[], at: number): number {
  const instant = entries[at]!.occurredAt;
  let last = at;
  while (last + 1 < entries.length && entries[last + 1]!.occurredAt === instant) last++;
  return last;
}

/**
 * Adds the entry; -1 when the set already says all of it. An event seen again with more steps counts as new.
 * @returns its index
 */
export function insertEntry(entries: Entry[], entry: Entry): number {
  let place = entries.length;
  // Nearly all arrive in order: from the end, then by halves.
  if (place > 0 && inEventOrder(entries[place - 1]!, entry) >= 0) place = placeOf(entries, entry);
  const known = entries[place];
  if (known === undefined || inEventOrder(known, entry) !== 0) {
    if (place === entries.length) entries.push(entry);
    else entries.splice(place, 0, entry);
    return place;
  }
  if ((entry.steps & ~known.steps) === 0) return -1;
  known.steps |= entry.steps;
  for (const value of entry.values) if (!known.values.includes(value)) known.values = [...known.values, value];
  return place;
}

function placeOf(entries: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (inEventOrder(entries[middle]!, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many entries have any of the step bits. */
export function countOf(entries: readonly Entry[], bits: number): number {
  let count = 0;
  for (const entry of entries) if ((entry.steps & bits) !== 0) count++;
  return count;
}

/** Removes entries that serve no step any more, from the index on. */
export function dropIdle(entries: Entry[], from: number): void {
  let kept = from;
  for (let at = from; at < entries.length; at++) if (entries[at]!.steps !== 0) entries[kept++] = entries[at]!;
  entries.length = kept;
}

/** The lowest step the entry serves among `bits`. */
export function lowestStep(entry: Entry, bits: number = ~0): number {
  return 31 - Math.clz32(entry.steps & bits & -(entry.steps & bits));
}
