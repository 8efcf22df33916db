// The settings of the core reach it, each under its own name.

import { partialDeepStrictEqual as includes } from "node:assert/strict";
import { test } from "node:test";
import { CORE_SETTINGS, coreSettingsOf } from "../../src/config/core-settings.ts";
import { readSettings } from "../../src/config/settings-reader.ts";
import { DAY, MINUTE, SECOND } from "../../src/core/time.ts";

function coreOf(env: Readonly<Record<string, string>>): unknown {
  const read = readSettings(CORE_SETTINGS, { env, flags: {} });
  return "settings" in read ? coreSettingsOf(read.settings) : read.problems;
}

test("a setting of the core is what the variable says, and a default without one", () => {
  const byDefault = { mode: "enforce", allowedLateness: 10 * MINUTE, absenceGrace: MINUTE, profileWarmup: 14 * DAY };
  includes(coreOf({}), byDefault);
  includes(coreOf({ HOLDFAST_ABSENCE_GRACE_MS: "5000" }), { ...byDefault, absenceGrace: 5 * SECOND });
  includes(coreOf({ HOLDFAST_MODE: "observe", HOLDFAST_ALLOWED_LATENESS_MS: "0" }), {
    ...byDefault,
    mode: "observe",
    allowedLateness: 0,
  });
});
