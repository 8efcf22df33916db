// Every way in which a run can be wrong, each alone: the judge must see it. A judge that cannot be red
// proves nothing.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Link } from "./links.ts";
import { LASTS_MS } from "./oracle.ts";
import type { Expectation } from "./oracle.ts";
import { judge } from "./verdict.ts";
import type { EndingDecision, SaidCommand } from "./judged.ts";
import type { Evidence, ToldLink } from "./verdict.ts";

const NOW = Date.UTC(2026, 10, 22, 12);

const expectation: Expectation = {
  accountId: "a",
  rule: "chaos_policy",
  deciders: ["e1"],
  since: NOW,
  open: false,
};

const command: SaidCommand = {
  caseId: "a/chaos_policy/e1",
  commandId: "a/chaos_policy/e1/e1/0",
  accountId: "a",
  action: "HOLD",
  scopes: ["WITHDRAW", "TRANSFER"],
  ruleId: "chaos_policy",
  issuedAt: NOW,
  expiresAt: NOW + LASTS_MS,
  content: "as it was",
  appendedAt: NOW + 10,
};

const release: SaidCommand = {
  ...command,
  commandId: "a/chaos_policy/e1/release/d1",
  action: "RELEASE",
  expiresAt: null,
};

const decision: EndingDecision = { decisionId: "d1", accountId: "a", caseId: command.caseId, decidedAt: NOW };

const LINK_ID = "chaos_shared_device/d/a/first";
const link: Link = {
  eventIds: ["chaos_shared_device/d/a/other", LINK_ID],
  accountId: "a",
  at: [NOW, NOW + 5],
  since: NOW,
};
const told: ToldLink = { eventId: LINK_ID, accountId: "a", occurredAt: NOW + 5 };

const good: Evidence = {
  expectations: [expectation],
  links: [link],
  said: [command],
  told: [told],
  decisions: [],
  answers: [{ commandId: command.commandId, status: "APPLIED", appendedAt: NOW + 20 }],
  wanted: [],
  breakers: [],
  eventsEndAt: NOW,
  breakerBound: 2,
  breakerWindowMs: 60_000,
  timeoutMs: 20_000,
  endedAt: NOW + 20_000,
  times: new Map([
    ["e1", NOW],
    ["e2", NOW + 5],
  ]),
  disturbances: [],
  poison: [{ place: "t/0/1", reason: "WRONG_KEY" }],
  buried: [{ place: "t/0/1", reason: "WRONG_KEY" }],
};

/** A case of another event that could have decided as well. */
const another: SaidCommand = {
  ...command,
  caseId: "a/chaos_policy/e2",
  commandId: "a/chaos_policy/e2/e2/0",
  issuedAt: NOW + 5,
  expiresAt: NOW + 5 + LASTS_MS,
};

test("what was right is not found", () => {
  assert.deepEqual(judge({ ...good, said: [command, release, release], decisions: [decision] }).findings, []);
  assert.deepEqual(judge(good).findings, []);
  assert.deepEqual(judge(good).latencies, [10]);
});

