// Records as the topics would hold them, for the case file's tests: a takeover that was frozen, and a policy's
// hold on the same account.

import type { AccountRecords, Appended } from "../../../src/cli/case/case-file.ts";
import type { Ack, Decision } from "../../../src/core/decision.ts";
import type { Command, Detection, Evidence } from "../../../src/core/output.ts";
import { DAY, MINUTE, SECOND } from "../../../src/core/time.ts";

export const START: number = Date.parse("2026-06-09T10:00:00Z");
export const SEQUENCE = "alice/sequence/e3";
export const POLICY = "alice/policy/e2";

/** Minutes after START. */
export function at(minutes: number): number {
  return START + minutes * MINUTE;
}

export function evidence(eventId: string, minutes: number, summary: string, rule = "step"): Evidence {
  const type = summary.split(" ")[0]!;
  return {
    eventId,
    type,
    topic: "auth-events",
    partition: 3,
    offset: 100 + minutes,
    occurredAt: at(minutes),
    rule,
    summary,
  };
}

const notice = evidence("e1", 0, "RISK_NOTICE_SENT channel=SMS country=HK", "takeover_notice");
const switched = evidence("e2", 2, "FACTOR_SWITCHED factor=TOTP toFactor=SMS deviceId=d9", "weak_step");
const key = evidence("e3", 4, "API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS] country=HK", "powerful_key");

export function command(given: Partial<Command>): Command {
  const caseId = given.caseId ?? SEQUENCE;
  return {
    caseId,
    commandId: `${caseId}/e3/0`,
    accountId: "alice",
    action: "FREEZE",
    scopes: ["WITHDRAW", "P2P", "TRANSFER", "API_KEYS"],
    targets: { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [] },
    reasonCode: "TAKEOVER_SEQUENCE",
    ruleId: "sequence",
    ruleTitle: "API key with power over money after a bypassed second factor",
    ruleHash: "0123456789abcdef",
    mode: "enforce",
    issuedAt: at(4),
    effectiveAt: at(4),
    expiresAt: at(4) + DAY,
    evidence: [notice, switched, key],
    evidenceCount: 3,
    ...given,
  };
}

export const freeze: Command = command({});
export const hold: Command = command({
  caseId: POLICY,
  commandId: `${POLICY}/e2/0`,
  action: "HOLD",
  scopes: ["WITHDRAW", "TRADE"],
  ruleId: "policy",
  ruleTitle: "The strongest factor got weaker",
  reasonCode: "FACTOR_WEAKENED",
  issuedAt: at(2),
  effectiveAt: at(2),
  expiresAt: at(2) + 2 * DAY,
  evidence: [switched],
  evidenceCount: 1,
});
export const release: Command = command({
  commandId: `${SEQUENCE}/release/d1`,
  action: "RELEASE",
  scopes: [],
  reasonCode: "RELEASE",
  issuedAt: at(30),
  effectiveAt: at(30),
  expiresAt: null,
});

export function detection(given: Partial<Detection>): Detection {
  return {
    kind: "OPENED",
    caseId: SEQUENCE,
    ruleId: "sequence",
    ruleName: "notice_bypass_key",
    ruleTitle: freeze.ruleTitle,
    ruleHash: freeze.ruleHash,
    level: "critical",
    tags: ["attack.t1556.006"],
    mode: "enforce",
    group: { accountId: "alice" },
    firstAt: at(0),
    lastAt: at(4),
    decidedBy: "e3",
    evidence: [notice, switched, key],
    evidenceCount: 3,
    ...given,
  };
}

export const decision: Decision = {
  decisionId: "d1",
  accountId: "alice",
  caseId: SEQUENCE,
  verdict: "FALSE_POSITIVE",
  until: null,
  decidedBy: "m.lee",
  decidedAt: at(30) - SECOND,
  note: "the customer called from the airport",
};

export function ackOf(commandId: string, status: Ack["status"], appliedAt: number): Ack {
  return { commandId, accountId: "alice", status, appliedAt, service: "withdrawals" };
}

function appended<T>(list: readonly (readonly [T, number])[]): Appended<T>[] {
  return list.map(([value, when]) => ({ value, at: when }));
}

/** Each with the minute it was appended. */
export function recordsOf(given: {
  readonly commands?: readonly (readonly [Command, number])[];
  readonly detections?: readonly (readonly [Detection, number])[];
  readonly decisions?: readonly (readonly [Decision, number])[];
  readonly acks?: readonly (readonly [Ack, number])[];
}): AccountRecords {
  return {
    commands: appended((given.commands ?? []).map(([value, minute]) => [value, at(minute)] as const)),
    detections: appended((given.detections ?? []).map(([value, minute]) => [value, at(minute)] as const)),
    decisions: appended((given.decisions ?? []).map(([value, minute]) => [value, at(minute)] as const)),
    acks: appended((given.acks ?? []).map(([value, minute]) => [value, at(minute)] as const)),
  };
}

export const frozen: AccountRecords = recordsOf({
  commands: [
    [hold, 2.01],
    [freeze, 4.01],
  ],
  detections: [[detection({}), 4.01]],
  acks: [
    [ackOf(hold.commandId, "APPLIED", at(2.02)), 2.02],
    [ackOf(freeze.commandId, "APPLIED", at(4.02)), 4.02],
  ],
});

export const released: AccountRecords = {
  ...frozen,
  commands: [...frozen.commands, { value: release, at: at(30) }],
  decisions: [{ value: decision, at: at(30) }],
  acks: [...frozen.acks, { value: ackOf(release.commandId, "APPLIED", at(30.01)), at: at(30.01) }],
};
