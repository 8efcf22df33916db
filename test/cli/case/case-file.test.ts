// What a case file says of the records of an account, as text: the same moments the page shows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { caseFileOf } from "../../../src/cli/case/case-file.ts";
import type { AccountRecords } from "../../../src/cli/case/case-file.ts";
import { caseJson } from "../../../src/cli/case/case-json.ts";
import { caseText } from "../../../src/cli/case/case-text.ts";
import { momentsOf } from "../../../src/cli/case/moments.ts";
import {
  POLICY,
  SEQUENCE,
  ackOf,
  at,
  command,
  decision,
  detection,
  evidence,
  freeze,
  frozen,
  hold,
  recordsOf,
  release,
  released,
} from "./records.ts";

function textOf(records: AccountRecords, minutes: number): string {
  return caseText(caseFileOf("alice", records, { asOf: at(minutes) }));
}

test("a frozen account: what is closed, why, and how to undo it", () => {
  assert.equal(
    textOf(frozen, 10),
    `Account alice: 2 cases, as of 2026-06-09 10:10:00 UTC
WITHDRAW: frozen until 2026-06-11 10:02:00 UTC
P2P: frozen until 2026-06-10 10:04:00 UTC
TRANSFER: frozen until 2026-06-10 10:04:00 UTC
TRADE: held until 2026-06-11 10:02:00 UTC
API_KEYS: frozen until 2026-06-10 10:04:00 UTC

API key with power over money after a bypassed second factor (critical, enforce, TAKEOVER_SEQUENCE): open until 2026-06-10 10:04:00 UTC
  case alice/sequence/e3
  rule sequence (0123456789ab)
  2026-06-09 UTC
  10:00:00  · RISK_NOTICE_SENT channel=SMS country=HK  (takeover_notice, auth-events/3@100)
  10:02:00  · FACTOR_SWITCHED factor=TOTP toFactor=SMS deviceId=d9  (weak_step, auth-events/3@102)
  10:04:00  ● API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS] country=HK  (powerful_key, auth-events/3@104)
  10:04:00  → FREEZE WITHDRAW P2P TRANSFER API_KEYS until 2026-06-10 10:04:00 (0.6 s after the deciding event)
  10:04:01  ✓ FREEZE applied by withdrawals
  to undo: holdfast decide --case alice/sequence/e3 FALSE_POSITIVE --by YOU --note WHY

The strongest factor got weaker (enforce, FACTOR_WEAKENED): open until 2026-06-11 10:02:00 UTC
  case alice/policy/e2
  rule policy (0123456789ab)
  2026-06-09 UTC
  10:02:00  ● FACTOR_SWITCHED factor=TOTP toFactor=SMS deviceId=d9  (weak_step, auth-events/3@102)
  10:02:00  → HOLD WITHDRAW TRADE until 2026-06-11 10:02:00 (0.6 s after the deciding event)
  10:02:01  ✓ HOLD applied by withdrawals
  to undo: holdfast decide --case alice/policy/e2 FALSE_POSITIVE --by YOU --note WHY
`,
  );
});

test("a released case closes nothing; the other case's hold stands (PR1, PR2)", () => {
  const file = caseFileOf("alice", released, { asOf: at(31) });
  assert.deepEqual(
    file.protections.map(({ scope, action, caseIds }) => [scope, action, caseIds]),
    [
      ["WITHDRAW", "HOLD", [POLICY]],
      ["TRADE", "HOLD", [POLICY]],
    ],
  );
  const [sequence] = file.cases;
  assert.equal(sequence!.status, "released");
  assert.deepEqual(
    momentsOf(sequence!)
      .slice(-3)
      .map((moment) => moment.kind),
    ["decision", "command", "ack"],
  );
  assert.match(caseText(file), /10:29:59 {2}! FALSE_POSITIVE by m\.lee: the customer called from the airport\n/);
});

test("what comes after a release of the same case closes nothing either (PR1)", () => {
  const late = command({ commandId: `${SEQUENCE}/e9/0`, issuedAt: at(40), expiresAt: at(400) });
  const records = { ...released, commands: [...released.commands, { value: late, at: at(41) }] };
  assert.ok(
    caseFileOf("alice", records, { asOf: at(50) }).protections.every(({ caseIds }) => !caseIds.includes(SEQUENCE)),
  );
});

test("a decision that nothing came of yet says so, also one on all cases", () => {
  const all = { ...decision, decisionId: "d2", caseId: null };
  const text = textOf({ ...frozen, decisions: [{ value: all, at: at(30) }] }, 31);
  assert.equal(text.match(/FALSE_POSITIVE by m\.lee: .* \(no command followed yet\)/g)?.length, 2);
  const early = { ...all, decidedAt: at(-10) };
  assert.doesNotMatch(textOf({ ...frozen, decisions: [{ value: early, at: at(-10) }] }, 31), /m\.lee/);
});

