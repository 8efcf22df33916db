// The writer against avsc's: the same bytes for every value of every schema it is used with.

import assert from "node:assert/strict";
import { test } from "node:test";
import avro from "avsc";
import fc from "fast-check";
import { AvroOutput } from "../../src/adapters/avro-output.ts";
import { compileWriter } from "../../src/adapters/avro-writer.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../../src/adapters/schema-files.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const output = new AvroOutput();

function written(type: avro.Type, value: unknown): Buffer {
  output.start();
  compileWriter(type)(output, value);
  return output.take();
}

const state = ["group", "link", "partition", "block", "marker"].map((name): [string, avro.Type] => {
  const schema = JSON.parse(readFileSync(join(SCHEMAS_DIRECTORY, "state", `${name}.avsc`), "utf8"));
  return [name, avro.Type.forSchema(schema, { omitRecordMethods: true })];
});
const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
const said = Object.entries({ command: schemas.command, detection: schemas.detection, signal: schemas.signal });

for (const [name, type] of [...state, ...said.map(([name, { type }]): [string, avro.Type] => [name, type])]) {
  test(`${name}: whatever the value, avsc's bytes`, () => {
    const write = compileWriter(type);
    for (let run = 0; run < 300; run++) {
      const value: unknown = (type as unknown as { random(): unknown }).random();
      output.start();
      write(output, value);
      assert.deepEqual(output.take(), type.toBuffer(value));
    }
  });
}

const LONG = avro.Type.forSchema("long");
const TEXT = avro.Type.forSchema("string");
/** What avsc reads exactly. */
const RANGE = { min: -(2 ** 52), max: 2 ** 53 - 2 };

test("numbers of every size", () => {
  const edges = [0, 63, 64, 2 ** 29 - 1, 2 ** 29, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 52 - 1, RANGE.max];
  const values = edges.flatMap((edge) => [edge - 1, edge, 0 - edge, -edge - 1]);
  const readable = values.filter((each) => each >= RANGE.min && each <= RANGE.max);
  for (const value of readable) checkWritten(value);
  fc.assert(fc.property(fc.integer(RANGE), checkWritten));
});

function checkWritten(value: number): void {
  assert.deepEqual(written(LONG, value), byDefinition(value), String(value));
  assert.equal(LONG.fromBuffer(written(LONG, value)), value, "it can be read again (O1)");
}

/** Zigzag, then seven bits a byte. */
function byDefinition(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

test("text of every length and alphabet, in a buffer that has to grow", () => {
  const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: "grapheme", maxLength: 80 }));
  fc.assert(fc.property(text, (value) => assert.deepEqual(written(TEXT, value), TEXT.toBuffer(value))));
  const many = avro.Type.forSchema({ type: "array", items: "string" });
  const long = Array.from({ length: 2_000 }, (_, index) => "ü".repeat(index % 40) + "x".repeat(index % 100));
  assert.deepEqual(written(many, long), many.toBuffer(long));
});

const RECORD = avro.Type.forSchema({
  type: "record",
  name: "R",
  fields: [
    { name: "number", type: "long", default: 7 },
    { name: "int", type: "int", default: 0 },
    { name: "flag", type: "boolean", default: false },
    { name: "maybe", type: ["null", "string"], default: null },
    { name: "symbol", type: { type: "enum", name: "E", symbols: ["A", "B"] }, default: "B" },
  ],
});

test("what is left out is its default", () => {
  assert.deepEqual(written(RECORD, {}), RECORD.toBuffer({}));
  assert.deepEqual(written(RECORD, { maybe: "x", number: -1 }), RECORD.toBuffer({ maybe: "x", number: -1 }));
});

for (const wrong of [
  { number: 0.5 },
  { number: 2 ** 53 - 1 },
  { number: -(2 ** 52) - 1 },
  { number: Infinity },
  { number: "1" },
  { int: 2 ** 31 },
  { int: 0.5 },
  { flag: 1 },
  { maybe: 1 },
  { symbol: "C" },
]) {
  test(`${JSON.stringify(wrong)} is refused (O1)`, () => {
    assert.throws(() => written(RECORD, wrong), TypeError);
  });
}
