// YAML text → a small tree with positions: the only file that knows the `yaml` package. Owns what of YAML
// is read: maps with text keys, lists, core-schema scalars, aliases; several documents a file. Refuses
// tags, merge keys, and whatever is larger than a rule file can sensibly be, so that hostile text costs
// no more than an error.

import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import type { Document, ParsedNode } from "yaml";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";

export interface YamlScalar {
  readonly kind: "scalar";
  readonly at: Position;
  readonly value: string | number | boolean | null;
  /** As written, without quotes. */
  readonly text: string;
  readonly quoted: boolean;
  /** Offset in the file of the first character of `text`; null where the text spans lines. */
  readonly textOffset: number | null;
}

export interface YamlList {
  readonly kind: "list";
  readonly at: Position;
  readonly items: readonly YamlNode[];
}

export interface YamlEntry {
  readonly key: string;
  readonly at: Position;
  readonly value: YamlNode;
}

export interface YamlMap {
  readonly kind: "map";
  readonly at: Position;
  readonly entries: readonly YamlEntry[];
}

export type YamlNode = YamlScalar | YamlList | YamlMap;

const MAX_CHARACTERS = 1_000_000;
const MAX_DEPTH = 32;
/** Aliases expand, so the tree can be larger than the text; and each is looked up in the whole document. */
const MAX_NODES = 100_000;
const MAX_ALIASES = 256;
/** One fault makes the parser see many. */
const MAX_FAULTS = 5;

/** Repeated keys are found here: the parser's own check compares each key with each. */
const OPTIONS = { prettyErrors: false, logLevel: "silent", uniqueKeys: false } as const;

export interface YamlDocuments {
  readonly trees: readonly YamlNode[];
  /** Some document is not among them: it was refused, and nobody knows what it says. */
  readonly incomplete: boolean;
}

/** The documents of one file; broken ones are left out and reported. Never throws. */
export function parseYaml(text: string, findings: Findings): YamlDocuments {
  const lines = new LineCounter();
  if (text.length > MAX_CHARACTERS) {
    findings.refuse(START, `a file of ${text.length} characters`, `split it: at most ${MAX_CHARACTERS}`);
    return { trees: [], incomplete: true };
  }
  let documents: readonly Document.Parsed[];
  try {
    const parsed = parseAllDocuments(text, { ...OPTIONS, lineCounter: lines });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    // The parser recurses: text nested thousands deep exhausts its stack.
    findings.refuse(START, `text no YAML parser can hold (${nameOf(error)})`, `nest at most ${MAX_DEPTH} levels`);
    return { trees: [], incomplete: true };
  }
  const before = findings.problems.length;
  const trees: YamlNode[] = [];
  for (const document of documents) {
    const faults = [...document.errors, ...document.warnings];
    for (const fault of faults.slice(0, MAX_FAULTS)) {
      findings.refuse(positionAt(lines, fault.pos[0]), describeFault(fault.message), "correct the YAML");
    }
    if (faults.length > 0 || document.contents === null) continue;
    const tree = new TreeBuilder(document, lines, findings).build();
    if (tree !== null && !isEmpty(tree)) trees.push(tree);
  }
  return { trees, incomplete: findings.problems.length > before };
}

const START: Position = { line: 1, column: 1, offset: 0 };

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col), offset };
}

function describeFault(message: string): string {
  // The parser recurses, and reports the engine's own words when its stack ends.
  if (/call stack|stack overflow/iu.test(message)) return "YAML: nested too deep";
  return `YAML: ${message.split("\n", 1)[0] ?? message}`;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "error";
}

