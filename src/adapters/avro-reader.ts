// Compiles a writer's and a reader's Avro schema into one function that reads the writer's bytes as the
// reader's record: fields the reader lacks are skipped, fields the writer lacks get their default. Avro's
// resolution rules (names, aliases, promotion, unions, enum defaults), for readers made of records, unions,
// enums, arrays, maps, strings, bytes, booleans and numbers; anything may be skipped.
//
// Why not avsc's own resolver: it sizes arrays by what ten bytes claim and follows negative block sizes
// backwards, so a tiny record can exhaust memory or hang; and it takes twice the time. Like avsc this
// makes source text: one straight line a schema pair, every event of one shape. Nothing of a schema gets
// into that text but field names, which avsc has checked to be identifiers, quoted all the same.

import type avro from "avsc";
import type { AvroCursor } from "./avro-cursor.ts";

export type AvroReader = (cursor: AvroCursor) => unknown;

type Type = avro.Type;

/** Source text that reads or skips one value from the cursor `c`, with the constants `k`. */
type Expression = string;

/** The writer's schema cannot be read as the reader's; the message says what and where. */
export class ResolutionFailure extends Error {}

/**
 * @param options.without fields of the reader's record to skip, as if the reader had never had them
 * @throws ResolutionFailure
 */
export function compileReader(writer: Type, reader: Type, options?: { without: ReadonlySet<string> }): AvroReader {
  const compiler = new Compiler(reader, options?.without ?? new Set());
  return compiler.compile(compiler.read(writer, reader, reader.name ?? reader.typeName));
}

class Compiler {
  readonly #root: Type;
  readonly #without: ReadonlySet<string>;
  /** What the source refers to as `k[0]`, `k[1]` …: symbols, defaults, functions of nested values. */
  readonly #constants: unknown[] = [];
  /** Where the functions of named types are among the constants, so that recursive schemas end. */
  readonly #named = new Map<string, number>();

  constructor(root: Type, without: ReadonlySet<string>) {
    this.#root = root;
    this.#without = without;
  }

  compile(expression: Expression): AvroReader {
    // oxlint-disable-next-line typescript/no-implied-eval -- the header says why, and what gets into the text
    return new Function("k", `"use strict"; return (c) => ${expression};`)(this.#constants) as AvroReader;
  }

  read(writer: Type, reader: Type, path: string): Expression {
    if (isUnion(writer)) return this.#readBranches(writer, reader, path);
    if (isUnion(reader)) return this.#readAsBranch(writer, reader, path);
    const kinds = `${writer.typeName} ${reader.typeName}`;
    switch (kinds) {
      case "null null":
        return "null";
      case "boolean boolean":
        return "c.flag()";
      case "int int":
      case "int long":
      case "long long":
        return "c.long()";
      case "double double":
        return "c.double()";
      case "string string":
      case "bytes string":
        return "c.text()";
      case "bytes bytes":
        return "c.bytes()";
      case "enum enum":
        return this.#readSymbol(writer as avro.types.EnumType, reader as avro.types.EnumType, path);
      case "array array":
        return this.#call(arrayReader(this.compile(this.read(itemsOf(writer), itemsOf(reader), `${path}[]`))));
      case "map map":
        return this.#call(mapReader(this.compile(this.read(valuesOf(writer), valuesOf(reader), `${path}{}`))));
      case "record record":
        return this.#readRecord(writer as avro.types.RecordType, reader as avro.types.RecordType, path);
      default:
        throw new ResolutionFailure(
          `${path} is written as ${nameOf(writer)}, which cannot be read as ${nameOf(reader)}`,
        );
    }
  }

  #readRecord(writer: avro.types.RecordType, reader: avro.types.RecordType, path: string): Expression {
    demandName(writer, reader, path);
    const wanted = reader === this.#root ? reader.fields.filter(({ name }) => !this.#without.has(name)) : reader.fields;
    return this.#once(`read ${writer.name} ${reader.name}`, () => {
      const written = new Map<string, avro.types.Field>();
      for (const field of wanted) {
        const source = writer.fields.find((candidate) => [field.name, ...field.aliases].includes(candidate.name));
        if (source !== undefined) written.set(source.name, field);
        else if (field.defaultValue() === undefined) {
          throw new ResolutionFailure(`${path}.${field.name} is not written and has no default`);
        }
      }
      const steps = writer.fields.map((source, index) => {
        const field = written.get(source.name);
        if (field === undefined) return `${this.#skip(source.type, `${path}.${source.name}`)};`;
        return `const v${index} = ${this.read(source.type, field.type, `${path}.${field.name}`)};`;
      });
      const members = wanted.map((field) => {
        const index = writer.fields.findIndex((source) => written.get(source.name) === field);
        return `${JSON.stringify(field.name)}: ${index === -1 ? this.#default(field) : `v${index}`}`;
      });
      return `{ ${steps.join(" ")} return { ${members.join(", ")} }; }`;
    });
  }

  #default(field: avro.types.Field): Expression {
    const value: unknown = field.defaultValue();
    // A shared array or map would be one object in many events.
    return typeof value === "object" && value !== null
      ? `${this.#constant(() => field.defaultValue())}()`
      : this.#constant(value);
  }

  #readSymbol(writer: avro.types.EnumType, reader: avro.types.EnumType, path: string): Expression {
    demandName(writer, reader, path);
    const fallback = (reader as { default?: string }).default;
    const symbols = writer.symbols.map((symbol) => {
      if (reader.symbols.includes(symbol)) return interned(symbol);
      if (fallback === undefined) {
        throw new ResolutionFailure(`${path} may hold ${symbol}, which ${nameOf(reader)} does not know`);
      }
      return interned(fallback);
    });
    return `${this.#constant(symbols)}[c.index(${symbols.length})]`;
  }

  #readBranches(writer: avro.types.UnwrappedUnionType, reader: Type, path: string): Expression {
    const branches = writer.types.map((branch) => this.read(branch, reader, path));
    return this.#choose(branches);
  }

  #readAsBranch(writer: Type, reader: avro.types.UnwrappedUnionType, path: string): Expression {
    for (const branch of reader.types) {
      try {
        return this.read(writer, branch, path);
      } catch (error) {
        if (!(error instanceof ResolutionFailure)) throw error;
      }
    }
    throw new ResolutionFailure(
      `${path} is written as ${nameOf(writer)}, which no branch of ${nameOf(reader)} can read`,
    );
  }

  #skip(type: Type, path: string): Expression {
    if (isUnion(type)) return this.#choose(type.types.map((branch) => this.#skip(branch, path)));
    switch (type.typeName) {
      case "null":
        return "null";
      case "boolean":
        return "c.flag()";
      case "int":
      case "long":
      case "enum":
        return "c.skipLong()";
      case "float":
        return "c.skip(4)";
      case "double":
        return "c.skip(8)";
      case "fixed":
        return `c.skip(${(type as avro.types.FixedType).size})`;
      case "bytes":
      case "string":
        return "c.skipBytes()";
      case "array":
        return this.#call(blockSkipper(this.compile(this.#skip(demandSize(itemsOf(type), path), `${path}[]`))));
      case "map":
        return this.#call(blockSkipper(this.compile(`{ c.skipBytes(); ${this.#skip(valuesOf(type), `${path}{}`)}; }`)));
      case "record":
      case "error": {
        const { name, fields } = type as avro.types.RecordType;
        return this.#once(
          `skip ${name}`,
          () => `{ ${fields.map((field) => `${this.#skip(field.type, `${path}.${field.name}`)};`).join(" ")} }`,
        );
      }
      default:
        throw new ResolutionFailure(`${path} has the unknown type ${type.typeName}`);
    }
  }

  /** One of the expressions, by the index that the bytes give. */
  #choose(branches: readonly Expression[]): Expression {
    const [first, second] = branches;
    if (branches.length === 2) return `(c.index(2) === 0 ? ${first} : ${second})`;
    const functions = branches.map((branch) => this.compile(branch));
    return `${this.#constant(functions)}[c.index(${functions.length})](c)`;
  }

  /** Compiles a named type's function at its first mention; further mentions, its own included, call it. */
  #once(key: string, body: () => Expression): Expression {
    let slot = this.#named.get(key);
    if (slot === undefined) {
      slot = this.#constants.push(null) - 1;
      this.#named.set(key, slot);
      this.#constants[slot] = this.compile(body());
    }
    return `k[${slot}](c)`;
  }

  #call(reader: AvroReader): Expression {
    return `${this.#constant(reader)}(c)`;
  }

  #constant(value: unknown): Expression {
    return `k[${this.#constants.push(value) - 1}]`;
  }
}

