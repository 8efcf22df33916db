// Judges whether a schema may follow another: FULL, each reads what the other wrote. Checked against
// every released version it is FULL_TRANSITIVE, without a registry. Avro's own rules, found by compiling
// readers both ways, and what those rules let pass but would still harm a reader: a symbol that is gone
// (old records would turn into UNKNOWN), another logical type (another unit for the same number).

import type avro from "avsc";
import { compileReader, ResolutionFailure } from "./avro-reader.ts";
import type { SchemaFile } from "./schema-files.ts";

/** @returns what breaks, one sentence each; empty: compatible both ways */
export function findBreakages(current: SchemaFile, released: SchemaFile): string[] {
  return [
    ...unreadable(released.type, current.type, "records written before cannot be read any more"),
    ...unreadable(current.type, released.type, "new records cannot be read by what is released"),
    ...silentChanges(current.json, released.json),
  ];
}

/** Compares a contract with every released version of it. @returns one line a breakage, with file and version */
export function compareReleases(
  current: ReadonlyMap<string, SchemaFile>,
  released: ReadonlyMap<string, ReadonlyMap<string, SchemaFile>>,
): string[] {
  const problems: string[] = [];
  for (const [version, files] of released) {
    for (const [path, file] of files) {
      const now = current.get(path);
      const breakages = now === undefined ? ["the schema is gone"] : findBreakages(now, file);
      problems.push(...breakages.map((breakage) => `${path} against ${version}: ${breakage}`));
    }
  }
  return problems;
}

function unreadable(writer: avro.Type, reader: avro.Type, consequence: string): string[] {
  try {
    compileReader(writer, reader);
    return [];
  } catch (error) {
    if (!(error instanceof ResolutionFailure)) throw error;
    return [`${error.message}: ${consequence}`];
  }
}

interface Named {
  readonly symbols: Map<string, readonly string[]>;
  readonly logical: Map<string, string>;
}

function silentChanges(current: avro.Schema, released: avro.Schema): string[] {
  const now = survey(current);
  const before = survey(released);
  const gone = [...before.symbols].flatMap(([name, symbols]) => {
    const kept = now.symbols.get(name);
    // An enum that is gone altogether shows in the resolution.
    if (kept === undefined) return [];
    return symbols
      .filter((symbol) => !kept.includes(symbol))
      .map((symbol) => `enum ${name} has lost ${symbol}: old records would turn it into its default`);
  });
  const changed = [...before.logical].flatMap(([path, logicalType]) => {
    const kept = now.logical.get(path);
    return kept === logicalType || kept === undefined
      ? []
      : [
          `${path} is ${kept || "without logical type"}, it was ${logicalType || "without one"}: the same number would mean another thing`,
        ];
  });
  return [...gone, ...changed];
}

/** Enum name → symbols; path of each number → logical type ("" without). */
function survey(schema: avro.Schema): Named {
  const found: Named = { symbols: new Map(), logical: new Map() };
  visit(schema as Node, "", found);
  return found;
}

interface Node {
  readonly type?: unknown;
  readonly name?: string;
  readonly symbols?: readonly string[];
  readonly logicalType?: string;
  readonly fields?: readonly { readonly name: string; readonly type: Node }[];
  readonly items?: Node;
  readonly values?: Node;
}

function visit(node: Node | string | readonly Node[], path: string, found: Named): void {
  if (typeof node === "string") {
    if (node === "long" || node === "int") found.logical.set(path, "");
  } else if (Array.isArray(node)) {
    for (const branch of node as readonly Node[]) visit(branch, path, found);
  } else {
    const { name, symbols, fields, items, values, logicalType, type } = node as Node;
    if (symbols !== undefined) found.symbols.set(name ?? path, symbols);
    if (type === "long" || type === "int") found.logical.set(path, logicalType ?? "");
    for (const field of fields ?? []) visit(field.type, path === "" ? field.name : `${path}.${field.name}`, found);
    if (items !== undefined) visit(items, `${path}[]`, found);
    if (values !== undefined) visit(values, `${path}{}`, found);
  }
}
