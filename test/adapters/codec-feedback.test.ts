// What comes back to Holdfast, through the codec: decisions, acknowledgements, facts and links.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { SchemaFile } from "../../src/adapters/schema-files.ts";
import type { Ack, Decision } from "../../src/core/decision.ts";
import { type Signal, signalKey } from "../../src/core/signal.ts";
import type { DecodeOutcome } from "../../src/runtime/ports.ts";
import { CodecFixture, framed, NOW, schemas, verdict } from "./codec-fixture.ts";

const SIGNAL_ID = 7;
const DECISION_ID = 8;
const ACK_ID = 9;
const DECISION: Decision = {
  decisionId: "d1",
  accountId: "alice",
  caseId: null,
  verdict: "EXTEND",
  until: NOW,
  decidedBy: "ann",
  decidedAt: NOW,
  note: null,
};
const ACK: Ack = { commandId: "alice/r/e1/e1/0", accountId: "alice", status: "APPLIED", appliedAt: NOW, service: "s" };
const FACT: Signal = {
  eventId: "e1",
  type: "FACT",
  occurredAt: NOW,
  ruleId: "r 1",
  group: Object.assign(Object.create(null), { deviceId: "a/b" }), // as the reader makes maps: inert
  accountId: "alice",
  linkedBy: null,
  linkedCount: null,
  linkRule: null,
  fact: {
    matchHash: "h",
    steps: 1,
    value: null,
    values: ['"alice"'],
    carried: [],
    type: "API_KEY_CREATED",
    topic: "api-key-events",
    partition: 0,
    offset: 7,
    summary: "API_KEY_CREATED",
  },
};
const LINK: Signal = {
  ...FACT,
  fact: null,
  type: "LINKED",
  linkedBy: "deviceId=a/b",
  linkedCount: 2,
  linkRule: "shared",
};

const fixture: CodecFixture = new CodecFixture();
before(() => fixture.codec.prepare());

function decode(
  value: object,
  of: { readonly topic: string; readonly file: SchemaFile; readonly id: number; readonly key?: string },
): DecodeOutcome {
  const { topic, file, id, key = "alice" } = of;
  return fixture.decode(framed(id, file.type.toBuffer(value)), { topic, key });
}

const decisions = { topic: "decisions", file: schemas.decision, id: DECISION_ID };
const acks = { topic: "acks", file: schemas.ack, id: ACK_ID };
const signals = { topic: "signals", file: schemas.signal, id: SIGNAL_ID };

test("a decision and an acknowledgement are read as they were written", () => {
  assert.deepEqual(decode(DECISION, decisions), { decision: DECISION });
  assert.deepEqual(decode(ACK, acks), { ack: ACK });
});

test("a fact is read under its group's key, a link as an event of its account", () => {
  assert.equal(signalKey(FACT), "r%201/a%2Fb");
  assert.deepEqual(decode(FACT, { ...signals, key: signalKey(FACT) }), { fact: FACT });
  assert.deepEqual(decode(LINK, signals), { event: LINK });
});

test("a signal that is written is the one that is read", () => {
  assert.deepEqual(
    fixture.codec.decode("signals", {
      key: Buffer.from("alice"),
      value: fixture.codec.encodeSignal(LINK),
      timestamp: NOW,
    }),
    { event: LINK },
  );
});

for (const [what, outcome, expected] of [
  [
    "a verdict newer than this version",
    () => decode({ ...DECISION, verdict: "UNKNOWN" }, decisions),
    /^INVALID_FIELD: verdict/,
  ],
  ["an extension to no time", () => decode({ ...DECISION, until: null }, decisions), /^MISSING_FIELD: until/],
  ["a decision under another key", () => decode(DECISION, { ...decisions, key: "bob" }), /^WRONG_KEY/],
  ["a decision in seconds", () => decode({ ...DECISION, until: NOW / 1_000 }, decisions), /^INVALID_FIELD: until/],
  ["a novel for a note", () => decode({ ...DECISION, note: "x".repeat(2_000) }, decisions), /^TOO_LARGE: note/],
  ["an answer newer than this version", () => decode({ ...ACK, status: "UNKNOWN" }, acks), /^INVALID_FIELD: status/],
  ["an answer to nothing", () => decode({ ...ACK, commandId: "" }, acks), /^MISSING_FIELD: commandId/],
  ["an answer without a key", () => decode(ACK, { ...acks, key: "" }), /^WRONG_KEY/],
  ["a fact under its account's key", () => decode(FACT, signals), /^WRONG_KEY/],
  ["a link from the future", () => decode({ ...LINK, occurredAt: NOW + 3_600_000 }, signals), /^FUTURE_TIME/],
] as const) {
  test(`refused: ${what}`, () => assert.match(verdict(outcome()), expected));
}