test("a command that nobody acknowledges is an alarm after 30 seconds, a rejected one at once", () => {
  const alone = recordsOf({ commands: [[freeze, 4.01]] });
  assert.match(textOf(alone, 4.2), /FREEZE .*: not acknowledged yet\n/);
  assert.match(textOf(alone, 5), /FREEZE .*: NOT ACKNOWLEDGED: it may protect nobody\n/);
  const rejected = { ...alone, acks: [{ value: ackOf(freeze.commandId, "REJECTED", at(4.1)), at: at(4.1) }] };
  assert.equal(caseFileOf("alice", rejected, { asOf: at(4.2) }).cases[0]!.commands[0]!.alarming, true);
  const again = [{ value: ackOf(freeze.commandId, "APPLIED", at(5)), at: at(5) }];
  const applied = caseFileOf("alice", { ...rejected, acks: [...rejected.acks, ...again] }, { asOf: at(6) });
  assert.equal(applied.cases[0]!.commands[0]!.alarming, false);
  assert.equal(applied.cases[0]!.commands[0]!.ack?.value.status, "APPLIED");
});

test("a repeated command is one command, said several times", () => {
  const records = recordsOf({
    commands: [
      [freeze, 4.01],
      [freeze, 4.6],
    ],
  });
  const [sequence] = caseFileOf("alice", records, { asOf: at(5) }).cases;
  assert.deepEqual(
    sequence!.commands.map(({ times, saidAt }) => [times, saidAt]),
    [[2, at(4.01)]],
  );
});

test("a command stands after its event and an answer after its command, whatever the clocks say (MO1)", () => {
  const records = recordsOf({
    commands: [[freeze, 1]],
    acks: [[ackOf(freeze.commandId, "APPLIED", at(0.5)), 0.5]],
  });
  const kinds = momentsOf(caseFileOf("alice", records, { asOf: at(9) }).cases[0]!).map(({ kind }) => kind);
  assert.deepEqual(kinds, ["event", "event", "event", "command", "ack"]);
});

test("a case without protection is open until its detection says that it closed", () => {
  const opened = detection({ mode: "observe" });
  const open = caseFileOf("alice", recordsOf({ detections: [[opened, 5]] }), { asOf: at(9) });
  assert.deepEqual([open.cases[0]!.status, open.cases[0]!.until], ["open", null]);
  const closed = detection({ mode: "observe", kind: "CLOSED" });
  const records = recordsOf({
    detections: [
      [opened, 5],
      [closed, 20],
    ],
  });
  assert.equal(caseFileOf("alice", records, { asOf: at(30) }).cases[0]!.status, "ended");
});

test("an expired protection ended, and closes nothing", () => {
  const file = caseFileOf("alice", frozen, { asOf: at(4 + 24 * 60) });
  assert.equal(file.cases.find(({ caseId }) => caseId === SEQUENCE)!.status, "ended");
  assert.deepEqual([...new Set(file.protections.flatMap(({ caseIds }) => caseIds))], [POLICY]);
});

test("the evidence is everything that was ever listed, once, and what is not listed is counted", () => {
  const later = evidence("e4", 6, "WITHDRAWAL_REQUESTED channel=ON_CHAIN amountUsdCents=5000000");
  const records = recordsOf({
    commands: [[freeze, 4.01]],
    detections: [[detection({ kind: "CLOSED", evidence: [...detection({}).evidence, later], evidenceCount: 40 }), 90]],
  });
  const [sequence] = caseFileOf("alice", records, { asOf: at(91) }).cases;
  assert.deepEqual(
    sequence!.evidence.map(({ eventId }) => eventId),
    ["e1", "e2", "e3", "e4"],
  );
  assert.match(textOf(records, 91), /and 36 more events that are not listed/);
});

test("the release of a case that is known no more is a case of its own, and closes nothing", () => {
  const file = caseFileOf("alice", recordsOf({ commands: [[release, 30]] }), { asOf: at(31) });
  assert.deepEqual(
    file.cases.map(({ caseId, status }) => [caseId, status]),
    [[SEQUENCE, "released"]],
  );
  assert.deepEqual(file.protections, []);
});

test("a breaker's opening is no case", () => {
  const opening = detection({ kind: "BREAKER_OPENED", caseId: `${SEQUENCE}/breaker-freeze` });
  assert.deepEqual(caseFileOf("alice", recordsOf({ detections: [[opening, 5]] }), { asOf: at(6) }).cases, []);
});

test("a narrowed hold names what it is narrowed to", () => {
  const targets = { withdrawalIds: ["w1"], keyIds: [], sessionIds: [], addresses: ["bc1q"] };
  const records = recordsOf({ commands: [[{ ...hold, scopes: ["WITHDRAW"], targets }, 2]] });
  assert.match(textOf(records, 3), /^WITHDRAW of withdrawal w1, address bc1q: held until/m);
});

test("text that others wrote cannot steer the terminal", () => {
  const nasty = evidence("e1", 0, "LOGIN_SUCCEEDED deviceId=\u001B[2J\u202Eevil\nAccount bob: nothing");
  const records = recordsOf({ commands: [[{ ...freeze, evidence: [nasty] }, 4.01]] });
  const text = textOf(records, 5);
  for (const control of ["\u001B", "\u202E"]) assert.ok(!text.includes(control));
  assert.doesNotMatch(text, /^Account bob/m);
});

test("as JSON the times are text and the shape is the same", () => {
  const parsed = JSON.parse(caseJson(caseFileOf("alice", released, { asOf: at(31) })));
  assert.equal(parsed.asOf, "2026-06-09T10:31:00.000Z");
  assert.equal(parsed.cases[0].commands[0].command.expiresAt, "2026-06-10T10:04:00.000Z");
  assert.equal(parsed.cases[0].evidence[0].offset, 100);
});
