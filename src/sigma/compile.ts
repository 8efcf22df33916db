// Checked documents → the rule set the core runs. Owns the hashes: of what a rule says, and of its
// matching part alone, which partial matches are kept under.

import { createHash } from "node:crypto";
import type { CorrelationRule, DetectionRule, RuleSet } from "../core/rule.ts";
import { identityOf } from "./document.ts";
import type { CheckedDocument, CorrelationDocument, DetectionDocument } from "./document.ts";
import { pathsOf } from "./expression.ts";
import { eventFieldOf, factOf } from "./fields.ts";
import { typesOf } from "./event-types.ts";
import { compileExpression } from "./matcher.ts";

/** The documents of one loaded set (rule-set.ts): references resolve, identities are unique. */
export function compileRules(documents: readonly CheckedDocument[]): RuleSet {
  const detectionDocuments = documents.filter((document) => document.kind === "detection");
  const correlationDocuments = documents.filter((document) => document.kind === "correlation");
  const index = new Map<string, number>();
  detectionDocuments.forEach((document, position) => {
    for (const name of [document.name, document.id]) if (name !== null) index.set(name, position);
    if (document.name === null && document.id === null) index.set(document.title, position);
  });
  const stepsOf = correlationDocuments.map((document) =>
    document.rules.map((rule) => index.get(rule.text) ?? absent(rule.text)),
  );
  const onlyStep = new Set(stepsOf.flat());
  correlationDocuments.forEach((document, position) => {
    if (document.generate) for (const step of stepsOf[position] ?? []) onlyStep.delete(step);
  });
  const detections = detectionDocuments.map((document, position) =>
    compileDetection(document, { index: position, standalone: !onlyStep.has(position) }),
  );
  const correlations = correlationDocuments.map((document, position) =>
    compileCorrelation(document, { index: position, steps: stepsOf[position] ?? [], detections }),
  );
  return {
    detections,
    correlations,
    ...fieldsOf(detectionDocuments, documents),
    hash: hash([...detections, ...correlations].map((rule) => rule.hash)),
  };
}

function absent(name: string): never {
  throw new Error(`rule-set.ts lets only known rules through, not ${name}`);
}

function compileDetection(document: DetectionDocument, place: { index: number; standalone: boolean }): DetectionRule {
  return {
    kind: "detection",
    ...identity(document),
    hash: hash(document.canonical),
    matchHash: hash([document.service, document.expression]),
    quiet: document.quiet ?? 0,
    ...place,
    service: document.service,
    types: typesOf(document.expression, document.service),
    matches: compileExpression(document.expression),
  };
}

function compileCorrelation(
  document: CorrelationDocument,
  place: { index: number; steps: readonly number[]; detections: readonly DetectionRule[] },
): CorrelationRule {
  const steps = place.steps.map((step) => place.detections[step] ?? absent(String(step)));
  return {
    kind: "correlation",
    ...identity(document),
    // A correlation says what its steps say, too.
    hash: hash([document.canonical, ...steps.map((step) => step.hash)]),
    matchHash: hash([document.type, document.timespan, document.groupBy, steps.map((step) => step.matchHash)]),
    quiet: document.quiet ?? document.timespan,
    type: document.type,
    index: place.index,
    inputs: place.steps.map((index) => ({ kind: "detection", index, groupFields: ["accountId"], valueFields: [] })),
    timespan: document.timespan,
    groupBy: document.groupBy,
    condition: { kind: "all" },
    standalone: true,
  };
}

function identity(document: CheckedDocument) {
  return {
    id: identityOf(document),
    name: document.name,
    title: document.title,
    level: document.level,
    tags: document.tags,
    respond: document.respond,
    mode: document.mode,
  };
}

/** What the decoder and the profile must deliver: what matchers read, and what narrows commands. */
function fieldsOf(
  detections: readonly DetectionDocument[],
  documents: readonly CheckedDocument[],
): Pick<RuleSet, "fields" | "profileFields"> {
  const fields = new Set<string>();
  const profileFields = new Set<string>();
  for (const path of detections.flatMap((document) => [...pathsOf(document.expression)])) {
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
