// The grammar of conditions, by what they mean: a, b, c, _hidden are selections that match or do not.

import { deepEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCondition } from "../../src/sigma/condition.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { NO_FACTS, detectionRule, event, problemsOf } from "./loading.ts";

const NAMES = ["sel_a", "sel_b", "other", "_hidden"] as const;

function evaluate(condition: string, truth: Readonly<Record<string, boolean>>): boolean {
  const selections = NAMES.map((name) => `${name}: { detail.${name}: 'yes' }`).join("\n");
  const loaded = loadRules([{ path: "r.yml", text: detectionRule(`${selections}\ncondition: ${condition}`) }]);
  const [rule] = loaded.rules?.detections ?? [];
  if (rule === undefined) throw new Error(JSON.stringify(loaded.problems));
  const detail = Object.fromEntries(NAMES.map((name) => [name, truth[name] === true ? "yes" : "no"]));
  return rule.matches(event({ detail }), NO_FACTS);
}

const MEANINGS: readonly (readonly [string, (t: Record<string, boolean>) => boolean])[] = [
  ["sel_a", (t) => t["sel_a"]!],
  ["not sel_a", (t) => !t["sel_a"]],
  ["not not sel_a", (t) => t["sel_a"]!],
  ["sel_a and sel_b or other", (t) => (t["sel_a"]! && t["sel_b"]!) || t["other"]!],
  ["other or sel_a and sel_b", (t) => t["other"]! || (t["sel_a"]! && t["sel_b"]!)],
  ["(other or sel_a) and sel_b", (t) => (t["other"]! || t["sel_a"]!) && t["sel_b"]!],
  ["not sel_a and sel_b", (t) => !t["sel_a"] && t["sel_b"]!],
  ["not (sel_a and sel_b)", (t) => !(t["sel_a"]! && t["sel_b"]!)],
  ["not 1 of sel_* and other", (t) => !(t["sel_a"]! || t["sel_b"]!) && t["other"]!],
  ["1 of sel_*", (t) => t["sel_a"]! || t["sel_b"]!],
  ["any of sel_*", (t) => t["sel_a"]! || t["sel_b"]!],
  ["all of sel_*", (t) => t["sel_a"]! && t["sel_b"]!],
  ["1 of them", (t) => t["sel_a"]! || t["sel_b"]! || t["other"]!],
  ["all of them", (t) => t["sel_a"]! && t["sel_b"]! && t["other"]!],
  ["1 of _*", (t) => t["_hidden"]!],
  ["all of *_a and _hidden", (t) => t["sel_a"]! && t["_hidden"]!],
  ["1 of s*l*a", (t) => t["sel_a"]!],
  ["[sel_a, other and sel_b]", (t) => t["sel_a"]! || (t["other"]! && t["sel_b"]!)],
];

test("every condition means what its precedence says, for all sixteen truths", () => {
  for (const [condition, meaning] of MEANINGS) {
    for (let bits = 0; bits < 16; bits++) {
      const truth = Object.fromEntries(NAMES.map((name, index) => [name, (bits & (1 << index)) !== 0]));
      strictEqual(evaluate(condition, truth), meaning(truth), `${condition} of ${JSON.stringify(truth)}`);
    }
  }
});

const FAULTS: readonly (readonly [condition: string, problem: string])[] = [
  ["sel_a and", "r.yml:8:25: a condition that ends too early; write the name of a selection here"],
  ["sel_a sel_b", 'r.yml:8:22: "sel_b" after a complete condition; join the two with and, or'],
  ["sel_a AND sel_b", 'r.yml:8:22: "AND" after a complete condition; write and in lower case'],
  ["(sel_a", 'r.yml:8:16: an unclosed "("; close it with ")"'],
  ["sel_a)", 'r.yml:8:21: ")" after a complete condition; remove it or open it'],
  ["sel_a or or", 'r.yml:8:25: "or" where a name is due; write the name of a selection here'],
  ["2 of sel_*", 'r.yml:8:16: the quantifier "2"; write 1 of or all of'],
  ["1 of", 'r.yml:8:16: "1 of" without names; write them or a pattern such as selection_* after it'],
  ["sel_*", 'r.yml:8:16: the pattern "sel_*" alone; write 1 of sel_* or all of sel_*'],
  ["sel_c", 'r.yml:8:16: the unknown selection "sel_c"; did you mean sel_a?'],
  [
    "1 of nothing_*",
    'r.yml:8:21: "nothing_*", which is the name of no selection; write a pattern of existing names or them',
  ],
  [
    "sel_a | count() > 5",
    'r.yml:8:22: the aggregation "|" in a condition; write a correlation document (type: event_count and so on)',
  ],
  ["sel_a + sel_b", 'r.yml:8:22: "+" in a condition; write names, and, or, not, 1 of, all of, parentheses'],
];

test("a fault in a condition is reported at its own column", () => {
  const selections = NAMES.map((name) => `${name}: { country: HK }`).join("\n");
  for (const [condition, problem] of FAULTS) {
    deepEqual(problemsOf(detectionRule(`${selections}\ncondition: ${condition}`)), [problem], condition);
  }
});

test("conditions of any text give a result or a fault, whatever they nest", () => {
  const words = fc.constantFrom("(", ")", "and", "or", "not", "1", "all", "of", "them", "a*", "b", "|", "x y");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((parts) => parts.join(" ")),
      ),
      (text) => {
        const parsed = parseCondition(text);
        if ("fault" in parsed) strictEqual(parsed.fault.offset <= text.length, true);
      },
    ),
  );
  for (const opener of ["(", "not "]) {
    const parsed = parseCondition(opener.repeat(100_000));
    strictEqual("fault" in parsed && parsed.fault.found, "a condition nested too deep");
  }
});
