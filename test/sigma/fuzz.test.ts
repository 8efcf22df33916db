// Hostile rule text costs an error, never a crash; hostile events never make a matcher throw.

import { ok } from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import type { LoadedRules } from "../../src/sigma/rule-set.ts";
import { NO_FACTS, matcherOf } from "./loading.ts";

const SHIPPED = new URL("../../rules/", import.meta.url);
const TEXTS = (readdirSync(SHIPPED, { recursive: true }) as string[])
  .filter((path) => path.endsWith(".yml"))
  .map((path) => readFileSync(new URL(path, SHIPPED), "utf8"));

/** Loads, and checks what holds of every result. */
function load(text: string, plain = false): LoadedRules {
  if (!plain) load(text, true);
  const loaded = loadRules([{ path: "r.yml", text }], { plain });
  ok((loaded.rules === null) === loaded.problems.length > 0);
  for (const problem of [...loaded.problems, ...loaded.warnings]) {
    ok(problem.line >= 1 && problem.column >= 1);
    ok(formatProblem(problem).length < 2_000, "a problem fits a screen");
  }
  return loaded;
}

test("any text and any bytes load or are refused", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void load(text)));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void load(Buffer.from(bytes).toString("utf8"))));
});

test("any tree of values loads or is refused", () => {
  const key = fc.constantFrom(
    "title",
    "id",
    "name",
    "detection",
    "correlation",
    "condition",
    "rules",
    "type",
    "holdfast",
    "tests",
    "respond",
    "a",
    "ip|re",
    "ip|expand|cased",
    "occurredAt|hour|gte",
    "ip|fieldref|neq",
    "|all",
    "filter",
    "selection",
    "logsource",
    "product",
    "aliases",
    "group-by",
    "field",
    "gte",
    "",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, 0, -1.5, "x", "a*", ""),
      fc.array(tie("tree")),
      fc.dictionary(key, tie("tree")),
    ),
  }));
  fc.assert(fc.property(tree, (value) => void load(JSON.stringify(value))));
});

test("a shipped rule with a piece cut out, doubled or replaced loads or is refused", () => {
  const piece = fc.tuple(
    fc.nat(TEXTS.length - 1),
    fc.nat(),
    fc.nat(80),
    fc.constantFrom("cut", "double", "-", "[", "\t", "&a ", "*a ", "!!x ", "null", "'"),
  );
  fc.assert(
    fc.property(piece, ([index, start, length, how]) => {
      const text = TEXTS[index] ?? "";
      const at = start % text.length;
      const cut = text.slice(at, at + length);
      const put = how === "cut" ? "" : how === "double" ? cut + cut : how;
      load(text.slice(0, at) + put + text.slice(at + length));
    }),
    { numRuns: 300 },
  );
});

test("aliases that multiply, and nesting without end, are refused", () => {
  const levels = Array.from(
    { length: 30 },
    (_, index) => `a${index}: &a${index} [${index === 0 ? "x" : `*a${index - 1}, *a${index - 1}`}]`,
  );
  ok(load(`${levels.join("\n")}\n`).problems.length > 0);
  ok(load("a: &a [*a]\n").problems.length > 0);
  ok(load("[".repeat(20_000)).problems.length > 0);
  ok(load(`${"- ".repeat(20_000)}x`).problems.length > 0);
  ok(load("x".repeat(2_000_000)).problems.length > 0);
});

const MATCHERS = [
  "{ type: LOGIN_*, country: HK, rights: [TRADE, WITHDRAW] }",
  "{ userAgent|contains: 'a*b', ip|cidr: 10.0.0.0/8, amountUsdCents|gte: 5 }",
  "{ detail.x: y, detail.__proto__: z, address: null, verifiedWith|neq: SMS }",
  "{ profile.newDevice: true, profile.presentedStrength|lt: 2, knownAsns: 5 }",
  "{ keyId|exists: true, addressListed: true, asn: '6*', userAgent: Ä* }",
  "{ userAgent|re|i: '^(a|b)+$', rights|fieldref: verifiedWith, occurredAt|hour|gte: 3, ip|base64offset|contains: abc }",
  "{ '|all': [a, 'b*'], keyId|windash: ' -x', createdAt|week|neq: 3, deviceId|fieldref|contains: country }",
].flatMap((selection) => [
  matcherOf(selection),
  matcherOf(
    `[${selection
      .slice(1, -1)
      .split(", ")
      .map((item) => `{${item}}`)
      .filter((item) => !/\[|\]/u.test(item))
      .join(", ")}]`,
  ),
]);

test("no event makes a matcher throw", () => {
  const fields = [
    "type",
    "country",
    "rights",
    "userAgent",
    "ip",
    "amountUsdCents",
    "detail",
    "address",
    "verifiedWith",
    "knownAsns",
    "keyId",
    "addressListed",
    "occurredAt",
    "deviceId",
    "asn",
  ];
  const anything = fc.anything({ withNullPrototype: true, withBigInt: true, withTypedArray: true, withDate: true });
  const events = fc.dictionary(fc.constantFrom(...fields), anything);
  const facts = fc.dictionary(fc.constantFrom("newDevice", "presentedStrength"), anything);
  fc.assert(
    fc.property(events, facts, (event, profile) => {
      for (const matches of MATCHERS) {
        const answer = matches(event as unknown as ExchangeEvent, { ...NO_FACTS, ...profile });
        ok([true, false].includes(answer));
      }
    }),
    { numRuns: 500 },
  );
});

const PLAIN_MATCHERS = [
  "{ a.b: x, a|gt: 3, c|exists: true }",
  "[{ a.b|re: 'x+' }, { a|fieldref: b }, { a|cidr: 10.0.0.0/8 }, { b|hour: 3 }, { a: null }]",
  "[evil, 'x*y']",
].map((selection) => matcherOf(selection, { plain: true }));

test("no JSON object makes a plain matcher throw", () => {
  const objects = fc.dictionary(fc.constantFrom("a", "b", "c", "a.b"), fc.jsonValue({ maxDepth: 6 }));
  fc.assert(
    fc.property(objects, (object) => {
      for (const matches of PLAIN_MATCHERS)
        ok([true, false].includes(matches(object as unknown as ExchangeEvent, NO_FACTS)));
    }),
    { numRuns: 500 },
  );
});
