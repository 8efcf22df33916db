import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { ExchangeEvent, Factor } from "../../src/core/event.ts";
import type { ProfileFacts } from "../../src/core/profile-facts.ts";
import { factsOf } from "./facts-of.ts";
import { learn, newProfile, NO_SHORTCUTS, type Profile } from "../../src/core/profile.ts";
import { ADDRESS, COUNTRY, DEVICE, NETWORK, SEEN_WIDTH, seenKind } from "../../src/core/seen.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/core/time.ts";
import { codec, event, type Fields } from "./world.ts";

const WARMUP = 14 * DAY;
const ignore = (): void => {};

/** Learns the events in order; the facts about the last one. */
function factsAfter(...events: readonly ExchangeEvent[]): ProfileFacts {
  const profile = profileOf(...events);
  const facts = factsOf(profile, events.at(-1)!, WARMUP);
  return facts;
}

function profileOf(...events: readonly ExchangeEvent[]): Profile {
  const profile = newProfile(events[0]!.occurredAt);
  for (const each of events) learn(profile, each, ignore);
  return profile;
}

const bytesOf = (profile: Profile): string =>
  Buffer.from(codec.encodeGroup({ profile, memories: [], cases: [], linkedSecond: 0 })).toString("hex");

const snapshot = (fields: Fields, at = -30 * DAY): ExchangeEvent => event("s", at, "ACCOUNT_SNAPSHOT", fields);
const known = snapshot({
  createdAt: event("", -400 * DAY, "").occurredAt,
  enrolledFactors: ["TOTP", "SMS"],
  knownDevices: ["d1"],
  knownCountries: ["DE"],
  knownAsns: [3320],
  knownAddresses: ["bc1"],
});

test("new is what was first seen less than a day before", () => {
  const first = event("l1", 0, "LOGIN_SUCCEEDED", { deviceId: "d2", country: "HK", asn: 9 });
  const rows: readonly (readonly [what: string, events: readonly ExchangeEvent[], facts: Partial<ProfileFacts>])[] = [
    [
      "listed by the snapshot",
      [known, event("l", 0, "LOGIN_SUCCEEDED", { deviceId: "d1", country: "DE", asn: 3320 })],
      { newDevice: false, newCountry: false, newAsn: false, secondsSinceNewDevice: null },
    ],
    ["the first log-in", [known, first], { newDevice: true, newCountry: true, newAsn: true, secondsSinceNewDevice: 0 }],
    [
      "still new just before a day is over",
      [known, first, event("l2", DAY - 1, "LOGIN_SUCCEEDED", { deviceId: "d2" })],
      { newDevice: true, newCountry: null, secondsSinceNewDevice: 86_399 },
    ],
    ["known after a day", [known, first, event("l2", DAY, "LOGOUT", { deviceId: "d2" })], { newDevice: false }],
    [
      "a failed log-in whitens nothing",
      [known, event("f", -2 * DAY, "LOGIN_FAILED", { deviceId: "d2" }), first],
      { newDevice: true, secondsSinceNewDevice: 0 },
    ],
    [
      "nor does a challenge passed on the way to the first log-in",
      [known, event("c", -1, "CHALLENGE_PASSED", { deviceId: "d2", factor: "SMS" }), first],
      { newDevice: true, secondsSinceNewDevice: 0 },
    ],
    [
      "an unseen device of an attempt is new",
      [known, event("f", 0, "LOGIN_FAILED", { deviceId: "d9" })],
      { newDevice: true },
    ],
    [
      "a late event is judged as of its own time",
      [
        known,
        event("l2", HOUR, "LOGIN_SUCCEEDED", { deviceId: "d2" }),
        event("f", 0, "LOGIN_FAILED", { deviceId: "d2" }),
      ],
      { newDevice: true, secondsSinceNewDevice: null },
    ],
  ];
  for (const [what, events, facts] of rows) assert.partialDeepStrictEqual(factsAfter(...events), facts, what);
});

