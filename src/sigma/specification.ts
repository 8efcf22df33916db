// Validates documents against the JSON schemas of Sigma's specification (schemas/sigma/, as published), as far
// as the checkers have not said it better already. Two things are accepted beyond them: a boolean
// condition of a temporal correlation, then without rules; and a list of conditions in a detection.

import { Ajv2020 } from "ajv/dist/2020.js";
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import type { Findings } from "./problem.ts";
import { describe } from "./tree-reader.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlMap, YamlNode } from "./yaml-tree.ts";

export type DocumentKind = "detection" | "correlation" | "filter";

const FILES: Readonly<Record<DocumentKind, string>> = {
  detection: "sigma-detection-rule-schema.json",
  correlation: "sigma-correlation-rules-schema.json",
  filter: "sigma-filters-schema.json",
};

/** Uniqueness is checked pair by pair, so lists are kept this short. */
const MAX_ITEMS = 1_000;
const LISTS: ReadonlySet<string> = new Set(["references", "tags", "fields", "falsepositives", "scope", "related"]);

// The schemas themselves are not validated: they are as published, and their meta-schema takes longer to
// compile than all three. `format` is an annotation in their draft: asserted, it would refuse the one-letter names
// in `rules` that the prose allows.
const ajv = new Ajv2020({
  strict: false,
  meta: false,
  validateSchema: false,
  allErrors: true,
  validateFormats: false,
});

// Not by name: the build's root is src/, and these files lie beside it.
const schemas = new Map<DocumentKind, object>();
for (const kind of ["detection", "correlation", "filter"] as const) {
  const url = new URL(`../../schemas/sigma/${FILES[kind]}`, import.meta.url);
  const imported = (await import(url.href, { with: { type: "json" } })) as { default: object };
  schemas.set(kind, imported.default);
}
const validators = new Map<DocumentKind, ValidateFunction>();

function validatorOf(kind: DocumentKind): ValidateFunction {
  const known = validators.get(kind);
  if (known !== undefined) return known;
  const made = ajv.compile(schemas.get(kind) ?? {});
  validators.set(kind, made);
  return made;
}

/** Says what the schema finds on lines where nothing was found yet. */
export function checkSpecification(tree: YamlMap, kind: DocumentKind, findings: Findings): void {
  if (refuseLongLists(tree, kind, findings)) return;
  const validate = validatorOf(kind);
  if (validate(plainOf(tree)) || validate.errors === null || validate.errors === undefined) return;
  const said = new Set(findings.problems.map((problem) => problem.line));
  for (const error of validate.errors) {
    if (isExtension(error, tree)) continue;
    const node = nodeAt(tree, error.instancePath);
    if (said.has(node.at.line)) continue;
    said.add(node.at.line);
    const path = error.instancePath.slice(1).replaceAll("/", ".") || "the document";
    findings.refuse(node.at, `${path}: ${describe(node)}`, `Sigma's schema: ${error.message ?? "is not valid"}`);
  }
}

function refuseLongLists(tree: YamlMap, kind: DocumentKind, findings: Findings): boolean {
  const section = entryOf(tree, kind)?.value;
  const own = section?.kind === "map" && kind !== "detection" ? section.entries : [];
  const long = [...tree.entries.filter(({ key }) => LISTS.has(key)), ...own].filter(
    ({ key, value }) =>
      value.kind === "list" && value.items.length > MAX_ITEMS && (LISTS.has(key) || key !== "selection"),
  );
  for (const { key, at } of long) findings.refuse(at, `more than ${MAX_ITEMS} ${key}`, `write at most ${MAX_ITEMS}`);
  return long.length > 0;
}

function isExtension(error: ErrorObject, tree: YamlMap): boolean {
  const detection = entryOf(tree, "detection")?.value;
  if (detection?.kind === "map" && entryOf(detection, "condition")?.value.kind === "list")
    return error.instancePath === "/detection/condition";
  const correlation = entryOf(tree, "correlation")?.value;
  if (correlation?.kind !== "map" || entryOf(correlation, "condition")?.value.kind !== "scalar") return false;
  if (error.instancePath === "/correlation/condition") return true;
  return error.instancePath === "/correlation" && error.params["missingProperty"] === "rules";
}

/** The innermost node on the way that is there. */
function nodeAt(tree: YamlNode, path: string): YamlNode {
  let node = tree;
  for (const step of path.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const next: YamlNode | undefined =
      node.kind === "map" ? entryOf(node, key)?.value : node.kind === "list" ? node.items[Number(key)] : undefined;
    if (next === undefined) return node;
    node = next;
  }
  return node;
}

function plainOf(node: YamlNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainOf);
  // Without prototype: a key may be called __proto__.
  const map = Object.create(null) as Record<string, unknown>;
  for (const { key, value } of node.entries) map[key] = plainOf(value);
  return map;
}
