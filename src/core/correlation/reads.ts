// What a correlation reads of the events that feed it: its values, and what correlations over it will read
// of its matches' last events. Those may be decided long after the event is gone, so entries carry it.

import type { Entry, EntryValues } from "../entry.ts";
import { NO_VALUES } from "../entry.ts";
import { fieldReader, type FieldReader, numberOf } from "../field-reader.ts";
import type { ProfileFacts } from "../profile-facts.ts";
import type { CorrelationRule, RuleSet } from "../rule.ts";

/** Where fields are read from: an event, or an entry that carries them. */
export interface Fields {
  read(field: Field): unknown;
}

export interface Field {
  readonly path: string;
  readonly reader: FieldReader;
}

export class EventFields implements Fields {
  event: object = {};
  facts: ProfileFacts | null = null;

  read(field: Field): unknown {
    return field.reader(this.event, this.facts);
  }
}

export class CarriedFields implements Fields {
  readonly #entry: Entry;
  readonly #carries: readonly Field[];

  constructor(entry: Entry, carries: readonly Field[]) {
    this.#entry = entry;
    this.#carries = carries;
  }

  /** What is not carried (by entries of before a rule over it was loaded) is not there. */
  read(field: Field): unknown {
    const text = this.#entry.carried[this.#carries.findIndex(({ path }) => path === field.path)];
    return text === undefined ? null : (JSON.parse(text) as unknown);
  }
}

export interface Reads {
  /** For each input; empty where the kind looks at no values. */
  readonly values: readonly (readonly Field[])[];
  /** For each input, in the order of group-by. */
  readonly groups: readonly (readonly Field[])[];
  readonly carries: readonly Field[];
  readonly counts: boolean;
  readonly isNothing: boolean;
}

/** For each correlation; those over it come after it. */
export function readsOf(rules: RuleSet): Reads[] {
  const carried = rules.correlations.map(() => new Set<string>());
  for (const rule of rules.correlations.toReversed()) {
    for (const input of rule.inputs) {
      if (input.kind !== "correlation") continue;
      for (const path of [...input.valueFields, ...input.groupFields, ...carried[rule.index]!])
        carried[input.index]!.add(path);
    }
  }
  return rules.correlations.map((rule) => readsOfRule(rule, [...carried[rule.index]!]));
}

function readsOfRule(rule: CorrelationRule, carried: readonly string[]): Reads {
  const fields = (paths: readonly string[]): Field[] => paths.map((path) => ({ path, reader: fieldReader(path) }));
  const hasValues = rule.type.startsWith("value_");
  return {
    values: rule.inputs.map((input) => (hasValues ? fields(input.valueFields) : [])),
    groups: rule.inputs.map((input) => fields(input.groupFields)),
    carries: fields(carried),
    counts: rule.type === "value_count",
    isNothing: !hasValues && carried.length === 0,
  };
}

/** @param steps bits of the inputs that the event serves */
export function valuesFor(reads: Reads, steps: number, fields: Fields): EntryValues {
  if (reads.isNothing) return NO_VALUES;
  let value: number | null = null;
  const counted: string[] = [];
  for (let rest = steps; rest !== 0; rest &= rest - 1) {
    const read = reads.values[31 - Math.clz32(rest & -rest)]!;
    if (read.length === 0) continue;
    if (reads.counts) counted.push(...tuplesOf(read, fields));
    else value ??= numberOf(fields.read(read[0]!));
  }
  const carried = reads.carries.map((field) => JSON.stringify(fields.read(field) ?? null));
  return { value, values: counted.length > 1 ? [...new Set(counted)] : counted, carried };
}

/** JSON texts: each value of one field, or the tuple of several; none where one is missing. */
function tuplesOf(read: readonly Field[], fields: Fields): string[] {
  if (read.length === 1) {
    const found = fields.read(read[0]!);
    return (Array.isArray(found) ? (found as unknown[]) : [found]).filter(isThere).map((each) => JSON.stringify(each));
  }
  const tuple = read.map((field) => fields.read(field));
  return tuple.every(isThere) ? [JSON.stringify(tuple)] : [];
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0);
}