test("each list is unknown until it was given, even empty, or the account has a fortnight of history (PF3)", () => {
  const login = event("l", 0, "LOGIN_SUCCEEDED", { deviceId: "d1", country: "DE", asn: 1 });
  const withdrawal = event("w", 0, "WITHDRAWAL_REQUESTED", { address: "bc1" });
  const unknown = { newDevice: null, newCountry: null, newAsn: null, newAddress: null, secondsSinceNewDevice: null };
  assert.partialDeepStrictEqual(factsAfter(login), unknown);
  assert.partialDeepStrictEqual(factsAfter(snapshot({ knownDevices: [] }, -HOUR), login), {
    ...unknown,
    newDevice: true,
    secondsSinceNewDevice: 0,
  });
  assert.partialDeepStrictEqual(factsAfter(snapshot({ knownCountries: [] }, -HOUR), login), {
    ...unknown,
    newCountry: true,
  });
  assert.partialDeepStrictEqual(factsAfter(snapshot({ knownAsns: [] }, -HOUR), login), { ...unknown, newAsn: true });
  assert.partialDeepStrictEqual(factsAfter(snapshot({ knownAddresses: [] }, -HOUR), withdrawal), { newAddress: true });
  assert.partialDeepStrictEqual(factsAfter(event("f", -WARMUP + SECOND, "LOGIN_FAILED"), login), unknown);
  assert.partialDeepStrictEqual(factsAfter(event("f", -WARMUP, "LOGIN_FAILED"), login), {
    newDevice: true,
    newCountry: true,
  });
});

test("an address is known once it was paid or listed, not once it was asked for", () => {
  const request = (at: number, fields: Fields = {}): ExchangeEvent =>
    event(`w${at}`, at, "WITHDRAWAL_REQUESTED", { address: "bc9", ...fields });
  const rows: readonly (readonly [what: string, before: readonly ExchangeEvent[], isNew: boolean])[] = [
    ["never seen", [], true],
    ["asked for a week ago", [request(-7 * DAY)], true],
    ["listed a week ago", [event("a", -7 * DAY, "ADDRESS_ADDED", { address: "bc9" })], false],
    ["listed an hour ago", [event("a", -HOUR, "ADDRESS_ADDED", { address: "bc9" })], true],
    ["paid a week ago", [event("p", -7 * DAY, "WITHDRAWAL_COMPLETED", { address: "bc9" })], false],
    ["asked for as a listed one a week ago", [request(-7 * DAY, { addressListed: true })], false],
  ];
  for (const [what, before, isNew] of rows) {
    assert.equal(factsAfter(known, ...before, request(0)).newAddress, isNew, what);
  }
  assert.equal(factsAfter(known, event("w", 0, "WITHDRAWAL_REQUESTED", { address: "bc1" })).newAddress, false);
});

test("what was presented is compared with the strongest factor enrolled just before", () => {
  const key = (verifiedWith: readonly Factor[] | null): ExchangeEvent =>
    event("k", 0, "API_KEY_CREATED", { verifiedWith });
  const removed = event("r", 0, "FACTOR_REMOVED", { factor: "TOTP", verifiedWith: ["SMS"] });
  const rows: readonly (readonly [what: string, events: readonly ExchangeEvent[], below: boolean | null])[] = [
    ["below", [known, key(["SMS"])], true],
    ["none presented", [known, key([])], true],
    ["as strong", [known, key(["SMS", "TOTP"])], false],
    ["none asked", [known, key(null)], null],
    ["nothing known", [key(["SMS"])], null],
    ["only weak factors enrolled", [snapshot({ enrolledFactors: ["SMS"] }), key(["SMS"])], false],
    ["no factor enrolled", [snapshot({ enrolledFactors: [] }), key([])], false],
    ["not a sensitive operation", [known, event("l", 0, "LOGIN_SUCCEEDED", { verifiedWith: ["SMS"] })], null],
    ["the removed factor itself", [removed], true],
    [
      "the factor switched from",
      [event("s", 0, "FACTOR_SWITCHED", { factor: "TOTP", toFactor: "SMS", verifiedWith: ["SMS"] })],
      true,
    ],
    [
      "a stronger one enrolled with the old one",
      [
        snapshot({ enrolledFactors: ["SMS"] }),
        event("e", 0, "FACTOR_ENROLLED", { factor: "PASSKEY", verifiedWith: ["SMS"] }),
      ],
      false,
    ],
    [
      "a second passkey enrolled with SMS",
      [
        snapshot({ enrolledFactors: ["PASSKEY"] }),
        event("e", 0, "FACTOR_ENROLLED", { factor: "PASSKEY", verifiedWith: ["SMS"] }),
      ],
      true,
    ],
    ["known from a challenge passed", [event("c", -DAY, "CHALLENGE_PASSED", { factor: "TOTP" }), key(["SMS"])], true],
    [
      "a failed challenge proves nothing",
      [event("c", -DAY, "CHALLENGE_FAILED", { factor: "TOTP" }), key(["SMS"])],
      null,
    ],
    [
      "known from the event's own list",
      [event("k", 0, "API_KEY_CREATED", { verifiedWith: ["SMS"], enrolledFactors: ["TOTP"] })],
      true,
    ],
  ];
  for (const [what, events, below] of rows) assert.equal(factsAfter(...events).verifiedBelowStrongest, below, what);
});

