// A campaign against the shipped rules with the policies only watching: what the rules about single accounts
// cannot see, those about groups do, before the third step. Of the honest customers beside it only those are
// held that a policy would hold anyway: a new phone, and a payment to the shop that the gang pays, too.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import { makeCampaign, USUAL_CAMPAIGN } from "../../src/testing/exchange/campaign.ts";
import type { Campaign } from "../../src/testing/exchange/campaign.ts";
import { SHARED_THINGS } from "../../src/testing/exchange/shared-thing.ts";
import type { SharedThing } from "../../src/testing/exchange/shared-thing.ts";
import { withoutPolicies } from "../../src/testing/exchange/campaign-tally.ts";
import { judgeExchange } from "../../src/testing/exchange/verdict.ts";

const loaded = await readRules("rules");
assert.ok(loaded.rules, "the shipped rules load");
const { rules } = loaded;
const ids = new Map([...rules.detections, ...rules.correlations].map(({ name, id }) => [name ?? id, id]));
const RULE_OF: Readonly<Record<SharedThing, string>> = {
  device: "shared_device",
  network: "shared_network",
  destination: "shared_address",
};

function campaign(shares: SharedThing, seed: number): Campaign {
  return makeCampaign({ ...USUAL_CAMPAIGN, seed, shares, from: Date.UTC(2024, 5, 9, 12) });
}

for (const shares of SHARED_THINGS) {
  test(`forty accounts, one ${shares}: each is held before its third step, no customer beside it without a reason`, () => {
    for (const seed of [1, 2, 3]) {
      const made = campaign(shares, seed);
      const verdict = judgeExchange(made, { rules: withoutPolicies(rules), ids });
      assert.equal(verdict.takeovers.length, 40);
      const late = verdict.takeovers.filter(({ told, saidAt }) => saidAt === null || saidAt >= made.thirdStepOf(told));
      assert.deepEqual(
        late.map(({ told, saidAt }) => [told.account.id, saidAt]),
        [],
      );
      assert.equal(
        verdict.takeovers.reduce((sum, { lostUsdCents }) => sum + lostUsdCents, 0),
        0,
      );
      const held = verdict.honest.filter(({ mayHold, commands }) => !mayHold && commands.length > 0);
      assert.deepEqual(held, []);
    }
  });

  test(`without the rule about a ${shares} nothing of it is seen`, () => {
    const blind = withoutPolicies(rules);
    const correlations = blind.correlations.map((rule) =>
      rule.name === RULE_OF[shares] ? { ...rule, standalone: false } : rule,
    );
    const verdict = judgeExchange(campaign(shares, 1), { rules: { ...blind, correlations }, ids });
    assert.deepEqual(
      verdict.takeovers.filter(({ saidAt }) => saidAt !== null).map(({ told }) => told.account.id),
      [],
    );
  });
}

test("one seed is one campaign", () => {
  const text = (seed: number): string => JSON.stringify([...campaign("network", seed).live()]);
  assert.equal(text(7), text(7));
  assert.notEqual(text(7), text(8));
});
