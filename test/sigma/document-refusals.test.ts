// Documents that are refused as a whole, their attributes, and correlation sections.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { problemsOf, warningsOf } from "./loading.ts";

test("of two documents without title, or with an empty name, neither is told to go by the other's", () => {
  const two = (line: string): string => {
    const rule = `${line}logsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n`;
    return `${rule}---\n${rule}`;
  };
  deepEqual(warningsOf(two("")), []);
  deepEqual(problemsOf(two("title: T\nname: ''\n")), [
    "r.yml:2:7: an empty name; write one, or remove it",
    "r.yml:7:7: an empty name; write one, or remove it",
  ]);
});

test("documents of other kinds, and attributes in the wrong form", () => {
  deepEqual(problemsOf("action: global\ntitle: T\n").length, 2);
  deepEqual(problemsOf("- a\n"), [
    "r.yml:1:1: a list where a rule is due; write title:, logsource: and detection:, or title: and correlation:",
  ]);
  deepEqual(problemsOf("title: T\n"), [
    "r.yml:1:1: a document with neither detection nor correlation nor filter; write logsource: and detection:, correlation:, or logsource: and filter:",
  ]);
  const head = (lines: string): string[] =>
    problemsOf(`${lines}\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n`);
  deepEqual(head("id: abc"), ["r.yml:1:1: a rule without title; write title:"]);
  deepEqual(head("title: T\nid: 5"), [`r.yml:2:5: id: "5"; Sigma's schema: must be string`]);
  deepEqual(head("title: T\nid: ''"), ["r.yml:2:5: an empty id; write a UUID (version 4), or remove it"]);
  deepEqual(head("title: T\nlevel: hgih"), ['r.yml:2:8: level: "hgih"; did you mean high?']);
  deepEqual(head("title: T\nstatus: wip"), [
    'r.yml:2:9: status: "wip"; known: stable, test, experimental, deprecated, unsupported',
  ]);
  deepEqual(head("title: T\ntags: [ATTACK]"), [
    'r.yml:2:7: the tag "ATTACK"; write namespace.name in lower case, such as attack.t1556.006',
  ]);
  deepEqual(head("title: T\ndate: 09.06.2024"), ['r.yml:2:7: date: "09.06.2024"; write YYYY-MM-DD']);
  deepEqual(head("title: T\ntaxonomy: ecs"), [
    'r.yml:2:11: the taxonomy "ecs" is not supported; write the fields\' own names and remove it',
  ]);
  deepEqual(head("title: T\nholdfasst: { mode: observe }"), [
    'r.yml:2:1: the attribute "holdfasst"; did you mean holdfast?',
  ]);
  deepEqual(head("title: T\nanything_else: { is: allowed }"), []);
  deepEqual(
    problemsOf("title: T\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\ntimeframe: x\n"),
    [],
  );
  deepEqual(
    problemsOf(
      "title: T\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, timeframe: 5m, condition: a }\n",
    ),
    ['r.yml:3:28: the key "timeframe"; write a correlation document with timespan:'],
  );
});

const STEP = "title: S\nname: step\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n---\n";

function correlationProblems(section: string): string[] {
  return problemsOf(`${STEP}title: C\ncorrelation:\n${section.replaceAll(/^/gmu, "    ")}\n`);
}

test("correlations of other kinds, groups and counts", () => {
  const whole = (change: (text: string) => string): string[] =>
    correlationProblems(change("type: temporal_ordered\nrules: [step]\ngroup-by: [accountId]\ntimespan: 15m"));
  deepEqual(
    whole((text) => text),
    [],
  );
  deepEqual(
    whole((text) => text.replace("temporal_ordered", "temporal_orderd")),
    ['r.yml:8:11: the unknown correlation type "temporal_orderd"; did you mean temporal_ordered?'],
  );
  deepEqual(
    whole((text) => text.replace("[accountId]", "[profile.newDevice]")),
    ['r.yml:10:16: "profile.newDevice" is no field of events; name a field of the events themselves'],
  );
  deepEqual(
    whole((text) => text.replace("group-by: [accountId]\n", "")),
    ["r.yml:8:5: a correlation without group-by; write group-by: [accountId]"],
  );
  for (const timespan of ["15", "1.5h", "15M", "2w", "0m", "999d", "-1m"]) {
    deepEqual(
      whole((text) => text.replace("15m", timespan)),
      [`r.yml:11:15: timespan: "${timespan}"; write a whole number and s, m, h or d, at most 366d, such as 15m`],
    );
  }
  deepEqual(
    whole((text) => text.replace("[step]", "[stepp]")),
    ['r.yml:9:13: the unknown rule "stepp"; did you mean step?'],
  );
  deepEqual(
    whole((text) => text.replace("[step]", "[step, step]")),
    ['r.yml:9:19: the rule "step" twice; write a second rule with another name'],
  );
  deepEqual(
    whole((text) => text.replace("[step]", "[]")),
    ["r.yml:9:12: an empty list of rules; write the rules' names or ids"],
  );
  deepEqual(
    whole((text) => `${text}\ncondition: step and not other`),
    ['r.yml:12:29: "other", which is not in rules; known: step'],
  );
  deepEqual(
    whole((text) => `${text}\ncondition: { gte: 1 }`),
    [],
  );
  deepEqual(
    whole((text) => `${text}\ncondition: { gte: 2 }`),
    [
      "r.yml:12:16: a count other than that of all rules in a temporal_ordered; remove it, or write gte: 1; type: temporal counts rules",
    ],
  );
  deepEqual(
    whole((text) => `${text}\naliases: { a: { step: ip } }`),
    [],
  );
  deepEqual(
    problemsOf(
      `${STEP.replace("name: step", "name: s")}title: C\ncorrelation: { type: temporal, rules: [s], group-by: [accountId], timespan: 1m }\n`,
    ),
    [],
  );
  deepEqual(
    whole((text) => `${text}\ntimspan: 1m`),
    ['r.yml:12:5: the key "timspan" in correlation; did you mean timespan?'],
  );
});