/** `---` at a file's end makes a document of nothing. */
function isEmpty(node: YamlNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

class TreeBuilder {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #findings: Findings;
  #nodes = 0;
  #aliases = 0;
  #tooLarge = false;

  constructor(document: Document.Parsed, lines: LineCounter, findings: Findings) {
    this.#document = document;
    this.#lines = lines;
    this.#findings = findings;
  }

  /** null: something was refused. */
  build(): YamlNode | null {
    const before = this.#findings.problems.length;
    const tree = this.#convert(this.#document.contents, 0);
    return this.#findings.problems.length > before ? null : tree;
  }

  #convert(node: ParsedNode | null, depth: number): YamlNode | null {
    if (node === null || this.#tooLarge) return null;
    const at = positionAt(this.#lines, node.range[0]);
    this.#nodes += 1;
    if (isAlias(node)) this.#aliases += 1;
    if (this.#nodes > MAX_NODES || this.#aliases > MAX_ALIASES || depth > MAX_DEPTH) {
      this.#tooLarge = true;
      this.#refuse(
        at,
        "YAML nested or repeated too much",
        `at most ${MAX_DEPTH} levels, ${MAX_NODES} values, ${MAX_ALIASES} aliases`,
      );
      return null;
    }
    if (node.tag !== undefined && node.tag !== null && !node.tag.startsWith("tag:yaml.org,2002:")) {
      return this.#refuse(at, `the tag ${quote(node.tag)}`, "remove it");
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#document) as ParsedNode | undefined;
      if (target === undefined)
        return this.#refuse(at, `the alias *${node.source} of nothing`, "define its anchor before it");
      return this.#convert(target, depth + 1);
    }
    if (isMap(node)) return this.#convertMap(node, at, depth);
    if (isSeq(node)) {
      const items: YamlNode[] = [];
      for (const item of node.items) {
        const converted = this.#convert(item, depth + 1);
        if (converted !== null) items.push(converted);
      }
      return { kind: "list", at, items };
    }
    return isScalar(node) ? this.#convertScalar(node, at) : null;
  }

  #convertMap(node: ParsedNode & { items: readonly unknown[] }, at: Position, depth: number): YamlMap {
    const entries: YamlEntry[] = [];
    const keys = new Set<string>();
    for (const pair of node.items as readonly { key: ParsedNode; value: ParsedNode | null }[]) {
      const keyAt = positionAt(this.#lines, pair.key.range[0]);
      if (!isScalar(pair.key) || pair.key.value === null) {
        this.#refuse(keyAt, "a key that is no text", "write a name as the key");
        continue;
      }
      const key = typeof pair.key.value === "string" ? pair.key.value : pair.key.source;
      if (keys.has(key)) this.#refuse(keyAt, `the key ${quote(key)} twice in one map`, "write it once");
      keys.add(key);
      if (key === "<<") this.#refuse(keyAt, 'the merge key "<<"', "write the keys out");
      const value = pair.value === null ? nothing(keyAt) : this.#convert(pair.value, depth + 1);
      if (value !== null) entries.push({ key, at: keyAt, value });
    }
    return { kind: "map", at, entries };
  }

  #convertScalar(
    node: ParsedNode & { value?: unknown; source?: string; type?: string },
    at: Position,
  ): YamlNode | null {
    const { value } = node;
    const quoted = node.type === "QUOTE_SINGLE" || node.type === "QUOTE_DOUBLE";
    const text = node.source ?? "";
    const onOneLine =
      (quoted || node.type === "PLAIN") && node.range[1] - node.range[0] === text.length + (quoted ? 2 : 0);
    const textOffset = onOneLine ? node.range[0] + (quoted ? 1 : 0) : null;
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return { kind: "scalar", at, value, text, quoted: quoted || node.type !== "PLAIN", textOffset };
    }
    return this.#refuse(
      at,
      `a value of a kind that rules do not have (${typeof value})`,
      "write text, a number, true, false or null",
    );
  }

  #refuse(at: Position, found: string, instead: string): null {
    this.#findings.refuse(at, found, instead);
    return null;
  }
}

function nothing(at: Position): YamlScalar {
  return { kind: "scalar", at, value: null, text: "", quoted: false, textOffset: null };
}

/** The entry of that key. */
export function entryOf(map: YamlMap, key: string): YamlEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** The tree as text that two files share exactly when they say the same: keys sorted, no layout, no comments. */
export function canonicalText(node: YamlNode): string {
  switch (node.kind) {
    case "scalar":
      return JSON.stringify(node.value);
    case "list":
      return `[${node.items.map(canonicalText).join(",")}]`;
    case "map":
      return `{${node.entries
        .map((entry) => `${JSON.stringify(entry.key)}:${canonicalText(entry.value)}`)
        .toSorted()
        .join(",")}}`;
  }
}