test("weaker is what leaves a weaker strongest factor", () => {
  const remove = (factor: Factor | null, fields: Fields = {}): ExchangeEvent =>
    event("r", 0, "FACTOR_REMOVED", { factor, ...fields });
  const rows: readonly (readonly [what: string, events: readonly ExchangeEvent[], weaker: boolean | null])[] = [
    ["the strongest removed", [known, remove("TOTP")], true],
    ["removing SMS is hardening", [known, remove("SMS")], false],
    ["the last one removed", [snapshot({ enrolledFactors: ["SMS"] }), remove("SMS")], true],
    ["what remains is unknown", [remove("TOTP")], null],
    [
      "as strong a one is known to remain",
      [event("c", -DAY, "CHALLENGE_PASSED", { factor: "PASSKEY" }), remove("TOTP")],
      false,
    ],
    ["one of two passkeys, says the list", [known, remove("PASSKEY", { enrolledFactors: ["PASSKEY", "SMS"] })], false],
    ["the list after it", [remove("TOTP", { enrolledFactors: ["SMS"] })], true],
    ["which one is not said", [known, remove(null)], null],
    ["enrolling", [known, event("e", 0, "FACTOR_ENROLLED", { factor: "EMAIL" })], false],
    [
      "enrolling that replaces, says the list",
      [known, event("e", 0, "FACTOR_ENROLLED", { factor: "EMAIL", enrolledFactors: ["EMAIL"] })],
      true,
    ],
    [
      "switching changes no enrolment",
      [known, event("s", 0, "FACTOR_SWITCHED", { factor: "TOTP", toFactor: "SMS" })],
      null,
    ],
  ];
  for (const [what, events, weaker] of rows) assert.equal(factsAfter(...events).weakerThanBefore, weaker, what);
});

test("the strongest factor as of the event, a removal just before it", () => {
  const later = event("l", HOUR, "LOGIN_SUCCEEDED");
  const removed = event("r", 0, "FACTOR_REMOVED", { factor: "TOTP" });
  assert.equal(factsAfter(known, removed).strongestFactor, 2);
  assert.equal(factsAfter(known, removed, later).strongestFactor, 1);
  assert.equal(factsAfter(known, later, removed).strongestFactor, 2, "the removal came late");
  assert.equal(factsAfter(later).strongestFactor, null);
});

test("seconds since the last event of a kind count from the latest at or before", () => {
  const rows: readonly (readonly [type: string, fact: keyof ProfileFacts])[] = [
    ["FACTOR_ENROLLED", "secondsSinceFactorChange"],
    ["FACTOR_REMOVED", "secondsSinceFactorChange"],
    ["PASSWORD_CHANGED", "secondsSinceCredentialChange"],
    ["RECOVERY_COMPLETED", "secondsSinceCredentialChange"],
    ["EMAIL_CHANGED", "secondsSinceContactChange"],
    ["PHONE_CHANGED", "secondsSinceContactChange"],
    ["RISK_NOTICE_SENT", "secondsSinceRiskNotice"],
    ["API_KEY_CREATED", "secondsSinceApiKey"],
    ["API_KEY_RIGHTS_CHANGED", "secondsSinceApiKey"],
    ["API_KEY_IP_LIST_CHANGED", "secondsSinceApiKey"],
  ];
  for (const [type, fact] of rows) {
    const early = event("e", -HOUR, type);
    const late = event("l", 2 * MINUTE, type);
    const login = event("x", 0, "LOGIN_SUCCEEDED");
    assert.equal(factsAfter(login)[fact], null, type);
    assert.equal(factsAfter(early, late, login)[fact], 3_600, `${type}, judged late`);
    assert.equal(factsAfter(early, late)[fact], 0, `${type} itself`);
    assert.equal(factsAfter(early, event("x", -HOUR + 1_999, "LOGOUT"))[fact], 1, `${type}, whole seconds`);
  }
});

test("the account's age counts from its creation, else from the first event seen", () => {
  const login = event("l", 0, "LOGIN_SUCCEEDED");
  assert.equal(factsAfter(known, login).accountAgeSeconds, (400 * DAY) / SECOND);
  assert.equal(factsAfter(event("f", -HOUR, "LOGIN_FAILED"), login).accountAgeSeconds, 3_600);
  assert.equal(factsAfter(login).accountAgeSeconds, 0);
});

