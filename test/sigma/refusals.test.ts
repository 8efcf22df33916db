// What cannot be honoured exactly is refused, at its place, with what to write instead.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { detectionRule, problemsOf, warningsOf } from "./loading.ts";

/** Problems of `selection: …`, without the part that is the same for all. */
function selectionProblems(selection: string, service?: string): string[] {
  return problemsOf(detectionRule(`selection: ${selection}\ncondition: selection`, service));
}

test("modifiers that are not supported, unknown, or contradict each other", () => {
  deepEqual(selectionProblems("{ ip|re: '^10' }"), [
    'r.yml:4:18: the modifier "re" is not supported; write contains, startswith, endswith or wildcards',
  ]);
  for (const name of ["base64", "base64offset", "wide", "utf16le", "windash", "fieldref", "expand", "minute"]) {
    const [problem = "", ...others] = selectionProblems(`{ ip|${name}: x }`);
    deepEqual([problem.startsWith(`r.yml:4:18: the modifier "${name}" is not supported; `), others], [true, []]);
  }
  deepEqual(selectionProblems("{ ip|startwith: x }"), ['r.yml:4:18: the unknown modifier "startwith"; did you mean startswith?']);
  deepEqual(selectionProblems("{ ip|contains|contains: x }"), ['r.yml:4:18: the modifier "contains" twice; write it once']);
  deepEqual(selectionProblems("{ ip|exists|cased: true }"), ['r.yml:4:18: the modifier "exists" beside another; write exists alone']);
  deepEqual(selectionProblems("{ asn|gt|lt: 5 }"), ["r.yml:4:18: the modifiers lt and gt together; write two keys, one with each"]);
  deepEqual(selectionProblems("{ ip|cidr|contains: 10.0.0.0/8 }"), [
    "r.yml:4:18: the modifiers contains and cidr together; write two keys, one with each",
  ]);
  deepEqual(selectionProblems("{ ip|all: x }"), ['r.yml:4:18: the modifier "all" with a single value; remove it or write a list']);
});

test("values a modifier cannot take", () => {
  deepEqual(selectionProblems("{ asn|gt: many }"), ['r.yml:4:26: "many" after gt; write a number']);
  deepEqual(selectionProblems("{ ip|exists: 1 }"), ['r.yml:4:29: "1" after exists; write true or false']);
  deepEqual(selectionProblems("{ ip|cidr: 10.0.0.1/8 }"), [
    'r.yml:4:27: "10.0.0.1/8" after cidr; write a network without host bits, such as 10.0.0.0/8 or 2001:db8::/32',
  ]);
  deepEqual(selectionProblems("{ keyId|contains: 5 }"), [`r.yml:4:34: "5" with a modifier for text; quote it: '5'`]);
  deepEqual(selectionProblems("{ keyId|contains: null }"), ["r.yml:4:34: null with a modifier for text; write null without it"]);
});

test("fields that do not exist here", () => {
  deepEqual(selectionProblems("{ contry: HK }"), ['r.yml:4:18: the unknown field "contry"; did you mean country?']);
  deepEqual(selectionProblems("{ right: TRADE }", "auth").length, 1);
  deepEqual(selectionProblems("{ rights: TRADE }", "auth"), ['r.yml:4:18: the field "rights" does not exist on service auth; it exists on api_key']);
  deepEqual(selectionProblems("{ profile.newDevise: true }"), ['r.yml:4:18: the unknown field "profile.newDevise"; did you mean profile.newDevice?']);
  deepEqual(selectionProblems("{ detail: x }"), ['r.yml:4:18: the field "detail" is a map; write detail.<name>']);
  deepEqual(selectionProblems("{ '|contains': x }"), [
    "r.yml:4:18: a comparison without field: keyword search is not supported; write a field's name before the modifiers",
  ]);
});

test("shapes a selection cannot have", () => {
  deepEqual(selectionProblems("[evil]"), ['r.yml:4:17: the keyword "evil": keyword search is not supported; write field: value']);
  deepEqual(selectionProblems("evil"), ['r.yml:4:16: the keyword "evil": keyword search is not supported; write field: value']);
  deepEqual(selectionProblems("{}"), ["r.yml:4:16: an empty map; write field: value"]);
  deepEqual(selectionProblems("[]"), ['r.yml:4:16: the empty selection "selection"; write field: value']);
  deepEqual(selectionProblems("[[a]]"), ["r.yml:4:17: a list in a list; write a list of maps"]);
  deepEqual(selectionProblems("{ ip: [] }"), ["r.yml:4:22: an empty list of values; write null for an absent field"]);
  deepEqual(selectionProblems("{ ip: [a, null] }"), ["r.yml:4:26: null in a list of values; write field: null as a selection of its own"]);
  deepEqual(selectionProblems("{ ip: { a: b } }"), ['r.yml:4:22: a map under "ip"; write the path with dots: ip.<name>']);
});

