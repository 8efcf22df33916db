// The facts about money, sessions and journeys; those about seen values and factors are in profile.test.ts.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { ExchangeEvent } from "../../src/core/event.ts";
import type { ProfileFacts } from "../../src/core/profile-facts.ts";
import { factsOf } from "./facts-of.ts";
import { learn, newProfile } from "../../src/core/profile.ts";
import { DAY, HOUR, MINUTE } from "../../src/core/time.ts";
import { codec, event, type Fields } from "./world.ts";

const WARMUP = 14 * DAY;

/** Learns the events in order; the facts about the last one. */
function factsAfter(...events: readonly ExchangeEvent[]): ProfileFacts {
  const profile = newProfile(events[0]!.occurredAt);
  for (const each of events) learn(profile, each, () => {});
  const facts = factsOf(profile, events.at(-1)!, WARMUP);
  return facts;
}

type Row<T> = readonly [what: string, events: readonly ExchangeEvent[], expected: T];

const born = event("b", -30 * DAY, "LOGIN_FAILED");
const request = (at: number, amountUsdCents: number | null, fields: Fields = {}): ExchangeEvent =>
  event(`w${at}`, at, "WITHDRAWAL_REQUESTED", { amountUsdCents, ...fields });
const paid = (at: number, amountUsdCents: number): ExchangeEvent =>
  event(`p${at}`, at, "WITHDRAWAL_COMPLETED", { amountUsdCents });

test("the fraction of the balance is from 0 to 1", () => {
  const rows: readonly Row<number | null>[] = [
    ["half", [request(0, 50, { balanceUsdCents: 100 })], 0.5],
    ["nothing", [request(0, 0, { balanceUsdCents: 100 })], 0],
    ["all", [request(0, 100, { balanceUsdCents: 100 })], 1],
    ["more than was there", [request(0, 101, { balanceUsdCents: 100 })], 1],
    ["something of nothing", [request(0, 1, { balanceUsdCents: 0 })], 1],
    ["nothing of nothing", [request(0, 0, { balanceUsdCents: 0 })], null],
    ["no balance", [request(0, 50)], null],
    ["no amount", [request(0, null, { balanceUsdCents: 100 })], null],
  ];
  for (const [what, events, expected] of rows) assert.equal(factsAfter(...events).balanceFraction, expected, what);
});

test("an amount is compared with the largest completed withdrawal of about 90 days", () => {
  const rows: readonly Row<number | null>[] = [
    ["the largest counts", [born, paid(-3 * DAY, 10), paid(-2 * DAY, 5), request(0, 40)], 4],
    ["what was only asked for does not", [born, request(-DAY, 1_000), paid(-DAY, 10), request(0, 40)], 4],
    ["none completed", [born, request(0, 40)], null],
    ["no amount", [born, paid(-DAY, 10), request(0, null)], null],
    ["a fortnight of history is wanted (PF3)", [paid(-WARMUP + 1_000, 10), request(0, 40)], null],
    ["and enough", [paid(-WARMUP, 10), request(0, 40)], 4],
    ["60 days ago", [paid(-60 * DAY, 10), request(0, 40)], 4],
    ["120 days ago", [paid(-120 * DAY, 10), request(0, 40)], null],
  ];
  for (const [what, events, expected] of rows) assert.equal(factsAfter(...events).amountRatio, expected, what);
});

test("what was requested in 24 hours includes the request itself", () => {
  const rows: readonly Row<number | null>[] = [
    ["alone", [request(0, 40)], 40],
    ["with those of the day before", [request(-DAY, 1), request(-HOUR, 2), request(0, 40)], 43],
    ["not an older one", [request(-DAY - 1, 1), request(0, 40)], 40],
    ["not a later one", [request(MINUTE, 1), request(0, 40)], 40],
    ["once, however often it comes", [request(0, 40), request(0, 40)], 40],
    ["completed is not requested", [paid(-HOUR, 5), request(0, 40)], 40],
    ["on any withdrawal event", [request(-HOUR, 2), paid(0, 2)], 2],
    ["no request is known (PF3)", [paid(0, 2)], null],
    ["this one does not say its amount", [request(-HOUR, 2), request(0, null)], null],
    ["this one is no withdrawal", [request(-HOUR, 2), event("l", 0, "LOGIN_SUCCEEDED")], null],
  ];
  for (const [what, events, expected] of rows) assert.equal(factsAfter(...events).withdrawnUsdCents24h, expected, what);
});

test("a request is written once, one without an amount never (PF1, PF2)", () => {
  const profile = newProfile(request(0, 1).occurredAt);
  const learned = [request(0, 1), request(0, 1), request(MINUTE, null), request(MINUTE, 0)];
  assert.deepEqual(
    learned.map((each) => learn(profile, each, () => {})),
    [true, false, false, false],
  );
  const smaller = [paid(0, 10), paid(MINUTE, 9), paid(MINUTE, 10), paid(MINUTE, 11)];
  assert.deepEqual(
    smaller.map((each) => learn(profile, each, () => {})),
    [true, false, false, true],
  );
});

test("requests past the cap are counted as dropped", () => {
  const dropped: string[] = [];
  const profile = newProfile(request(0, 1).occurredAt);
  for (let at = 0; at < 70; at++) learn(profile, request(at, 1), (kind) => dropped.push(kind));
  assert.deepEqual(
    dropped,
    Array.from({ length: 6 }, () => "requests"),
  );
});