const FLAWS: readonly (readonly [what: string, change: Partial<Evidence>, says: RegExp])[] = [
  ["a decision that nobody acted on", { decisions: [decision] }, /^missing: a\/chaos_policy\/e1\/release\/d1/u],
  ["a release that nobody decided", { said: [command, release] }, /^wrong: nobody decided/u],
  [
    "a release of another case",
    { said: [command, { ...release, caseId: "a/chaos_policy/e2" }], decisions: [decision] },
    /^altered: .* releases/u,
  ],
  ["a missing command", { said: [] }, /^missing: a chaos_policy/u],
  ["a command for nobody", { expectations: [] }, /^wrong: a chaos_policy/u],
  ["another account's command", { said: [command, { ...command, accountId: "b", commandId: "x" }] }, /^wrong: b/u],
  ["one id with two effects", { said: [command, { ...command, scopes: ["TRADE"] }] }, /^altered: .* two effects/u],
  ["another action", { said: [{ ...command, action: "FREEZE" }] }, /^altered: .* says FREEZE/u],
  ["fewer scopes", { said: [{ ...command, scopes: ["WITHDRAW"] }] }, /^altered/u],
  ["another expiry", { said: [{ ...command, expiresAt: NOW }] }, /^altered: .* expires/u],
  ["another command id", { said: [{ ...command, commandId: "made up" }] }, /^altered: command id/u],
  ["a decider that decides nothing", { said: [another] }, /^altered: .* names none of e1/u],
  ["two cases of one match", { said: [command, another] }, /^doubled: a chaos_policy has 2 cases/mu],
  ["a command that came too late", { said: [{ ...command, appendedAt: NOW + 16_000 }] }, /^late/u],
  ["a link that nobody was told of", { told: [] }, /^missing link: chaos_shared_device/u],
  ["a link of an account that shares nothing", { links: [] }, /^wrong link: chaos_shared_device/u],
  ["a link told to another account", { told: [{ ...told, accountId: "b" }] }, /^altered link: .* tells b/u],
  ["a link of another time", { told: [{ ...told, occurredAt: NOW + 6 }] }, /^altered link/u],
  ["a dead letter that is missing", { buried: [] }, /^dead letter missing: t\/0\/1/u],
  ["another reason", { buried: [{ place: "t/0/1", reason: "TOO_LARGE" }] }, /says TOO_LARGE/u],
  ["a good record among the dead letters", { poison: [] }, /^dead letter of a good record/u],
];

for (const [what, change, says] of FLAWS) {
  test(`${what} is found`, () => {
    assert.match(judge({ ...good, ...change }).findings.join("\n"), says);
  });
}

test("a case may be decided by a link, of any time that it may carry", () => {
  const said: SaidCommand = {
    ...command,
    caseId: `a/chaos_started/${encodeURIComponent(LINK_ID)}`,
    commandId: `a/chaos_started/${encodeURIComponent(LINK_ID)}/${encodeURIComponent(LINK_ID)}/0`,
    ruleId: "chaos_started",
    scopes: ["WITHDRAW", "P2P", "TRANSFER"],
  };
  const started: Expectation = {
    ...expectation,
    rule: "chaos_started",
    deciders: [LINK_ID],
    times: new Map([[LINK_ID, link.at]]),
  };
  const of = (issuedAt: number): readonly string[] =>
    judge({
      ...good,
      expectations: [started],
      said: [{ ...said, issuedAt, expiresAt: issuedAt + LASTS_MS }],
    }).findings;
  assert.deepEqual([...of(NOW), ...of(NOW + 5)], []);
  assert.match(of(NOW + 6).join("\n"), /^altered: .* is issued at/u);
});

test("a command and a dead letter may be there twice: whoever reads them knows them by id and place", () => {
  const verdict = judge({ ...good, said: [command, command], buried: [...good.buried, ...good.buried] });
  assert.deepEqual(verdict.findings, []);
  assert.equal(verdict.repeated, 1);
  assert.equal(verdict.repeatedDeadLetters, 1);
});

test("where several events may decide, a second case is counted, not condemned", () => {
  const verdict = judge({
    ...good,
    expectations: [{ ...expectation, deciders: ["e1", "e2"] }],
    said: [command, another],
  });
  assert.deepEqual(verdict.findings, []);
  assert.equal(verdict.secondCases, 1);
});

test("a disturbance gives thirty seconds after its end, and no more", () => {
  const disturbances = [
    { kind: "x", from: NOW + 1_000, to: NOW + 20_000 },
    { kind: "y", from: NOW + 40_000, to: NOW + 60_000 },
  ];
  const saidAfter = (ms: number): number =>
    judge({ ...good, disturbances, said: [{ ...command, appendedAt: NOW + ms }] }).late;
  assert.equal(saidAfter(90_000), 0);
  assert.equal(saidAfter(90_001), 1);
});

test("what may be said or not is never missing", () => {
  assert.deepEqual(judge({ ...good, expectations: [{ ...expectation, open: true }], said: [] }).findings, []);
});
