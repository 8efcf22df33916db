// How correlations read the fields they group by and look at.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { fieldReader } from "../../src/core/field-reader.ts";
import { findField } from "../../src/sigma/fields.ts";
import { NO_FACTS, event } from "../sigma/loading.ts";

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