test("a session has moved when the device differs, or network and country both do", () => {
  const issued = { issuedDeviceId: "d1", issuedAsn: 1, issuedCountry: "DE" };
  const used = (fields: Fields, type = "SESSION_USED"): ExchangeEvent => event("u", 0, type, fields);
  const rows: readonly Row<boolean | null>[] = [
    ["nothing differs", [used({ ...issued, deviceId: "d1", asn: 1, country: "DE" })], false],
    ["the device", [used({ ...issued, deviceId: "d2", asn: 1, country: "DE" })], true],
    ["only the device is known", [used({ issuedDeviceId: "d1", deviceId: "d2" })], true],
    ["network and country", [used({ ...issued, deviceId: "d1", asn: 2, country: "HK" })], true],
    ["the network alone", [used({ ...issued, deviceId: "d1", asn: 2, country: "DE" })], false],
    ["the country alone", [used({ ...issued, deviceId: "d1", asn: 1, country: "HK" })], false],
    ["the network, the country unknown", [used({ ...issued, deviceId: "d1", asn: 2 })], null],
    ["the device unknown, the rest as it was", [used({ ...issued, asn: 1, country: "DE" })], null],
    ["the device unknown, network and country differ", [used({ ...issued, asn: 2, country: "HK" })], true],
    ["nothing is said of the issue", [used({ deviceId: "d2", asn: 2, country: "HK" })], null],
    ["any event that says it", [used({ ...issued, deviceId: "d2" }, "PASSWORD_CHANGED")], true],
  ];
  for (const [what, events, expected] of rows) assert.equal(factsAfter(...events).sessionMoved, expected, what);
});

test("a journey is impossible when another country was seen in this or the previous clock hour", () => {
  // 9 June 2024, 00:00 UTC begins an hour.
  const login = (at: number, country: string): ExchangeEvent => event(`l${at}`, at, "LOGIN_SUCCEEDED", { country });
  const listed = event("s", 0, "ACCOUNT_SNAPSHOT", { knownCountries: ["DE", "HK"] });
  const rows: readonly Row<boolean | null>[] = [
    ["this hour", [born, login(0, "DE"), login(MINUTE, "HK")], true],
    ["the previous hour", [born, login(0, "DE"), login(2 * HOUR - 1, "HK")], true],
    ["the hour before that", [born, login(0, "DE"), login(2 * HOUR, "HK")], false],
    ["the same country", [born, login(0, "DE"), login(MINUTE, "DE")], false],
    ["back again", [born, login(0, "DE"), login(MINUTE, "HK"), login(2 * MINUTE, "DE")], true],
    ["an attempt from elsewhere", [born, login(0, "DE"), event("f", 1, "LOGIN_FAILED", { country: "HK" })], true],
    ["an attempt is not seen", [born, event("f", 0, "LOGIN_FAILED", { country: "HK" }), login(1, "DE")], false],
    ["countries on a list are not seen now", [born, listed, login(MINUTE, "DE")], false],
    ["what came later is no past", [born, login(MINUTE, "HK"), login(0, "DE")], false],
    ["late, between two sightings", [born, login(0, "HK"), login(9 * HOUR, "HK"), login(MINUTE, "DE")], true],
    ["no country", [born, login(0, "DE"), event("l", 1, "LOGOUT")], null],
    ["no history (PF3)", [login(0, "DE"), login(MINUTE, "DE")], null],
    ["without history, but seen elsewhere", [login(0, "DE"), login(MINUTE, "HK")], true],
  ];
  for (const [what, events, expected] of rows) assert.equal(factsAfter(...events).impossibleTravel, expected, what);
});

const moneyEvent: fc.Arbitrary<ExchangeEvent> = fc
  .record({
    id: fc.nat(1_000),
    at: fc.integer({ min: 0, max: 60 }).map((minutes) => minutes * MINUTE),
    type: fc.constantFrom("WITHDRAWAL_REQUESTED", "WITHDRAWAL_COMPLETED", "ACCOUNT_SNAPSHOT"),
    amountUsdCents: fc.option(fc.nat(5)),
    country: fc.option(fc.constantFrom("DE", "HK", "US")),
    knownCountries: fc.option(fc.subarray(["DE", "HK"])),
  })
  .map(({ id, at, type, ...fields }) => event(`e${id}`, at, type, fields));

test("the order of arrival leaves the same profile, and a duplicate nothing (PF1)", () => {
  const distinct = fc.uniqueArray(moneyEvent, { selector: ({ eventId }) => eventId, maxLength: 20, minLength: 1 });
  const arrivals = distinct.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length })),
  );
  fc.assert(
    fc.property(arrivals, ([once, some]) => {
      const stateOf = (events: readonly ExchangeEvent[]): unknown => {
        const profile = newProfile(events[0]!.occurredAt);
        for (const each of events) learn(profile, each, () => {});
        const bytes = codec.encodeGroup({ profile, memories: [], cases: [], linkedSecond: 0 });
        const { seen, ...rest } = codec.decodeGroup(bytes).profile!;
        return {
          rest,
          seen: Array.from({ length: seen.length / 3 }, (_, i) => seen.slice(i * 3, i * 3 + 3).join()).toSorted(),
        };
      };
      assert.deepEqual(stateOf([...some, ...once]), stateOf(once));
    }),
  );
});
