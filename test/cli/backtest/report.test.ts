import assert from "node:assert/strict";
import { test } from "node:test";
import { backtestText } from "../../../src/cli/backtest/report.ts";
import type { JudgedCase, Summary } from "../../../src/cli/backtest/summary.ts";

const summary: Summary = {
  path: "rules",
  hash: "h",
  rules: 1,
  cases: 1,
  accounts: 1,
  commands: {},
  confirmedAccounts: 0,
  falseAccounts: 0,
  byRule: [],
  forgotten: 0,
  suppressed: {},
  protectedUsdCents: 0,
};

test("foreign text that names a case does not steer the terminal", () => {
  const of = { ruleId: "r", rule: "r", mode: "enforce", accountId: null, judged: null } as const;
  const added: JudgedCase[] = [{ ...of, actions: [], caseId: "c", group: "\u001b[2Jdevice\u202e", at: 0 }];
  const text = backtestText({
    period: { from: 0, to: 1 },
    memoryFrom: 0,
    complete: true,
    partitions: 1,
    read: { events: 1, decisions: 0, rejected: new Map() },
    new: summary,
    current: summary,
    difference: { same: 0, added, removed: [], accountsAdded: 0, accountsRemoved: 0 },
    judged: { confirmed: 0, false: 0 },
  });
  assert.match(text, /\u{FFFD}\[2Jdevice\u{FFFD}/u);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
});
