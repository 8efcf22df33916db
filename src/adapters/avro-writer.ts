// Compiles an Avro schema into one function that writes a value's bytes, the same that avsc writes, in two
// thirds of its time: the state of accounts is written at every checkpoint. The mirror of avro-reader.ts,
// and source text for the same reason; nothing of a schema gets into it but field names, quoted.
//
// For records, enums, arrays, maps, text, bytes, booleans, integers, doubles, and unions whose branches
// differ in what JavaScript calls their type.

import type avro from "avsc";
import type { AvroOutput } from "./avro-output.ts";

export type AvroWriter<T> = (output: AvroOutput, value: T) => void;

type Type = avro.Type;

/** Source text that writes the value `v` to the output `o`, with the constants `k`. */
type Statement = string;

/** @throws Error for a schema beyond what is said above */
export function compileWriter<T>(type: Type): AvroWriter<T> {
  const compiler = new Compiler();
  return compiler.compile(compiler.write(type, "v", "value"));
}

class Compiler {
  /** What the source refers to as `k[0]`, `k[1]` …: indices of symbols, defaults, functions of records. */
  readonly #constants: unknown[] = [];
  readonly #records = new Map<Type, number>();
  #variables = 0;

  compile(statement: Statement): AvroWriter<unknown> {
    // oxlint-disable-next-line typescript/no-implied-eval -- the header says why, and what gets into the text
    return new Function("k", `"use strict"; return (o, v) => { ${statement} };`)(
      this.#constants,
    ) as AvroWriter<unknown>;
  }

  /** @param v the expression of the value @param path for messages */
  write(type: Type, v: string, path: string): Statement {
    switch (type.typeName) {
      case "null":
        return "";
      case "boolean":
        return `o.flag(${v});`;
      case "int":
        return `o.int(${v});`;
      case "long":
        return `o.long(${v});`;
      case "double":
        return `o.double(${v});`;
      case "string":
        return `o.text(${v});`;
      case "bytes":
        return `o.blob(${v});`;
      case "enum":
        return this.#symbol(type as avro.types.EnumType, v, path);
      case "array":
        return this.#array((type as avro.types.ArrayType).itemsType, v, path);
      case "map":
        return this.#map((type as avro.types.MapType).valuesType, v, path);
      case "record":
        return this.#record(type as avro.types.RecordType, v, path);
      case "union:unwrapped":
        return this.#union((type as avro.types.UnwrappedUnionType).types, v, path);
      default:
        throw new Error(`${path}: values of type ${type.typeName} cannot be written`);
    }
  }

  #record(type: avro.types.RecordType, v: string, path: string): Statement {
    let slot = this.#records.get(type);
    if (slot === undefined) {
      slot = this.#constants.push(null) - 1;
      this.#records.set(type, slot);
      const fields = type.fields.map((field) => {
        const value = `v[${JSON.stringify(field.name)}]`;
        return this.#withDefault(field, value, `${path}.${field.name}`);
      });
      this.#constants[slot] = this.compile(fields.join(" "));
    }
    return `k[${slot}](o, ${v});`;
  }

  #withDefault(field: avro.types.Field, value: string, path: string): Statement {
    const given = field.defaultValue();
    if (given === undefined) return this.write(field.type, value, path);
    const local = this.#variable();
    const constant = this.#constant(given);
    return `{ let ${local} = ${value}; if (${local} === undefined) ${local} = ${constant}; ${this.write(field.type, local, path)} }`;
  }

  #symbol(type: avro.types.EnumType, v: string, path: string): Statement {
    const indices = new Map(type.symbols.map((symbol, index) => [symbol, index]));
    const index = (symbol: string): number => {
      const found = indices.get(symbol);
      if (found === undefined) throw new TypeError(`${path}: ${symbol} is no ${type.name}`);
      return found;
    };
    return `o.long(${this.#constant(index)}(${v}));`;
  }

  #array(items: Type, v: string, path: string): Statement {
    const [list, index] = [this.#variable(), this.#variable()];
    const item = this.write(items, `${list}[${index}]`, `${path}[]`);
    return `{ const ${list} = ${v}; if (${list}.length > 0) { o.long(${list}.length); for (let ${index} = 0; ${index} < ${list}.length; ${index}++) { ${item} } } o.byte(0); }`;
  }

  #map(values: Type, v: string, path: string): Statement {
    const [keys, key, map] = [this.#variable(), this.#variable(), this.#variable()];
    const value = this.write(values, `${map}[${key}]`, `${path}{}`);
    return `{ const ${map} = ${v}; const ${keys} = Object.keys(${map}); if (${keys}.length > 0) { o.long(${keys}.length); for (const ${key} of ${keys}) { o.text(${key}); ${value} } } o.byte(0); }`;
  }

  #union(branches: readonly Type[], v: string, path: string): Statement {
    const tests = branches.map((branch) => testOf(branch, v, path));
    if (new Set(tests).size < tests.length) throw new Error(`${path}: branches of the union look alike`);
    const statements = branches.map(
      (branch, index) => `if (${tests[index]}) { o.byte(${index << 1}); ${this.write(branch, v, path)} }`,
    );
    return `${statements.join(" else ")} else throw new TypeError(${JSON.stringify(`${path} is of none of its types`)});`;
  }

  #constant(value: unknown): string {
    return `k[${this.#constants.push(value) - 1}]`;
  }

  #variable(): string {
    return `x${(this.#variables += 1)}`;
  }
}

function testOf({ typeName }: Type, v: string, path: string): string {
  switch (typeName) {
    case "null":
      return `${v} === null`;
    case "boolean":
      return `typeof ${v} === "boolean"`;
    case "int":
    case "long":
    case "double":
      return `typeof ${v} === "number"`;
    case "string":
    case "enum":
      return `typeof ${v} === "string"`;
    case "bytes":
    case "array":
    case "map":
    case "record":
      return `typeof ${v} === "object" && ${v} !== null`;
    default:
      throw new Error(`${path}: a union with ${typeName} cannot be written`);
  }
}
