// Groups that are no accounts fire as brute force says: the laws of test/core/correlation on groups that live
// apart from the accounts whose events they hear of.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { RuleSet } from "../../src/core/rule.ts";
import { openDriver } from "../../src/testing/driver.ts";
import { arrivalsOf, drawnEvents, expected, GRACE, isImmediate, rules } from "./correlation/streams.ts";
import type { Drawn } from "./correlation/streams.ts";

/** The same rules, grouped by the session. */
const shared: RuleSet = {
  ...rules,
  correlations: rules.correlations.map((rule) => ({
    ...rule,
    groupBy: ["sessionId"],
    inputs: rule.inputs.map((input) => ({ ...input, groupFields: ["sessionId"] })),
  })),
};

/** What was the account is the session; the accounts are many. @param late scales how late events come */
function firedShared(drawn: readonly Drawn[], late = 1): string[] {
  const found = new Set<string>();
  const driver = openDriver({ rules: shared, settings: { allowedLateness: GRACE * late, absenceGrace: GRACE } });
  const take = (decided: ReturnType<typeof driver.apply>): void => {
    for (const { kind, ruleId, group } of decided.flatMap(({ detections }) => detections)) {
      if (kind === "OPENED") found.add(`${ruleId} ${group["sessionId"]}`);
    }
  };
  arrivalsOf(drawn, late).forEach(({ event, topic }, offset) => {
    const moved = { ...event, sessionId: event.accountId, accountId: `account ${event.eventId}` };
    take(driver.apply({ service: topic, topic, partition: 0, offset, recordTimestamp: event.occurredAt }, moved));
  });
  take(driver.finish());
  return [...found].toSorted();
}

test("every kind fires for the groups that brute force finds, in any order of arrival (L1, L2, L5, LK1)", () => {
  fc.assert(
    fc.property(drawnEvents, (drawn) => assert.deepEqual(firedShared(drawn), expected(drawn))),
    { numRuns: 200 },
  );
});

test("what fires at once does so however late within the lateness (L2, L3)", () => {
  const atOnce = (names: readonly string[]): string[] =>
    names.filter((each) => isImmediate(/^(.*) g\d$/.exec(each)![1]!));
  fc.assert(
    fc.property(drawnEvents, (drawn) => assert.deepEqual(atOnce(firedShared(drawn, 10)), atOnce(expected(drawn)))),
    { numRuns: 100 },
  );
});
