// Detections: what cannot be honoured exactly is refused, at its place, with what to write instead.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { detectionRule, problemsOf, warningsOf } from "./loading.ts";

/** Problems of `selection: …`, without the part that is the same for all. */
function selectionProblems(selection: string, service?: string): string[] {
  return problemsOf(detectionRule(`selection: ${selection}\ncondition: selection`, service));
}

test("modifiers that are unknown, or contradict each other", () => {
  deepEqual(selectionProblems("{ ip|startwith: x }"), [
    'r.yml:4:18: the unknown modifier "startwith"; did you mean startswith?',
  ]);
  deepEqual(selectionProblems("{ ip|contains|contains: x }"), [
    'r.yml:4:18: the modifier "contains" twice; write it once',
  ]);
  deepEqual(selectionProblems("{ ip|exists|cased: true }"), [
    'r.yml:4:18: the modifier "exists" beside another; write exists alone',
  ]);
  deepEqual(selectionProblems("{ asn|gt|lt: 5 }"), ['r.yml:4:29: "5" after lt; write a number']);
  deepEqual(selectionProblems("{ ip|cidr|contains: 10.0.0.0/8 }"), [
    'r.yml:4:36: modifiers that cannot follow each other on "10.0.0.0/8"; write two keys, one with each',
  ]);
  deepEqual(selectionProblems("{ ip|contains|cidr: 10.0.0.0/8 }"), [
    'r.yml:4:18: the modifier "cidr" after another; write it first',
  ]);
  deepEqual(selectionProblems("{ ip|all: x }"), [
    'r.yml:4:18: the modifier "all" with a single value; remove it or write a list',
  ]);
});

test("values a modifier cannot take", () => {
  deepEqual(selectionProblems("{ asn|gt: many }"), ['r.yml:4:26: "many" after gt; write a number']);
  deepEqual(selectionProblems("{ ip|exists: 1 }"), ['r.yml:4:29: "1" after exists; write true or false']);
  deepEqual(selectionProblems("{ ip|cidr: 10.0.0.1/8 }"), [
    'r.yml:4:27: "10.0.0.1/8" after cidr; write a network without host bits, such as 10.0.0.0/8 or 2001:db8::/32',
  ]);
  deepEqual(selectionProblems("{ keyId|contains: 5 }"), [`r.yml:4:34: "5" with a modifier for text; quote it: '5'`]);
  deepEqual(selectionProblems("{ keyId|contains: null }"), [
    "r.yml:4:34: null with a modifier for text; write null without it",
  ]);
});

test("modifiers that want other values than they are given", () => {
  const rows: readonly (readonly [selection: string, found: string])[] = [
    ["{ ip|re: '(?=x)' }", 'the regular expression "(?=x)": invalid or unsupported Perl syntax: `(?=`'],
    ["{ ip|re: '(a)\\1' }", 'the regular expression "(a)\\1": invalid escape sequence: `\\1`'],
    ["{ ip|re: 5 }", '"5" with a modifier for text'],
    ["{ ip|i: x }", 'the modifier "i" without re'],
    ["{ ip|contains|re: x }", 'the modifier "re" after another'],
    ["{ ip|re|cased: x }", 'modifiers that cannot follow each other on "x"'],
    ["{ ip|base64: 'a*' }", '"a*": wildcards cannot be encoded'],
    ["{ ip|wide: ä }", '"ä", whose UTF-16 is no text'],
    ["{ ip|windash: '-a -b -c -d' }", 'more than three dashes in "-a -b -c -d"'],
    ["{ ip|fieldref: nowhere }", 'the unknown field "nowhere"'],
    ["{ ip|fieldref: 'a*' }", '"a*" after fieldref'],
    ["{ ip|hour: 3 }", 'hour of "ip", which is no instant'],
    ["{ occurredAt|hour: 24 }", '"24" after hour'],
    ["{ occurredAt|gte|hour: 3 }", '"3" after hour'],
    ["{ ip|expand: '%nowhere%' }", "the placeholder %nowhere%, for which there is no watch-list"],
    ["{ ip|expand: 'x%nowhere%' }", 'a placeholder beside other text in "x%nowhere%"'],
    ["{ ip|expand: '\\%plain%nowhere%' }", 'a placeholder beside other text in "\\%plain%nowhere%"'],
    ["{ ip|expand: '\\\\%nowhere%' }", 'a placeholder beside other text in "\\\\%nowhere%"'],
    ["{ ip|expand|contains: '%nowhere%' }", "a placeholder with a modifier of places"],
    ["{ '|cidr': 10.0.0.0/8 }", '"10.0.0.0/8": a modifier that compares a field, without one'],
    ["[null]", "null as a keyword"],
  ];
  for (const [selection, found] of rows) {
    const [problem = "", ...others] = selectionProblems(selection);
    deepEqual(
      [problem.replace(/^r\.yml:\d+:\d+: /u, "").startsWith(`${found}; `), others],
      [true, []],
      `${selection}: ${problem}`,
    );
  }
});

test("fields that do not exist here", () => {
  deepEqual(selectionProblems("{ contry: HK }"), ['r.yml:4:18: the unknown field "contry"; did you mean country?']);
  deepEqual(selectionProblems("{ right: TRADE }", "auth").length, 1);
  deepEqual(selectionProblems("{ rights: TRADE }", "auth"), [
    'r.yml:4:18: the field "rights" does not exist on service auth; it exists on api_key',
  ]);
  deepEqual(selectionProblems("{ profile.newDevise: true }"), [
    'r.yml:4:18: the unknown field "profile.newDevise"; did you mean profile.newDevice?',
  ]);
  deepEqual(selectionProblems("{ detail: x }"), ['r.yml:4:18: the field "detail" is a map; write detail.<name>']);
});

