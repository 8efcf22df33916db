import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { Mode, Targets } from "../../src/core/output.ts";
import {
  beyond,
  encodePart,
  planOf,
  type PlannedAction,
  type Said,
  targetsOf,
  withSaid,
} from "../../src/core/response.ts";
import { newEntry } from "../../src/core/entry.ts";
import { FREEZE, handmadeRules, HOLD } from "../../src/core/rule-set.ts";
import type { DetectionRule, ResponseAction } from "../../src/core/rule.ts";
import { DAY, HOUR } from "../../src/core/time.ts";
import { event, START } from "./world.ts";

const REVIEW: ResponseAction = { ...HOLD, action: "REVIEW", scopes: [] };
const WHOLE: Targets = { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [] };

function rule(mode: Mode, ...respond: ResponseAction[]): DetectionRule {
  return handmadeRules({ detections: [{ name: "r", matches: () => true, mode, respond }] }).detections[0]!;
}

test("the lower of the rule's and the global mode wins (RS1)", () => {
  const modes: readonly Mode[] = ["observe", "step-up", "enforce"];
  for (const [own, mode] of modes.entries()) {
    for (const [global, globalMode] of modes.entries()) {
      const plan = planOf(rule(mode, FREEZE), globalMode);
      assert.equal(plan.mode, modes[Math.min(own, global)]);
      assert.deepEqual(
        plan.actions.map((action) => action.action),
        [[], ["STEP_UP"], ["FREEZE"]][Math.min(own, global)],
      );
    }
  }
});

test("a step-up stands for all holds and freezes; a review stays", () => {
  const plan = planOf(rule("step-up", REVIEW, { ...HOLD, for: 3 * DAY }, { ...FREEZE, targets: ["keyId"] }), "enforce");
  assert.deepEqual(
    plan.actions.map(({ action, index, scopes, for: length, targets }) => [action, index, scopes, length, targets]),
    [
      ["REVIEW", 0, [], DAY, []],
      ["STEP_UP", 1, ["WITHDRAW", "P2P", "TRANSFER", "API_KEYS"], 3 * DAY, []],
    ],
  );
});

test("only what goes beyond what is in force is said (RS2, RS3)", () => {
  const freeze: PlannedAction = { ...FREEZE, scopes: ["WITHDRAW", "P2P"], index: 0, became: "as-written" };
  const hold: PlannedAction = { ...HOLD, index: 0, became: "as-written" };
  const extending: PlannedAction = { ...hold, extend: true };
  const review: PlannedAction = { ...REVIEW, index: 0, became: "as-written" };
  const key = (...keyIds: string[]): Targets => ({ ...WHOLE, keyIds });
  const said = (action: PlannedAction, until: number, targets = WHOLE): Said => ({
    action: action.action,
    scopes: action.scopes,
    targets,
    until,
  });
  const rows: readonly (readonly [string, readonly Said[], PlannedAction, Targets, readonly string[] | undefined])[] = [
    ["nothing said yet", [], freeze, WHOLE, ["WITHDRAW", "P2P"]],
    ["all of it", [said(freeze, DAY)], freeze, WHOLE, undefined],
    ["another action", [said(hold, DAY)], freeze, WHOLE, ["WITHDRAW", "P2P"]],
    ["one scope is missing", [said({ ...freeze, scopes: ["P2P"] }, DAY)], freeze, WHOLE, ["WITHDRAW"]],
    ["three quarters left", [said(freeze, 18 * HOUR)], freeze, WHOLE, undefined],
    ["less than three quarters left", [said(freeze, 18 * HOUR - 1)], freeze, WHOLE, ["WITHDRAW", "P2P"]],
    ["a hold is not prolonged", [said(hold, 1)], hold, WHOLE, undefined],
    ["but said again when it is over", [said(hold, 0)], hold, WHOLE, ["WITHDRAW"]],
    ["unless it says so", [said(hold, 18 * HOUR - 1)], extending, WHOLE, ["WITHDRAW"]],
    ["a review is asked once", [said(review, 1)], review, WHOLE, undefined],
    ["the same target", [said(freeze, DAY, key("k1"))], freeze, key("k1"), undefined],
    ["another target", [said(freeze, DAY, key("k1"))], freeze, key("k2"), ["WITHDRAW", "P2P"]],
    ["the whole covers a target", [said(freeze, DAY)], freeze, key("k2"), undefined],
    ["a target does not cover the whole", [said(freeze, DAY, key("k1"))], freeze, WHOLE, ["WITHDRAW", "P2P"]],
  ];
  for (const [what, before, action, targets, scopes] of rows) {
    assert.deepEqual(beyond(before, { action, targets, at: 0 })?.scopes, scopes, what);
  }
  assert.deepEqual(beyond([], { action: review, targets: WHOLE, at: 5 }), { ...said(review, 5 + DAY) });
});

test("what was said is remembered once and bounded", () => {
  const one: Said = { action: "FREEZE", scopes: ["WITHDRAW"], targets: WHOLE, until: 10 };
  assert.deepEqual(withSaid([one], { ...one, until: 20 }), [{ ...one, until: 20 }]);
  assert.deepEqual(withSaid([one], { ...one, until: 5 }), [one]);
  let said: readonly Said[] = [];
  for (let index = 0; index < 100; index++) {
    said = withSaid(said, { ...one, until: index, targets: { ...WHOLE, keyIds: [`k${index}`] } });
  }
  assert.deepEqual([said.length, said[0]!.until, said.at(-1)!.until], [16, 84, 99]);
});

test("targets are the values the evidence has, each once", () => {
  const arrival = { service: "api_key", topic: "t", partition: 0, offset: 0, recordTimestamp: START } as const;
  const entries = ["k1", "k2", "k1", null].map((keyId, at) =>
    newEntry(arrival, event(`e${at}`, at, "X", { keyId }), 1),
  );
  const action: PlannedAction = { ...FREEZE, index: 0, became: "as-written", targets: ["keyId", "withdrawalId"] };
  assert.deepEqual(targetsOf(action, entries), { ...WHOLE, keyIds: ["k1", "k2"] });
});

test("parts of ids never hold the separator and never throw", () => {
  assert.equal(encodePart("a/b c%"), "a%2Fb%20c%25");
  assert.equal(encodePart("\ud800"), "%EF%BF%BD");
});
