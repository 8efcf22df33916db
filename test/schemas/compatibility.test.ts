// The promise of schemas/: what is there now and every released set read each other's records. And the
// check itself: a table of changes that break somebody, each of which it must find.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { compareReleases, findBreakages } from "../../src/adapters/compatibility.ts";
import {
  loadContract,
  loadReleased,
  loadSchemas,
  parseSchema,
  SCHEMAS_DIRECTORY,
} from "../../src/adapters/schema-files.ts";
import type { SchemaFile } from "../../src/adapters/schema-files.ts";
import type { Loose } from "./loose.ts";

type Released = ReadonlyMap<string, ReadonlyMap<string, SchemaFile>>;

let contract: ReadonlyMap<string, SchemaFile>;
let released: Released;

before(async () => {
  contract = await loadContract(SCHEMAS_DIRECTORY);
  released = await loadReleased(SCHEMAS_DIRECTORY);
});

describe("the schemas of this version", () => {
  test("are compatible both ways with every released version", () => {
    assert.ok(released.size > 0);
    assert.deepEqual(compareReleases(contract, released), []);
  });

  test("are all in the last released set, or are new", () => {
    const last = [...released.values()].at(-1)!;
    for (const path of last.keys()) assert.ok(contract.has(path), `${path} was released and is gone`);
  });

  test("are what loadSchemas reads", async () => {
    const { events, command, detection } = await loadSchemas(SCHEMAS_DIRECTORY);
    for (const file of [...Object.values(events), command, detection])
      assert.equal(file.text, contract.get(file.path)?.text);
  });
});

/** A schema with one field of each kind that ours have. */
const RELEASED = {
  type: "record",
  name: "Thing",
  namespace: "test",
  fields: [
    { name: "id", type: "string" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["A", "B", "UNKNOWN"], default: "UNKNOWN" } },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "note", type: ["null", "string"], default: null },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "inner", type: { type: "record", name: "Inner", fields: [{ name: "x", type: "int" }] } },
  ],
};

// Changes to a parsed schema, whose shape only the table knows.
type Change = (schema: Loose) => void;

/** @returns what is found when `change` is made to the released schema */
function breakages(change: Change): string[] {
  const changed = structuredClone(RELEASED);
  change(changed);
  return findBreakages(
    parseSchema("thing.avsc", JSON.stringify(changed)),
    parseSchema("thing.avsc", JSON.stringify(RELEASED)),
  );
}

describe("a change that breaks somebody is found:", () => {
  const field = (schema: Loose, name: string): Loose => schema.fields.find((each: Loose) => each.name === name);
  const drop = (schema: Loose, name: string): void =>
    schema.fields.splice(schema.fields.indexOf(field(schema, name)), 1);

  const table: Record<string, [Change, RegExp]> = {
    "a field without default removed": [
      (s) => drop(s, "id"),
      /test\.Thing\.id is not written and has no default: new records cannot be read/,
    ],
    "a nested field without default removed": [
      (s) => (field(s, "inner").type.fields = [{ name: "y", type: "int", default: 0 }]),
      /inner\.x is not written and has no default: new records/,
    ],
    "a field without default added": [
      (s) => s.fields.push({ name: "extra", type: "string" }),
      /test\.Thing\.extra is not written and has no default: records written before/,
    ],
    "an optional field without default added": [
      (s) => s.fields.push({ name: "extra", type: ["null", "string"] }),
      /test\.Thing\.extra is not written and has no default: records written before/,
    ],
    "a field renamed": [
      (s) => (field(s, "id").name = "key"),
      /test\.Thing\.key is not written.*\n.*test\.Thing\.id is not written/,
    ],
    "a field renamed with an alias": [
      (s) => Object.assign(field(s, "id"), { name: "key", aliases: ["id"] }),
      /^test\.Thing\.id is not written and has no default: new records cannot be read/,
    ],
    "a type changed": [
      (s) => (field(s, "id").type = "long"),
      /test\.Thing\.id is written as string, which cannot be read as long/,
    ],
    "a type widened": [
      (s) => (field(s, "inner").type.fields[0].type = "long"),
      /inner\.x is written as long, which cannot be read as int: new records/,
    ],
    "a type narrowed": [
      (s) => (field(s, "at").type = "int"),
      /at is written as long, which cannot be read as int: records written before/,
    ],
    "an optional field made required": [
      (s) => Object.assign(field(s, "note"), { type: "string", default: "" }),
      /note is written as null, which cannot be read as string: records written before/,
    ],
    "a required field made optional": [
      (s) => (field(s, "id").type = ["null", "string"]),
      /id is written as null, which cannot be read as string: new records/,
    ],
    "another branch added": [
      (s) => field(s, "note").type.push("long"),
      /note is written as long, which no branch of \[null, string\] can read: new records/,
    ],
    "an array made of something else": [
      (s) => (field(s, "tags").type.items = "long"),
      /tags\[\] is written as string, which cannot be read as long/,
    ],
    "an enum symbol removed": [(s) => field(s, "kind").type.symbols.shift(), /enum Kind has lost A/],
    "an enum symbol renamed": [(s) => (field(s, "kind").type.symbols[0] = "Z"), /enum Kind has lost A/],
    "an enum's default taken away and a symbol added": [
      (s) => (field(s, "kind").type = { type: "enum", name: "Kind", symbols: ["A", "B", "C"] }),
      /kind may hold UNKNOWN, which test\.Kind does not know: records written before/,
    ],
    "an enum renamed": [
      (s) => (field(s, "kind").type.name = "Sort"),
      /kind is written as test\.Kind, not as test\.Sort/,
    ],
    "the record renamed": [(s) => (s.name = "Object"), /written as test\.Thing, not as test\.Object/],
    "the namespace changed": [(s) => (s.namespace = "test.v2"), /written as test\.Thing, not as test\.v2\.Thing/],
    "a timestamp in another unit": [
      (s) => (field(s, "at").type.logicalType = "timestamp-micros"),
      /at is timestamp-micros, it was timestamp-millis/,
    ],
    "a timestamp made a plain number": [
      (s) => (field(s, "at").type = "long"),
      /at is without logical type, it was timestamp-millis/,
    ],
  };
  for (const [what, [change, expected]] of Object.entries(table)) {
    test(what, () => assert.match(breakages(change).join("\n"), expected));
  }
});

describe("a change that breaks nobody is let pass:", () => {
  const table: Record<string, Change> = {
    nothing: () => {},
    "an optional field added": (s) => s.fields.push({ name: "extra", type: ["null", "string"], default: null }),
    "a field with default added": (s) => s.fields.unshift({ name: "extra", type: "long", default: 0 }),
    "an optional field removed": (s) => s.fields.splice(3, 1),
    "an enum symbol added": (s) => s.fields[1].type.symbols.unshift("C"),
    "fields in another order": (s) => (s.fields = s.fields.toReversed()),
    "another doc": (s) => (s.doc = "A thing."),
  };
  for (const [what, change] of Object.entries(table)) {
    test(what, () => assert.deepEqual(breakages(change), []));
  }
});

test("a released schema that is gone is found, with its version", () => {
  const file = parseSchema("thing.avsc", JSON.stringify(RELEASED));
  const problems = compareReleases(new Map(), new Map([["1.2.3", new Map([["thing.avsc", file]])]]));
  assert.deepEqual(problems, ["thing.avsc against 1.2.3: the schema is gone"]);
});
