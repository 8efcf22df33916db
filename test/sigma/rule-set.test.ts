// A rule set as the core gets it: order, references, hashes, what must be decoded.

import { deepEqual, notEqual, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { EVENT_FIELDS } from "../../src/core/event-fields.ts";
import { SERVICES } from "../../src/core/event.ts";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { findField } from "../../src/sigma/fields.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";

const STEPS = `title: Notice
id: 2827E44E-6eac-4fce-b61e-80c37ed039a4
name: notice
level: low
tags: [attack.t1451]
logsource: { product: exchange, service: auth }
detection:
    selection: { type: RISK_NOTICE_SENT, detail.kind: a }
    condition: selection
---
title: Key
name: key
logsource: { product: exchange }
detection:
    selection: { rights: TRADE, profile.newAsn: true }
    condition: selection
`;

const SEQUENCE = `title: Sequence
id: a7bc9420-e856-411b-bfe1-c5c0200da563
correlation:
    type: temporal_ordered
    rules: [2827e44e-6eac-4FCE-b61e-80c37ed039a4, key]
    group-by: [accountId]
    timespan: 15m
level: critical
holdfast:
    respond:
        - freeze: [WITHDRAW, P2P]
          for: 24h
          reason: TAKEOVER
          targets: [withdrawalId]
        - step-up: [API_KEYS]
          for: 30m
          reason: ASK
`;

function rulesOf(files: Readonly<Record<string, string>>): RuleSet {
  const loaded = loadRules(Object.entries(files).map(([path, text]) => ({ path, text })));
  if (loaded.rules === null) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.rules;
}

test("a sequence points at its steps in the written order, across files and documents", () => {
  const rules = rulesOf({ "z.yml": STEPS, "a.yml": SEQUENCE });
  deepEqual(
    rules.detections.map(({ id, name, index, service, standalone, quiet }) => ({
      id,
      name,
      index,
      service,
      standalone,
      quiet,
    })),
    [
      {
        id: "2827e44e-6eac-4fce-b61e-80c37ed039a4",
        name: "notice",
        index: 0,
        service: "auth",
        standalone: false,
        quiet: 0,
      },
      { id: "key", name: "key", index: 1, service: null, standalone: false, quiet: 0 },
    ],
  );
  const [sequence] = rules.correlations;
  deepEqual(
    { ...sequence, hash: "", matchHash: "" },
    {
      kind: "correlation",
      id: "a7bc9420-e856-411b-bfe1-c5c0200da563",
      name: null,
      title: "Sequence",
      level: "critical",
      tags: [],
      hash: "",
      matchHash: "",
      respond: [
        {
          action: "FREEZE",
          scopes: ["WITHDRAW", "P2P"],
          for: 24 * HOUR,
          reason: "TAKEOVER",
          extend: false,
          targets: ["withdrawalId"],
        },
        { action: "STEP_UP", scopes: ["API_KEYS"], for: 30 * MINUTE, reason: "ASK", extend: false, targets: [] },
      ],
      mode: "enforce",
      quiet: 15 * MINUTE,
      type: "temporal_ordered",
      index: 0,
      inputs: [0, 1].map((index) => ({ kind: "detection", index, groupFields: ["accountId"], valueFields: [] })),
      timespan: 15 * MINUTE,
      groupBy: ["accountId"],
      condition: { kind: "all" },
      standalone: true,
    },
  );
});

test("generate, or no correlation at all, makes a detection open cases of its own", () => {
  strictEqual(
    rulesOf({ "a.yml": STEPS }).detections.every((rule) => rule.standalone),
    true,
  );
  strictEqual(
    rulesOf({ "a.yml": STEPS, "b.yml": `${SEQUENCE}generate: true\n` }).detections.every((rule) => rule.standalone),
    true,
  );
});

test("what matchers, correlations and targets read must be decoded, and nothing else", () => {
  const rules = rulesOf({ "a.yml": STEPS, "b.yml": SEQUENCE });
  deepEqual([...rules.fields].toSorted(), ["accountId", "detail", "rights", "type", "withdrawalId"]);
  deepEqual([...rules.profileFields], ["newAsn"]);
});

test("the set does not depend on the order of the files", () => {
  const texts = [
    { path: "a.yml", text: STEPS },
    { path: "b.yml", text: SEQUENCE },
  ];
  const [there, back] = [loadRules(texts), loadRules(texts.toReversed())];
  strictEqual(there.rules?.hash, back.rules?.hash);
  deepEqual(there.rules?.correlations, back.rules?.correlations);
});

test("layout, comments and key order change no hash; every word does", () => {
  const before = rulesOf({ "a.yml": STEPS, "b.yml": SEQUENCE });
  const relaid = SEQUENCE.replace("title: Sequence\n", "# why\n\n").replace("level:", "title: 'Sequence'\nlevel:");
  strictEqual(rulesOf({ "a.yml": STEPS, "b.yml": relaid }).hash, before.hash);
  notEqual(rulesOf({ "a.yml": STEPS, "b.yml": SEQUENCE.replace("24h", "25h") }).hash, before.hash);
});

test("a step's edit changes the hash of the sequence that uses it", () => {
  const [before] = rulesOf({ "a.yml": STEPS, "b.yml": SEQUENCE }).correlations;
  const [retold] = rulesOf({ "a.yml": STEPS.replace("level: low", "level: high"), "b.yml": SEQUENCE }).correlations;
  notEqual(retold?.hash, before?.hash);
  strictEqual(retold?.matchHash, before?.matchHash);
});

test("the matching part alone decides under which hash partial matches are kept (L8)", () => {
  const matchHash = (steps: string, sequence: string): string | undefined =>
    rulesOf({ "a.yml": steps, "b.yml": sequence }).correlations[0]?.matchHash;
  const before = matchHash(STEPS, SEQUENCE);
  strictEqual(
    matchHash(STEPS.replace("title: Key", "title: Keys"), SEQUENCE.replace("24h", "25h").replace("critical", "high")),
    before,
  );
  for (const [steps, sequence] of [
    [STEPS.replace("TRADE", "READ"), SEQUENCE],
    [STEPS.replace("RISK_NOTICE_SENT", "LOGIN_FAILED"), SEQUENCE],
    [STEPS, SEQUENCE.replace("15m", "16m")],
    [STEPS, SEQUENCE.replace("[2827e44e-6eac-4FCE-b61e-80c37ed039a4, key]", "[key, notice]")],
  ] as const) {
    notEqual(matchHash(steps, sequence), before);
  }
});

test("a broken document does not make references to it unknown", () => {
  const { problems } = loadRules([
    { path: "a.yml", text: STEPS.replace("rights:", "right:") },
    { path: "b.yml", text: SEQUENCE },
  ]);
  deepEqual(problems.map(formatProblem), ['a.yml:15:18: the unknown field "right"; did you mean rights?']);
});

test("problems of one document hide none of another's", () => {
  const problems = (...texts: readonly string[]): string[] =>
    loadRules(texts.map((text, index) => ({ path: `${index}.yml`, text }))).problems.map(formatProblem);
  const filter = (rule: string): string =>
    `title: F\nlogsource: { product: exchange }\nfilter: { rules: [${rule}], selection: { ip: x }, condition: selection }\n`;
  const over = (rules: string, more = "timespan: 1h, group-by: [accountId]"): string =>
    `title: C\ncorrelation: { type: temporal, rules: [${rules}], ${more} }\n`;
  const unknown = (file: number, at: string, name: string): string =>
    `${file}.yml:${at}: the unknown rule "${name}"; known: 2827e44e-6eac-4fce-b61e-80c37ed039a4, notice, key`;
  const misspelt = STEPS.replace("rights:", "right:");
  const inMisspelt = '0.yml:15:18: the unknown field "right"; did you mean rights?';
  // What a document is called is known whatever else is wrong with it, also where it came to nothing …
  deepEqual(problems(misspelt, over("key, nowhere"), filter("nobody")), [
    inMisspelt,
    unknown(1, "2:45", "nowhere"),
    unknown(2, "3:19", "nobody"),
  ]);
  deepEqual(problems(STEPS, "title: N\nname: nothing\ndetection: 5\n", over("nothing, nowhere")).slice(-1), [
    unknown(2, "2:49", "nowhere"),
  ]);
  // … but not of one that cannot be read.
  deepEqual(problems(STEPS, "title: [\n", over("nowhere")).length, 1);
  // A log source that is wrong or missing: the fields are judged as those of any service.
  for (const source of ["", "logsource: { product: windows }\n"]) {
    const [, ...others] = problems(`title: T\n${source}detection: { s: { right: TRADE, rights: x }, condition: t }\n`);
    deepEqual(
      others.map((text) => text.replace(/^0.yml:\d+:\d+: /u, "")),
      ['the unknown field "right"; did you mean rights?', 'the unknown selection "t"; did you mean s?'],
    );
  }
  // A correlation's own problem, and those of what it refers to.
  deepEqual(problems(STEPS, over("key, notice", "timespan: 1w, group-by: [acountId], aliases: { a: { key: ip } }")), [
    '1.yml:2:64: timespan: "1w"; write a whole number and s, m, h or d, at most 366d, such as 15m',
    '1.yml:2:79: the unknown field "acountId"; did you mean accountId?',
  ]);
  const aliased = (fields: string): string =>
    over("key, notice", `timespan: 1h, group-by: [who], aliases: { who: { ${fields} } }`);
  deepEqual(problems(STEPS, aliased("key: accountId, notice: acountId")), [
    '1.yml:2:127: the unknown field "acountId"; did you mean accountId?',
  ]);
  deepEqual(problems(STEPS, aliased("key: accountId, notice: profile.newAsn")).length, 1);
  deepEqual(problems(STEPS, aliased("key: accountId, notice: [x]")).length, 1);
});

test("what was refused in a document has no consequences elsewhere", () => {
  const found = (...texts: readonly string[]): string[] =>
    loadRules(texts.map((text, index) => ({ path: `${index}.yml`, text }))).problems.map((problem) => problem.found);
  const responding = STEPS.replace("---\n", "holdfast: { respond: [{ hold: [WITHDRAW], for: 1h, reason: X }] }\n---\n");
  const over = (more: string, top = ""): string =>
    `title: C\n${top}correlation: { type: temporal, rules: [notice, key], group-by: [accountId], ${more} }\n`;
  const idle = "a response of a rule that only correlations use";
  deepEqual(found(responding, over("timespan: 1w")), [idle, 'timespan: "1w"']);
  deepEqual(found(responding, over("timespan: 1h", "generate: sometimes\n")), ['generate: "sometimes"']);
  deepEqual(found(responding, over("timespan: 1h, generate: sometimes")), ['generate: "sometimes"']);
  const respond = "holdfast: { respond: [{ hold: [WITHDRAW], for: 1h, reason: X }] }\n";
  const grouped = (by: string): string => over("timespan: 1h", respond).replace("[accountId]", by);
  deepEqual(found(STEPS, grouped("[accountId, {}]")), ["group-by: item a map"]);
  deepEqual(found(STEPS, grouped("[acountId]")), ['the unknown field "acountId"']);
  const filter =
    "title: F\nlogsource: { product: windows }\nfilter: { rules: [key], selection: { ip: x }, condition: selection }\n";
  deepEqual(found(STEPS, filter), ['the product "windows"']);
});

test("a warning of another document does not hide that a rule can never match", () => {
  const never =
    "title: N\nlogsource: { product: exchange }\ndetection: { s: { type: LOGOUT }, condition: s and not s }\n";
  const { warnings } = loadRules([
    { path: "r.yml", text: `${never}---\n${never.replace("title: N", "title: M\nid: x")}` },
  ]);
  deepEqual(
    warnings.map(({ found }) => found),
    ['the rule "N" can never match', 'the rule "M" can never match', 'the id "x", which is no UUID'],
  );
});

test("a title is nobody's claim: rules without id and name that share it load, and keep cases of their own", () => {
  const rule = (title: string, more = ""): string =>
    `title: ${title}\n${more}logsource: { product: exchange }\ndetection: { s: { ip: x }, condition: s }\n`;
  const filter =
    "title: Same\nlogsource: { product: exchange }\nfilter: { rules: [Named], selection: { ip: y }, condition: selection }\n";
  const loaded = loadRules([
    { path: "a.yml", text: rule("Same") },
    { path: "b.yml", text: rule("Same") },
    { path: "c.yml", text: rule("Other", "name: Named\n") },
    { path: "d.yml", text: rule("Named") },
    { path: "e.yml", text: filter },
    { path: "f.yml", text: filter.replace("title: Same", "title: Same\nname: Named") },
  ]);
  deepEqual(loaded.problems.map(formatProblem), []);
  deepEqual(
    loaded.rules?.detections.map(({ id, title }) => [id, title]),
    [
      ["Same", "Same"],
      ["Same (2)", "Same"],
      ["Named", "Other"],
      ["Named (2)", "Named"],
    ],
  );
  deepEqual(loaded.warnings.map(formatProblem), [
    'b.yml:1:1: a rule without id and name, whose title "Same" another rule goes by; give it an id: without, its cases are kept as "Same (2)", which other files may change',
    'd.yml:1:1: a rule without id and name, whose title "Named" another rule goes by; give it an id: without, its cases are kept as "Named (2)", which other files may change',
  ]);
});

test("no files are an empty set, which detects nothing", () => {
  const { rules, problems } = loadRules([]);
  deepEqual([rules?.detections, rules?.correlations, problems], [[], [], []]);
});

test("every field of every service can be read by rules, by its kind", () => {
  const kinds = {
    text: "id text map texts",
    symbol: "symbol symbols",
    number: "instant cents asn int asns",
    boolean: "flag",
    any: "",
  };
  for (const service of SERVICES) {
    for (const [name, held] of EVENT_FIELDS[service]) {
      const field = findField(name === "detail" ? "detail.x" : name);
      if (field === null) throw new Error(`no field ${name}`);
      ok(field.services.includes(service), `${name} on ${service}`);
      ok(kinds[field.kind].split(" ").includes(held.kind), `${name} is ${held.kind}`);
      strictEqual(field.list, ["texts", "symbols", "asns"].includes(held.kind));
    }
  }
});
