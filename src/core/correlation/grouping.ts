// Which groups of a correlation an event belongs to, by what its group-by fields hold. A field without a value:
// to none. An array: to one group for each element, as a comparison holds when it does for any; of several
// arrays to each combination, up to a bound; what is beyond it is counted as evicted.

import type { Field, Fields } from "./reads.ts";

/** Groups that one event may belong to. */
export const MAX_GROUPS = 64;

const NONE: readonly (readonly unknown[])[] = [];

/**
 * The values of each group, in the order of the fields; the first MAX_GROUPS.
 * @param onEvicted told how many more there are
 */
export function groupsOf(
  fields: readonly Field[],
  from: Fields,
  onEvicted: (count: number) => void,
): readonly (readonly unknown[])[] {
  let groups: readonly (readonly unknown[])[] = [[]];
  let count = 1;
  for (const field of fields) {
    const value = from.read(field);
    if (value === null || value === undefined) return NONE;
    const values: readonly unknown[] = Array.isArray(value) ? [...new Set<unknown>(value)] : [value];
    if (values.length === 0) return NONE;
    count *= values.length;
    groups = groups.flatMap((group) => values.map((each) => [...group, each])).slice(0, MAX_GROUPS);
  }
  if (count > MAX_GROUPS) onEvicted(count - MAX_GROUPS);
  return groups;
}
