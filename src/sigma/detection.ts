// Checks a `detection:` section: selections, their fields, modifiers and values, and the condition over
// them. What comes out is one expression; what cannot be honoured exactly is refused at its place.

import type { Service } from "../core/event.ts";
import { compareAny, keyword } from "./comparison.ts";
import { namesMatching, parseCondition } from "./condition.ts";
import type { Condition } from "./condition.ts";
import type { Expression } from "./expression.ts";
import { fieldPaths, findField, plainField } from "./fields.ts";
import type { Field } from "./fields.ts";
import { readModifiers } from "./modifiers.ts";
import type { Modifiers } from "./modifiers.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";
import { describe, positionIn } from "./tree-reader.ts";
import { changeValues, readValue } from "./values.ts";
import type { Value } from "./values.ts";
import type { WatchLists } from "./watch-list.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlEntry, YamlMap, YamlNode, YamlScalar } from "./yaml-tree.ts";

export interface DetectionScope {
  /** null: the rule reads every service. */
  readonly service: Service | null;
  readonly findings: Findings;
  readonly plain: boolean;
  /** Those that placeholders may name. */
  readonly lists: WatchLists;
}

const NOTHING: Expression = { kind: "or", operands: [] };

/** The section as one expression; meaningless where something was refused. */
export function checkDetection(section: YamlMap, scope: DetectionScope): Expression {
  const selections = new Map<string, Expression>();
  for (const entry of section.entries) {
    if (entry.key === "condition") continue;
    if (entry.key === "timeframe") {
      scope.findings.refuse(entry.at, 'the key "timeframe"', "write a correlation document with timespan:");
      continue;
    }
    selections.set(entry.key, checkSelection(entry, scope));
  }
  const condition = entryOf(section, "condition");
  if (condition === undefined) {
    scope.findings.refuse(section.at, "a detection without condition", "write condition: and the name of a selection");
    return NOTHING;
  }
  const used = new Set<string>();
  const expression = checkConditions(condition, { selections, used, findings: scope.findings });
  for (const entry of section.entries) {
    if (selections.has(entry.key) && !used.has(entry.key)) {
      scope.findings.warn(
        entry.at,
        `the selection ${quote(entry.key)} is not used`,
        "name it in the condition or remove it",
      );
    }
  }
  return expression;
}

function checkSelection(entry: YamlEntry, scope: DetectionScope): Expression {
  const { value } = entry;
  if (value.kind === "map") return checkFieldMap(value, scope);
  if (value.kind === "scalar") return checkKeywords([value], [], { at: value.at, ...scope });
  if (value.items.length > 0) return { kind: "or", operands: value.items.map((item) => checkListItem(item, scope)) };
  scope.findings.refuse(value.at, `the empty selection ${quote(entry.key)}`, "write field: value");
  return NOTHING;
}

function checkListItem(item: YamlNode, scope: DetectionScope): Expression {
  if (item.kind === "map") return checkFieldMap(item, scope);
  if (item.kind === "scalar") return checkKeywords([item], [], { at: item.at, ...scope });
  scope.findings.refuse(item.at, "a list in a list", "write a list of maps");
  return NOTHING;
}

function checkFieldMap(map: YamlMap, scope: DetectionScope): Expression {
  if (map.entries.length === 0) {
    scope.findings.refuse(map.at, "an empty map", "write field: value");
    return NOTHING;
  }
  return { kind: "and", operands: map.entries.map((entry) => checkItem(entry, scope)) };
}

/** One `field|modifiers: values`; without field, keywords. */
function checkItem(entry: YamlEntry, scope: DetectionScope): Expression {
  const [path = "", ...names] = entry.key.split("|");
  const scalars = valuesOf(entry, scope.findings);
  if (path === "") return checkKeywords(scalars ?? [], names, { at: entry.at, ...scope });
  const field = checkField(path, entry.at, scope);
  const asked = readValues(scalars ?? [], names, { at: entry.at, ...scope });
  if (field === null || scalars === null || asked === null) return NOTHING;
  const comparison = { ...scope, field, fieldOf: (value: Value, name: string) => checkField(name, value.at.at, scope) };
  return join(asked, (values) => compareAny(values, comparison));
}

interface ItemScope extends DetectionScope {
  readonly at: Position;
}

function checkKeywords(scalars: readonly YamlScalar[], names: readonly string[], scope: ItemScope): Expression {
  const asked = readValues(scalars, names, scope);
  if (asked === null) return NOTHING;
  return join(asked, (values) => values.map((value) => keyword(value, scope.findings)));
}

interface Asked {
  /** For each written value what its modifiers made of it: some make several spellings of one. */
  readonly values: readonly (readonly Value[])[];
  readonly modifiers: Modifiers;
}

