// A redacted case file holds no identifier of another customer, wherever it stood.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { caseFileOf } from "../../../src/cli/case/case-file.ts";
import { caseJson } from "../../../src/cli/case/case-json.ts";
import { casePage } from "../../../src/cli/case/case-page.ts";
import { caseText } from "../../../src/cli/case/case-text.ts";
import { redacted } from "../../../src/cli/case/redaction.ts";
import { at, command, detection, evidence, recordsOf, released } from "./records.ts";

const chain = evidence("e1", 0, "WITHDRAWAL_REQUESTED channel=ON_CHAIN address=bc1-thief");
const internal = evidence("e2", 1, "WITHDRAWAL_REQUESTED channel=INTERNAL address=bob-7");
const listed = evidence("e3", 2, 'ADDRESS_ADDED address="carol 9"');
const link = evidence(
  "shared/device-of-dave/alice",
  3,
  'LINKED linkedBy="deviceId=device-of-dave" linkedCount=4 linkRule=shared_device',
);

function fileOf() {
  const caseId = `alice/linked/${encodeURIComponent(link.eventId)}`;
  const linked = command({
    caseId,
    commandId: `${caseId}/${encodeURIComponent(link.eventId)}/0`,
    evidence: [chain, internal, listed, link],
    targets: { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: ["bob-7", "bc1-thief"] },
  });
  const shared = detection({
    caseId,
    tags: ["device-of-dave"],
    evidence: linked.evidence,
    decidedBy: link.eventId,
  });
  const records = recordsOf({ commands: [[linked, 4]], detections: [[shared, 4]] });
  return caseFileOf("alice", { ...records, decisions: released.decisions }, { asOf: at(5) });
}

test("other customers' identifiers are gone from every form, also out of ids (RD1)", () => {
  const file = fileOf();
  const forms = (each: typeof file): string[] => [caseText(each), caseJson(each), casePage(each)];
  for (const identifier of ["bob-7", "carol", "device-of-dave"]) {
    for (const [index, form] of forms(redacted(file)).entries())
      assert.ok(!form.includes(identifier), `${identifier} in form ${index}`);
    assert.ok(
      forms(file).every((form) => form.includes(identifier)),
      identifier,
    );
  }
});

test("whatever an identifier is made of, nothing of it is left, however often it was encoded (RD1)", () => {
  const identifiers = fc.array(fc.stringMatching(/^[\w%&=</ .é-]{4,12}$/u), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(identifiers, (shared) => {
      const whole = shared.map((each) => `#${each}#`);
      const [first] = whole as [string];
      const text = encodeURIComponent(whole.join(" "));
      const group = Object.fromEntries(whole.map((each, index) => [`field${index}`, each]));
      const caseId = `${text}/rule/${encodeURIComponent(`${text}/x`)}`;
      const event = evidence(`${text}/x`, 1, `LOGIN_SUCCEEDED deviceId=${first}`);
      const records = recordsOf({ detections: [[detection({ caseId, group, evidence: [event] }), 2]] });
      const json = caseJson(redacted(caseFileOf("alice", records, { asOf: at(5) })));
      for (const each of whole) {
        const once = encodeURIComponent(each);
        for (const form of [each, once, encodeURIComponent(once)])
          assert.ok(!json.includes(form), `${form} in ${json}`);
      }
    }),
  );
});

test("an identifier within another id, or told in full by one record only, is gone, too (RD1)", () => {
  const transfer = evidence("to_user_2_17", 0, "WITHDRAWAL_REQUESTED channel=INTERNAL address=user_2");
  const shared = evidence("l1", 1, 'LINKED linkedBy="deviceId=device-of-dave" linkedCount=2');
  const whole = command({ evidence: [transfer, shared] });
  const shortened = detection({ evidence: [{ ...shared, summary: "LINKED" }] });
  const records = recordsOf({ detections: [[shortened, 4]], commands: [[whole, 4]] });
  const json = caseJson(redacted(caseFileOf("alice", records, { asOf: at(5) })));
  for (const identifier of ["user_2", "device-of-dave"]) assert.ok(!json.includes(identifier), identifier);
});

test("an account that is called as an event begins is an account (RD1)", () => {
  const theirs = { ...evidence("e1", 0, "LOGIN_FAILED-bob LOGIN_FAILED deviceId=d1"), type: "LOGIN_FAILED" };
  const shared = detection({ caseId: "d1/shared/e1", group: { deviceId: "d1" }, evidence: [theirs] });
  const json = caseJson(redacted(caseFileOf("", recordsOf({ detections: [[shared, 4]] }), { asOf: at(5) })));
  assert.ok(!json.includes("bob"), json);
});

test("the account, and where the money went on a chain, stay; a link still says how many and by which rule", () => {
  const text = caseText(redacted(fileOf()));
  for (const kept of ["Account alice", "bc1-thief", "linkedCount=4", "linkRule=shared_device"])
    assert.ok(text.includes(kept), kept);
});

test("one identifier has one stand-in throughout", () => {
  const json = caseJson(redacted(fileOf()));
  const { cases } = JSON.parse(json);
  assert.equal(cases[0].evidence[1].summary, "WITHDRAWAL_REQUESTED channel=INTERNAL address=[address 1]");
  assert.deepEqual(cases[0].commands[0].command.targets.addresses, ["[address 1]", "bc1-thief"]);
});

test("notes may say anything: they are left out", () => {
  const file = redacted(caseFileOf("alice", released, { asOf: at(31) }));
  assert.equal(file.cases[0]!.decisions[0]!.decision.note, "(left out)");
  assert.doesNotMatch(casePage(file), /airport/);
});

test("an identifier as short as a digit replaces no part of other words", () => {
  const short = evidence("e1", 0, "WITHDRAWAL_REQUESTED channel=P2P amountUsdCents=700 address=7");
  const file = redacted(
    caseFileOf("alice", recordsOf({ commands: [[command({ evidence: [short] }), 4]] }), { asOf: at(5) }),
  );
  assert.equal(
    file.cases[0]!.evidence[0]!.summary,
    "WITHDRAWAL_REQUESTED channel=P2P amountUsdCents=700 address=[address 1]",
  );
});
