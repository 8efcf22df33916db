// Rules replaced while a sequence is under way, on the whole processor (L8).

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { readRuleTexts } from "../../src/adapters/rule-files.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { frozen, openDriver, startReady } from "./driver-fixture.ts";

async function june(edit: (text: string) => string = (text) => text): Promise<RuleSet> {
  const texts = await readRuleTexts("rules/takeover");
  const wanted = texts.filter(({ path }) => /(takeover_steps|notice_bypass_key)\.yml$/u.test(path));
  const { rules, problems } = loadRules(wanted.map(({ path, text }) => ({ path, text: edit(text) })));
  assert.deepEqual(problems, []);
  assert.ok(rules !== null);
  return rules;
}

for (const { what, edit, expected } of [
  {
    what: "another response keeps the partial matches: the last step still freezes, as the new rules say",
    edit: (text: string) => text.replaceAll("for: 24h", "for: 48h"),
    expected: ["alice 48 h"],
  },
  {
    what: "another window drops the partial matches: what began under the old meaning does not end under the new",
    edit: (text: string) => text.replaceAll("timespan: 15m", "timespan: 14m"),
    expected: [],
  },
]) {
  test(`${what} (L8)`, async () => {
    const driver = await openDriver({ rules: await june() });
    const processor = await startReady(driver, "first");
    driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" });
    await driver.advance(1_000);
    driver.produce({ accountId: "alice", type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
    await driver.advance(1_000);
    processor.replaceRules(await june(edit));
    driver.produce({ accountId: "alice", type: "API_KEY_CREATED", rights: ["WITHDRAW"], verifiedWith: ["TOTP"] });
    await driver.advance(1_000);
    assert.equal(frozen(driver).length, expected.length);
    const hours = driver
      .commands()
      .map(({ accountId, expiresAt, issuedAt }) => `${accountId} ${(expiresAt! - issuedAt) / 3_600_000} h`);
    assert.deepEqual(hours, expected);
  });
}
