import { strict as assert } from "node:assert";
import { test } from "node:test";
import { RESPONSE_SETTINGS, responseSettingsOf } from "../../src/config/response-settings.ts";
import { readSettings } from "../../src/config/settings-reader.ts";
import type { SettingName } from "../../src/config.ts";

const NAMES = Object.keys(RESPONSE_SETTINGS) as SettingName[];

function told(env: Record<string, string>): unknown {
  const read = readSettings(NAMES, { env, flags: {} });
  return "problems" in read ? read.problems : responseSettingsOf(read.settings);
}

test("by default what a rule may do is bounded, and services have half a minute", () => {
  assert.deepEqual(told({}), {
    ackTimeout: 30_000,
    breaker: {
      fraction: 0.005,
      linkedFraction: 0.05,
      holdFraction: 0.05,
      floor: 5,
      holdFloor: 50,
      window: 600_000,
      hold: 3_600_000,
    },
  });
});

test("a fraction of 1 switches the breakers off, a patience of 0 expects no answers", () => {
  assert.deepEqual(told({ HOLDFAST_BREAKER_FRACTION: "1", HOLDFAST_ACK_TIMEOUT_MS: "0" }), {});
});

for (const wrong of ["1.1", "-0.1", "half", "50%", ".5"]) {
  test(`a fraction is a number from 0 to 1, not ${JSON.stringify(wrong)}`, () => {
    assert.match(String(told({ HOLDFAST_BREAKER_FRACTION: wrong })), /HOLDFAST_BREAKER_FRACTION.*0 to 1/);
  });
}
