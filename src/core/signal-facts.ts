// What an account's events tell the groups that live elsewhere: for each correlation that groups by something
// else than the account, one fact for each group the event belongs to. Leaves to links.ts what a group makes
// of it, and to the runtime how it gets there.

import { groupsOf } from "./correlation/grouping.ts";
import { type Fields, valuesFor } from "./correlation/reads.ts";
import type { Entry } from "./entry.ts";
import type { TableRow } from "./rule-table.ts";
import { groupKey, type Signal } from "./signal.ts";

/** An event, or the last one of a match, that serves inputs of a correlation. */
export interface Told {
  readonly seen: Entry;
  /** Bits of the inputs it serves. */
  readonly steps: number;
  readonly fields: Fields;
  readonly accountId: string;
}

/** One a group, in the order of the fields' values; none where a group-by field has no value. */
export function factsOf(row: TableRow, { seen, steps, fields, accountId }: Told): Signal[] {
  const { rule } = row.correlation;
  const groups = new Map<string, { readonly values: readonly string[]; steps: number }>();
  for (let rest = steps; rest !== 0; rest &= rest - 1) {
    const bit = rest & -rest;
    for (const found of groupsOf(row.reads.groups[31 - Math.clz32(bit)]!, fields, row.onEvicted)) {
      const values = found.map(String);
      const key = groupKey(rule.id, values);
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { values, steps: bit });
      else known.steps |= bit;
    }
  }
  const { eventId, occurredAt, type, topic, partition, offset, summary } = seen;
  return [...groups.values()].map((group) => ({
    eventId,
    type: "FACT",
    occurredAt,
    ruleId: rule.id,
    group: Object.fromEntries(rule.groupBy.map((name, index) => [name, group.values[index]!])),
    accountId,
    linkedBy: null,
    linkedCount: null,
    linkRule: null,
    fact: {
      matchHash: rule.matchHash,
      steps: group.steps,
      ...valuesFor(row.reads, group.steps, fields),
      type,
      topic,
      partition,
      offset,
      summary,
    },
  }));
}
