// The demo's judge as a table: a demo that cannot fail proves nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action, Command, Scope } from "../../src/core/output.ts";
import { MINUTE, SECOND } from "../../src/core/time.ts";
import type { HeardCommand, Trial } from "../../src/cli/demo/trial.ts";
import { makeTrial } from "../../src/cli/demo/trial.ts";
import { paintFor, verdictText } from "../../src/cli/demo/report.ts";
import type { Exchange } from "../../src/testing/exchange/exchange.ts";
import { makeExchange } from "../../src/testing/exchange/exchange.ts";

const FROM = Date.UTC(2024, 5, 9, 12);

const EXCHANGE: Exchange = makeExchange({
  seed: 1,
  accounts: 300,
  takeovers: 1,
  oddities: 1,
  rate: 1,
  from: FROM,
  length: MINUTE,
  pace: 0.02,
  lag: 0,
  review: 13 * SECOND,
});

const TAKEOVER = EXCHANGE.takeovers[0]!;
const VICTIM = TAKEOVER.account.id;
const REQUEST = TAKEOVER.postings.find(({ event }) => event.type === "WITHDRAWAL_REQUESTED")!.event;
const PAID_AT = REQUEST.occurredAt + 13 * SECOND;
const BYSTANDER = EXCHANGE.accounts.find(({ id }) => id !== VICTIM)!.id;
const NEW_PHONE = EXCHANGE.oddities.find(({ story }) => story.name === "new-phone")!.account.id;
const RULES = new Set(["takeover-rule"]);

function heard(
  action: Action,
  options: {
    scopes?: readonly Scope[];
    rule?: string;
    account?: string;
    at?: number;
    evidenceAt?: number;
    appliedAt?: number;
  } = {},
): HeardCommand {
  const rule = options.rule ?? "takeover-rule";
  const accountId = options.account ?? VICTIM;
  const appendedAt = options.at ?? REQUEST.occurredAt;
  const command: Command = {
    caseId: `${accountId}/${rule}/e`,
    commandId: `${accountId}/${rule}/e/e/0`,
    accountId,
    action,
    scopes: options.scopes ?? ["API_KEYS"],
    targets: { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [] },
    reasonCode: "R",
    ruleId: rule,
    ruleTitle: `title of ${rule}`,
    ruleHash: "00",
    mode: "enforce",
    issuedAt: appendedAt,
    effectiveAt: appendedAt,
    expiresAt: appendedAt + MINUTE,
    evidence: [],
    evidenceCount: 0,
  };
  return { command, appendedAt, evidenceAt: options.evidenceAt, appliedAt: options.appliedAt ?? appendedAt };
}

function judge(commands: readonly HeardCommand[], left: boolean | null): Trial {
  const trial = makeTrial(EXCHANGE, RULES);
  for (const each of commands) trial.hear(each);
  if (left !== null) trial.settle({ request: REQUEST, at: PAID_AT, left });
  return trial;
}

interface Row {
  readonly name: string;
  readonly commands: readonly HeardCommand[];
  /** null: never decided. */
  readonly left: boolean | null;
  readonly saved: number;
  readonly failure: RegExp | null;
}

const TABLE: readonly Row[] = [
  { name: "frozen, and the money stayed", commands: [heard("FREEZE")], left: false, saved: 1, failure: null },
  { name: "nothing said", commands: [], left: true, saved: 0, failure: /T1 .* lost [\d,]+ USD: no rule said anything/ },
  {
    name: "held by a policy only, though the money stayed",
    commands: [heard("HOLD", { rule: "policy" })],
    left: false,
    saved: 0,
    failure: /kept its money: no takeover rule froze it, only HOLD by title of policy/,
  },
  {
    name: "frozen by a rule that is no takeover rule",
    commands: [heard("FREEZE", { rule: "policy" })],
    left: false,
    saved: 0,
    failure: /only FREEZE by title of policy/,
  },
  {
    name: "frozen too late",
    commands: [heard("FREEZE", { at: PAID_AT + 1_500 })],
    left: true,
    saved: 0,
    failure: /came 1\.5 s after the money left/,
  },
  {
    name: "frozen, but not where the money leaves",
    commands: [heard("FREEZE", { scopes: ["P2P"] })],
    left: true,
    saved: 0,
    failure: /does not close its exit \(ON_CHAIN via API; frozen: P2P\)/,
  },
  {
    name: "frozen in time, but not read in time",
    commands: [heard("FREEZE", { at: PAID_AT - 400 })],
    left: true,
    saved: 0,
    failure: /appended 0\.4 s before, but the enforcer had not read it/,
  },
  {
    name: "frozen, but the outcome never came",
    commands: [heard("FREEZE")],
    left: null,
    saved: 0,
    failure: /never came to its end/,
  },
  {
    name: "an honest account frozen, even by a takeover rule",
    commands: [heard("FREEZE"), heard("FREEZE", { account: BYSTANDER })],
    left: false,
    saved: 1,
    failure: /the honest account .* was frozen by title of takeover-rule/,
  },
];

for (const { name, commands, left, saved, failure } of TABLE) {
  test(`verdict: ${name}`, () => {
    const trial = judge(commands, left);
    assert.equal(trial.summary("b", 1).frozenBeforeLoss, saved);
    assert.equal(trial.failures().length, failure === null ? 0 : 1);
    if (failure === null) return;
    assert.match(trial.failures()[0]!, failure);
    assert.match(verdictText(trial, trial.summary("b", 1), paintFor(false)), failure);
  });
}

test("a hold of an honest account counts once and fails nothing; only one without a reason surprises", () => {
  const trial = judge(
    [heard("FREEZE"), ...[NEW_PHONE, NEW_PHONE, BYSTANDER].map((account) => heard("HOLD", { account }))],
    false,
  );
  assert.deepEqual(trial.failures(), []);
  assert.equal(trial.summary("b", 1).honestHeld, 2);
  assert.deepEqual(
    trial.surprisingHolds().map(({ accountId }) => accountId),
    [BYSTANDER],
  );
});

test("the summary counts what stayed and takes the latency from the first freeze of a takeover rule", () => {
  const trial = judge(
    [
      heard("HOLD", { rule: "policy", at: 1_000, evidenceAt: 1 }),
      heard("FREEZE", { at: 1_007, evidenceAt: 1_000, appliedAt: 1_011 }),
      heard("FREEZE", { at: 9_000, evidenceAt: 1_000 }),
    ],
    false,
  );
  assert.deepEqual(trial.summary("Kafka", 42), {
    broker: "Kafka",
    accounts: 300,
    events: 42,
    takeovers: 1,
    frozenBeforeLoss: 1,
    honestFrozen: 0,
    honestHeld: 0,
    protectedUsd: Math.round(REQUEST.amountUsdCents! / 100),
    latencyMs: { p50: 7, p99: 7 },
    protectionMs: { p50: 4, p99: 4 },
  });
});
