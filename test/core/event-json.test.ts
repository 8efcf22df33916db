// Events from JSON: types by the field table, instants in both notations, and that the straight-line
// checks of validation.ts forget no field of the table.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EVENT_FIELDS } from "../../src/core/event-fields.ts";
import { eventFromJson, instantFromJson } from "../../src/core/event-json.ts";
import type { JsonOutcome } from "../../src/core/event-json.ts";
import { SERVICES } from "../../src/core/event.ts";
import type { Service } from "../../src/core/event.ts";
import { LIMITS, validateTime } from "../../src/core/validation.ts";

const NOON = Date.UTC(2024, 5, 9, 12);
const TYPES: Record<Service, string> = {
  auth: "LOGOUT",
  api_key: "API_KEY_CREATED",
  withdrawal: "ADDRESS_ADDED",
  trade: "TRADE_FILLED",
  signal: "LINKED",
};

function read(fields: object, service: Service = "auth"): JsonOutcome {
  return eventFromJson(service, {
    eventId: "e1",
    accountId: "alice",
    type: TYPES[service],
    occurredAt: NOON,
    ...fields,
  });
}

function verdict(outcome: JsonOutcome): string {
  return "event" in outcome ? "ok" : `${outcome.rejection.reason}: ${outcome.rejection.detail}`;
}

test("an event is what the object says, null being absent", () => {
  const outcome = read({ occurredAt: "2024-06-09T12:00:00Z", ip: null, verifiedWith: ["SMS"], detail: { a: "b" } });
  assert.deepEqual(JSON.parse(JSON.stringify(outcome)), {
    event: {
      eventId: "e1",
      accountId: "alice",
      type: "LOGOUT",
      occurredAt: NOON,
      verifiedWith: ["SMS"],
      detail: { a: "b" },
    },
  });
});

describe("what is wrong is said:", () => {
  const table: Record<string, [() => JsonOutcome, RegExp]> = {
    "no object": [() => eventFromJson("auth", [1]), /^INVALID_FIELD: an event must be a JSON object/],
    nothing: [() => eventFromJson("auth", null), /^INVALID_FIELD: an event must be a JSON object/],
    "a misspelt field": [
      () => read({ contry: "DE" }),
      /^INVALID_FIELD: unknown field contry; auth events have eventId, .*country/,
    ],
    "a field of another service": [() => read({ rights: [] }), /^INVALID_FIELD: unknown field rights/],
    "an inherited name": [() => read({ constructor: "x" }), /^INVALID_FIELD: unknown field constructor/],
    "a missing field": [() => read({ accountId: null }), /^MISSING_FIELD: accountId is missing/],
    "an empty id": [() => read({ eventId: "" }), /^MISSING_FIELD: eventId is empty/],
    "half a character": [
      () => read({ accountId: "\ud800" }),
      /^INVALID_FIELD: accountId must be a string of well-formed Unicode/,
    ],
    "an unknown type": [() => read({ type: "LOGON" }), /^INVALID_FIELD: type must be one of ACCOUNT_SNAPSHOT, /],
    "a factor that is none": [
      () => read({ verifiedWith: ["SMS", "CARRIER_PIGEON"] }),
      /^INVALID_FIELD: verifiedWith must be an array of EMAIL, /,
    ],
    "a number as text": [() => read({ asn: "3320" }), /^INVALID_FIELD: asn must be a number/],
    "a day that does not exist": [
      () => read({ occurredAt: "2023-02-29T00:00:00Z" }),
      /^INVALID_FIELD: occurredAt must be epoch milliseconds or RFC 3339/,
    ],
    "a local time": [() => read({ occurredAt: "2023-02-28T00:00:00" }), /^INVALID_FIELD: occurredAt must be/],
    seconds: [
      () => read({ occurredAt: NOON / 1_000 }),
      /^INVALID_FIELD: occurredAt is 1717934400; it must be milliseconds/,
    ],
    "half a cent": [() => read({ amountUsdCents: 0.5 }, "withdrawal"), /^INVALID_FIELD: amountUsdCents is 0.5/],
    "more money than a number can count": [
      () => read({ balanceUsdCents: 2 ** 53 }, "withdrawal"),
      /^INVALID_FIELD: balanceUsdCents/,
    ],
    "a detail of numbers": [() => read({ detail: { a: 1 } }), /^INVALID_FIELD: detail must be an object of strings/],
    "a listed yes": [
      () => read({ addressListed: "yes" }, "withdrawal"),
      /^INVALID_FIELD: addressListed must be true or false/,
    ],
  };
  for (const [what, [outcome, expected]] of Object.entries(table)) {
    test(what, () => assert.match(verdict(outcome()), expected));
  }
});

