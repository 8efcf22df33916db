// What a verdict says of a case that a rule set would have opened.

import { strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { Verdicts } from "../../../src/cli/backtest/verdicts.ts";
import type { Decision } from "../../../src/core/decision.ts";
import { DAY, HOUR } from "../../../src/core/time.ts";

const T0 = 1_717_891_200_000;

function verdictsOf(...decisions: readonly (Pick<Decision, "verdict" | "decidedAt"> & Partial<Decision>)[]): Verdicts {
  const verdicts = new Verdicts();
  for (const [index, decision] of decisions.entries()) {
    verdicts.add({
      decisionId: `d${index}`,
      accountId: "alice",
      caseId: null,
      until: null,
      decidedBy: "x",
      note: null,
      ...decision,
    });
  }
  return verdicts;
}

const CASE = { caseId: "alice/r/e", accountId: "alice", at: T0 };

test("the truth table of verdicts", () => {
  const rows: readonly (readonly [what: string, verdicts: Verdicts, judged: string | null])[] = [
    ["nobody said anything", verdictsOf(), null],
    ["a release judges nothing", verdictsOf({ verdict: "RELEASE", decidedAt: T0 + HOUR }), null],
    ["an extension judges nothing", verdictsOf({ verdict: "EXTEND", decidedAt: T0 + HOUR }), null],
    ["confirmed within a week", verdictsOf({ verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 + 7 * DAY }), "confirmed"],
    ["confirmed later than that", verdictsOf({ verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 + 7 * DAY + 1 }), null],
    ["judged before it began", verdictsOf({ verdict: "FALSE_POSITIVE", decidedAt: T0 - 1 }), null],
    ["another account", verdictsOf({ verdict: "FALSE_POSITIVE", decidedAt: T0 + HOUR, accountId: "bob" }), null],
    [
      "the first word on the account counts",
      verdictsOf(
        { verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 + 2 * HOUR },
        { verdict: "FALSE_POSITIVE", decidedAt: T0 + HOUR, caseId: "alice/other/e" },
      ),
      "false",
    ],
    [
      "but the word on the case itself counts more, whenever it came",
      verdictsOf(
        { verdict: "FALSE_POSITIVE", decidedAt: T0 + HOUR },
        { verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 + 30 * DAY, caseId: CASE.caseId },
      ),
      "confirmed",
    ],
  ];
  for (const [what, verdicts, judged] of rows) strictEqual(verdicts.of(CASE), judged, what);
  strictEqual(verdictsOf({ verdict: "FALSE_POSITIVE", decidedAt: T0 }).of({ ...CASE, accountId: null }), null);
});

test("accounts are counted once, within the time and the week after it", () => {
  const verdicts = verdictsOf(
    { verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 },
    { verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 + HOUR },
    { verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 + 9 * DAY, accountId: "bob" },
    { verdict: "CONFIRMED_TAKEOVER", decidedAt: T0 - 1, accountId: "carol" },
    { verdict: "FALSE_POSITIVE", decidedAt: T0 + HOUR, accountId: "dave" },
  );
  strictEqual(verdicts.accounts("confirmed", { from: T0, to: T0 + DAY }), 1);
  strictEqual(verdicts.accounts("confirmed", { from: T0, to: T0 + 2 * DAY }), 2);
  strictEqual(verdicts.accounts("false", { from: T0, to: T0 + DAY }), 1);
});
