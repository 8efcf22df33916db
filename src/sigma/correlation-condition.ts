// Checks a correlation's `condition`: comparisons of a count or an aggregate, or a boolean expression over rule
// names (boolean-condition.ts). Refused is what has no clear meaning here (counts in a sequence) and what is
// true of nothing at all, which no event would decide.

import { highestCountable, holdAll } from "../core/correlation/comparison.ts";
import type { Comparison, CorrelationCondition, CorrelationType } from "../core/rule.ts";
import { checkBooleanCondition } from "./boolean-condition.ts";
import type { Placed } from "./document.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";
import { describe, textOf } from "./tree-reader.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlMap, YamlNode } from "./yaml-tree.ts";

export interface ConditionedRules {
  readonly rules: readonly Placed[];
  readonly valueFields: readonly Placed[];
  readonly condition: CorrelationCondition;
}

export interface ConditionScope {
  /** null: none that is known; what depends on it is not judged. */
  readonly type: CorrelationType | null;
  /** null: left out. */
  readonly rules: readonly Placed[] | null;
  readonly findings: Findings;
  /** As many events of a group as a correlation remembers: it cannot count further. */
  readonly mostEntries: number;
}

const OPERATORS = ["lt", "lte", "gt", "gte", "eq", "neq"] as const satisfies readonly Comparison["operator"][];
const ALL: CorrelationCondition = { kind: "all" };

export function checkCorrelationCondition(section: YamlMap, scope: ConditionScope): ConditionedRules {
  const { type, findings } = scope;
  const entry = entryOf(section, "condition");
  const isText = entry?.value.kind === "scalar" && typeof entry.value.value === "string";
  if (scope.rules === null && !(isText && isTemporal(type)))
    findings.refuse(section.at, "a correlation without rules", "write rules: and the rules' names or ids");
  const rules = scope.rules ?? [];
  if (entry === undefined) {
    if (type !== null && !isTemporal(type))
      findings.refuse(section.at, `${article(type)} without condition`, `write condition: ${exampleOf(type)}`);
    return { rules, valueFields: [], condition: ALL };
  }
  if (entry.value.kind === "map") {
    const valueFields = checkField(entry.value, scope);
    return { rules, valueFields, condition: checkCounts(entry.value, scope) };
  }
  if (entry.value.kind === "scalar" && typeof entry.value.value === "string") {
    if (isTemporal(type)) return checkBooleanCondition(entry.value, scope);
    if (type !== null) {
      const advice = `write condition: ${exampleOf(type)}, or type: temporal`;
      findings.refuse(entry.value.at, `a boolean condition in ${article(type)}`, advice);
    }
    return { rules, valueFields: [], condition: ALL };
  }
  findings.refuse(entry.value.at, `condition: ${describe(entry.value)}`, `write a map, such as ${exampleOf(type)}`);
  return { rules, valueFields: [], condition: ALL };
}

function isTemporal(type: CorrelationType | null): boolean {
  return type === "temporal" || type === "temporal_ordered";
}

function takesField(type: CorrelationType | null): boolean {
  return type?.startsWith("value_") === true;
}

function article(type: CorrelationType): string {
  return `${type === "event_count" ? "an" : "a"} ${type}`;
}

function exampleOf(type: CorrelationType | null): string {
  if (type === "value_percentile") return "{ field: amountUsdCents, percentile: 95, gte: 100000 }";
  return takesField(type) ? "{ field: amountUsdCents, gte: 10 }" : "{ gte: 10 }";
}

function checkField(map: YamlMap, { type, findings }: ConditionScope): Placed[] {
  const entry = entryOf(map, "field");
  if (entry === undefined) {
    if (takesField(type))
      findings.refuse(map.at, `${article(type!)} without field`, "write field: and the field to look at");
    return [];
  }
  if (type !== null && !takesField(type)) {
    findings.refuse(entry.at, `field in ${article(type)}`, "remove it, or write type: value_count");
    return [];
  }
  const nodes: readonly YamlNode[] = entry.value.kind === "list" ? entry.value.items : [entry.value];
  if (nodes.length === 0) findings.refuse(entry.value.at, "an empty list of fields", "write the field to look at");
  if (nodes.length > 1 && type !== "value_count" && type !== null)
    findings.refuse(entry.value.at, `several fields in ${article(type)}`, "write one: only value_count counts tuples");
  return nodes.flatMap((node) => {
    const text = textOf(node, "field:", findings);
    return text === undefined ? [] : [{ text, at: node.at }];
  });
}