/** For each kind of field, a value just past its limit. */
const BEYOND: Readonly<Record<string, unknown>> = {
  id: "x".repeat(LIMITS.idLength + 1),
  text: "x".repeat(LIMITS.stringLength + 1),
  texts: ["x".repeat(LIMITS.stringLength + 1)],
  asn: LIMITS.asn + 1,
  asns: [LIMITS.asn + 1],
  instant: LIMITS.latestInstant + 1,
  cents: LIMITS.cents + 1,
  int: -(2 ** 31) - 1,
  symbols: new Array(LIMITS.arrayItems + 1).fill("UNKNOWN"),
  map: { x: "x".repeat(LIMITS.stringLength + 1) },
};

describe("every field of the table has its limit checked:", () => {
  for (const service of SERVICES) {
    for (const [name, { kind }] of EVENT_FIELDS[service]) {
      if (kind === "flag" || kind === "symbol") continue;
      test(`${name} of ${service} events`, () => {
        assert.match(
          verdict(read({ [name]: BEYOND[kind] }, service)),
          new RegExp(`^(TOO_LARGE|INVALID_FIELD): .*${name}`),
        );
      });
      if (kind === "texts" || kind === "asns") {
        const many = new Array(LIMITS.arrayItems + 1).fill(kind === "texts" ? "x" : 1);
        test(`items of ${name}`, () =>
          assert.match(verdict(read({ [name]: many }, service)), new RegExp(`^TOO_LARGE: ${name} has 257`)));
      }
    }
  }
});

test("five minutes ahead of the record is the most", () => {
  const outcome = read({ occurredAt: NOON + 300_001 });
  assert.ok("event" in outcome);
  assert.equal(validateTime(outcome.event, NOON)?.reason, "FUTURE_TIME");
  assert.equal(validateTime(outcome.event, NOON + 1), null);
});

describe("instants", () => {
  test("in RFC 3339 are what the platform reads, for every date, precision and offset", () => {
    const offset = fc.oneof(
      fc.constant("Z"),
      fc
        .tuple(fc.constantFrom("+", "-"), fc.nat(23), fc.nat(59))
        .map(([sign, hours, minutes]) => `${sign}${two(hours)}:${two(minutes)}`),
    );
    const fraction = fc.constantFrom("", ".0", ".5", ".29", ".285", ".999");
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date(LIMITS.latestInstant), noInvalidDate: true }),
        offset,
        fraction,
        (date, zone, digits) => {
          const text = `${date.toISOString().slice(0, 19)}${digits}${zone}`;
          assert.equal(instantFromJson(text), Date.parse(text), text);
        },
      ),
    );
  });

  test("in digits finer than a millisecond are cut", () => {
    assert.equal(instantFromJson("2024-06-09T12:00:00.123999Z"), NOON + 123);
  });

  for (const text of [
    "",
    "2024-06-09",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-00T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:61Z",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00.Z",
    "1.5",
  ]) {
    test(`"${text}" is none`, () => assert.equal(instantFromJson(text), undefined));
  }

  test("are no fractions, no infinities", () => {
    for (const number of [0.5, Infinity, NaN, 2 ** 53]) assert.equal(instantFromJson(number), undefined);
  });
});

function two(number: number): string {
  return String(number).padStart(2, "0");
}