const anyEvent: fc.Arbitrary<ExchangeEvent> = fc
  .record({
    id: fc.nat(1_000),
    at: fc.integer({ min: -2 * DAY, max: 2 * DAY }),
    type: fc.constantFrom(
      "LOGIN_SUCCEEDED",
      "LOGIN_FAILED",
      "CHALLENGE_PASSED",
      "FACTOR_ENROLLED",
      "FACTOR_REMOVED",
      "FACTOR_SWITCHED",
      "PASSWORD_CHANGED",
      "RISK_NOTICE_SENT",
      "API_KEY_CREATED",
      "ADDRESS_ADDED",
      "WITHDRAWAL_REQUESTED",
      "WITHDRAWAL_COMPLETED",
      "ACCOUNT_SNAPSHOT",
      "NEWER_THAN_THIS_VERSION",
    ),
    deviceId: fc.option(fc.constantFrom("d1", "d2", "d3")),
    country: fc.option(fc.constantFrom("DE", "HK")),
    asn: fc.option(fc.nat(3)),
    address: fc.option(fc.constantFrom("bc1", "bc2")),
    factor: fc.option(fc.constantFrom<Factor>("SMS", "TOTP", "PASSKEY")),
    enrolledFactors: fc.option(fc.subarray<Factor>(["SMS", "TOTP", "PASSKEY"])),
    verifiedWith: fc.option(fc.subarray<Factor>(["SMS", "TOTP"])),
    knownDevices: fc.option(fc.subarray(["d1", "d2"])),
    amountUsdCents: fc.option(fc.nat(3)),
  })
  .map(({ id, at, type, ...fields }) => event(`e${id}`, at, type, fields));

test("learning an event twice is learning it once, and it is described alike (PF1)", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 20 }), anyEvent, (earlier, last) => {
      const profile = profileOf(...earlier, last);
      const facts = factsOf(profile, last, WARMUP);
      const before = bytesOf(profile);
      assert.equal(learn(profile, last, ignore), false);
      assert.equal(bytesOf(profile), before);
      assert.deepEqual(factsOf(profile, last, WARMUP), facts);
    }),
    { numRuns: 500 },
  );
});

test("what learning reports as unchanged encodes to the same bytes (PF2)", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 20 }), anyEvent, (earlier, last) => {
      const profile = profileOf(...earlier);
      const before = bytesOf(profile);
      const changed = learn(profile, last, ignore);
      assert.equal(changed, bytesOf(profile) !== before);
    }),
    { numRuns: 500 },
  );
});

test("what shortcuts pass over would have changed nothing (PF4)", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 40 }), (events) => {
      const profile = newProfile(events[0]!.occurredAt);
      const lookedUp = newProfile(events[0]!.occurredAt);
      for (const each of events) {
        Object.assign(lookedUp, NO_SHORTCUTS);
        assert.equal(learn(profile, each, ignore), learn(lookedUp, each, ignore));
        assert.equal(bytesOf(profile), bytesOf(lookedUp));
      }
    }),
    { numRuns: 1_000 },
  );
});

test("a routine event changes nothing (PF2)", () => {
  const profile = profileOf(known, event("l", 0, "LOGIN_SUCCEEDED", { deviceId: "d1", country: "DE", asn: 3320 }));
  const routine: readonly ExchangeEvent[] = [
    event("l2", HOUR - 1, "LOGIN_SUCCEEDED", {
      deviceId: "d1",
      country: "DE",
      asn: 3320,
      enrolledFactors: ["SMS", "TOTP"],
    }),
    event("c", HOUR - 1, "CHALLENGE_PASSED", { factor: "TOTP" }),
    event("f", 5 * DAY, "LOGIN_FAILED", { deviceId: "d7" }),
    event("w", HOUR - 1, "WITHDRAWAL_REQUESTED", { deviceId: "d1", country: "DE", address: "bc7" }),
  ];
  for (const each of routine) assert.equal(learn(profile, each, ignore), false, each.type);
  assert.equal(
    learn(profile, event("l3", HOUR, "LOGIN_SUCCEEDED", { deviceId: "d1" }), ignore),
    true,
    "the next hour does",
  );
});

test("lists are bounded, and what they drop is counted", () => {
  const dropped: string[] = [];
  const profile = newProfile(0);
  for (let index = 0; index < 100; index++) {
    const fields = { deviceId: `d${index}`, country: `c${index}`, asn: index, address: `a${index}` };
    learn(profile, event("e", index, "ADDRESS_ADDED", fields), (list) => dropped.push(list));
  }
  const kinds = Array.from({ length: profile.seen.length / SEEN_WIDTH }, (_, index) =>
    seenKind(profile.seen, index * SEEN_WIDTH),
  );
  assert.deepEqual(
    [DEVICE, COUNTRY, NETWORK, ADDRESS].map((kind) => kinds.filter((each) => each === kind).length),
    [32, 32, 32, 64],
  );
  assert.equal(dropped.length, 3 * 68 + 36);
});
