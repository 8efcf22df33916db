// What the profile says, line by line, in the situations the shipped rules are about. After the arrow stand
// the facts asked for that are true or a number; silence is asserted as well.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { ExchangeEvent } from "../../src/core/event.ts";
import type { ProfileFacts } from "../../src/core/profile-facts.ts";
import { factsOf } from "./facts-of.ts";
import { learn, newProfile, type Profile } from "../../src/core/profile.ts";
import { DAY } from "../../src/core/time.ts";
import { parseTimeline, printTimeline, type Timeline, type TimelineLine } from "../../src/testing/timeline.ts";

type Fact = keyof ProfileFacts;

/** Facts about one account; learns as the partition does. */
class Described {
  readonly #facts: readonly Fact[];
  #profile: Profile | null = null;

  constructor(facts: readonly Fact[]) {
    this.#facts = facts;
  }

  learn(event: ExchangeEvent): void {
    this.#profile ??= newProfile(event.occurredAt);
    learn(this.#profile, event, () => assert.fail("nothing is dropped"));
  }

  /** `newDevice=true`, in the order asked for. */
  describe(event: ExchangeEvent): string[] {
    const facts = factsOf(this.#profile!, event, 14 * DAY);
    return this.#facts.flatMap((fact) => {
      const value = facts[fact];
      return value === null || value === false ? [] : [`${fact}=${value}`];
    });
  }
}

function eventOf(line: TimelineLine): ExchangeEvent {
  assert.ok(line.arrival !== null);
  return line.arrival.event;
}

/** Runs the timeline as it arrives; then everything twice and backwards, described when all is known. */
function telling(...facts: readonly Fact[]): (text: TemplateStringsArray) => void {
  return ([text = ""]) => {
    const expected = parseTimeline(text);
    const inOrder = new Described(facts);
    for (const { event } of expected.given) inOrder.learn(event);
    const found = expected.lines.map((line): TimelineLine => {
      inOrder.learn(eventOf(line));
      return { ...line, outcome: inOrder.describe(eventOf(line)) };
    });
    same({ ...expected, lines: found }, expected);

    const backwards = new Described(facts);
    for (const line of [...expected.lines, ...expected.lines].toReversed()) backwards.learn(eventOf(line));
    for (const { event } of expected.given) backwards.learn(event);
    const late = expected.lines.map((line) => ({ ...line, outcome: backwards.describe(eventOf(line)) }));
    same({ ...expected, lines: late }, expected);
  };
}

function same(found: Timeline, expected: Timeline): void {
  assert.equal(printTimeline(found), printTimeline(expected));
}

test("recovery_drain: the thief's phone is new after the recovery, and the exit says how long ago it was", () =>
  telling("newDevice", "secondsSinceCredentialChange", "secondsSinceNewDevice", "balanceFraction")`
    given  alice  enrolledFactors=[TOTP,SMS] knownDevices=[d1] knownCountries=[DE]
    00:00  alice  PHONE_UNREACHABLE
    00:05  alice  RECOVERY_REQUESTED deviceId=d9                    → newDevice=true
    00:09  alice  RECOVERY_COMPLETED verifiedWith=[SMS]             → secondsSinceCredentialChange=0
    00:12  alice  LOGIN_SUCCEEDED deviceId=d9 country=RU            → newDevice=true, secondsSinceCredentialChange=180, secondsSinceNewDevice=0
    00:15  alice  WITHDRAWAL_REQUESTED channel=P2P deviceId=d9 amountUsdCents=90000 balanceUsdCents=100000  → newDevice=true, secondsSinceCredentialChange=360, secondsSinceNewDevice=180, balanceFraction=0.9
    00:16  alice  WITHDRAWAL_REQUESTED channel=P2P deviceId=d1 amountUsdCents=10000 balanceUsdCents=10000   → secondsSinceCredentialChange=420, secondsSinceNewDevice=240, balanceFraction=1
  `);

test("email_flood_drain: what leaves is measured by the balance, and by the day", () =>
  telling("balanceFraction", "withdrawnUsdCents24h")`
    given  alice  enrolledFactors=[TOTP,EMAIL] knownDevices=[d1]
    00:00  alice  EMAIL_FLOOD_REPORTED
    00:04  alice  TRADE_FILLED symbol=ETH-USDT side=SELL notionalUsdCents=5000000
    00:08  alice  WITHDRAWAL_REQUESTED amountUsdCents=2500000 balanceUsdCents=5000000  → balanceFraction=0.5, withdrawnUsdCents24h=2500000
    00:09  alice  WITHDRAWAL_REQUESTED amountUsdCents=2500000 balanceUsdCents=2500000  → balanceFraction=1, withdrawnUsdCents24h=5000000
    00:10  alice  WITHDRAWAL_COMPLETED amountUsdCents=2500000                          → withdrawnUsdCents24h=5000000
    +1d00:08  alice  WITHDRAWAL_COMPLETED amountUsdCents=1                             → withdrawnUsdCents24h=5000000
    +1d00:09  alice  WITHDRAWAL_COMPLETED amountUsdCents=1                             → withdrawnUsdCents24h=2500000
    +1d00:10  alice  WITHDRAWAL_COMPLETED amountUsdCents=1
  `);

