// Checked documents → the rule set the core runs. Owns the hashes: of what a rule says, and of its
// matching part alone, which partial matches are kept under.

import { createHash } from "node:crypto";
import { EVENT_FIELDS } from "../core/event-fields.ts";
import { SERVICES } from "../core/event.ts";
import type { CorrelationRule, DetectionRule, RuleSet } from "../core/rule.ts";
import type { CheckedRule, DetectionDocument } from "./document.ts";
import { EVERY_FIELD, pathsOf } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { textOfExpression } from "./expression-text.ts";
import { eventFieldOf, factOf } from "./fields.ts";
import { typesOf } from "./type-bounds.ts";
import { compileExpression } from "./matcher.ts";
import type { LinkedCorrelation } from "./references.ts";
import type { WatchLists } from "./watch-list.ts";

export interface CompileOptions {
  readonly linked: readonly LinkedCorrelation[];
  /** Rules that open no cases of their own. */
  readonly only: ReadonlySet<CheckedRule>;
  readonly plain: boolean;
  readonly lists: WatchLists;
}

/** The rules of one loaded set (rule-set.ts): references resolve, identities are unique. */
export function compileRules(documents: readonly CheckedRule[], options: CompileOptions): RuleSet {
  const { linked, only } = options;
  const detectionDocuments = documents.filter((document) => document.kind === "detection");
  const compiled = new Map<CheckedRule, DetectionRule | CorrelationRule>();
  const detections = detectionDocuments.map((document, index) => {
    const rule = compileDetection(document, { index, standalone: !only.has(document), options });
    compiled.set(document, rule);
    return rule;
  });
  const correlations = linked.map((correlation, index) => {
    const standalone = !only.has(correlation.document);
    const rule = compileCorrelation(correlation, { index, standalone, compiled });
    compiled.set(correlation.document, rule);
    return rule;
  });
  return {
    detections,
    correlations,
    ...fieldsOf(detectionDocuments, { documents, linked }),
    hash: hash([...detections, ...correlations].map((rule) => rule.hash)),
  };
}

function compileDetection(
  document: DetectionDocument,
  { index, standalone, options }: { index: number; standalone: boolean; options: CompileOptions },
): DetectionRule {
  return {
    kind: "detection",
    ...identity(document),
    hash: hash(document.canonical),
    matchHash: hash([document.service, document.expression]),
    quiet: document.quiet ?? 0,
    index,
    standalone,
    service: document.service,
    types: options.plain ? null : typesOf(document.expression, document.service),
    matches: compileExpression(document.expression, { ...options, service: document.service }),
  };
}

/** The conditions that a detection joins by AND, each as a rule of its own, called by what it says. */
export function compileConditions(
  document: DetectionDocument,
  options: Pick<CompileOptions, "plain" | "lists">,
): Omit<DetectionRule, "index">[] {
  const conjuncts = (expression: Expression): readonly Expression[] =>
    expression.kind === "and" ? expression.operands.flatMap(conjuncts) : [expression];
  return conjuncts(document.expression).map((expression, index) => ({
    kind: "detection",
    ...identity(document),
    id: `${document.identity} ${index}`,
    name: textOfExpression(expression),
    hash: "",
    matchHash: "",
    respond: [],
    quiet: 0,
    standalone: true,
    service: document.service,
    types: null,
    matches: compileExpression(expression, { ...options, service: document.service }),
  }));
}

function compileCorrelation(
  { document, inputs }: LinkedCorrelation,
  place: {
    readonly index: number;
    readonly standalone: boolean;
    readonly compiled: ReadonlyMap<CheckedRule, DetectionRule | CorrelationRule>;
  },
): CorrelationRule {
  const { condition, timespan, type } = document;
  const groupBy = document.groupBy.map((field) => field.text);
  const rules = inputs.map((input) => {
    const rule = place.compiled.get(input.document);
    if (rule === undefined) throw new Error(`an input of ${document.title} is not compiled before it`);
    return rule;
  });
  const isPlainSequence =
    condition.kind === "all" && groupBy.every((field) => inputs.every((input) => input.groupFields.includes(field)));
  return {
    kind: "correlation",
    ...identity(document),
    // A correlation says what its inputs say, too.
    hash: hash([document.canonical, ...rules.map((rule) => rule.hash)]),
    matchHash: hash([
      type,
      timespan,
      groupBy,
      rules.map((rule) => rule.matchHash),
      ...(isPlainSequence ? [] : [condition, inputs.map((input) => [input.groupFields, input.valueFields])]),
    ]),
    quiet: document.quiet ?? timespan,
    type,
    index: place.index,
    inputs: inputs.map(({ groupFields, valueFields }, input) => ({
      kind: rules[input]!.kind,
      index: rules[input]!.index,
      groupFields,
      valueFields,
    })),
    timespan,
    groupBy,
    condition,
    standalone: place.standalone,
  };
}

function identity(document: CheckedRule) {
  return {
    id: document.identity,
    name: document.name,
    title: document.title,
    level: document.level,
    tags: document.tags,
    respond: document.respond,
    mode: document.mode,
  };
}

/** What the decoder and the profile must deliver: what matchers and correlations read, and what narrows commands. */
function fieldsOf(
  detections: readonly DetectionDocument[],
  { documents, linked }: { readonly documents: readonly CheckedRule[]; readonly linked: readonly LinkedCorrelation[] },
): Pick<RuleSet, "fields" | "profileFields"> {
  const fields = new Set<string>();
  const profileFields = new Set<string>();
  const read = [
    ...detections.flatMap((document) => [...pathsOf(document.expression)]),
    ...linked.flatMap(({ inputs }) => inputs.flatMap((input) => [...input.groupFields, ...input.valueFields])),
  ];
  for (const path of read) {
    if (path === EVERY_FIELD) {
      for (const service of SERVICES) for (const name of EVENT_FIELDS[service].keys()) fields.add(name);
      continue;
    }
    const field = eventFieldOf(path);
    const fact = factOf(path);
    if (field !== null) fields.add(field);
    if (fact !== null) profileFields.add(fact);
  }
  for (const target of documents.flatMap((document) => document.respond.flatMap((action) => action.targets)))
    fields.add(target);
  return { fields, profileFields };
}

/** 64 bits of SHA-256 over canonical JSON, in hexadecimal: enough to tell versions of a rule apart. */
function hash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
}
