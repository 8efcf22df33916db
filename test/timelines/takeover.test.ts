// What the takeovers of June 2024 looked like, and what must happen to them, with the shipped rules.

import { deepEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { decisionsOf, timeline } from "../../src/testing/timeline-run.ts";
import { parseTimeline } from "../../src/testing/timeline.ts";
import { shippedRules } from "./shipped.ts";

const rules = await shippedRules();
const takeover = timeline(rules);

test("a key made after the second factor was bypassed freezes the account (L1)", () =>
  takeover`
    00:00  alice  RISK_NOTICE_SENT channel=SMS country=HK
    00:02  alice  FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:04  alice  API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS]   → HOLD alice, FREEZE alice
    00:05  bob    API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[TOTP]
    00:04  → REVIEW alice
    00:04  → HOLD alice
  `);

test("the two customers of 9 June 2024 are frozen before the first withdrawal", () =>
  takeover`
    given  first   enrolledFactors=[TOTP,SMS,EMAIL] knownDevices=[f1] knownCountries=[SG] knownAddresses=[]
    given  second  enrolledFactors=[TOTP,SMS] knownDevices=[s1,s2] knownAddresses=[TXknown]
    02:09  first   RISK_NOTICE_SENT channel=SMS country=HK
    02:10  second  RISK_NOTICE_SENT channel=SMS country=HK
    02:11  first   FACTOR_SWITCHED factor=TOTP toFactor=SMS country=HK
    02:12  second  FACTOR_SWITCHED factor=TOTP toFactor=SMS country=HK
    02:13  first   API_KEY_CREATED keyId=k1 rights=[READ,TRADE,WITHDRAW] verifiedWith=[SMS,EMAIL]  → HOLD first, FREEZE first
    02:14  second  API_KEY_CREATED keyId=k2 rights=[TRADE,WITHDRAW] verifiedWith=[SMS]             → HOLD second, FREEZE second
    02:18  first   WITHDRAWAL_REQUESTED withdrawalId=w1 channel=ON_CHAIN address=TX9 via=API keyId=k1 amountUsdCents=120000000   → STEP_UP first, HOLD first, FREEZE first
    02:21  second  WITHDRAWAL_REQUESTED withdrawalId=w2 channel=ON_CHAIN address=TX9 via=API keyId=k2 amountUsdCents=90000000    → STEP_UP second, HOLD second, FREEZE second
    02:13  → REVIEW first
    02:13  → HOLD first
    02:14  → REVIEW second
    02:14  → HOLD second
  `);

const KEY_STEPS = [
  "00:00 alice RISK_NOTICE_SENT channel=SMS",
  "00:05 alice FACTOR_SWITCHED factor=TOTP toFactor=SMS",
  "00:09 alice API_KEY_CREATED rights=[WITHDRAW]",
];
const WITHDRAWAL_STEPS = [
  "00:00 alice EMAIL_FLOOD_REPORTED",
  "00:05 alice FACTOR_SWITCHED factor=PUSH toFactor=EMAIL",
  "00:07 alice ADDRESS_ADDED address=TX9",
  "00:09 alice WITHDRAWAL_REQUESTED withdrawalId=w1 channel=ON_CHAIN address=TX9 amountUsdCents=5000000",
];

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

/** How many accounts were frozen at each arriving line. */
function freezes(lines: readonly string[]): number[] {
  const { perLine } = decisionsOf(parseTimeline(lines.join("\n")), { rules });
  return perLine.map((commands) => commands.filter(({ action }) => action === "FREEZE").length);
}

for (const steps of [KEY_STEPS, WITHDRAWAL_STEPS]) {
  const last = steps.at(-1)?.split(" ")[2];
  test(`any order of arrival, across topics, freezes at the last arrival: ${last} (L2)`, () => {
    for (const order of permutations(steps)) {
      deepEqual(
        freezes(order),
        steps.map((_, index) => (index === steps.length - 1 ? 1 : 0)),
        order.join("\n"),
      );
    }
  });

  test(`duplicates anywhere freeze once: ${last} (L2)`, () => {
    for (const order of permutations(steps)) {
      const withIds = order.map((line) => `${line} eventId=id${steps.indexOf(line)}`);
      strictEqual(
        freezes([...withIds, ...withIds]).reduce((sum, count) => sum + count, 0),
        1,
      );
    }
  });

  test(`the same steps over more than 15 minutes freeze nobody, in any order: ${last}`, () => {
    for (const order of permutations([...steps.slice(0, -1), steps.at(-1)!.replace("00:09", "00:15:00.001")])) {
      deepEqual(
        freezes(order),
        steps.map(() => 0),
        order.join("\n"),
      );
    }
  });

  test(`exactly 15 minutes are within the window, in any order: ${last}`, () => {
    for (const order of permutations([...steps.slice(0, -1), steps.at(-1)!.replace("00:09", "00:15")])) {
      strictEqual(freezes(order).at(-1), 1, order.join("\n"));
    }
  });

  test(`all at one instant is in order, in any order of arrival: ${last} (L1)`, () => {
    for (const order of permutations(steps.map((line) => line.replace(/^\d\d:\d\d/u, "00:07"))))
      strictEqual(freezes(order).at(-1), 1);
  });

  test(`each step on another account than the rest freezes nobody: ${last} (L4)`, () => {
    for (const elsewhere of steps) {
      const mixed = steps.map((line) => (line === elsewhere ? line.replace("alice", "bob") : line));
      for (const order of permutations(mixed))
        deepEqual(
          freezes(order),
          steps.map(() => 0),
        );
    }
  });

  test(`each step left out freezes nobody: ${last}`, () => {
    for (const missing of steps) {
      for (const order of permutations(steps.filter((line) => line !== missing)))
        deepEqual(
          freezes(order),
          order.map(() => 0),
        );
    }
  });
}

test("a key that can only read freezes nobody", () =>
  takeover`
    00:00  RISK_NOTICE_SENT channel=SMS
    00:05  FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:09  API_KEY_CREATED rights=[READ]
  `);

test("a read-only key that gets the right to withdraw later freezes then", () =>
  takeover`
    00:00  RISK_NOTICE_SENT channel=SMS
    00:05  FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:09  API_KEY_CREATED keyId=k1 rights=[READ]
    00:12  API_KEY_RIGHTS_CHANGED keyId=k1 rights=[READ,WITHDRAW]  → FREEZE alice
    00:12  → REVIEW alice
    00:12  → HOLD alice
  `);

for (const exit of [
  "channel=ON_CHAIN address=TX9",
  "channel=P2P",
  "channel=INTERNAL",
  "channel=GIFT",
  "channel=FIAT address=DE01",
]) {
  const decided = exit.includes("address")
    ? "HOLD alice, STEP_UP alice, HOLD alice, FREEZE alice"
    : "HOLD alice, STEP_UP alice, FREEZE alice";
  test(`money cannot leave by ${exit}`, () =>
    takeover`
      given  alice  enrolledFactors=[TOTP,SMS] knownAddresses=[TXknown]
      00:00  SIM_SWAP_REPORTED
      00:08  WITHDRAWAL_REQUESTED withdrawalId=w1 ${exit} amountUsdCents=5000000 verifiedWith=[SMS]  → ${decided}
    `);
}

test("a recipient on the exchange itself, known to the account, is no new destination", () =>
  takeover`
    given  alice  enrolledFactors=[TOTP,SMS] knownAddresses=[carol]
    00:00  SIM_SWAP_REPORTED
    00:08  WITHDRAWAL_REQUESTED withdrawalId=w1 channel=INTERNAL address=carol amountUsdCents=4900000 verifiedWith=[SMS]  → HOLD alice
  `);

test("a takeover long after the first one is a case of its own", () =>
  takeover`
    00:00      RISK_NOTICE_SENT channel=SMS
    00:02      FACTOR_SWITCHED factor=TOTP toFactor=SMS
    00:04      API_KEY_CREATED rights=[WITHDRAW]   → FREEZE alice
    00:05      API_KEY_CREATED rights=[TRADE]
    +2d00:00   RISK_NOTICE_SENT channel=SMS   → REVIEW alice, HOLD alice
    +2d00:02   FACTOR_SWITCHED factor=TOTP toFactor=SMS
    +2d00:04   API_KEY_CREATED rights=[WITHDRAW]   → FREEZE alice
    +2d00:04   → REVIEW alice
    +2d00:04   → HOLD alice
  `);
