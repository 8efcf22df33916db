// What an account was seen with (devices, countries, networks, addresses): for each value when it was first
// and last seen. All of it in one flat array of triples instead of an object for each value: a million
// accounts have to fit into one process, and an event should touch few places in memory. Values come and go
// in a new array; only the times of a value are changed in place (seeAgain).
//
// Invariants:
//   SN1 first seen only goes down, last seen (kept to the hour) only up: sightings are a set
//   SN2 at the capacity of its kind the value seen least recently goes first, the new one included

import { HOUR, type Instant } from "./time.ts";

/** `[value, first seen, last seen hour × 4 + kind, value, …]`; first seen is milliseconds or SINCE_EVER. */
export type SeenList = readonly (string | number)[];

/** What a value is; a device named like a country is not that country. */
export const SEEN_KINDS = ["devices", "countries", "networks", "addresses"] as const;
export type SeenKind = (typeof SEEN_KINDS)[number];

/** Codes of the kinds, for the calls below. */
export const DEVICE = 0;
export const COUNTRY = 1;
export const NETWORK = 2;
export const ADDRESS = 3;

const CAPACITY: readonly number[] = [32, 32, 32, 64];

/** First seen of what a snapshot lists. */
export const SINCE_EVER: Instant = 0;

/** Shared by every account that was seen with nothing. */
export const NOTHING_SEEN: SeenList = [];

export const SEEN_WIDTH = 3;

/** Where the value is in the list; -1: it was not seen, as far as is remembered. */
export function indexOfSeen(list: SeenList, kind: number, value: string | number): number {
  for (let index = 0; index < list.length; index += SEEN_WIDTH) {
    if (seenKind(list, index) === kind && list[index] === value) return index;
  }
  return -1;
}

/** The third of a triple; the kind is in it, so that finding a value compares no text of another kind. */
export function packSeenStamp(hour: number, kind: number): number {
  return hour * 4 + kind;
}

export function seenKind(list: SeenList, index: number): number {
  return (list[index + 2] as number) & 3;
}

export function firstSeenAt(list: SeenList, index: number): Instant {
  return list[index + 1] as Instant;
}

export function lastSeenHour(list: SeenList, index: number): number {
  return (list[index + 2] as number) >> 2;
}

/** The latest first sighting of the kind at or before `at` that is not since ever; undefined: none. */
export function latestFirstSeen(list: SeenList, kind: number, at: Instant): Instant | undefined {
  let latest = SINCE_EVER;
  for (let index = 0; index < list.length; index += SEEN_WIDTH) {
    const first = firstSeenAt(list, index);
    if (seenKind(list, index) === kind && first <= at && first > latest) latest = first;
  }
  return latest === SINCE_EVER ? undefined : latest;
}

/**
 * Whether another value of the kind was seen in the hour of `at` or the one before, up to `at`, as far as
 * first and last sighting tell. Not options: called for every event.
 */
export function otherSeenLately(list: SeenList, kind: number, value: string, at: Instant): boolean {
  const hour = Math.floor(at / HOUR);
  for (let index = 0; index < list.length; index += SEEN_WIDTH) {
    if (seenKind(list, index) !== kind) continue;
    const last = lastSeenHour(list, index);
    if (last < hour - 1 || list[index] === value) continue;
    const first = firstSeenAt(list, index);
    if (first <= at && (last <= hour || first >= (hour - 1) * HOUR)) return true;
  }
  return false;
}

/** One sighting at `at` of a value known since `first` (`at` itself; both SINCE_EVER: listed, not seen). */
export interface Sighting {
  readonly value: string | number;
  readonly first: Instant;
  readonly at: Instant;
  /** Told when a value is dropped at the capacity. */
  readonly onEvicted: (kind: SeenKind) => void;
}

/**
 * A sighting of the value at `index`, in place.
 * @returns whether it told anything new
 */
export function seeAgain(list: SeenList, index: number, at: Instant): boolean {
  const hour = Math.floor(at / HOUR);
  const isEarlier = at < firstSeenAt(list, index);
  const isLater = hour > lastSeenHour(list, index);
  const times = list as (string | number)[];
  if (isEarlier) times[index + 1] = at; // SN1
  if (isLater) times[index + 2] = packSeenStamp(hour, seenKind(list, index));
  return isEarlier || isLater;
}

/** The list with the sighting; the same one when it tells nothing new, or there is only room for newer values. */
export function see(list: SeenList, kind: number, sighting: Sighting): SeenList {
  const hour = Math.floor(sighting.at / HOUR);
  const index = indexOfSeen(list, kind, sighting.value);
  if (index >= 0) {
    if (sighting.first >= firstSeenAt(list, index) && hour <= lastSeenHour(list, index)) return list;
    const next = list.slice();
    next[index + 1] = Math.min(firstSeenAt(list, index), sighting.first); // SN1
    next[index + 2] = packSeenStamp(Math.max(lastSeenHour(list, index), hour), kind);
    return next;
  }
  const next = [...list, sighting.value, sighting.first, packSeenStamp(hour, kind)].slice(); // a copy has no room to spare
  return countOf(next, kind) > CAPACITY[kind]! ? evict(list, next, { kind, onEvicted: sighting.onEvicted }) : next;
}

function countOf(list: SeenList, kind: number): number {
  let count = 0;
  for (let index = 0; index < list.length; index += SEEN_WIDTH) if (seenKind(list, index) === kind) count++;
  return count;
}

/** SN2; the order is total, so that it does not matter in which order values came. */
function evict(
  before: SeenList,
  next: (string | number)[],
  of: { readonly kind: number; readonly onEvicted: (kind: SeenKind) => void },
): SeenList {
  const added = next.length - SEEN_WIDTH;
  let oldest = added;
  for (let index = 0; index < added; index += SEEN_WIDTH) {
    if (seenKind(next, index) === of.kind && seenBefore(next, index, oldest)) oldest = index;
  }
  of.onEvicted(SEEN_KINDS[of.kind]!);
  if (oldest === added) return before;
  next.splice(oldest, SEEN_WIDTH);
  return next;
}

function seenBefore(list: SeenList, a: number, b: number): boolean {
  if (list[a + 2] !== list[b + 2]) return list[a + 2]! < list[b + 2]!;
  if (list[a + 1] !== list[b + 1]) return list[a + 1]! < list[b + 1]!;
  return list[a]! < list[b]!;
}