test("values that YAML readers disagree on", () => {
  for (const value of ["no", "Yes", "ON", "off", "12:30", "1_000", "010", "0o14", "1e3"]) {
    const [problem = "", ...others] = selectionProblems(`{ detail.x: ${value} }`);
    deepEqual([problem.includes("which YAML 1.1 readers (pySigma) read as something else"), others], [true, []], value);
    deepEqual(selectionProblems(`{ detail.x: '${value}' }`), [], value);
  }
  deepEqual(selectionProblems("{ keyId: 9007199254740993 }"), [
    `r.yml:4:25: the number "9007199254740993", which cannot be held exactly; quote it: '9007199254740993'`,
  ]);
});

test("values a field never has load, with a warning", () => {
  const warnings = (selection: string, service?: string): string[] =>
    warningsOf(detectionRule(`selection: ${selection}\ncondition: selection`, service));
  deepEqual(warnings("{ type: API_KEY_CREATE }"), ['r.yml:4:24: type is never "API_KEY_CREATE"; did you mean API_KEY_CREATED?']);
  deepEqual(warnings("{ type: API_KEY_CREATED }"), []);
  deepEqual(warnings("{ type: api_key_* }"), []);
  deepEqual(warnings("{ type: API_KEY_CREATED }", "auth").length, 1);
  deepEqual(warnings("{ channel: P2P }", "withdrawal"), []);
  deepEqual(warnings("{ channel: P2P }", "auth").length, 1);
  deepEqual(warnings("{ profile.newDevice: 'maybe' }"), ['r.yml:4:37: profile.newDevice is never "maybe"; it is a boolean']);
  deepEqual(warnings("{ asn: '05' }"), ['r.yml:4:23: asn is never "05"; it is a number']);
  deepEqual(warningsOf(detectionRule("used: { ip: a }\nunused: { ip: b }\ncondition: used")), [
    'r.yml:5:5: the selection "unused" is not used; name it in the condition or remove it',
  ]);
});

test("log sources that are not here", () => {
  const logsource = (text: string): string[] =>
    problemsOf(`title: T\nlogsource: ${text}\ndetection:\n    a: { ip: x }\n    condition: a\n`);
  deepEqual(logsource("{ product: windows }"), ['r.yml:2:23: the product "windows"; write product: exchange']);
  deepEqual(logsource("{ service: auth }"), ["r.yml:2:12: a log source without product; write product: exchange"]);
  deepEqual(logsource("{ product: exchange, service: trade }"), [
    'r.yml:2:42: the service "trade" is not supported; known: auth, api_key, withdrawal',
  ]);
  deepEqual(logsource("{ product: exchange, service: aut }"), ['r.yml:2:42: the service "aut"; did you mean auth?']);
  deepEqual(logsource("{ product: exchange, category: firewall }"), [
    "r.yml:2:33: a log source by category; write product: exchange and a service",
  ]);
  deepEqual(logsource("{ product: exchange, servise: auth }"), ['r.yml:2:33: the key "servise" in logsource; did you mean service?']);
});

test("documents of other kinds, and attributes in the wrong form", () => {
  deepEqual(problemsOf("title: T\nlogsource: { product: exchange }\nfilter:\n    rules: [a]\n"), [
    "r.yml:3:1: filter documents are not supported; write the exception into the rule: … and not filter",
  ]);
  deepEqual(problemsOf("action: global\ntitle: T\n").length, 2);
  deepEqual(problemsOf("- a\n"), ["r.yml:1:1: a list where a rule is due; write title:, logsource: and detection:, or title: and correlation:"]);
  deepEqual(problemsOf("title: T\n"), [
    "r.yml:1:1: a document with neither detection nor correlation; write logsource: and detection:, or correlation:",
  ]);
  const head = (lines: string): string[] =>
    problemsOf(`${lines}\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n`);
  deepEqual(head("id: 5"), ['r.yml:1:5: the id "5"; write a UUID (version 4)', "r.yml:1:1: a rule without title; write title:"].toSorted());
  deepEqual(head("title: T\nlevel: hgih"), ['r.yml:2:8: level: "hgih"; did you mean high?']);
  deepEqual(head("title: T\nstatus: wip"), ['r.yml:2:9: status: "wip"; known: stable, test, experimental, deprecated, unsupported']);
  deepEqual(head("title: T\ntags: [ATTACK]"), ['r.yml:2:7: the tag "ATTACK"; write namespace.name in lower case, such as attack.t1556.006']);
  deepEqual(head("title: T\ndate: 09.06.2024"), ['r.yml:2:7: date: "09.06.2024"; write YYYY-MM-DD']);
  deepEqual(head("title: T\ntaxonomy: ecs"), [
    'r.yml:2:11: the taxonomy "ecs" is not supported; write the fields\' own names and remove it',
  ]);
  deepEqual(head("title: T\nholdfasst: { mode: observe }"), ['r.yml:2:1: the attribute "holdfasst"; did you mean holdfast?']);
  deepEqual(head("title: T\nanything_else: { is: allowed }"), []);
  deepEqual(problemsOf("title: T\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\ntimeframe: x\n"), []);
  deepEqual(problemsOf("title: T\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, timeframe: 5m, condition: a }\n"), [
    'r.yml:3:28: the key "timeframe"; write a correlation document with timespan:',
  ]);
});