test("shapes a selection cannot have", () => {
  deepEqual(selectionProblems("{}"), ["r.yml:4:16: an empty map; write field: value"]);
  deepEqual(selectionProblems("[]"), ['r.yml:4:16: the empty selection "selection"; write field: value']);
  deepEqual(selectionProblems("[[a]]"), ["r.yml:4:17: a list in a list; write a list of maps"]);
  deepEqual(selectionProblems("{ ip: [] }"), ["r.yml:4:22: an empty list of values; write null for an absent field"]);
  deepEqual(selectionProblems("{ ip: { a: b } }"), [
    'r.yml:4:22: a map under "ip"; write the path with dots: ip.<name>',
  ]);
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
  deepEqual(warnings("{ type: API_KEY_CREATE }"), [
    'r.yml:4:24: type is never "API_KEY_CREATE"; did you mean API_KEY_CREATED?',
  ]);
  deepEqual(warnings("{ type: API_KEY_CREATED }"), []);
  deepEqual(warnings("{ type: api_key_* }"), []);
  deepEqual(warnings("{ type: API_KEY_CREATED }", "auth").length, 1);
  deepEqual(warnings("{ channel: P2P }", "withdrawal"), []);
  deepEqual(warnings("{ channel: P2P }", "auth").length, 1);
  deepEqual(warnings("{ profile.newDevice: 'maybe' }"), [
    'r.yml:4:37: profile.newDevice is never "maybe"; it is a boolean',
  ]);
  deepEqual(warnings("{ asn: '05' }"), ['r.yml:4:23: asn is never "05"; it is a number']);
  deepEqual(warningsOf(detectionRule("used: { ip: a }\nunused: { ip: b }\ncondition: used")), [
    'r.yml:5:5: the selection "unused" is not used; name it in the condition or remove it',
  ]);
});

test("what can never match, and windows longer than memory, are warnings", () => {
  deepEqual(warningsOf(detectionRule("s: { type: LOGOUT }\nt: { type: LOGIN_FAILED }\ncondition: s and t")), [
    'r.yml:1:1: the rule "Test" can never match; let its conditions hold for one event together',
  ]);
  deepEqual(warningsOf(detectionRule("s: { type: LOGOUT }\ncondition: s and not s")).length, 1);
  deepEqual(warningsOf(detectionRule("s: { type: LOGOUT }\nt: { ip: x }\ncondition: s and not t")), []);
  const step = `name: step\n${detectionRule("s: { ip: x }\ncondition: s")}---\n`;
  const long = (timespan: string): string[] =>
    warningsOf(
      `${step}title: C\ncorrelation: { type: temporal, rules: [step], group-by: [accountId], timespan: ${timespan} }\n`,
    );
  deepEqual(long("30d"), []);
  deepEqual(
    long("31d").map((text) => text.slice(0, 70)),
    ["r.yml:8:1: a window of 31 days: a group's memory is capped, and the ol"],
  );
});

test("log sources that are not here", () => {
  const logsource = (text: string): string[] =>
    problemsOf(`title: T\nlogsource: ${text}\ndetection:\n    a: { ip: x }\n    condition: a\n`);
  deepEqual(logsource("{ product: windows }"), ['r.yml:2:23: the product "windows"; write product: exchange']);
  deepEqual(logsource("{ service: auth }"), ["r.yml:2:12: a log source without product; write product: exchange"]);
  deepEqual(logsource("{ product: exchange, service: signals }"), [
    'r.yml:2:42: the service "signals"; did you mean signal?',
  ]);
  deepEqual(logsource("{ product: exchange, service: aut }"), ['r.yml:2:42: the service "aut"; did you mean auth?']);
  deepEqual(logsource("{ product: exchange, category: firewall }"), [
    "r.yml:2:33: a log source by category; write product: exchange and a service",
  ]);
  deepEqual(logsource("{ product: exchange, servise: auth }"), [
    'r.yml:2:33: the key "servise" in logsource; did you mean service?',
  ]);
});

test("all problems of all documents are named in one pass, in their order", () => {
  const text =
    "title: A\nlogsource: { product: exchange }\ndetection: { a: { ipp: x }, condition: b }\n---\ntitle: B\ncorrelation: { type: temporal, rules: [x], timespan: never }\n";
  deepEqual(problemsOf(text), [
    'r.yml:3:19: the unknown field "ipp"; did you mean ip?',
    'r.yml:3:40: the unknown selection "b"; did you mean a?',
    "r.yml:6:14: a correlation without group-by; write group-by: [accountId]",
    'r.yml:6:40: the unknown rule "x"; no rule has an id or a name',
    'r.yml:6:54: timespan: "never"; write a whole number and s, m, h or d, at most 366d, such as 15m',
  ]);
});

test("broken YAML, tags, merge keys and repeated keys", () => {
  deepEqual(problemsOf("title: [a\n").length > 0, true);
  deepEqual(problemsOf("title: A\ntitle: B\n")[0], 'r.yml:2:1: the key "title" twice in one map; write it once');
  deepEqual(problemsOf("title: !evil A\n").length, 1);
  deepEqual(problemsOf("a: &x { b: c }\nd:\n  <<: *x\n")[0], 'r.yml:3:3: the merge key "<<"; write the keys out');
});
