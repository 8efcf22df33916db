// The settings of the core reach it, each under its own name.

import { equal, ok, partialDeepStrictEqual as includes } from "node:assert/strict";
import { test } from "node:test";
import { CORE_SETTINGS, coreSettingsOf } from "../../src/config/core-settings.ts";
import { readSettings } from "../../src/config/settings-reader.ts";
import { DAY, MINUTE, SECOND } from "../../src/core/time.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { openDriver } from "../../src/testing/driver.ts";

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

const step = (name: string, type: string): string =>
  `title: ${name}\nname: ${name}\nlogsource: { product: exchange, service: auth }\ndetection: { s: { type: ${type} }, condition: s }\n---\n`;
const SILENCE = `${step("notice", "RISK_NOTICE_SENT")}${step("login", "LOGIN_SUCCEEDED")}title: silence
correlation: { type: temporal, condition: notice and not login, group-by: [accountId], timespan: 15m }
`;

test("the grace is how late an event may come and still contradict an absence", () => {
  const { rules } = loadRules([{ path: "r.yml", text: SILENCE }]);
  ok(rules);
  const openedWith = (graceMs: number): number => {
    const read = readSettings(CORE_SETTINGS, { env: { HOLDFAST_ABSENCE_GRACE_MS: String(graceMs) }, flags: {} });
    ok("settings" in read);
    const driver = openDriver({ rules, settings: coreSettingsOf(read.settings) });
    let offset = 0;
    const tell = (minute: number, accountId: string, type: string): number => {
      const occurredAt = Date.UTC(2024, 5, 9) + minute * MINUTE;
      const place = { service: "auth" as const, topic: "auth-events", partition: 0, offset: offset++ };
      const arrival = { ...place, recordTimestamp: occurredAt + 20 * MINUTE };
      const outputs = driver.apply(arrival, { eventId: `e${offset}`, accountId, type, occurredAt });
      return outputs.flatMap(({ detections }) => detections).filter(({ kind }) => kind === "OPENED").length;
    };
    // The log-in of minute 10 is heard of when the frontier is at minute 18: 3 minutes after the span's end.
    return tell(0, "alice", "RISK_NOTICE_SENT") + tell(18, "bob", "LOGOUT") + tell(10, "alice", "LOGIN_SUCCEEDED");
  };
  equal(openedWith(MINUTE), 1);
  equal(openedWith(5 * MINUTE), 0);
});
