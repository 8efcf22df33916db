// Every kind of correlation, from its text to what it commands.

import { strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import { timeline } from "../../src/testing/timeline-run.ts";
import type { TimelineTag } from "../../src/testing/timeline-run.ts";

const detection = (name: string, service: string, selection: string): string =>
  `title: ${name}\nname: ${name}\nlogsource: { product: exchange, service: ${service} }\ndetection: { s: { ${selection} }, condition: s }\n---\n`;

const STEPS =
  detection("notice", "auth", "type: RISK_NOTICE_SENT") +
  detection("weak", "auth", "type: FACTOR_SWITCHED") +
  detection("confirmed", "auth", "type: CHALLENGE_PASSED, factor: TOTP") +
  detection("failed", "auth", "type: LOGIN_FAILED") +
  detection("asked", "withdrawal", "type: WITHDRAWAL_REQUESTED");

const respond = "holdfast: { respond: [{ hold: [WITHDRAW], for: 24h, reason: X }] }\n";

/** Rules of one correlation over the steps; `more` stands before it. */
function over(section: string, more = ""): TimelineTag {
  const text = `${STEPS}${more}title: C\nname: found\ncorrelation: { group-by: [accountId], timespan: 15m, ${section} }\n${respond}`;
  const { rules, problems } = loadRules([{ path: "r.yml", text }]);
  strictEqual(problems.map(formatProblem).join("\n"), "");
  return timeline(rules!);
}

test("event_count counts the events of all its rules together", () =>
  over("type: event_count, rules: [failed, notice], condition: { gte: 3 }")`
    00:00  alice  LOGIN_FAILED
    00:01  bob    LOGIN_FAILED
    00:05  alice  RISK_NOTICE_SENT channel=SMS
    00:15  alice  LOGIN_FAILED  → HOLD alice
  `);

test("value_count counts different values", () =>
  over("type: value_count, rules: [failed], condition: { field: deviceId, gte: 2 }")`
    00:00  alice  LOGIN_FAILED deviceId=d1
    00:01  alice  LOGIN_FAILED deviceId=d1
    00:02  alice  LOGIN_FAILED deviceId=d2  → HOLD alice
  `);

test("value_sum adds up the window that ends at each event", () =>
  over("type: value_sum, rules: [asked], condition: { field: amountUsdCents, gt: 1000 }")`
    00:00  alice  WITHDRAWAL_REQUESTED withdrawalId=w1 amountUsdCents=600
    00:14  alice  WITHDRAWAL_REQUESTED withdrawalId=w2 amountUsdCents=400
    00:16  alice  WITHDRAWAL_REQUESTED withdrawalId=w3 amountUsdCents=600
    00:17  alice  WITHDRAWAL_REQUESTED withdrawalId=w4 amountUsdCents=1  → HOLD alice
  `);

test("aliases count different fields of different events as one", () =>
  over(
    "type: value_count, rules: [failed, asked], aliases: { where: { failed: deviceId, asked: address } }, condition: { field: where, gte: 2 }",
  )`
    00:00  alice  LOGIN_FAILED deviceId=x
    00:01  alice  WITHDRAWAL_REQUESTED withdrawalId=w1 address=x
    00:02  alice  WITHDRAWAL_REQUESTED withdrawalId=w2 address=y  → HOLD alice
  `);

test("temporal asks for its rules in any order", () =>
  over("type: temporal, rules: [notice, weak, asked]")`
    00:00  alice  WITHDRAWAL_REQUESTED withdrawalId=w1
    00:05  alice  FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:15  alice  RISK_NOTICE_SENT channel=SMS  → HOLD alice
  `);

test("temporal asks for as many of its rules as it says", () =>
  over("type: temporal, rules: [notice, weak, asked], condition: { gte: 2 }")`
    00:00  alice  WITHDRAWAL_REQUESTED withdrawalId=w1
    00:01  alice  WITHDRAWAL_REQUESTED withdrawalId=w2
    00:15  alice  RISK_NOTICE_SENT channel=SMS  → HOLD alice
  `);

test("an absence is decided when its time has passed, and a confirmation prevents it", () =>
  over("type: temporal_ordered, rules: [notice, weak, confirmed], condition: notice and weak and not confirmed")`
    00:00  alice  RISK_NOTICE_SENT channel=SMS
    00:00  bob    RISK_NOTICE_SENT channel=SMS
    00:02  alice  FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:02  bob    FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:10  bob    CHALLENGE_PASSED factor=TOTP
    00:20  carol  LOGIN_FAILED  → HOLD alice
  `);

test("a chain sees every match of its inner rule", () =>
  over(
    "type: temporal_ordered, rules: [many, asked]",
    "title: M\nname: many\ncorrelation: { type: event_count, rules: [failed], group-by: [accountId], timespan: 5m, condition: { gte: 3 } }\n---\n",
  )`
    00:00  alice  LOGIN_FAILED
    00:01  alice  LOGIN_FAILED
    00:02  alice  WITHDRAWAL_REQUESTED withdrawalId=w1
    00:03  alice  LOGIN_FAILED
    00:10  alice  WITHDRAWAL_REQUESTED withdrawalId=w2  → HOLD alice
  `);