function arrayReader(item: AvroReader): AvroReader {
  return (cursor) => {
    const items: unknown[] = [];
    for (let count = cursor.blockItems(); count > 0; count = cursor.blockItems()) {
      for (; count > 0; count--) items.push(item(cursor));
    }
    return items;
  };
}

function mapReader(value: AvroReader): AvroReader {
  return (cursor) => {
    // Without a prototype no key means anything: not `__proto__`, not `constructor`.
    const map: Record<string, unknown> = Object.create(null);
    for (let count = cursor.blockItems(); count > 0; count = cursor.blockItems()) {
      for (; count > 0; count--) {
        const key = cursor.text();
        map[key] = value(cursor);
      }
    }
    return map;
  };
}

function blockSkipper(item: AvroReader): AvroReader {
  return (cursor) => {
    for (let count = cursor.skippableItems(); count !== 0; count = cursor.skippableItems()) {
      for (; count > 0; count--) item(cursor);
    }
    return null;
  };
}

/** R2: items that take no bytes would let a block claim any number of them. */
function demandSize(type: Type, path: string): Type {
  if (isEmpty(type, new Set()))
    throw new ResolutionFailure(`${path} is an array of items without bytes, which is not accepted`);
  return type;
}

function isEmpty(type: Type, within: Set<Type>): boolean {
  if (type.typeName === "null") return true;
  if (type.typeName === "fixed") return (type as avro.types.FixedType).size === 0;
  if (type.typeName !== "record" && type.typeName !== "error") return false;
  if (within.has(type)) return true;
  within.add(type);
  return (type as avro.types.RecordType).fields.every((field) => isEmpty(field.type, within));
}

/** The engine's own object for a name: two of these are compared without being read. */
function interned(symbol: string): string {
  return Object.keys({ [symbol]: true })[0]!;
}

function demandName(writer: Type, reader: Type, path: string): void {
  const names = [reader.name, ...((reader as { aliases?: string[] }).aliases ?? [])];
  if (!names.includes(writer.name)) {
    throw new ResolutionFailure(`${path} is written as ${nameOf(writer)}, not as ${nameOf(reader)}`);
  }
}

function isUnion(type: Type): type is avro.types.UnwrappedUnionType {
  return type.typeName.startsWith("union:");
}

function itemsOf(type: Type): Type {
  return (type as avro.types.ArrayType).itemsType;
}

function valuesOf(type: Type): Type {
  return (type as avro.types.MapType).valuesType;
}

function nameOf(type: Type): string {
  if (isUnion(type)) return `[${type.types.map(nameOf).join(", ")}]`;
  return type.name ?? type.typeName;
}
