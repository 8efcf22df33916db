// The page of fields is what the table says.

import { strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fieldsReference } from "../../src/sigma/fields-reference.ts";

test("docs/fields.md is up to date (`npm run docs` writes it)", () => {
  strictEqual(readFileSync(new URL("../../docs/fields.md", import.meta.url), "utf8"), fieldsReference());
});
