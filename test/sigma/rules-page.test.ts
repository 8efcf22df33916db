// The examples of docs/rules.md work as they stand.

import { deepEqual, strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { runRuleTests } from "../../src/testing/rule-tests.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { NO_FACTS, detectionRule, matcherOf } from "./loading.ts";

const page = readFileSync(new URL("../../docs/rules.md", import.meta.url), "utf8");
const [rule = "", filter = "", campaign = ""] = [...page.matchAll(/```yaml\n(.*?)```/gsu)].map(
  (found) => found[1] ?? "",
);

for (const [what, text] of [
  ["first rule", rule],
  ["campaign", campaign],
] as const) {
  test(`the ${what} loads, and its tests pass`, () => {
    const { rules, documents, problems } = loadRules([{ path: "rules.md", text }]);
    deepEqual(problems.map(formatProblem), []);
    const { results, problems: faults } = runRuleTests(rules!, documents);
    deepEqual(faults, []);
    strictEqual(results.length, 2);
    for (const { name, actual, expected } of results) strictEqual(actual, expected, name);
  });
}

test("the filter narrows the rule it names", () => {
  const named = `name: login_from_new_network\n${detectionRule("s: { type: LOGIN_SUCCEEDED }\ncondition: s", "auth")}`;
  const { problems } = loadRules([
    { path: "a.yml", text: named },
    { path: "b.yml", text: filter },
  ]);
  deepEqual(problems.map(formatProblem), []);
});

/** What stands in a field, for each row of the truth table; several where the row speaks of any. */
const HELD: Readonly<Record<string, readonly object[]>> = {
  absent: [{}],
  null: [{ a: null }],
  "`[]`": [{ a: [] }],
  '`""`': [{ a: "" }],
  "a value": [{ a: "x" }, { a: "y" }, { a: 5 }, { a: true }],
  "an array": [{ a: ["x", "y"] }, { a: ["y"] }, { a: ["x"] }],
};

test("every cell of the truth table is so", () => {
  const section = page.split("### The truth table\n")[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  const [names = [], , ...cells] = rows.map((row) => row.slice(2, -2).split(" | "));
  deepEqual(names.slice(1), ["`field: null`", "`field\\|exists: true`", "any comparison", "the same with `neq`"]);
  deepEqual(
    cells.map(([held]) => held),
    Object.keys(HELD),
  );
  const [isNull, exists, equals, differs] = ["{ a: null }", "{ a|exists: true }", "{ a: x }", "{ a|neq: x }"].map(
    (selection) => {
      const matches = matcherOf(selection, { plain: true });
      return (held: object): boolean => matches(held as ExchangeEvent, NO_FACTS);
    },
  );
  for (const [row = "", saidNull, saidExists, saidEquals, saidDiffers] of cells) {
    for (const held of HELD[row] ?? []) {
      const value: unknown = "a" in held ? held.a : null;
      const holds = value === "x" || (Array.isArray(value) && value.includes("x"));
      const why = `${row}: ${JSON.stringify(held)}`;
      strictEqual(String(isNull?.(held)), saidNull, why);
      strictEqual(String(exists?.(held)), saidExists, why);
      strictEqual(equals?.(held), saidEquals === "false" ? false : holds, why);
      strictEqual(differs?.(held), saidDiffers === "true" ? true : !holds, why);
    }
  }
});