/** The values after their modifiers have worked on them, one after another; null where the key was refused. */
function readValues(
  scalars: readonly YamlScalar[],
  names: readonly string[],
  { at, findings }: ItemScope,
): Asked | null {
  const modifiers = readModifiers(names, at, findings);
  if (modifiers === undefined) return null;
  if (modifiers.all && scalars.length < 2)
    findings.refuse(at, 'the modifier "all" with a single value', "remove it or write a list");
  let values: Asked["values"] = scalars.map((scalar) => {
    const value = readValue(scalar, modifiers.changes, findings);
    return value === null ? [] : [value];
  });
  for (const name of modifiers.changes) values = values.map((spellings) => changeValues(spellings, name, findings));
  return { values, modifiers };
}

/** `all` asks for every written value, of which one spelling is enough. */
function join(
  { values, modifiers }: Asked,
  compare: (alternatives: readonly Value[]) => readonly Expression[],
): Expression {
  const joined = modifiers.all
    ? linked(
        "and",
        values.map((spellings) => linked("or", compare(spellings))),
      )
    : linked("or", compare(values.flat()));
  return modifiers.negated ? { kind: "not", operand: joined } : joined;
}

function linked(kind: "and" | "or", operands: readonly Expression[]): Expression {
  const [only] = operands;
  return operands.length === 1 && only !== undefined ? only : { kind, operands };
}

function checkField(path: string, at: Position, scope: DetectionScope): Field | null {
  if (scope.plain) return plainField(path);
  const field = findField(path);
  const { service } = scope;
  if (field !== null && (service === null || field.services.includes(service))) return field;
  const known = fieldPaths(service);
  const where = service === null ? "" : ` on service ${service}`;
  if (field !== null) {
    scope.findings.refuse(
      at,
      `the field ${quote(path)} does not exist${where}`,
      `it exists on ${field.services.join(", ")}`,
    );
  } else if (path === "detail") {
    scope.findings.refuse(at, 'the field "detail" is a map', "write detail.<name>");
  } else {
    scope.findings.refuse(at, `the unknown field ${quote(path)}${where}`, suggest(path, known));
  }
  return null;
}

function valuesOf(entry: YamlEntry, findings: Findings): readonly YamlScalar[] | null {
  const { value } = entry;
  if (value.kind === "scalar") return [value];
  if (value.kind === "map") {
    findings.refuse(value.at, `a map under ${quote(entry.key)}`, `write the path with dots: ${entry.key}.<name>`);
    return null;
  }
  if (value.items.length === 0) {
    findings.refuse(value.at, "an empty list of values", "write null for an absent field");
    return null;
  }
  const scalars: YamlScalar[] = [];
  for (const item of value.items) {
    if (item.kind === "scalar") scalars.push(item);
    else findings.refuse(item.at, `${describe(item)} in a list of values`, "write single values");
  }
  return scalars.length === value.items.length ? scalars : null;
}

interface ConditionScope {
  readonly selections: ReadonlyMap<string, Expression>;
  readonly used: Set<string>;
  readonly findings: Findings;
}

/** A list of conditions is linked by OR. */
function checkConditions(entry: YamlEntry, scope: ConditionScope): Expression {
  const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
  const operands: Expression[] = [];
  for (const node of nodes) {
    if (node.kind !== "scalar" || typeof node.value !== "string") {
      scope.findings.refuse(node.at, `condition: ${describe(node)}`, "write an expression over the selections' names");
      continue;
    }
    const parsed = parseCondition(node.value);
    if ("fault" in parsed)
      scope.findings.refuse(positionIn(node, parsed.fault.offset), parsed.fault.found, parsed.fault.instead);
    else operands.push(resolve(parsed.condition, node, scope));
  }
  if (nodes.length === 0)
    scope.findings.refuse(entry.at, "an empty list of conditions", "write an expression over the selections' names");
  return linked("or", operands);
}

/** Puts the selections in the place of their names. */
function resolve(condition: Condition, source: YamlScalar, scope: ConditionScope): Expression {
  switch (condition.kind) {
    case "and":
    case "or":
      return { kind: condition.kind, operands: condition.operands.map((operand) => resolve(operand, source, scope)) };
    case "not":
      return { kind: "not", operand: resolve(condition.operand, source, scope) };
    case "name": {
      scope.used.add(condition.name);
      const selection = scope.selections.get(condition.name);
      if (selection !== undefined) return selection;
      const known = [...scope.selections.keys()];
      scope.findings.refuse(
        positionIn(source, condition.offset),
        `the unknown selection ${quote(condition.name)}`,
        suggest(condition.name, known),
      );
      return NOTHING;
    }
    case "of": {
      const names = namesMatching(condition.pattern, [...scope.selections.keys()]);
      if (names.length === 0) {
        scope.findings.refuse(
          positionIn(source, condition.offset),
          `${quote(condition.pattern)}, which is the name of no selection`,
          "write a pattern of existing names or them",
        );
      }
      for (const name of names) scope.used.add(name);
      return {
        kind: condition.quantifier === "one" ? "or" : "and",
        operands: names.map((name) => scope.selections.get(name) ?? NOTHING),
      };
    }
  }
}