test("false positives are a list, outside detections one text too", () => {
  const more = "falsepositives: Unlikely\n";
  const correlation = "title: C\ncorrelation: { type: temporal, rules: [step], group-by: [accountId], timespan: 1m }\n";
  const filter =
    "title: F\nlogsource: { product: exchange }\nfilter: { rules: [step], selection: { ip: y }, condition: selection }\n";
  deepEqual(problemsOf(STEP + correlation + more), []);
  deepEqual(problemsOf(STEP + filter + more), []);
  deepEqual(problemsOf(STEP.replace("---\n", more)), ['r.yml:5:17: falsepositives: "Unlikely"; write a list']);
  deepEqual(problemsOf(`${STEP}${correlation}falsepositives: x\n`), [
    `r.yml:8:17: falsepositives: "x"; Sigma's schema: must NOT have fewer than 2 characters`,
  ]);
  const file = { path: "r.yml", text: STEP + correlation + more };
  deepEqual(loadRules([file]).documents.at(-1)?.falsePositives, ["Unlikely"]);
});

test("chains, cycles and responses that would never run", () => {
  const chain = `${STEP}title: C\nname: chain\ncorrelation: { type: temporal_ordered, rules: [step], group-by: [accountId], timespan: 1m }\n---\n`;
  deepEqual(
    problemsOf(
      `${chain}title: D\ncorrelation: { type: temporal_ordered, rules: [chain], group-by: [accountId], timespan: 1m }\n`,
    ),
    [],
  );
  deepEqual(
    problemsOf(
      "title: C\nname: me\ncorrelation: { type: temporal_ordered, rules: [me], group-by: [accountId], timespan: 1m }\n",
    ),
    ["r.yml:3:48: a correlation over itself; name rules that do not need this one"],
  );
  const [there, back] = [["aa", "bb"] as const, ["bb", "aa"] as const].map(
    ([name, other]) =>
      `title: ${name}\nname: ${name}\ncorrelation: { type: temporal, rules: [${other}], group-by: [accountId], timespan: 1m }\n`,
  );
  deepEqual(problemsOf(`${there}---\n${back}`), [
    'r.yml:7:40: the correlation "aa", which leads back here; name rules that do not need this one',
  ]);
  deepEqual(problemsOf(STEP), []);
  const responding = STEP.replace("---", "holdfast: { respond: [{ hold: [WITHDRAW], for: 1h, reason: X }] }\n---");
  const over =
    "title: C\ncorrelation: { type: temporal_ordered, rules: [step], group-by: [accountId], timespan: 1m }\n";
  deepEqual(problemsOf(responding + over), [
    "r.yml:5:13: a response of a rule that only correlations use; write it in the correlation, or generate: true there",
  ]);
  deepEqual(problemsOf(`${responding}${over}generate: true\n`), []);
});

test("names and ids are claimed once", () => {
  const twice = "title: S\nname: step\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\n";
  deepEqual(problemsOf(`${twice}---\n${twice}`), [
    'r.yml:6:1: the rule "step", which r.yml:1 is already; give it an id and a name of its own',
  ]);
});

test("an id need not be a UUID, and is what is referred to", () => {
  const text = `${STEP.replace("name: step", "id: My step")}title: C\ncorrelation: { type: temporal, rules: [My step], group-by: [accountId], timespan: 1m }\n`;
  deepEqual(problemsOf(text), []);
  deepEqual(warningsOf(text), [
    'r.yml:2:5: the id "My step", which is no UUID; write one (version 4): others may use the same text',
  ]);
  deepEqual(loadRules([{ path: "r.yml", text }]).rules?.detections[0]?.id, "My step");
  deepEqual(problemsOf(text.replace("[My step]", "[my step]")).length, 1);
});

test("the holdfast attribute", () => {
  const holdfast = (text: string): string[] =>
    problemsOf(
      `title: T\nlogsource: { product: exchange }\ndetection: { a: { ip: x }, condition: a }\nholdfast: ${text}\n`,
    );
  deepEqual(holdfast("{ respond: [{ freeze: [WITHDRAW], for: 24h, reason: X }], mode: observe, quiet: 30m }"), []);
  deepEqual(holdfast("{ respnd: [] }"), ['r.yml:4:13: the key "respnd" in holdfast; did you mean respond?']);
  deepEqual(holdfast("{ mode: enforced }"), ['r.yml:4:19: mode: "enforced"; did you mean enforce?']);
  deepEqual(holdfast("{ quiet: soon }"), [
    'r.yml:4:20: quiet: "soon"; write a whole number and s, m, h or d, at most 366d, such as 15m',
  ]);
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
  deepEqual(holdfast("{ respond: [{ freeze: [P2P], for: 0h, reason: X }] }"), [
    "r.yml:4:23: for: 0; write a time above zero",
  ]);
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
