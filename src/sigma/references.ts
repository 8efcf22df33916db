// What correlations refer to: which rules their inputs are, which fields of those rules' events they group by
// and look at, aliases resolved. Refuses what leads nowhere, in a circle, or to a field that is not there.
// Puts correlations in an order in which an input stands before what it feeds.

import type { Service } from "../core/event.ts";
import { findField, fieldPaths } from "./fields.ts";
import type { Field } from "./fields.ts";
import type { CheckedRule, CorrelationDocument, Placed } from "./document.ts";
import { Grouping } from "./grouping.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";

/** One of a correlation's rules. */
export interface LinkedInput {
  readonly document: CheckedRule;
  readonly groupFields: readonly string[];
  readonly valueFields: readonly string[];
}

export interface LinkedCorrelation {
  readonly document: CorrelationDocument;
  readonly inputs: readonly LinkedInput[];
}

export interface ReferenceScope {
  /** Rules by each id and name they go by. */
  readonly names: ReadonlyMap<string, CheckedRule>;
  readonly findingsOf: (document: { readonly file: string }) => Findings;
  /** Nothing goes by that name; false where a document that could not be read might. */
  readonly isUnknown: (name: string) => boolean;
  /** Any field, and no services. */
  readonly plain: boolean;
}

/** Inputs first. Correlations of rules that are missing are left out. */
export function linkCorrelations(documents: readonly CheckedRule[], scope: ReferenceScope): LinkedCorrelation[] {
  const targets = new Map<CorrelationDocument, (CheckedRule | undefined)[]>();
  for (const document of documents) {
    if (document.kind === "correlation") targets.set(document, resolveAll(document, scope));
  }
  const ordered = inOrder(targets, scope);
  const linked: LinkedCorrelation[] = [];
  const grouping = new Grouping();
  for (const document of ordered) {
    checkAliases(document, scope);
    const isGrouped = checkFields(document, scope);
    const inputs = (targets.get(document) ?? []).map((target, index) =>
      target === undefined ? undefined : linkInput(document, { index, target, targets, scope }),
    );
    if (inputs.includes(undefined)) continue;
    const found = { document, inputs: inputs.filter((input) => input !== undefined) };
    linked.push(found);
    if (scope.plain || !isGrouped) continue;
    const readsLinks = found.inputs.map((input) => servicesOf(input.document, targets).has("signal"));
    grouping.check({ ...found, readsLinks }, scope.findingsOf(document));
  }
  return linked;
}

/** Each rule once: by its id and by its name it is one. */
function resolveAll(document: CorrelationDocument, scope: ReferenceScope): (CheckedRule | undefined)[] {
  const called = new Map<CheckedRule, string>();
  return document.rules.map((rule) => {
    const target = resolve(document, rule, scope);
    const before = target === undefined ? undefined : called.get(target);
    if (target !== undefined && before === undefined) called.set(target, rule.text);
    // The same word twice was refused where it stands.
    if (before !== undefined && before !== rule.text) {
      const found = `the rule ${quote(rule.text)} twice, which is ${quote(before)}, too`;
      scope.findingsOf(document).refuse(rule.at, found, "write a second rule with another name");
    }
    return target;
  });
}

function resolve(from: CorrelationDocument, rule: Placed, scope: ReferenceScope): CheckedRule | undefined {
  const target = scope.names.get(rule.text);
  if (target === undefined) refuseUnknown(rule, from, scope);
  return target;
}

export function refuseUnknown(rule: Placed, from: { readonly file: string }, scope: ReferenceScope): void {
  if (!scope.isUnknown(rule.text)) return;
  const names = [...scope.names.keys()];
  const advice = names.length === 0 ? "no rule has an id or a name" : suggest(rule.text, names);
  scope.findingsOf(from).refuse(rule.at, `the unknown rule ${quote(rule.text)}`, advice);
}

type Targets = ReadonlyMap<CorrelationDocument, readonly (CheckedRule | undefined)[]>;

/** Depth first, without recursion: chains may be long. What closes a circle is refused, and not followed. */
function inOrder(targets: Targets, scope: ReferenceScope): CorrelationDocument[] {
  const ordered: CorrelationDocument[] = [];
  const state = new Map<CorrelationDocument, "open" | "done">();
  for (const start of targets.keys()) {
    const path: { document: CorrelationDocument; next: number }[] = [];
    const enter = (document: CorrelationDocument): void => {
      state.set(document, "open");
      path.push({ document, next: 0 });
    };
    if (!state.has(start)) enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const index = top.next++;
      const inputs = targets.get(top.document) ?? [];
      const target = inputs[index];
      if (index >= inputs.length) {
        state.set(top.document, "done");
        ordered.push(top.document);
        path.pop();
      } else if (target?.kind === "correlation") {
        if (state.get(target) === "open") refuseCircle(top.document, index, { target, scope });
        else if (!state.has(target)) enter(target);
      }
    }
  }
  return ordered;
}

function refuseCircle(
  from: CorrelationDocument,
  index: number,
  { target, scope }: { readonly target: CorrelationDocument; readonly scope: ReferenceScope },
): void {
  const rule = from.rules[index]!;
  const found =
    target === from ? "a correlation over itself" : `the correlation ${quote(rule.text)}, which leads back here`;
  scope.findingsOf(from).refuse(rule.at, found, "name rules that do not need this one");
}