test("key_drain: the key is of a new network, and its withdrawals add up", () =>
  telling("newAsn", "secondsSinceApiKey", "withdrawnUsdCents24h", "presentedStrength")`
    given  alice  enrolledFactors=[TOTP] knownAsns=[64500]
    00:00  alice  API_KEY_CREATED keyId=k1 rights=[WITHDRAW] asn=64999 verifiedWith=[TOTP]       → newAsn=true, secondsSinceApiKey=0, presentedStrength=2
    00:05  alice  WITHDRAWAL_REQUESTED withdrawalId=w1 via=API asn=64999 amountUsdCents=40000    → newAsn=true, secondsSinceApiKey=300, withdrawnUsdCents24h=40000
    00:06  alice  WITHDRAWAL_REQUESTED withdrawalId=w2 via=API asn=64999 amountUsdCents=40000    → newAsn=true, secondsSinceApiKey=360, withdrawnUsdCents24h=80000
    00:07  alice  WITHDRAWAL_REQUESTED withdrawalId=w3 via=API asn=64500                         → secondsSinceApiKey=420
    +1d00:00  alice  WITHDRAWAL_REQUESTED withdrawalId=w4 via=API asn=64999 amountUsdCents=1     → secondsSinceApiKey=86400, withdrawnUsdCents24h=80001
  `);

test("session_hijack_trades: the moved session whitens nothing, and fills do not say it again", () =>
  telling("sessionMoved", "newDevice", "impossibleTravel")`
    given  alice  knownDevices=[d1] knownCountries=[DE] knownAsns=[64500]
    00:00  alice  LOGIN_SUCCEEDED sessionId=s1 deviceId=d1 asn=64500 country=DE
    00:30  alice  SESSION_USED sessionId=s1 deviceId=d1 asn=64501 country=DE issuedDeviceId=d1 issuedAsn=64500 issuedCountry=DE
    00:40  alice  SESSION_USED sessionId=s1 deviceId=d7 asn=64999 country=RU issuedDeviceId=d1 issuedAsn=64500 issuedCountry=DE  → sessionMoved=true, newDevice=true, impossibleTravel=true
    00:41  alice  TRADE_FILLED sessionId=s1 symbol=QQQ-USDT side=BUY notionalUsdCents=900000 priceDeviationBps=4100 deviceId=d7   → newDevice=true
    00:42  alice  SESSION_USED sessionId=s1 asn=64999 country=RU issuedAsn=64500 issuedCountry=DE                                 → sessionMoved=true, impossibleTravel=true
    00:50  alice  SESSION_USED sessionId=s1 asn=64999 issuedAsn=64500
    00:51  alice  LOGIN_SUCCEEDED sessionId=s2 deviceId=d1 asn=64500 country=DE
  `);

test("challenge_bombing: a challenge passed with the weak factor does not make it the strongest", () =>
  telling("strongestFactor", "verifiedBelowStrongest", "newDevice")`
    given  alice  enrolledFactors=[PUSH,SMS] knownDevices=[d1]
    00:00  alice  CHALLENGE_SENT factor=PUSH deviceId=d8                      → strongestFactor=2, newDevice=true
    00:01  alice  CHALLENGE_FAILED factor=PUSH deviceId=d8                    → strongestFactor=2, newDevice=true
    00:02  alice  CHALLENGE_PASSED factor=PUSH deviceId=d8                    → strongestFactor=2, newDevice=true
    00:03  alice  ADDRESS_ADDED address=TX9 verifiedWith=[PUSH] deviceId=d8   → strongestFactor=2, newDevice=true
    00:04  alice  API_KEY_CREATED verifiedWith=[SMS] deviceId=d1              → strongestFactor=2, verifiedBelowStrongest=true
    00:05  alice  API_KEY_CREATED verifiedWith=[] deviceId=d1                 → strongestFactor=2, verifiedBelowStrongest=true
  `);

test("notice_bypass_key: a recovery that resets the authenticator passed below it, whatever it lists", () =>
  telling("verifiedBelowStrongest", "strongestFactor")`
    given alice enrolledFactors=[TOTP,SMS]
    00:02 alice RECOVERY_COMPLETED verifiedWith=[SMS] enrolledFactors=[SMS]  → verifiedBelowStrongest=true, strongestFactor=2
  `);

test("unconfirmed_new_login: a challenge passed presents its factor", () =>
  telling("presentedStrength", "strongestFactor")`
    given alice enrolledFactors=[TOTP,SMS]
    00:01 CHALLENGE_PASSED factor=TOTP                      → presentedStrength=2, strongestFactor=2
    00:02 CHALLENGE_PASSED factor=SMS verifiedWith=[TOTP]   → presentedStrength=2, strongestFactor=2
    00:03 CHALLENGE_SENT factor=TOTP                        → strongestFactor=2
  `);

test("new_address_large: new for a day after it was listed, large by what was paid before", () =>
  telling("newAddress", "amountRatio", "balanceFraction")`
    given  alice  knownAddresses=[TX1]
    00:00  alice  WITHDRAWAL_COMPLETED address=TX1 amountUsdCents=20000
    00:01  alice  WITHDRAWAL_REQUESTED address=TX1 amountUsdCents=80000
    +13d00:00  alice  WITHDRAWAL_REQUESTED address=TX1 amountUsdCents=80000   → amountRatio=4
    +13d01:00  alice  ADDRESS_ADDED address=TX2                               → newAddress=true
    +13d02:00  alice  WITHDRAWAL_REQUESTED address=TX2 addressListed=true amountUsdCents=200000 balanceUsdCents=400000  → newAddress=true, amountRatio=10, balanceFraction=0.5
    +14d01:00  alice  WITHDRAWAL_REQUESTED address=TX2 addressListed=true amountUsdCents=10000                          → amountRatio=0.5
    +14d02:00  alice  WITHDRAWAL_REQUESTED address=TX3 amountUsdCents=10000                                             → newAddress=true, amountRatio=0.5
  `);
