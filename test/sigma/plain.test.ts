// Rules over any JSON objects: the truth table where nothing is known of a field beforehand.

import { deepEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { NO_FACTS, matcherOf } from "./loading.ts";

const ROWS: readonly (readonly [selection: string, event: unknown, matches: boolean])[] = [
  ["{ a.b: x }", { a: { b: "X" } }, true],
  ["{ a.b: x }", { "a.b": "x" }, true],
  ["{ a.b.c: x }", { a: { "b.c": "x" } }, true],
  ["{ a.b.c: x }", { a: [{ "b.c": "y" }, { b: { c: "x" } }] }, true],
  ["{ a.b.c: x }", { a: { "b.c": "y", b: { c: "x" } } }, false],
  ["{ a.b.c: x }", { a: { "b.c": null, b: { c: "x" } } }, true],
  ["{ a.b: x }", { a: [{ b: "y" }, { b: "x" }] }, true],
  ["{ a.b: x }", { a: [{ b: ["y", "x"] }] }, true],
  ["{ a.b: x }", { a: "x" }, false],
  ["{ a.b: null }", { a: {} }, true],
  ["{ a.b: null }", { a: [{ b: null }] }, true],
  ["{ a.b: null }", { a: [{ b: 1 }] }, false],
  ["{ a|exists: true }", { a: "" }, true],
  ["{ a|exists: true }", { a: null }, false],
  ["{ a|exists: true }", { a: [] }, false],
  ["{ a: 5 }", { a: 5 }, true],
  ["{ a: 5 }", { a: 5.0 }, true],
  ["{ a: 5 }", { a: "5" }, true],
  ["{ a: 5 }", { a: "5.0" }, false],
  ["{ a: '5' }", { a: 5 }, true],
  ["{ a: '5*' }", { a: 512 }, true],
  ["{ a: true }", { a: true }, true],
  ["{ a: true }", { a: "TRUE" }, true],
  ["{ a: 'true' }", { a: true }, true],
  ["{ a: x }", { a: { x: 1 } }, false],
  ["{ a|neq: x }", {}, true],
  ["{ a|neq: x }", { a: ["x", "y"] }, false],
  ["{ a|gt: 4 }", { a: "5" }, true],
  ["{ a|gt: 4 }", { a: "many" }, false],
  ["{ a|hour: 13 }", { a: "2024-06-09T13:05:00Z" }, true],
  ["{ a|month: [2, 3] }", { a: "2024-02-31T13:05:00Z" }, false],
  ["{ a|cidr: 10.0.0.0/8 }", { a: ["192.168.0.1", "10.1.2.3"] }, true],
  ["{ a|fieldref: b.c }", { a: "x", b: { c: ["y", "x"] } }, true],
  ["{ a|fieldref: b }", { a: 5, b: 5 }, true],
  ["[evil]", { a: { b: ["so evil"] } }, true],
  ["[evil]", { evil: 1 }, false],
  ["{ constructor: null }", {}, true],
  ["{ __proto__.a: null }", {}, true],
];

test("the truth table, on any JSON object", () => {
  for (const [selection, event, matches] of ROWS) {
    const actual = matcherOf(selection, { plain: true })(event as ExchangeEvent, NO_FACTS);
    strictEqual(actual, matches, `${selection} on ${JSON.stringify(event)}`);
  }
});

test("log sources say nothing of where events come from", () => {
  const text =
    "title: T\nlogsource: { category: process_creation, product: windows }\ndetection: { s: { Image: x }, condition: s }\n";
  const loaded = loadRules([{ path: "w.yml", text }], { plain: true });
  deepEqual(loaded.problems, []);
  deepEqual(
    loaded.rules?.detections.map(({ service, types }) => [service, types]),
    [[null, null]],
  );
});

test("objects nested without end are no field, and no exception", () => {
  let deep: unknown = "x";
  for (let level = 0; level < 20_000; level++) deep = { a: [deep] };
  for (const selection of ["{ a.a.a: x }", "[x]", `{ ${Array.from({ length: 500 }, () => "a").join(".")}: x }`])
    strictEqual(typeof matcherOf(selection, { plain: true })(deep as ExchangeEvent, NO_FACTS), "boolean");
});
