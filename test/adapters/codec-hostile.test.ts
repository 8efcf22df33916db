// The codec on records that are bad: every limit, bombs, and bytes nobody wrote. Whatever comes, it answers,
// soon, and without taking more memory than the record's size warrants.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../src/core/validation.ts";
import {
  AUTH_ID,
  authRecord,
  CodecFixture,
  eventOf,
  framed,
  LOGIN,
  NOW,
  schemas,
  verdict,
  WITHDRAWAL_ID,
} from "./codec-fixture.ts";
import type { Frame } from "./codec-fixture.ts";

let fixture: CodecFixture;

beforeEach(async () => {
  fixture = new CodecFixture();
  assert.deepEqual(await fixture.codec.prepare(), []);
});

describe("bad records are rejections", () => {
  const body = (event: object = {}): Buffer => authRecord(event);
  const table: Record<string, [() => Buffer | null, RegExp, Frame?]> = {
    "no value": [() => null, /^UNDECODABLE: the record has no value/],
    empty: [() => Buffer.alloc(0), /^UNDECODABLE: the value does not begin/],
    JSON: [() => Buffer.from(JSON.stringify(LOGIN)), /^UNDECODABLE: the value does not begin/],
    "a negative id": [() => Buffer.from([0, 255, 0, 0, 1, 0]), /^UNDECODABLE: the value does not begin/],
    "too many bytes": [() => Buffer.alloc(LIMITS.recordBytes + 1), /^TOO_LARGE: the record's value has 262145 bytes/],
    "cut short": [() => body().subarray(0, -1), /^UNDECODABLE: the record ends too early/],
    "a byte too many (D2)": [() => Buffer.concat([body(), Buffer.alloc(1)]), /^UNDECODABLE: 1 bytes are left over/],
    "text that is not UTF-8": [
      () => bytesReplaced(body({ deviceId: "dev~" }), 0x7e, 0xff),
      /^UNDECODABLE: text at byte \d+ is not UTF-8/,
    ],
    "an index past the symbols": [
      () => framed(AUTH_ID, Buffer.from([2, 0x65, 2, 0x61, 0x7e])),
      /^UNDECODABLE: index 63 of 22/,
    ],
    "an empty eventId": [() => body({ eventId: "" }), /^MISSING_FIELD: eventId/],
    "an empty accountId": [() => body({ accountId: "" }), /^MISSING_FIELD: accountId/],
    "an accountId that could be a group's key": [() => body({ accountId: "\0a" }), /^INVALID_FIELD: accountId begins/],
    "an endless eventId": [() => body({ eventId: "x".repeat(257) }), /^TOO_LARGE: eventId is 257/],
    "no key": [() => body(), /^WRONG_KEY: the record has no key/, { key: "" }],
    "another's key": [() => body(), /^WRONG_KEY: the record's key \(5 bytes\) is another/, { key: "alicf" }],
    "a longer key": [() => body(), /^WRONG_KEY/, { key: "alice2" }],
    "a shorter key": [() => body(), /^WRONG_KEY/, { key: "alic" }],
    "the future": [() => body({ occurredAt: NOW + 300_001 }), /^FUTURE_TIME: occurredAt is 300001 ms ahead/],
    "seconds for milliseconds": [() => body({ occurredAt: NOW / 1_000 }), /^INVALID_FIELD: occurredAt/],
    "a negative time": [() => body({ occurredAt: -1 }), /^INVALID_FIELD: occurredAt/],
    "an endless text": [() => body({ userAgent: "x".repeat(1_025) }), /^TOO_LARGE: userAgent is 1025/],
    "an endless list": [
      () => body({ verifiedWith: new Array(257).fill("SMS") }),
      /^TOO_LARGE: verifiedWith has 257 items/,
    ],
    "an endless item": [() => body({ knownDevices: ["x".repeat(1_025)] }), /^TOO_LARGE: an item of knownDevices/],
    "an impossible network": [() => body({ asn: 2 ** 32 }), /^INVALID_FIELD: asn/],
    "an endless detail": [
      () => body({ detail: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) }),
      /^TOO_LARGE: detail has more than 64/,
    ],
  };
  for (const [what, [value, expected, frame]] of Object.entries(table)) {
    test(what, () => {
      assert.match(verdict(fixture.decode(value(), frame)), expected);
    });
  }

  test("five minutes ahead is not yet the future", () => {
    assert.equal(verdict(fixture.decode(authRecord({ occurredAt: NOW + 300_000 }))), "ok");
  });

  test("a key is compared as UTF-8", () => {
    assert.equal(verdict(fixture.decode(authRecord({ accountId: "müller" }), { key: "müller" })), "ok");
    assert.match(verdict(fixture.decode(authRecord({ accountId: "müller" }), { key: "muller" })), /^WRONG_KEY/);
  });

  test("money is exact up to 2^53 - 1, and refused beyond (R3)", async () => {
    const amounts = new Map<bigint, RegExp>([
      [0n, /^ok$/],
      [2n ** 53n - 1n, /^ok$/],
      [2n ** 53n, /^INVALID_FIELD: a number beyond/],
      [2n ** 63n - 1n, /^INVALID_FIELD: a number beyond/],
      [-1n, /^INVALID_FIELD: amountUsdCents is -1/],
      [-(2n ** 53n), /^INVALID_FIELD: a number beyond/],
    ]);
    const { type } = schemas.events.withdrawal;
    const probe = 123_456_789;
    const value = framed(
      WITHDRAWAL_ID,
      type.toBuffer({ ...LOGIN, type: "WITHDRAWAL_REQUESTED", amountUsdCents: probe }),
    );
    for (const [amount, expected] of amounts) {
      const replaced = Buffer.from(value.toString("latin1").replace(zigzag(BigInt(probe)), zigzag(amount)), "latin1");
      const outcome = fixture.decode(replaced, { topic: "withdrawal-events" });
      assert.match(verdict(outcome), expected, String(amount));
      if (verdict(outcome) === "ok") assert.equal(BigInt(eventOf(outcome).amountUsdCents!), amount);
    }
  });
});

describe("bombs neither hang nor allocate", () => {
  const prefix = (): Buffer => {
    const whole = authRecord({ knownDevices: ["~~~~"] });
    return whole.subarray(0, whole.indexOf("~~~~") - 2);
  };
  const blocks: Record<string, readonly bigint[]> = {
    "a block of a billion items (R2)": [1_000_000_000n],
    "a block of 2^40 items": [2n ** 40n],
    "a negative block with a size": [-1_000_000_000n, 4n],
    "a block of the most negative number": [-(2n ** 63n) + 1n],
    "a text of 2^40 bytes": [1n, 2n ** 40n],
    "a text of negative length": [1n, -1n],
  };
  for (const [what, numbers] of Object.entries(blocks)) {
    test(what, () => {
      const bomb = Buffer.concat([prefix(), Buffer.from(numbers.map(zigzag).join(""), "latin1"), Buffer.alloc(40)]);
      const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
      assert.match(verdict(fixture.decode(bomb)), /^(UNDECODABLE|INVALID_FIELD): /);
      assert.ok(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before < 5_000_000);
    });
  }

  test("a skipped block that points backwards (R1)", async () => {
    const { id } = fixture.evolve((schema) =>
      schema.fields.unshift({ name: "junk", type: { type: "array", items: "string" } }),
    );
    const value = framed(id, Buffer.from([zigzag(-1n), zigzag(-2n), zigzag(0n)].join(""), "latin1"));
    assert.match(verdict(await fixture.decodeFetched(value)), /^UNDECODABLE: the record ends too early/);
  });

  test("a writer's schema that nests without end", async () => {
    const nest = { type: "record", name: "Nest", fields: [{ name: "in", type: ["null", "Nest"] }] };
    const { id } = fixture.evolve((schema) => schema.fields.unshift({ name: "nest", type: nest }));
    const value = framed(id, Buffer.alloc(200_000, 2));
    assert.match(verdict(await fixture.decodeFetched(value)), /^UNDECODABLE: nested too deeply/);
  });
});

describe("whatever the bytes (D1)", () => {
  const header = Buffer.from([0, 0, 0, 0, AUTH_ID]);

  test("arbitrary bytes give an event or a rejection", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.notEqual(verdict(fixture.decode(Buffer.concat([header, bytes]))), "wait");
      }),
      { numRuns: 2_000 },
    );
  });

  test("a good record with bytes changed, cut or added gives an event or a rejection", () => {
    const good = authRecord({
      type: "ACCOUNT_SNAPSHOT",
      knownDevices: ["a", "b"],
      knownAsns: [1, 2, 3],
      detail: { a: "b" },
      verifiedWith: ["SMS"],
      country: "DE",
    });
    fc.assert(
      fc.property(fc.nat(good.length - 6), fc.uint8Array({ maxLength: 8 }), fc.nat(8), (at, inserted, removed) => {
        const value = Buffer.concat([good.subarray(0, 5 + at), inserted, good.subarray(5 + at + removed)]);
        assert.notEqual(verdict(fixture.decode(value)), "wait");
      }),
      { numRuns: 5_000 },
    );
  });

  test("what was written is what is read", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
    const factor = fc.constantFrom("EMAIL", "SMS", "TOTP", "PASSKEY", "UNKNOWN");
    const event = fc.record({
      eventId: text.filter((id) => id !== ""),
      accountId: text.filter((id) => id !== "" && !id.startsWith("\0")), // Holdfast's own keys begin so
      type: fc.constantFrom("ACCOUNT_SNAPSHOT", "LOGIN_FAILED", "FACTOR_REMOVED", "UNKNOWN"),
      occurredAt: fc.integer({ min: LIMITS.earliestInstant, max: NOW }),
      country: optional(text),
      asn: optional(fc.integer({ min: 0, max: LIMITS.asn })),
      deviceId: optional(text),
      verifiedWith: optional(fc.array(factor)),
      createdAt: optional(fc.integer({ min: LIMITS.earliestInstant, max: LIMITS.latestInstant })),
      knownAsns: optional(fc.array(fc.integer({ min: 0, max: LIMITS.asn }))),
      knownAddresses: optional(fc.array(text)),
      detail: optional(fc.dictionary(text, text, { maxKeys: 10, noNullPrototype: true })),
    });
    fc.assert(
      fc.property(event, (given) => {
        const value = framed(AUTH_ID, schemas.events.auth.type.toBuffer(given));
        const event = eventOf(fixture.decode(value, { key: given.accountId }));
        for (const [name, written] of Object.entries(given)) {
          assert.equal(JSON.stringify(event[name as keyof typeof given]), JSON.stringify(written), name);
        }
      }),
    );
  });
});

/** A long as Avro writes it, one character a byte. */
function zigzag(value: bigint): string {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let text = "";
  do {
    const more = rest > 0x7fn;
    text += String.fromCharCode(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return text;
}

function bytesReplaced(bytes: Buffer, from: number, to: number): Buffer {
  return Buffer.from(bytes.map((byte) => (byte === from ? to : byte)));
}
