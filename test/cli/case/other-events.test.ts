// What else happened while a case ran: which events are meant, how many are listed, and how each form shows them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { caseFileOf } from "../../../src/cli/case/case-file.ts";
import type { CaseFile, OtherEvent } from "../../../src/cli/case/case-file.ts";
import { caseJson } from "../../../src/cli/case/case-json.ts";
import { casePage } from "../../../src/cli/case/case-page.ts";
import { caseText } from "../../../src/cli/case/case-text.ts";
import { joined, periodOf, withOtherEvents } from "../../../src/cli/case/other-events.ts";
import { redacted } from "../../../src/cli/case/redaction.ts";
import { SEQUENCE, at, command, detection, evidence, freeze, frozen, recordsOf, released } from "./records.ts";

function event(eventId: string, minutes: number, summary: string): OtherEvent {
  const { rule: _, ...rest } = evidence(eventId, minutes, summary);
  return rest;
}

function sequenceOf(file: CaseFile): CaseFile["cases"][number] {
  return file.cases.find(({ caseId }) => caseId === SEQUENCE)!;
}

const login = event("o1", 1, "LOGIN_SUCCEEDED verifiedWith=[PASSWORD,TOTP] deviceId=phone");
const sent = event("o2", 3, "WITHDRAWAL_REQUESTED channel=INTERNAL address=bob-7");
const file = caseFileOf("alice", frozen, { asOf: at(10) });

test("meant is what lies between the first evidence and the last command of a match, and is no evidence (OE1)", () => {
  const events = [
    event("o0", -1, "LOGOUT"),
    sent,
    login,
    login,
    event("e2", 2, "FACTOR_SWITCHED"),
    event("o3", 4.005, "LOGOUT"),
    event("o4", 5, "LOGOUT"),
  ];
  const { otherEvents, otherEventCount } = sequenceOf(withOtherEvents(file, events));
  assert.deepEqual(
    otherEvents.map(({ eventId }) => eventId),
    ["o1", "o2", "o3"],
  );
  assert.equal(otherEventCount, 3);
  // A person's release comes half an hour later.
  assert.deepEqual(periodOf(sequenceOf(caseFileOf("alice", released, { asOf: at(60) }))), {
    from: at(0),
    to: at(4.01),
  });
});

test("each form shows them in their place, marked; none of them is numbered or drawn", () => {
  const shown = withOtherEvents(file, [login]);
  assert.match(
    caseText(shown),
    /· RISK_NOTICE_SENT .*\n {2}10:01:00 {4}LOGIN_SUCCEEDED verifiedWith=\[PASSWORD,TOTP\] deviceId=phone {2}\(not evidence, auth-events\/3@101\)\n.*· FACTOR_SWITCHED/,
  );
  assert.equal(JSON.parse(caseJson(shown)).cases[0].otherEvents[0].occurredAt, "2026-06-09T10:01:00.000Z");
  const page = casePage(shown);
  assert.match(page, /class="dot other"[\s\S]*Login succeeded <span class="small">· not evidence/);
  assert.equal(page.split("<circle").length, casePage(file).split("<circle").length);
});

test("a flood of them is cut, and says so in each form", () => {
  const flood = Array.from({ length: 50 }, (_, index) => event(`o${index}`, 1 + index / 100, "SESSION_USED"));
  const shown = withOtherEvents(file, flood.toReversed());
  const { otherEvents, otherEventCount } = sequenceOf(shown);
  assert.deepEqual([otherEvents.length, otherEventCount, otherEvents[0]!.eventId], [30, 50, "o0"]);
  for (const form of [caseText(shown), casePage(shown)])
    assert.match(form, /nd 20 more events of the account meanwhile that are not evidence/);
});

test("of a case that has forgotten some of its evidence none is called other", () => {
  const records = recordsOf({ commands: [[command({ evidenceCount: 40 }), 4.01]] });
  const many = caseFileOf("alice", records, { asOf: at(10) });
  assert.deepEqual(sequenceOf(withOtherEvents(many, [login])).otherEvents, []);
});

test("a redacted file holds no destination of theirs within the exchange (RD1)", () => {
  const chain = event("o5", 3.5, "WITHDRAWAL_REQUESTED channel=ON_CHAIN address=bc1-thief");
  const all = withOtherEvents(file, [sent, chain]);
  const shown = redacted(all);
  for (const form of [caseText, caseJson, casePage]) {
    assert.ok(form(all).includes("bob-7"));
    assert.ok(!form(shown).includes("bob-7"));
    assert.ok(form(shown).includes("bc1-thief"));
  }
});

test("periods that overlap are read once, the latest first", () => {
  const periods = [
    { from: 0, to: 10 },
    { from: 50, to: 60 },
    { from: 5, to: 20 },
    { from: 8, to: 9 },
  ];
  assert.deepEqual(joined(periods), [
    { from: 50, to: 60 },
    { from: 0, to: 20 },
  ]);
  const nothing = detection({ evidence: [], evidenceCount: 0 });
  const bare = caseFileOf(
    "alice",
    recordsOf({ commands: [[{ ...freeze, evidence: [] }, 4]], detections: [[nothing, 4]] }),
    {
      asOf: at(5),
    },
  );
  assert.equal(periodOf(bare.cases[0]!), null);
});
