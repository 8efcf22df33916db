// The examples of docs/rules.md work as they stand.

import { deepEqual, strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { runRuleTests } from "../../src/testing/rule-tests.ts";
import { detectionRule } from "./loading.ts";

const page = readFileSync(new URL("../../docs/rules.md", import.meta.url), "utf8");
const [rule = "", filter = ""] = [...page.matchAll(/```yaml\n(.*?)```/gsu)].map((found) => found[1] ?? "");

test("the first rule loads, and its tests pass", () => {
  const { rules, documents, problems } = loadRules([{ path: "rules.md", text: rule }]);
  deepEqual(problems.map(formatProblem), []);
  const { results, problems: faults } = runRuleTests(rules!, documents);
  deepEqual(faults, []);
  strictEqual(results.length, 2);
  for (const { name, actual, expected } of results) strictEqual(actual, expected, name);
});

test("the filter narrows the rule it names", () => {
  const named = `name: login_from_new_network\n${detectionRule("s: { type: LOGIN_SUCCEEDED }\ncondition: s", "auth")}`;
  const { problems } = loadRules([
    { path: "a.yml", text: named },
    { path: "b.yml", text: filter },
  ]);
  deepEqual(problems.map(formatProblem), []);
});
