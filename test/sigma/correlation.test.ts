// Correlation sections: what each kind compiles to, and what is refused because it has no clear meaning.

import { deepEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import type { CorrelationRule, RuleSet } from "../../src/core/rule.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import type { LoadOptions } from "../../src/sigma/rule-set.ts";

const step = (name: string, service = "auth"): string =>
  `title: ${name}\nname: ${name}\nlogsource: { product: exchange, service: ${service} }\ndetection: { s: { ip: x }, condition: s }\n---\n`;
const STEPS = step("aa") + step("bb") + step("ww", "withdrawal");

function load(section: string, options?: LoadOptions) {
  const text = `${STEPS}title: C\nname: c\ncorrelation: { group-by: [accountId], timespan: 15m, ${section} }\n`;
  return loadRules([{ path: "r.yml", text }], options);
}

function ruleOf(section: string, options?: LoadOptions): CorrelationRule {
  const { rules, problems } = load(section, options);
  const found = rules?.correlations.at(-1);
  if (found === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return found;
}

/** What was found of the only problem, without its place. */
function problemOf(section: string): string {
  const [problem, ...others] = load(section).problems;
  deepEqual(others, [], section);
  return problem?.found ?? "";
}

test("each kind compiles to its comparison or expression", () => {
  const rows: readonly (readonly [section: string, condition: unknown])[] = [
    ["type: temporal, rules: [aa, bb]", { kind: "all" }],
    ["type: temporal, rules: [aa, bb], condition: { gte: 2 }", { kind: "all" }],
    ["type: temporal, rules: [aa, bb], condition: { gte: 1 }", compare("gte", 1)],
    ["type: temporal_ordered, rules: [aa, bb], condition: { eq: 2 }", { kind: "all" }],
    ["type: temporal, condition: aa and bb", { kind: "all" }],
    ["type: event_count, rules: [aa, bb], condition: { gte: 3 }", compare("gte", 3)],
    ["type: event_count, rules: [aa], condition: { lte: 3 }", compare("lte", 3)],
    ["type: value_count, rules: [aa], condition: { field: ip, gt: 3 }", compare("gt", 3)],
    ["type: value_sum, rules: [ww], condition: { field: amountUsdCents, gte: 0.5 }", compare("gte", 0.5)],
    [
      "type: value_percentile, rules: [ww], condition: { field: amountUsdCents, percentile: 95, gte: 7 }",
      { kind: "compare", comparisons: [{ operator: "gte", value: 7 }], percentile: 95 },
    ],
    [
      "type: temporal, condition: aa and not (bb or ww)",
      {
        kind: "expression",
        expression: {
          kind: "and",
          of: [input(0), { kind: "not", of: { kind: "or", of: [input(1), input(2)] } }],
        },
      },
    ],
    [
      "type: temporal_ordered, rules: [bb, ww, aa], condition: aa and not (bb or ww)",
      {
        kind: "expression",
        expression: { kind: "and", of: [input(2), { kind: "not", of: input(0) }, { kind: "not", of: input(1) }] },
      },
    ],
  ];
  for (const [section, condition] of rows) deepEqual(ruleOf(section).condition, condition, section);
  deepEqual(ruleOf("type: value_count, rules: [aa], condition: { field: ip, gt: 2, lte: 9 }").condition, {
    kind: "compare",
    comparisons: [
      { operator: "gt", value: 2 },
      { operator: "lte", value: 9 },
    ],
    percentile: null,
  });
});

function compare(operator: string, value: number): unknown {
  return { kind: "compare", comparisons: [{ operator, value }], percentile: null };
}

function input(index: number): unknown {
  return { kind: "input", input: index };
}

test("without rules, the condition's names are the rules in the order they appear", () => {
  deepEqual(
    ruleOf("type: temporal_ordered, condition: not bb and ww and aa").inputs.map((each) => each.index),
    [1, 2, 0],
  );
});

test("what has no clear meaning is refused", () => {
  const rows: readonly (readonly [section: string, found: string])[] = [
    [
      "type: temporal_ordered, rules: [aa, bb], condition: aa or bb",
      "an alternative in a temporal_ordered, which has no order",
    ],
    [
      "type: temporal_ordered, rules: [aa, bb, ww], condition: ww and not (aa and bb)",
      "an alternative in a temporal_ordered, which has no order",
    ],
    ["type: temporal_ordered, condition: aa and bb and aa", "a rule twice in a temporal_ordered"],
    [
      "type: temporal_ordered, rules: [aa, bb], condition: { gte: 1 }",
      "a count other than that of all rules in a temporal_ordered",
    ],
    ["type: temporal, rules: [aa, bb], condition: not aa and not bb", "a condition that is true of nothing"],
    ["type: temporal, rules: [aa, bb], condition: aa or not bb", "a condition that is true of nothing"],
    ["type: temporal, rules: [aa, bb], condition: bb and aa and not aa", "a condition that is never true"],
    ["type: temporal, rules: [aa, bb], condition: { gte: 3 }", "a condition that is never true of 2 rules"],
    ["type: event_count, rules: [aa], condition: { lt: 1 }", "a condition that is true of nothing"],
    ["type: event_count, rules: [aa], condition: { eq: 0 }", "a condition that is true of nothing"],
    ["type: event_count, rules: [aa], condition: { gt: 5, lt: 6 }", "a condition that is never true"],
    [
      "type: value_sum, rules: [ww], condition: { field: amountUsdCents, gt: 5, lt: 5 }",
      "a condition that is never true",
    ],
    ["type: event_count, rules: [aa], condition: { gte: 1.5 }", 'gte: "1.5"'],
    ["type: event_count, rules: [aa], condition: { gte: many }", 'gte: "many"'],
    ["type: event_count, rules: [aa], condition: { field: ip, gte: 1 }", "field in an event_count"],
    ["type: event_count, rules: [aa], condition: { gte: 1, atleast: 2 }", 'the key "atleast" in condition'],
    ["type: event_count, rules: [aa], condition: aa and bb", "a boolean condition in an event_count"],
    ["type: event_count, rules: [aa]", "an event_count without condition"],
    ["type: event_count, condition: { gte: 1 }", "a correlation without rules"],
    ["type: value_count, rules: [aa], condition: { gte: 1 }", "a value_count without field"],
    [
      "type: value_sum, rules: [ww], condition: { field: [asset, amountUsdCents], gte: 1 }",
      "several fields in a value_sum",
    ],
    ["type: value_sum, rules: [ww], condition: { field: asset, gte: 1 }", 'value_sum of "asset", which is no number'],
    [
      "type: value_count, rules: [aa], condition: { field: asset, gte: 1 }",
      'the field "asset", which events of "aa" (auth) do not have',
    ],
    [
      "type: value_sum, rules: [aa], condition: { field: profile.newAsn, gte: 1 }",
      'value_sum of "profile.newAsn", which is no number',
    ],
    [
      "type: value_percentile, rules: [ww], condition: { field: amountUsdCents, gte: 1 }",
      "a value_percentile without percentile",
    ],
    [
      "type: value_percentile, rules: [ww], condition: { field: amountUsdCents, percentile: 101, gte: 1 }",
      'percentile: "101"',
    ],
    [
      "type: value_sum, rules: [ww], condition: { field: amountUsdCents, percentile: 9, gte: 1 }",
      "percentile in a value_sum",
    ],
    ["type: temporal, rules: [aa, bb], condition: 1 of aa*", "a pattern of rule names"],
    ["type: temporal, rules: [aa, bb, ww], condition: aa and bb", 'the rule "ww", which the condition leaves out'],
    ["type: temporal, rules: [aa], condition: aa and bb", '"bb", which is not in rules'],
    ["type: temporal, condition: aa and nowhere", 'the unknown rule "nowhere"'],
  ];
  for (const [section, found] of rows) strictEqual(problemOf(section), found, section);
});

test("a count beyond the memory is refused at its number, and names the most that can be counted", () => {
  const problemAt = (section: string, options?: LoadOptions): string =>
    load(section, options).problems.map(formatProblem).join();
  const rows: readonly (readonly [section: string, problem: string, plain?: boolean])[] = [
    ["type: event_count, rules: [aa], condition: { gte: 256 }", ""],
    ["type: event_count, rules: [aa], condition: { gt: 255 }", ""],
    ["type: event_count, rules: [aa], condition: { gte: 5, lt: 127 }", ""],
    [
      "type: event_count, rules: [aa], condition: { gte: 257 }",
      "r.yml:18:104: gte: 257 in an event_count, which remembers 256 events of a group; write at most 256; a shorter timespan needs a lower number",
    ],
    [
      "type: value_count, rules: [aa], condition: { field: ip, gt: 256 }",
      "r.yml:18:114: gt: 256 in a value_count, which remembers 256 events of a group; write at most 255; a shorter timespan needs a lower number",
    ],
    [
      "type: event_count, rules: [aa], condition: { gte: 5, lte: 128 }",
      "r.yml:18:112: lte: 128 in an event_count, which remembers 256 events of a group; write at most 127; a shorter timespan needs a lower number",
    ],
    ["type: event_count, rules: [aa], condition: { gte: 4096 }", "", true],
    [
      "type: event_count, rules: [aa], condition: { gte: 4097 }",
      "r.yml:18:104: gte: 4097 in an event_count, which remembers 4096 events of a group; write at most 4096; a shorter timespan needs a lower number",
      true,
    ],
    ["type: value_sum, rules: [ww], condition: { field: amountUsdCents, gte: 100000 }", ""],
  ];
  for (const [section, problem, plain = false] of rows) strictEqual(problemAt(section, { plain }), problem, section);
});

test("a UUID is the same in capitals, and a rule by its id and by its name one rule", () => {
  const id = "929a690e-bef0-4204-a928-ef5e620d6fcc";
  const load = (section: string) => {
    const steps = step("aa").replace("name: aa", `name: aa\nid: ${id.toUpperCase()}`) + step("bb");
    const text = `${steps}title: C\ncorrelation: { group-by: [accountId], timespan: 15m, ${section} }\n`;
    const { rules, problems } = loadRules([{ path: "r.yml", text }]);
    return rules?.correlations[0]?.inputs.map(({ index }) => index) ?? problems.map(({ found }) => found);
  };
  const upper = id.toUpperCase();
  deepEqual(load(`type: temporal, rules: [${upper}, bb]`), [0, 1]);
  deepEqual(load(`type: temporal, condition: bb and ${upper}`), [1, 0]);
  deepEqual(load(`type: temporal, rules: [${id}, bb], condition: ${upper} and not bb`), [0, 1]);
  deepEqual(load(`type: temporal, rules: [${upper}, bb], condition: ${id} and not bb`), [0, 1]);
  deepEqual(load(`type: temporal, rules: [${upper}, bb, aa]`), [`the rule "aa" twice, which is "${id}", too`]);
  deepEqual(load(`type: temporal, condition: aa and bb and not ${upper}`), [
    `the rule "${id}" twice, which is "aa", too`,
  ]);
});

test("aliases name a field for each rule", () => {
  const counted = (aliases: string): string =>
    `type: value_count, rules: [aa, ww], aliases: { where: ${aliases} }, condition: { field: where, gte: 2 }`;
  deepEqual(
    ruleOf(counted("{ aa: deviceId, ww: address }")).inputs.map((each) => each.valueFields),
    [["deviceId"], ["address"]],
  );
  strictEqual(problemOf(counted("{ aa: deviceId }")), 'the alias "where" says nothing of the rule "ww"');
  strictEqual(problemOf(counted("{ aa: deviceId, ww: address, bb: ip }")), '"bb", which is not in rules');
  strictEqual(
    problemOf(counted("{ aa: address, ww: address }")),
    'the field "address", which events of "aa" (auth) do not have',
  );
});

test("a chain's inner rules come first, and a match of one is an input like another", () => {
  const correlation = (name: string, rules: string): string =>
    `title: ${name}\nname: ${name}\ncorrelation: { type: temporal, rules: [${rules}], group-by: [accountId], timespan: 1h }\n---\n`;
  const text =
    correlation("outer", "middle, aa") + correlation("middle", "inner, bb") + correlation("inner", "aa, ww") + STEPS;
  const rules = loadRules([{ path: "r.yml", text }]).rules as RuleSet;
  deepEqual(
    rules.correlations.map(({ name, index, standalone, inputs }) => [
      name,
      index,
      standalone,
      inputs.map((each) => `${each.kind} ${each.index}`),
    ]),
    [
      ["inner", 0, false, ["detection 0", "detection 2"]],
      ["middle", 1, false, ["correlation 0", "detection 1"]],
      ["outer", 2, true, ["correlation 1", "detection 0"]],
    ],
  );
});

test("plain rules group by any fields, of any events", () => {
  const rule = ruleOf("type: value_count, rules: [aa], condition: { field: [user.name, host], gte: 2 }", {
    plain: true,
  });
  deepEqual(rule.inputs[0]?.valueFields, ["user.name", "host"]);
  const text = `${STEPS}title: C\ncorrelation: { type: temporal, rules: [aa, bb], group-by: [user.name, host], timespan: 1h }\n`;
  deepEqual(loadRules([{ path: "r.yml", text }], { plain: true }).rules?.correlations[0]?.groupBy, [
    "user.name",
    "host",
  ]);
});
