// Every shipped rule is sound, complete, and does what its own tests say.

import { deepEqual, match, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readRules } from "../../src/adapters/rule-files.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { runRuleTests } from "../../src/testing/rule-tests.ts";

const loaded = await readRules(fileURLToPath(new URL("../../rules", import.meta.url)));
const { rules } = loaded;
if (rules === null) throw new Error(loaded.problems.map(formatProblem).join("\n"));

test("the shipped rules load without a warning", () => {
  deepEqual(loaded.warnings.map(formatProblem), []);
});

const report = runRuleTests(rules, loaded.documents);

test("the rules' tests are in the notation", () => {
  deepEqual(report.problems.map(formatProblem), []);
});

for (const result of report.results) {
  test(`${result.rule}: ${result.name}`, () => strictEqual(result.actual, result.expected));
}

const FIELDS = [
  "title",
  "id",
  "status",
  "description",
  "references",
  "tags",
  "level",
  "falsepositives",
  "date",
  "author",
];

for (const document of loaded.documents) {
  test(`${document.title}: says all that a shipped rule must say`, () => {
    const written = parseAllDocuments(readFileSync(document.file, "utf8")).map(
      (each) => each.toJS() as Record<string, unknown>,
    );
    const own = written.find((each) => each["id"] === document.id) ?? {};
    deepEqual(
      FIELDS.filter((field) => own[field] === undefined),
      [],
    );
    match(document.id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
    if (document.respond.length === 0) return;
    ok(document.tests.length >= 4, "at least four tests");
    ok(
      document.tests.some((one) => one.expect.length > 0),
      "a test that fires",
    );
    ok(document.tests.filter((one) => one.expect.length === 0).length >= 2, "tests that stay silent");
  });
}
