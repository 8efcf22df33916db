// How correlations read the fields they group by and look at.

import { deepEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { fieldReader, numberOf } from "../../src/core/field-reader.ts";
import { findField } from "../../src/sigma/fields.ts";
import { NO_FACTS, event, matcherOf } from "../sigma/loading.ts";

test("a name of detail may have dots, for correlations as for detections", () => {
  const rows: readonly (readonly [path: string, detail: Readonly<Record<string, string>> | null, value: unknown])[] = [
    ["detail.shop", { shop: "a" }, "a"],
    ["detail.geo.city", { "geo.city": "a" }, "a"],
    ["detail.geo.city", { geo: "a" }, null],
    ["detail.a.b.c", { "a.b.c": "x", "a.b": "y" }, "x"],
    ["detail.constructor", {}, null],
    ["detail.shop", null, null],
  ];
  for (const [path, detail, value] of rows) {
    const read = event({ detail });
    deepEqual([fieldReader(path)(read, NO_FACTS), findField(path)?.read(read, NO_FACTS) ?? null], [value, value], path);
  }
});

test("text that writes a number is one for sums and comparisons alike", () => {
  const rows: readonly (readonly [text: string, number: number | null])[] = [
    ["7", 7],
    ["+7", 7],
    ["-7.25", -7.25],
    [".5", 0.5],
    ["007", 7],
    ["1e3", 1_000],
    ["1.5E-3", 0.0015],
    ["1000000000000000000", 1e18],
    ["0.1234567890123456789", 0.12345678901234568],
    ["1e400", null],
    ["0x10", null],
    ["5.", null],
    [" 7", null],
    ["7 ", null],
    ["", null],
    [".", null],
    ["1_000", null],
    ["1,000", null],
    ["Infinity", null],
    ["NaN", null],
  ];
  for (const [text, number] of rows) {
    strictEqual(numberOf(text), number, text);
    // Rules write no numbers beyond what is exact.
    const bound = Math.min(number ?? 0, Number.MAX_SAFE_INTEGER);
    const answers = ["gte", "lt"].map((operator) =>
      matcherOf(`{ detail.x|${operator}: ${bound} }`)(event({ detail: { x: text } }), NO_FACTS),
    );
    deepEqual(answers, [number !== null, false], text);
  }
});