const STEP = "title: S\nname: step\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n---\n";

function correlationProblems(section: string): string[] {
  return problemsOf(`${STEP}title: C\ncorrelation:\n${section.replaceAll(/^/gmu, "    ")}\n`);
}

test("correlations of other kinds, groups and counts", () => {
  const whole = (change: (text: string) => string): string[] =>
    correlationProblems(change("type: temporal_ordered\nrules: [step]\ngroup-by: [accountId]\ntimespan: 15m"));
  deepEqual(whole((text) => text), []);
  for (const type of ["event_count", "value_count", "value_sum", "value_avg", "value_percentile", "temporal"]) {
    deepEqual(whole((text) => text.replace("temporal_ordered", type)), [
      `r.yml:8:11: the correlation type "${type}" is not supported; write temporal_ordered`,
    ]);
  }
  deepEqual(whole((text) => text.replace("temporal_ordered", "temporal_orderd")), [
    'r.yml:8:11: the unknown correlation type "temporal_orderd"; did you mean temporal_ordered?',
  ]);
  deepEqual(whole((text) => text.replace("[accountId]", "[deviceId]")), [
    'r.yml:10:15: group-by "deviceId" is not supported; write group-by: [accountId]',
  ]);
  deepEqual(whole((text) => text.replace("group-by: [accountId]\n", "")), [
    "r.yml:8:5: a correlation without group-by; write group-by: [accountId]",
  ]);
  for (const timespan of ["15", "1.5h", "15M", "2w", "0m", "999d", "-1m"]) {
    deepEqual(whole((text) => text.replace("15m", timespan)), [
      `r.yml:11:15: timespan: "${timespan}"; write a whole number and s, m, h or d, at most 366d, such as 15m`,
    ]);
  }
  deepEqual(whole((text) => text.replace("[step]", "[stepp]")), ['r.yml:9:13: the unknown rule "stepp"; did you mean step?']);
  deepEqual(whole((text) => text.replace("[step]", "[step, step]")), ['r.yml:9:19: the rule "step" twice; write a second rule with another name']);
  deepEqual(whole((text) => text.replace("[step]", "[]")), ["r.yml:9:12: an empty list of rules; write the rules' names or ids in their order"]);
  deepEqual(whole((text) => `${text}\ncondition: step and not other`), [
    'r.yml:12:16: condition: "step and not other": boolean conditions over rules are not supported; remove it: a sequence asks for all its rules',
  ]);
  deepEqual(whole((text) => `${text}\ncondition: { gte: 1 }`), []);
  deepEqual(whole((text) => `${text}\ncondition: { gte: 2 }`), ["r.yml:12:16: a count other than that of all rules; remove it or write gte: 1"]);
  deepEqual(whole((text) => `${text}\naliases: { a: { step: ip } }`), [
    "r.yml:12:5: aliases are not supported; group by accountId, which every event has",
  ]);
  deepEqual(whole((text) => `${text}\ntimspan: 1m`), ['r.yml:12:5: the key "timspan" in correlation; did you mean timespan?']);
});

test("chains, cycles and responses that would never run", () => {
  const chain = `${STEP}title: C\nname: chain\ncorrelation: { type: temporal_ordered, rules: [step], group-by: [accountId], timespan: 1m }\n---\n`;
  deepEqual(problemsOf(`${chain}title: D\ncorrelation: { type: temporal_ordered, rules: [chain], group-by: [accountId], timespan: 1m }\n`), [
    'r.yml:11:48: the correlation "chain" in a correlation, which is not supported; name detection rules',
  ]);
  deepEqual(problemsOf("title: C\nname: me\ncorrelation: { type: temporal_ordered, rules: [me], group-by: [accountId], timespan: 1m }\n"), [
    "r.yml:3:48: a correlation over itself; name detection rules",
  ]);
  const responding = STEP.replace("---", "holdfast: { respond: [{ hold: [WITHDRAW], for: 1h, reason: X }] }\n---");
  const over = "title: C\ncorrelation: { type: temporal_ordered, rules: [step], group-by: [accountId], timespan: 1m }\n";
  deepEqual(problemsOf(responding + over), [
    "r.yml:5:13: a response of a rule that only correlations use; write it in the correlation, or generate: true there",
  ]);
  deepEqual(problemsOf(`${responding}${over}generate: true\n`), []);
});

