// The oracle against what the scripts' author meant: two people's word for the same rules.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { seededRandom } from "../../src/testing/exchange/random.ts";
import type { Appended, Occurrence } from "./occurrence.ts";
import { expectationsOf } from "./oracle.ts";
import { playScript, SCRIPT_NAMES } from "./scripts.ts";
import type { Script } from "./scripts.ts";

const BEGIN = Date.UTC(2026, 10, 22, 12);

function appendedOf(script: Script): Appended[] {
  return script.steps.map(({ type, fields, at, appendAt }, index) => ({
    occurrence: { eventId: `e${index}`, accountId: "a", type, occurredAt: BEGIN + at, ...fields },
    appendedAt: BEGIN + appendAt,
  }));
}

for (const name of SCRIPT_NAMES) {
  test(`the script "${name}" makes the rule speak that its author meant, and no other`, () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const script = playScript(seededRandom(seed), name);
      const appended = appendedOf(script);
      const found = expectationsOf("a", appended);
      assert.deepEqual(
        found.map(({ rule }) => rule),
        script.says === null ? [] : [script.says],
      );
      for (const { since, open } of found) {
        assert.equal(open, false);
        assert.ok(appended.some(({ appendedAt }) => appendedAt === since));
      }
      if (script.later === undefined) continue;
      const { step, says } = script.later;
      const at = BEGIN + 60_000;
      const last: Occurrence = { eventId: "last", accountId: "a", type: step.type, occurredAt: at, ...step.fields };
      const completed = expectationsOf("a", [...appended, { occurrence: last, appendedAt: at }]);
      assert.deepEqual(completed, [{ accountId: "a", rule: says, deciders: ["last"], since: at, open: false }]);
    }
  });
}

test("no step is appended before it happened", () => {
  for (const name of SCRIPT_NAMES) {
    for (let seed = 0; seed < 40; seed += 1) {
      for (const { at, appendAt } of playScript(seededRandom(seed), name).steps) assert.ok(at <= appendAt, name);
    }
  }
});

const at = (seconds: number, type: string, fields: Partial<Occurrence> = {}): Appended => ({
  occurrence: { eventId: `${type} ${seconds}`, accountId: "a", type, occurredAt: BEGIN + seconds * 1_000, ...fields },
  appendedAt: BEGIN + seconds * 1_000,
});
const deciders = (...events: Appended[]): string[] => expectationsOf("a", events).flatMap((each) => each.deciders);

test("windows are as long as their rules say, their ends included", () => {
  const notice = at(0, "RISK_NOTICE_SENT");
  const step = at(60, "FACTOR_SWITCHED");
  assert.deepEqual(deciders(notice, step, at(900, "API_KEY_CREATED")), ["API_KEY_CREATED 900"]);
  assert.deepEqual(deciders(notice, step, at(900.001, "API_KEY_CREATED")), []);
  const failures = [0, 1, 2, 3].map((second) => at(second, "CHALLENGE_FAILED"));
  assert.deepEqual(deciders(...failures, at(600, "CHALLENGE_FAILED")), ["CHALLENGE_FAILED 600"]);
  assert.deepEqual(deciders(...failures, at(600.001, "CHALLENGE_FAILED")), []);
});

test("a confirmation that comes too late to count on leaves both answers right", () => {
  const swap = at(0, "SIM_SWAP_REPORTED");
  const opened = at(1, "ALLOWLIST_ONLY_DISABLED");
  const confirmed = at(2, "LOGIN_SUCCEEDED");
  const held = { ...confirmed, appendedAt: confirmed.appendedAt + 60_000 };
  assert.deepEqual(deciders(swap, opened), ["ALLOWLIST_ONLY_DISABLED 1"]);
  assert.deepEqual(deciders(swap, opened, confirmed), []);
  assert.deepEqual(
    expectationsOf("a", [swap, opened, held]).map(({ open }) => open),
    [true],
  );
  assert.deepEqual(deciders(swap, opened, at(11, "LOGIN_SUCCEEDED")), ["ALLOWLIST_ONLY_DISABLED 1"]);
});
