// What correlations refer to: which rules their inputs are, which fields of those rules' events they group by
// and look at, aliases resolved. Refuses what leads nowhere, in a circle, or to a field that is not there.
// Puts correlations in an order in which an input stands before what it feeds.

import type { Service } from "../core/event.ts";
import { findField, fieldPaths, plainField } from "./fields.ts";
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
  /** Documents were left out: a rule that is missing may be one of them, which is said already. */
  readonly broken: boolean;
  /** Any field, and no services. */
  readonly plain: boolean;
}

/** Inputs first. Correlations with a problem are left out. */
export function linkCorrelations(documents: readonly CheckedRule[], scope: ReferenceScope): LinkedCorrelation[] {
  const targets = new Map<CorrelationDocument, (CheckedRule | undefined)[]>();
  for (const document of documents) {
    if (document.kind === "correlation")
      targets.set(
        document,
        document.rules.map((rule) => resolve(document, rule, scope)),
      );
  }
  const ordered = inOrder(targets, scope);
  const linked: LinkedCorrelation[] = [];
  const grouping = new Grouping();
  for (const document of ordered) {
    checkAliases(document, scope);
    const inputs = (targets.get(document) ?? []).map((target, index) =>
      target === undefined ? undefined : linkInput(document, { index, target, targets, scope }),
    );
    if (inputs.includes(undefined)) continue;
    const found = { document, inputs: inputs.filter((input) => input !== undefined) };
    linked.push(found);
    if (scope.plain) continue;
    const readsLinks = found.inputs.map((input) => servicesOf(input.document, targets).has("signal"));
    grouping.check({ ...found, readsLinks }, scope.findingsOf(document));
  }
  return linked;
}

function resolve(from: CorrelationDocument, rule: Placed, scope: ReferenceScope): CheckedRule | undefined {
  const target = scope.names.get(rule.text);
  if (target === undefined && !scope.broken)
    scope
      .findingsOf(from)
      .refuse(rule.at, `the unknown rule ${quote(rule.text)}`, suggest(rule.text, [...scope.names.keys()]));
  return target;
}

type Targets = ReadonlyMap<CorrelationDocument, readonly (CheckedRule | undefined)[]>;

/** Depth first, without recursion: chains may be long. Those on a circle are refused and left out. */
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
    for (const { rule } of alias.fields) {
      const target = scope.names.get(rule.text);
      const known = document.rules.map((each) => each.text);
      if (known.includes(rule.text) || (target === undefined ? scope.broken : own.has(target))) continue;
      findings.refuse(rule.at, `${quote(rule.text)}, which is not in rules`, suggest(rule.text, known));
    }
  }
}

interface InputScope {
  readonly index: number;
  readonly target: CheckedRule;
  readonly targets: Targets;
  readonly scope: ReferenceScope;
}

function linkInput(document: CorrelationDocument, input: InputScope): LinkedInput {
  const resolveField = (field: Placed): { path: Placed; field: Field | null } => {
    const path = unaliased(document, field, input);
    return { path, field: checkField(document, path, input) };
  };
  const groups = document.groupBy.map(resolveField);
  const values = document.valueFields.map(resolveField);
  if (!input.scope.plain) {
    const findings = input.scope.findingsOf(document);
    for (const { path, field } of groups) {
      if (field?.path.startsWith("profile.") === true && input.index === 0)
        findings.refuse(path.at, `${quote(path.text)} is no field of events`, "name a field of the events themselves");
    }
    if (document.type !== "value_count") {
      for (const { path, field } of values) {
        if (field !== null && field.kind !== "number" && input.index === 0)
          findings.refuse(
            path.at,
            `${document.type} of ${quote(path.text)}, which is no number`,
            "write a field of numbers",
          );
      }
    }
  }
  return {
    document: input.target,
    groupFields: groups.map(({ path }) => path.text),
    valueFields: values.map(({ path }) => path.text),
  };
}

/** The field an alias stands for in this input's events; an alias has to say so for each. */
function unaliased(document: CorrelationDocument, field: Placed, { index, target, scope }: InputScope): Placed {
  const alias = document.aliases.find(({ name }) => name === field.text);
  if (alias === undefined) return field;
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
  return field;
}

/** Whether every event that can come from this input has the field. */
function checkField(document: CorrelationDocument, path: Placed, input: InputScope): Field | null {
  if (input.scope.plain) return plainField(path.text);
  const findings = input.scope.findingsOf(document);
  const services = servicesOf(input.target, input.targets);
  const field = findField(path.text);
  if (field === null) {
    if (input.index === 0)
      findings.refuse(path.at, `the unknown field ${quote(path.text)}`, suggest(path.text, fieldPaths(null)));
    return null;
  }
  if (path.text.startsWith("profile.")) return field;
  for (const service of services) {
    if (service !== null && !field.services.includes(service)) {
      const rule = document.rules[input.index]!.text;
      const found = `the field ${quote(path.text)}, which events of ${quote(rule)} (${service}) do not have`;
      findings.refuse(path.at, found, `it exists on ${field.services.join(", ")}; aliases name it for each rule`);
      return null;
    }
  }
  return field;
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
