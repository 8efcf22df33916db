// One file's text → its checked documents. Owns the attributes that detection and correlation documents
// share; the sections have checkers of their own.

import { RULE_SERVICES } from "../core/event.ts";
import type { Service } from "../core/event.ts";
import { checkCorrelation, readGenerate } from "./correlation.ts";
import { checkDetection } from "./detection.ts";
import type { CheckedDocument, CheckedRule, LogSource, RuleText } from "./document.ts";
import { checkFilter } from "./filter.ts";
import { checkHoldfast } from "./holdfast-attribute.ts";
import { isUuid, referenceOf } from "./names.ts";
import { nearest, suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { describe, readMap, readSymbol, readText, readTexts, refuseUnknownKeys } from "./tree-reader.ts";
import { checkSpecification } from "./specification.ts";
import type { WatchLists } from "./watch-list.ts";
import { canonicalText, entryOf, parseYaml } from "./yaml-tree.ts";
import type { YamlMap, YamlNode } from "./yaml-tree.ts";

const LEVELS = ["informational", "low", "medium", "high", "critical"] as const;
const STATUSES = ["stable", "test", "experimental", "deprecated", "unsupported"] as const;
const TAG = /^[a-z0-9_-]+\.[a-z0-9._-]+$/u;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/u;
const KINDS = ["detection", "correlation", "filter"] as const;
const SOURCE_KEYS = ["category", "product", "service"] as const;

export interface FileOptions {
  readonly findings: Findings;
  /** Rules over any JSON objects: every field exists, log sources say nothing of where events come from. */
  readonly plain: boolean;
  readonly lists: WatchLists;
}

export interface RuleFile {
  readonly documents: readonly CheckedDocument[];
  /** Ids and names in documents that came to nothing: whoever refers to them need not hear that they are unknown. */
  readonly refused: readonly string[];
  /** Some document could not be read at all: nobody knows what it is called. */
  readonly incomplete: boolean;
}

/** Never throws, whatever the text. */
export function readRuleFile(file: RuleText, options: FileOptions): RuleFile {
  const { findings } = options;
  if (file.fault !== undefined) {
    findings.refuse(file.fault.at, file.fault.found, file.fault.instead);
    return { documents: [], refused: [], incomplete: true };
  }
  const { trees, incomplete } = parseYaml(file.text, findings);
  const documents: CheckedDocument[] = [];
  const refused: string[] = [];
  for (const tree of trees) {
    const before = findings.problems.length;
    const document = checkDocument(tree, options);
    const [kind, ...others] = KINDS.filter((each) => tree.kind === "map" && entryOf(tree, each) !== undefined);
    if (tree.kind === "map" && kind !== undefined && others.length === 0) checkSpecification(tree, kind, findings);
    if (document !== null) documents.push({ ...document, sound: findings.problems.length === before });
    else if (tree.kind === "map") refused.push(...calledIn(tree));
  }
  return { documents, refused, incomplete };
}

function calledIn(tree: YamlMap): string[] {
  return ["id", "name"].flatMap((key) => {
    const value = entryOf(tree, key)?.value;
    return value?.kind === "scalar" ? [referenceOf(value.text)] : [];
  });
}

function checkDocument(tree: YamlNode, options: FileOptions): CheckedDocument | null {
  const { findings } = options;
  if (tree.kind !== "map") {
    findings.refuse(
      tree.at,
      `${describe(tree)} where a rule is due`,
      "write title:, logsource: and detection:, or title: and correlation:",
    );
    return null;
  }
  refuseForeignKinds(tree, findings);
  const shared = checkShared(tree, findings);
  const given = KINDS.filter((kind) => entryOf(tree, kind) !== undefined);
  if (given.length > 1) {
    findings.refuse(tree.at, `${given.join(" and ")} in one document`, "write two documents, separated by ---");
    return null;
  }
  const detection = readMap(tree, "detection", findings);
  const correlation = readMap(tree, "correlation", findings);
  const filter = readMap(tree, "filter", findings);
  if (filter !== undefined) {
    const source = checkLogsource(tree, options);
    const { file, at, title, id, name, canonical } = shared;
    const section = checkFilter(filter, { ...options, service: source.service });
    return {
      kind: "filter",
      sound: true,
      file,
      at,
      title,
      id,
      name,
      canonical,
      logsource: source.logsource,
      ...section,
    };
  }
  if (detection !== undefined) {
    const source = checkLogsource(tree, options);
    if (entryOf(tree, "generate") !== undefined) {
      findings.refuse(tree.at, "generate in a detection rule", "write it in the correlation");
    }
    const before = findings.warnings.length;
    const expression = checkDetection(detection, { ...options, service: source.service });
    return { kind: "detection", ...shared, ...source, expression, warned: findings.warnings.length > before };
  }
  if (correlation !== undefined) {
    const section = checkCorrelation(correlation, options);
    const generate = readGenerate(tree, findings) ?? section.generate;
    return { kind: "correlation", ...shared, ...section, generate };
  }
  return null;
}

/** Old ways to write a document, and mistyped attributes that would be read as one's own. */
function refuseForeignKinds(tree: YamlMap, findings: Findings): void {
  const action = entryOf(tree, "action");
  if (action !== undefined) findings.refuse(action.at, "the collection action", "write each rule out");
  for (const entry of tree.entries) {
    if (entry.key !== "holdfast" && nearest(entry.key, ["holdfast"]) !== null) {
      findings.refuse(entry.at, `the attribute ${quote(entry.key)}`, "did you mean holdfast?");
    }
  }
  if (KINDS.every((kind) => entryOf(tree, kind) === undefined)) {
    findings.refuse(
      tree.at,
      "a document with neither detection nor correlation nor filter",
      "write logsource: and detection:, correlation:, or logsource: and filter:",
    );
  }
}

function checkShared(tree: YamlMap, findings: Findings) {
  const description = checkDescription(tree, findings);
  const title = checkTitle(tree, findings);
  const id = checkId(tree, findings);
  const name = checkName(tree, findings);
  return {
    sound: true,
    file: findings.file,
    at: tree.at,
    ...description,
    title,
    id,
    name,
    identity: id ?? name ?? title,
    level: readSymbol(tree, "level", LEVELS, findings) ?? "medium",
    tags: checkTags(tree, findings),
    canonical: canonicalText(tree),
    ...checkHoldfast(tree, findings),
  };
}

function checkTitle(tree: YamlMap, findings: Findings): string {
  const title = readText(tree, "title", findings);
  if (entryOf(tree, "title") === undefined) findings.refuse(tree.at, "a rule without title", "write title:");
  if (title !== undefined && title.length > 256)
    findings.refuse(tree.at, `a title of ${title.length} characters`, "at most 256");
  return title ?? "";
}

function checkId(tree: YamlMap, findings: Findings): string | null {
  const id = readText(tree, "id", findings);
  if (id === undefined) return null;
  const at = entryOf(tree, "id")?.value.at ?? tree.at;
  if (id === "") findings.refuse(at, "an empty id", "write a UUID (version 4), or remove it");
  else if (id.length > 256) findings.refuse(at, `an id of ${id.length} characters`, "at most 256");
  else if (!isUuid(id))
    findings.warn(at, `the id ${quote(id)}, which is no UUID`, "write one (version 4): others may use the same text");
  return id === "" ? null : referenceOf(id);
}

function checkName(tree: YamlMap, findings: Findings): string | null {
  const name = readText(tree, "name", findings);
  if (name === undefined) return null;
  if (name === "")
    findings.refuse(entryOf(tree, "name")?.value.at ?? tree.at, "an empty name", "write one, or remove it");
  if (name.length > 256) findings.refuse(tree.at, `a name of ${name.length} characters`, "at most 256");
  return name === "" ? null : name;
}

function checkTags(tree: YamlMap, findings: Findings): readonly string[] {
  const tags = readTexts(tree, "tags", findings) ?? [];
  for (const tag of tags) {
    if (!TAG.test(tag)) {
      findings.refuse(
        entryOf(tree, "tags")?.value.at ?? tree.at,
        `the tag ${quote(tag)}`,
        "write namespace.name in lower case, such as attack.t1556.006",
      );
    }
  }
  return tags;
}

/** Attributes for people: their form is checked, their meaning is not. */
function checkDescription(tree: YamlMap, findings: Findings): Pick<CheckedRule, "description" | "falsePositives"> {
  readSymbol(tree, "status", STATUSES, findings);
  for (const key of ["author", "license"]) readText(tree, key, findings);
  readTexts(tree, "references", findings);
  const description = readText(tree, "description", findings) ?? "";
  const falsePositives = checkFalsePositives(tree, findings);
  for (const key of ["date", "modified"]) {
    const date = readText(tree, key, findings);
    if (date !== undefined && !DATE.test(date)) {
      findings.refuse(entryOf(tree, key)?.value.at ?? tree.at, `${key}: ${quote(date)}`, "write YYYY-MM-DD");
    }
  }
  const taxonomy = readText(tree, "taxonomy", findings);
  if (taxonomy !== undefined && taxonomy !== "sigma") {
    findings.refuse(
      entryOf(tree, "taxonomy")?.value.at ?? tree.at,
      `the taxonomy ${quote(taxonomy)} is not supported`,
      "write the fields' own names and remove it",
    );
  }
  return { description, falsePositives };
}

/** A list; outside detections one text too: so has it the schema of correlations, and that of filters says nothing. */
function checkFalsePositives(tree: YamlMap, findings: Findings): readonly string[] {
  const isText = entryOf(tree, "falsepositives")?.value.kind === "scalar";
  if (!isText || entryOf(tree, "detection") !== undefined) return readTexts(tree, "falsepositives", findings) ?? [];
  const text = readText(tree, "falsepositives", findings);
  return text === undefined ? [] : [text];
}

/** Without one that is known, the fields of every service are. */
const NO_SOURCE = { logsource: null, service: null };

function checkLogsource(
  tree: YamlMap,
  { findings, plain }: FileOptions,
): { logsource: LogSource | null; service: Service | null } {
  const before = findings.problems.length;
  const logsource = readMap(tree, "logsource", findings);
  if (logsource === undefined) {
    if (entryOf(tree, "logsource") === undefined)
      findings.refuse(
        tree.at,
        "a detection without logsource",
        "write logsource: { product: exchange, service: auth }",
      );
    return NO_SOURCE;
  }
  if (plain) {
    const [category = null, product = null, service = null] = SOURCE_KEYS.map((key) =>
      readText(logsource, key, findings),
    );
    return findings.problems.length > before ? NO_SOURCE : { logsource: { category, product, service }, service: null };
  }
  refuseUnknownKeys(logsource, [...SOURCE_KEYS, "definition"], { where: "logsource", findings });
  const category = entryOf(logsource, "category");
  if (category !== undefined)
    findings.refuse(category.at, "a log source by category", "write product: exchange and a service");
  const product = readText(logsource, "product", findings);
  if (product !== "exchange") {
    const at = entryOf(logsource, "product")?.value.at ?? logsource.at;
    findings.refuse(
      at,
      product === undefined ? "a log source without product" : `the product ${quote(product)}`,
      "write product: exchange",
    );
  }
  const service = readText(logsource, "service", findings);
  const known = RULE_SERVICES.find((candidate) => candidate === service);
  if (service !== undefined && known === undefined) {
    const at = entryOf(logsource, "service")?.value.at ?? logsource.at;
    findings.refuse(at, `the service ${quote(service)}`, suggest(service, RULE_SERVICES));
  }
  if (findings.problems.length > before) return { ...NO_SOURCE, service: known ?? null };
  return { logsource: { category: null, product: "exchange", service: service ?? null }, service: known ?? null };
}