function checkCounts(map: YamlMap, scope: ConditionScope): CorrelationCondition {
  const { type, findings } = scope;
  const before = findings.problems.length;
  const percentile = checkPercentile(map, scope);
  const comparisons: Comparison[] = [];
  const places: Position[] = [];
  for (const { key, at, value } of map.entries) {
    if (key === "field" || key === "percentile") continue;
    const operator = OPERATORS.find((known) => known === key);
    if (operator === undefined) {
      findings.refuse(at, `the key ${quote(key)} in condition`, suggest(key, [...OPERATORS, "field", "percentile"]));
      continue;
    }
    const number = value.kind === "scalar" && typeof value.value === "number" ? value.value : Number.NaN;
    const isFine = counts(type) ? Number.isSafeInteger(number) && number >= 0 : Number.isFinite(number);
    if (isFine) {
      comparisons.push({ operator, value: number });
      places.push(value.at);
    } else findings.refuse(value.at, `${key}: ${describe(value)}`, `write a ${counts(type) ? "whole " : ""}number`);
  }
  if (comparisons.length === 0 && findings.problems.length === before)
    findings.refuse(map.at, "a condition without comparison", `write ${exampleOf(type)}`);
  if (findings.problems.length > before || type === null) return ALL;
  if (type === "event_count" || type === "value_count") refuseUncountable(comparisons, places, scope);
  return judgeCounts(map.at, comparisons, { ...scope, percentile });
}

/** What needs more events than are remembered would never fire, or fire for what it should not. */
function refuseUncountable(
  comparisons: readonly Comparison[],
  places: readonly Position[],
  { type, findings, mostEntries }: ConditionScope,
): void {
  const highest = highestCountable(comparisons, mostEntries);
  for (const [index, { operator, value }] of comparisons.entries()) {
    if (value <= highest[index]!) continue;
    const found = `${operator}: ${value} in ${article(type!)}, which remembers ${mostEntries} events of a group`;
    findings.refuse(places[index]!, found, `write at most ${highest[index]}; a shorter timespan needs a lower number`);
  }
}

/** Its number is one of events, values or rules. */
function counts(type: CorrelationType | null): boolean {
  return type === "event_count" || type === "value_count" || isTemporal(type);
}

function checkPercentile(map: YamlMap, { type, findings }: ConditionScope): number | null {
  const entry = entryOf(map, "percentile");
  if (entry === undefined) {
    if (type === "value_percentile")
      findings.refuse(map.at, "a value_percentile without percentile", "write which, such as percentile: 95");
    return null;
  }
  if (type !== null && type !== "value_percentile") {
    findings.refuse(entry.at, `percentile in ${article(type)}`, "remove it, or write type: value_percentile");
    return null;
  }
  const value = entry.value.kind === "scalar" ? entry.value.value : null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 100) return value;
  findings.refuse(entry.value.at, `percentile: ${describe(entry.value)}`, "write a whole number from 0 to 100");
  return null;
}

function judgeCounts(
  at: Position,
  comparisons: readonly Comparison[],
  scope: ConditionScope & { readonly percentile: number | null },
): CorrelationCondition {
  const { type, findings, percentile } = scope;
  const condition: CorrelationCondition = { kind: "compare", comparisons, percentile };
  const rules = isTemporal(type) ? (scope.rules?.length ?? 0) : null;
  const fits = candidatesOf(comparisons, counts(type)).filter((number) => rules === null || number <= rules);
  const held = fits.filter((number) => holdAll(comparisons, number));
  if (type === "temporal_ordered") {
    if (isCountOfAll(comparisons, rules!)) return ALL;
    const advice = `remove it, or write gte: ${rules}; type: temporal counts rules`;
    findings.refuse(at, "a count other than that of all rules in a temporal_ordered", advice);
    return ALL;
  }
  if (held.length === 0) {
    const of = rules === null ? "" : ` of ${rules} rules`;
    const reason = holdAll(comparisons, 0) && counts(type) ? "true of nothing" : `never true${of}`;
    findings.refuse(at, `a condition that is ${reason}`, "write one that some events can make true, such as gte: 1");
  }
  return rules !== null && isCountOfAll(comparisons, rules) ? ALL : condition;
}

/** All numbers that could tell: what is compared with, and its neighbours; nothing at all does not count. */
function candidatesOf(comparisons: readonly Comparison[], whole: boolean): number[] {
  if (whole) return [1, ...comparisons.flatMap(({ value }) => [value - 1, value, value + 1])].filter((n) => n >= 1);
  const bounds = comparisons.map(({ value }) => value).toSorted((a, b) => a - b);
  const between = bounds.slice(1).map((bound, index) => (bound + bounds[index]!) / 2);
  return [Number.NEGATIVE_INFINITY, ...bounds, ...between, Number.POSITIVE_INFINITY];
}

function isCountOfAll(comparisons: readonly Comparison[], rules: number): boolean {
  const asAll = (number: number): boolean => holdAll(comparisons, number);
  return rules > 0 && asAll(rules) && !Array.from({ length: rules }, (_, number) => number).some(asAll);
}