/** Every alias speaks of rules of this correlation, and is used. */
function checkAliases(document: CorrelationDocument, scope: ReferenceScope): void {
  const findings = scope.findingsOf(document);
  const own = new Set(document.rules.flatMap((rule) => scope.names.get(rule.text) ?? []));
  for (const alias of document.aliases) {
    const isUsed = [...document.groupBy, ...document.valueFields].some((field) => field.text === alias.name);
    if (!isUsed)
      findings.warn(alias.at, `the alias ${quote(alias.name)} is not used`, "name it in group-by, or remove it");
    // Which rules these are is not known where the list of rules was refused.
    if (document.rules.length === 0) continue;
    for (const { rule } of alias.fields ?? []) {
      const target = scope.names.get(rule.text);
      const known = document.rules.map((each) => each.text);
      if (known.includes(rule.text) || (target === undefined ? !scope.isUnknown(rule.text) : own.has(target))) continue;
      findings.refuse(rule.at, `${quote(rule.text)}, which is not in rules`, suggest(rule.text, known));
    }
  }
}

/** Every field that groups and values are read from exists, and is of a kind that can be; true: groups can. */
function checkFields(document: CorrelationDocument, scope: ReferenceScope): boolean {
  if (scope.plain) return true;
  const findings = scope.findingsOf(document);
  const known = (field: Placed): Field | null => {
    const found = findField(field.text);
    if (found === null)
      findings.refuse(field.at, `the unknown field ${quote(field.text)}`, suggest(field.text, fieldPaths(null)));
    return found;
  };
  let isGrouped = document.groupBy.length > 0;
  for (const path of pathsBehind(document, document.groupBy)) {
    const field = known(path);
    if (field?.path.startsWith("profile.") === true)
      findings.refuse(path.at, `${quote(path.text)} is no field of events`, "name a field of the events themselves");
    if (field === null || field.path.startsWith("profile.")) isGrouped = false;
  }
  // Several fields of a sum were refused, and which of them is meant is open.
  const isNumeric = document.type !== "value_count" && document.valueFields.length === 1;
  for (const path of pathsBehind(document, document.valueFields)) {
    const field = known(path);
    if (isNumeric && field !== null && field.kind !== "number")
      findings.refuse(
        path.at,
        `${document.type} of ${quote(path.text)}, which is no number`,
        "write a field of numbers",
      );
  }
  return isGrouped;
}

/** The fields themselves, and those that aliases stand for. */
function pathsBehind({ aliases }: CorrelationDocument, fields: readonly Placed[]): readonly Placed[] {
  return fields.flatMap((field) => {
    const alias = aliases.find(({ name }) => name === field.text);
    return alias === undefined ? [field] : (alias.fields ?? []).map((each) => each.field);
  });
}

interface InputScope {
  readonly index: number;
  readonly target: CheckedRule;
  readonly targets: Targets;
  readonly scope: ReferenceScope;
}

function linkInput(document: CorrelationDocument, input: InputScope): LinkedInput {
  const resolveField = (field: Placed): string => {
    const path = unaliased(document, field, input);
    if (path === null) return field.text;
    refuseElsewhere(document, path, input);
    return path.text;
  };
  return {
    document: input.target,
    groupFields: document.groupBy.map(resolveField),
    valueFields: document.valueFields.map(resolveField),
  };
}

/** The field an alias stands for in this input's events; an alias has to say so for each. null: refused. */
function unaliased(document: CorrelationDocument, field: Placed, { index, target, scope }: InputScope): Placed | null {
  const alias = document.aliases.find(({ name }) => name === field.text);
  if (alias === undefined) return field;
  if (alias.fields === null) return null;
  const found = alias.fields.find(({ rule }) => scope.names.get(rule.text) === target);
  if (found !== undefined) return found.field;
  const rule = document.rules[index]!.text;
  scope
    .findingsOf(document)
    .refuse(
      alias.at,
      `the alias ${quote(alias.name)} says nothing of the rule ${quote(rule)}`,
      `write ${rule}: and a field`,
    );
  return null;
}

/** Every event that can come from this input has the field. */
function refuseElsewhere(document: CorrelationDocument, path: Placed, input: InputScope): void {
  if (input.scope.plain || path.text.startsWith("profile.")) return;
  const field = findField(path.text);
  for (const service of servicesOf(input.target, input.targets)) {
    if (field === null || service === null || field.services.includes(service)) continue;
    const rule = document.rules[input.index]!.text;
    const found = `the field ${quote(path.text)}, which events of ${quote(rule)} (${service}) do not have`;
    const advice = `it exists on ${field.services.join(", ")}; aliases name it for each rule`;
    return input.scope.findingsOf(document).refuse(path.at, found, advice);
  }
}

/** Of the events that can end a match of this rule. */
function servicesOf(rule: CheckedRule, targets: Targets): Set<Service | null> {
  const services = new Set<Service | null>();
  const seen = new Set<CheckedRule>();
  const waiting: CheckedRule[] = [rule];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (next.kind === "detection") services.add(next.service);
    else waiting.push(...(targets.get(next) ?? []).filter((target) => target !== undefined));
  }
  return services;
}