test("names and ids are claimed once", () => {
  const twice = "title: S\nname: step\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n";
  deepEqual(problemsOf(`${twice}---\n${twice}`), ['r.yml:6:1: the rule "step", which r.yml:1 is already; give it an id and a name of its own']);
});

test("the holdfast attribute", () => {
  const holdfast = (text: string): string[] =>
    problemsOf(`title: T\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\nholdfast: ${text}\n`);
  deepEqual(holdfast("{ respond: [{ freeze: [WITHDRAW], for: 24h, reason: X }], mode: observe, quiet: 30m }"), []);
  deepEqual(holdfast("{ respnd: [] }"), ['r.yml:4:13: the key "respnd" in holdfast; did you mean respond?']);
  deepEqual(holdfast("{ mode: enforced }"), ['r.yml:4:19: mode: "enforced"; did you mean enforce?']);
  deepEqual(holdfast("{ quiet: soon }"), ['r.yml:4:20: quiet: "soon"; write a whole number and s, m, h or d, at most 366d, such as 15m']);
  deepEqual(holdfast("{ respond: [{ freze: [WITHDRAW], for: 24h, reason: X }] }"), [
    "r.yml:4:23: an action without its kind; write one of hold, freeze, step-up, review",
    'r.yml:4:25: the key "freze" in an action; did you mean freeze?',
  ]);
  deepEqual(holdfast("{ respond: [{ freeze: [WITHDRAWAL], for: 24h, reason: X }] }"), [
    'r.yml:4:34: the scope "WITHDRAWAL"; did you mean WITHDRAW?',
  ]);
  deepEqual(holdfast("{ respond: [{ freeze: [], for: 24h, reason: X }] }").length, 1);
  deepEqual(holdfast("{ respond: [{ freeze: [P2P], reason: X }] }"), [
    "r.yml:4:23: an action without for; write how long it lasts, such as for: 24h",
  ]);
  deepEqual(holdfast("{ respond: [{ freeze: [P2P], for: 0h, reason: X }] }"), ["r.yml:4:23: for: 0; write a time above zero"]);
  deepEqual(holdfast("{ respond: [{ freeze: [P2P], for: 1h }] }"), [
    "r.yml:4:23: an action without reason; write a code of capitals, digits and underscores, such as TAKEOVER_SEQUENCE",
  ]);
  deepEqual(holdfast("{ respond: [{ freeze: [P2P], for: 1h, reason: X, extend: true }] }"), [
    "r.yml:4:60: extend in freeze; remove it: only hold needs it, freeze always extends",
  ]);
  deepEqual(holdfast("{ respond: [{ hold: [P2P], freeze: [P2P], for: 1h, reason: X }] }"), [
    "r.yml:4:23: hold and freeze in one action; write one of hold, freeze, step-up, review",
  ]);
  deepEqual(holdfast("{ respond: [{ hold: [P2P], for: 1h, reason: X, targets: [wallet] }] }").length, 1);
  deepEqual(holdfast("{ tests: [{ name: a }] }").length, 2);
});

test("all problems of all documents are named in one pass, in their order", () => {
  const text = "title: A\nlogsource: { product: exchange }\ndetection: { a: { ipp: x }, condition: b }\n---\ntitle: B\ncorrelation: { type: temporal, rules: [x], timespan: never }\n";
  deepEqual(problemsOf(text), [
    'r.yml:3:19: the unknown field "ipp"; did you mean ip?',
    'r.yml:3:40: the unknown selection "b"; did you mean a?',
    "r.yml:6:14: a correlation without group-by; write group-by: [accountId]",
    'r.yml:6:22: the correlation type "temporal" is not supported; write temporal_ordered',
    'r.yml:6:54: timespan: "never"; write a whole number and s, m, h or d, at most 366d, such as 15m',
  ]);
});

test("broken YAML, tags, merge keys and repeated keys", () => {
  deepEqual(problemsOf("title: [a\n").length > 0, true);
  deepEqual(problemsOf("title: A\ntitle: B\n")[0], 'r.yml:2:1: the key "title" twice in one map; write it once');
  deepEqual(problemsOf("title: !evil A\n").length, 1);
  deepEqual(problemsOf("a: &x { b: c }\nd:\n  <<: *x\n")[0], 'r.yml:3:3: the merge key "<<"; write the keys out');
});
