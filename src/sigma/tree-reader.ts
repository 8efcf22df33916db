// Typed reads from a YAML tree. A wrong shape is reported once, where it stands, and read as undefined, so
// that checking goes on. Owns no rule knowledge.

import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlList, YamlMap, YamlNode, YamlScalar } from "./yaml-tree.ts";

/** How a node reads in a message. */
export function describe(node: YamlNode): string {
  if (node.kind === "map") return "a map";
  if (node.kind === "list") return "a list";
  return node.value === null ? "nothing" : quote(node.text);
}

/** Text, or a number or boolean as it is written. Undefined where the key is missing. */
export function readText(map: YamlMap, key: string, findings: Findings): string | undefined {
  const entry = entryOf(map, key);
  return entry === undefined ? undefined : textOf(entry.value, `${key}:`, findings);
}

export function textOf(node: YamlNode, what: string, findings: Findings): string | undefined {
  if (node.kind === "scalar" && node.value !== null && (node.value !== "" || node.quoted)) {
    return typeof node.value === "string" ? node.value : node.text;
  }
  findings.refuse(node.at, `${what} ${describe(node)}`, "write one line of text");
  return undefined;
}

/** One of a closed set, or undefined (reported, with the nearest known one). */
export function readSymbol<T extends string>(
  map: YamlMap,
  key: string,
  known: readonly T[],
  findings: Findings,
): T | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  const text = textOf(entry.value, `${key}:`, findings);
  if (text === undefined) return undefined;
  const symbol = known.find((candidate) => candidate === text);
  if (symbol === undefined) findings.refuse(entry.value.at, `${key}: ${quote(text)}`, suggest(text, known));
  return symbol;
}

/** The scalars of a list; `undefined` where the key is missing or holds no list. */
export function readTexts(map: YamlMap, key: string, findings: Findings): string[] | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  if (entry.value.kind !== "list") {
    findings.refuse(entry.value.at, `${key}: ${describe(entry.value)}`, "write a list");
    return undefined;
  }
  return textsOf(entry.value, key, findings);
}

export function textsOf(list: YamlList, what: string, findings: Findings): string[] {
  return list.items.flatMap((item) => {
    const text = textOf(item, `${what}: item`, findings);
    return text === undefined ? [] : [text];
  });
}

export function readMap(map: YamlMap, key: string, findings: Findings): YamlMap | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  if (entry.value.kind === "map") return entry.value;
  findings.refuse(entry.value.at, `${key}: ${describe(entry.value)}`, "write a map: indented keys, each with a value");
  return undefined;
}

export function readBoolean(map: YamlMap, key: string, findings: Findings): boolean | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  if (entry.value.kind === "scalar" && typeof entry.value.value === "boolean") return entry.value.value;
  findings.refuse(entry.value.at, `${key}: ${describe(entry.value)}`, "write true or false");
  return undefined;
}

/** Reports every key outside `known`. */
export function refuseUnknownKeys(
  map: YamlMap,
  known: readonly string[],
  options: { where: string; findings: Findings },
): void {
  for (const entry of map.entries) {
    if (!known.includes(entry.key)) {
      options.findings.refuse(entry.at, `the key ${quote(entry.key)} in ${options.where}`, suggest(entry.key, known));
    }
  }
}

/** Position of a character of a scalar's text; the scalar's own where the text spans lines. */
export function positionIn(scalar: YamlScalar, index: number): YamlScalar["at"] {
  if (scalar.textOffset === null) return scalar.at;
  const shift = scalar.textOffset - scalar.at.offset + index;
  return { line: scalar.at.line, column: scalar.at.column + shift, offset: scalar.at.offset + shift };
}
