// The runner of rules' own tests: it can fail, and it says where.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { runRuleTests } from "../../src/testing/rule-tests.ts";

function report(tests: string) {
  const text = `title: T
logsource: { product: exchange }
detection: { a: { type: PASSWORD_CHANGED }, condition: a }
holdfast:
    respond: [{ hold: [WITHDRAW], for: 1h, reason: X }]
    tests:
${tests.replaceAll(/^/gmu, "        ")}
`;
  const loaded = loadRules([{ path: "t.yml", text }]);
  if (loaded.rules === null) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return runRuleTests(loaded.rules, loaded.documents);
}

test("what was expected and what happened are two texts", () => {
  const { results } = report(
    "- { name: n, events: [00:01 PASSWORD_CHANGED, 00:02 bob PASSWORD_CHANGED], expect: [00:02 bob FREEZE] }",
  );
  deepEqual(results, [
    {
      file: "t.yml",
      line: 7,
      rule: "T",
      name: "n",
      expected: "00:02 bob FREEZE",
      actual: "00:01 alice HOLD\n00:02 bob HOLD",
      timeline: "00:01  alice  PASSWORD_CHANGED  → HOLD alice\n00:02  bob    PASSWORD_CHANGED  → HOLD bob",
    },
  ]);
});

test("a line that is not in the notation is reported at its place and its test does not run", () => {
  const { results, problems } = report(
    "- { name: n, events: [00:61 LOGOUT, 00:01 LOGUOT], expect: [HOLD] }\n- { name: m, given: { alice: { knownDevics: [d] } }, events: [], expect: [] }",
  );
  deepEqual(results, []);
  deepEqual(
    problems.map(formatProblem).map((text) => text.slice(0, 70)),
    [
      't.yml:7:31: the time "00:61"; write hh:mm, hh:mm:ss, hh:mm:ss.mmm or +',
      't.yml:7:45: the unknown type "LOGUOT"; did you mean LOGOUT?',
      't.yml:7:69: the expectation "HOLD"; write a time, an account and HOLD,',
      "t.yml:8:11: ACCOUNT_SNAPSHOT: unknown field knownDevics; auth events h",
    ],
  );
});
