// Rule texts and events made to be slow: loading and matching stay near linear in their length. Each case is
// tried at a size, and at eight times that size: quadratic work would take sixty-four times as long.

import { ok, strictEqual } from "node:assert/strict";
import { threadCpuUsage } from "node:process";
import { test } from "node:test";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { NO_FACTS, detectionRule, event, matcherOf } from "./loading.ts";

/** The least of three, in milliseconds of this thread's own: whatever else the machine does takes no part. */
function timeOf(work: () => void): number {
  return Math.min(
    ...[0, 1, 2].map(() => {
      const before = threadCpuUsage();
      work();
      const { user, system } = threadCpuUsage(before);
      return (user + system) / 1_000;
    }),
  );
}

function isNearLinear(what: string, work: (size: number) => void, size: number): void {
  work(size);
  const [small, large] = [timeOf(() => work(size)), timeOf(() => work(8 * size))];
  ok(large < 30 * Math.max(small, 5), `${what}: ${small.toFixed(1)} ms, eight times as much: ${large.toFixed(1)} ms`);
}

const load = (text: string): void => void loadRules([{ path: "p.yml", text }]);
const many = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join("");

const STEP = detectionRule("s: { ip: x }\ncondition: s").replace("title:", "name: step\ntitle:");
const correlation = (section: string): string =>
  `${STEP}---\ntitle: C\ncorrelation: { group-by: [accountId], timespan: 1m, ${section} }\n`;

const TEXTS: Readonly<Record<string, (size: number) => string>> = {
  "values of a field": (size) =>
    detectionRule(`s:\n    userAgent:\n${many(size, (index) => `        - v${index}\n`)}condition: s`),
  "wildcards in a list": (size) =>
    detectionRule(`s:\n    userAgent:\n${many(size, (index) => `        - '*v${index}*'\n`)}condition: s`),
  "selections of a detection": (size) =>
    detectionRule(`${many(size, (index) => `s${index}: { ip: x }\n`)}condition: all of s*`),
  "names in a condition": (size) => detectionRule(`s: { ip: x }\ncondition: ${many(size, () => "s or ")}s`),
  "rules of a correlation": (size) =>
    correlation(`type: temporal, rules: [${many(size, (index) => `r${index}, `)}step]`),
  "names in a boolean condition": (size) =>
    correlation(`type: temporal, condition: ${many(size, () => "step and ")}step`),
  "keys of a map": (size) => detectionRule(`s:\n${many(size, (index) => `    detail.k${index}: x\n`)}condition: s`),
  tags: (size) =>
    `${detectionRule("s: { ip: x }\ncondition: s")}tags: [${many(size, (index) => `a.t${index}, `)}b.c]\n`,
  "documents of a file": (size) => many(size, (index) => `${STEP.replaceAll("step", `r${index}`)}---\n`),
  "a long key": (size) => detectionRule(`s: { ${"a".repeat(size)}: x }\ncondition: s`),
  "modifiers of a key": (size) => detectionRule(`s: { ip${many(size, () => "|contains")}: x }\ncondition: s`),
};

for (const [what, text] of Object.entries(TEXTS)) {
  test(`loading many ${what} is near linear`, () => isNearLinear(what, (size) => load(text(size)), 400));
}

test("a long chain of correlations, and one circle of many, are near linear", () => {
  const chain = (size: number, last: string): string =>
    STEP +
    many(
      size,
      (index) =>
        `---\ntitle: c${index}\nname: c${index}\ncorrelation: { type: temporal, rules: [${index === 0 ? last : `c${index - 1}`}], group-by: [accountId], timespan: 1m }\n`,
    );
  isNearLinear("chain", (size) => load(chain(size, "step")), 60);
  isNearLinear("circle", (size) => load(chain(size, `c${size - 1}`)), 60);
});

const LONG = "a".repeat(20_000);

test("patterns that backtrack match near linear in the text", () => {
  for (const pattern of [`${"*a".repeat(30)}*b`, `*${"a?".repeat(20)}b*`, "*a*a*a*a*a*a*a*a*b"]) {
    const matches = matcherOf(`{ userAgent: '${pattern}' }`);
    isNearLinear(pattern, (size) => void matches(event({ userAgent: LONG.slice(0, size) }), NO_FACTS), 2_000);
  }
});

test("regular expressions that explode elsewhere run in linear time", () => {
  for (const source of ["^(a+)+$", "(a|a)*b", "(.*a){12}b", "^(a?){30}a{30}$", "(x+x+)+y"]) {
    const matches = matcherOf(`{ userAgent|re: '${source}' }`);
    isNearLinear(source, (size) => void matches(event({ userAgent: `${LONG.slice(0, size)}!` }), NO_FACTS), 2_000);
  }
});

test("nesting to the limits loads, beyond them it is refused", () => {
  const nested = (depth: number): number =>
    loadRules([
      { path: "n.yml", text: detectionRule(`s: { ip: x }\ncondition: ${"(".repeat(depth)}s${")".repeat(depth)}`) },
    ]).problems.length;
  strictEqual(nested(60), 0);
  for (const depth of [100, 10_000, 100_000]) strictEqual(nested(depth), 1);
  ok(
    loadRules([{ path: "n.yml", text: detectionRule(`s: { ip: x }\ncondition: ${"not ".repeat(50_000)}s`) }]).problems
      .length > 0,
  );
});
