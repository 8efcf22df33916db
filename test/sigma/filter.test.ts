// Filters: what they narrow, and what they cannot.

import { deepEqual, notEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { NO_FACTS, event } from "./loading.ts";

const RULE =
  "title: R\nname: hk\nlogsource: { product: exchange, service: auth }\ndetection: { s: { country: HK }, condition: s }\n";
const filter = (of: { rules: string; source?: string; condition?: string }): string =>
  `title: F\nlogsource: { product: exchange${of.source ?? ""} }\nfilter:\n    rules: [${of.rules}]\n    selection: { ip|cidr: 10.0.0.0/8 }\n    condition: ${of.condition ?? "not selection"}\n`;

function load(...texts: readonly string[]) {
  return loadRules(texts.map((text, index) => ({ path: `${index}.yml`, text })));
}

test("the filter's condition is joined to the rule's", () => {
  const { rules } = load(RULE, filter({ rules: "hk" }));
  const matches = rules!.detections[0]!.matches;
  deepEqual(
    [
      { country: "HK", ip: "10.1.1.1" },
      { country: "HK", ip: "11.1.1.1" },
      { country: "US", ip: "11.1.1.1" },
    ].map((fields) => matches(event(fields), NO_FACTS)),
    [false, true, false],
  );
});

test("a rule says what its filters say: both hashes change", () => {
  const [plain] = load(RULE).rules!.detections;
  const [filtered] = load(RULE, filter({ rules: "hk" })).rules!.detections;
  notEqual(filtered!.hash, plain!.hash);
  notEqual(filtered!.matchHash, plain!.matchHash);
});

test("several filters narrow one rule, and a correlation sees the narrowed one", () => {
  const correlation = "title: C\ncorrelation: { type: temporal, rules: [hk], group-by: [accountId], timespan: 1m }\n";
  const { rules, documents } = load(
    correlation,
    RULE,
    filter({ rules: "hk" }),
    filter({ rules: "hk", condition: "selection" }).replace("title: F", "title: G"),
  );
  strictEqual(rules!.detections[0]!.matches(event({ country: "HK", ip: "11.1.1.1" }), NO_FACTS), false);
  strictEqual(rules!.correlations[0]!.inputs[0]!.index, 0);
  strictEqual(documents.length, 2);
});

test("what a filter cannot narrow is refused", () => {
  const problems = (...texts: readonly string[]): string[] => load(...texts).problems.map(formatProblem);
  deepEqual(problems(RULE, filter({ rules: "hkk" })), ['1.yml:4:13: the unknown rule "hkk"; did you mean hk?']);
  deepEqual(problems(RULE, filter({ rules: "hk", source: ", service: api_key" })), [
    "1.yml:4:13: the rule \"hk\", whose log source is not within the filter's; leave out of the filter's logsource what the rule's does not say",
  ]);
  const correlation =
    "title: C\nname: cc\ncorrelation: { type: temporal, rules: [hk], group-by: [accountId], timespan: 1m }\n";
  deepEqual(problems(RULE, correlation, filter({ rules: "cc" })), [
    '2.yml:4:13: the correlation "cc" in a filter; name its detections: hk',
  ]);
  deepEqual(problems(RULE, filter({ rules: "" })), [
    "1.yml:4:12: rules: a list; write a list of the rules it narrows, by name or id",
  ]);
  deepEqual(problems(RULE, filter({ rules: "hk", condition: "selektion" })), [
    '1.yml:6:16: the unknown selection "selektion"; did you mean selection?',
  ]);
});
