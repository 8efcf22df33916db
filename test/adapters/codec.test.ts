// The codec on records good and bad: round trips, writers older and newer than the reader, every limit,
// and bytes nobody wrote. A record in the tables is made with avsc, which the codec does not read with.

import assert from "node:assert/strict";
import { before, beforeEach, describe, test } from "node:test";
import avro from "avsc";
import fc from "fast-check";
import { createCodec, subjectOf } from "../../src/adapters/codec.ts";
import type { RegistryCodec } from "../../src/adapters/codec.ts";
import { createManualClock } from "../../src/adapters/memory/clock.ts";
import type { ManualClock } from "../../src/adapters/memory/clock.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../../src/adapters/schema-files.ts";
import type { Schemas } from "../../src/adapters/schema-files.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import type { Command, Detection } from "../../src/core/output.ts";
import { LIMITS } from "../../src/core/validation.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type { DecodeOutcome } from "../../src/runtime/ports.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import type { Topics } from "../../src/runtime/topics.ts";
import { KnownSchemas } from "./known-schemas.ts";

const TOPICS: Topics = {
  inputs: [
    { topic: "auth-events", service: "auth" },
    { topic: "api-key-events", service: "api_key" },
    { topic: "withdrawal-events", service: "withdrawal" },
  ],
  commands: "commands",
  detections: "detections",
  state: "state",
  deadLetter: "dead",
};
const NOW = Date.UTC(2024, 5, 9, 12);
const LOGIN = { eventId: "e1", accountId: "alice", type: "LOGIN_SUCCEEDED", occurredAt: NOW };

let schemas: Schemas;
let registry: KnownSchemas;
let clock: ManualClock;
let codec: RegistryCodec;

before(async () => {
  schemas = await loadSchemas(SCHEMAS_DIRECTORY);
});
beforeEach(async () => {
  registry = new KnownSchemas();
  clock = createManualClock(NOW);
  for (const { topic, service } of TOPICS.inputs) registry.put(subjectOf(topic), schemas.events[service].text);
  registry.put(subjectOf("commands"), schemas.command.text);
  registry.put(subjectOf("detections"), schemas.detection.text);
  codec = createCodec({ registry, schemas, topics: TOPICS, clock, telemetry: SILENT });
  assert.deepEqual(await codec.prepare(), []);
});

const AUTH_ID = 1;
const COMMAND_ID = 4;

function framed(id: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, body]);
}

/** A record of auth-events, by the local schema unless another is given. */
function authRecord(event: object, schema: avro.Type = schemas.events.auth.type, id: number = AUTH_ID): Buffer {
  return framed(id, schema.toBuffer({ ...LOGIN, ...event }));
}

function decode(value: Buffer | null, { topic = "auth-events", key = "alice", timestamp = NOW } = {}): DecodeOutcome {
  return codec.decodeEvent(topic, { key: key === "" ? null : Buffer.from(key), value, timestamp });
}

/** `REASON: detail`, or `ok`, or `wait`. */
function verdict(outcome: DecodeOutcome): string {
  if ("wait" in outcome) return "wait";
  return "event" in outcome ? "ok" : `${outcome.rejection.reason}: ${outcome.rejection.detail}`;
}

function eventOf(outcome: DecodeOutcome): ExchangeEvent {
  assert.equal(verdict(outcome), "ok");
  return (outcome as { event: ExchangeEvent }).event;
}

/** Registers a changed copy of the auth schema. @returns its type and id */
function evolve(change: (schema: any) => void, id = 100): { type: avro.Type; id: number } {
  const schema = JSON.parse(schemas.events.auth.text);
  change(schema);
  registry.put(subjectOf("auth-events"), JSON.stringify(schema), id);
  return { type: avro.Type.forSchema(schema), id };
}

async function fetched(outcome: DecodeOutcome): Promise<void> {
  assert.equal(verdict(outcome), "wait");
  await (outcome as { wait: Promise<void> }).wait;
}

describe("an event", () => {
  test("is the record as it was written, absent fields null, times and money plain numbers", () => {
    const event = eventOf(decode(authRecord({ type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS", verifiedWith: [], asn: 4_200_000_000, country: "HK" })));
    assert.equal(event.occurredAt, NOW);
    assert.deepEqual([event.factor, event.toFactor, event.verifiedWith, event.asn, event.country], ["TOTP", "SMS", [], 4_200_000_000, "HK"]);
    assert.equal(event.deviceId, null);
  });

  test("has one shape whatever its type, and no prototype but Object's", () => {
    const login = eventOf(decode(authRecord({})));
    const snapshot = eventOf(decode(authRecord({ type: "ACCOUNT_SNAPSHOT", knownAsns: [1, 2] })));
    assert.deepEqual(Object.keys(login), Object.keys(snapshot));
    assert.equal(Object.getPrototypeOf(login), Object.prototype);
  });

  test("lacks what only rules read, unless a rule reads it", async () => {
    const value = authRecord({ ip: "::1", userAgent: "curl", detail: { reason: "x" } });
    for (const [fields, expected] of [
      [[], [undefined, undefined, undefined]],
      [["ip"], ["::1", undefined, undefined]],
      [["detail.reason", "userAgent"], [undefined, "curl", "x"]],
    ] as const) {
      codec = createCodec({ registry, schemas, topics: TOPICS, fields: new Set<string>(fields), clock, telemetry: SILENT });
      await fetched(decode(value));
      const event = eventOf(decode(value));
      assert.deepEqual([event.ip, event.userAgent, event.detail?.["reason"]], expected);
    }
  });

  test("keeps odd keys of detail inert", () => {
    const detail = JSON.parse('{"__proto__": "p", "constructor": "c", "a": "b"}');
    const event = eventOf(decode(authRecord({ detail: Object.assign(Object.create(null), { ["__proto__"]: "p", constructor: "c", a: "b" }) })));
    assert.deepEqual({ ...event.detail }, detail);
    assert.equal(Object.getPrototypeOf(event.detail), null);
    assert.equal(({} as Record<string, unknown>)["p"], undefined);
  });

  test("with text beyond ASCII, short and long, arrives unchanged", () => {
    const texts = ["", "é", "日本", "𝄞 clef", "x".repeat(24), "x".repeat(25), "ü".repeat(500), "ab", "zz"];
    for (const deviceId of texts) assert.equal(eventOf(decode(authRecord({ deviceId }))).deviceId, deviceId);
  });
});

describe("writers older and newer than the reader", () => {
  test("a field the writer lacks is null", async () => {
    const { type, id } = evolve((schema) => (schema.fields = schema.fields.filter((field: any) => field.name !== "country")));
    await fetched(decode(authRecord({}, type, id)));
    assert.equal(eventOf(decode(authRecord({}, type, id))).country, null);
  });

  test("fields only the writer has are skipped, whatever their type, wherever they stand", async () => {
    const exotic = [
      { name: "f0", type: { type: "array", items: { type: "map", values: ["null", "double", "string"] } } },
      { name: "f1", type: { type: "fixed", name: "Sixteen", size: 16 } },
      { name: "f2", type: { type: "record", name: "Node", fields: [{ name: "next", type: ["null", "Node"] }, { name: "b", type: "bytes" }] } },
      { name: "f3", type: ["null", "float", "boolean", { type: "enum", name: "E", symbols: ["A", "B"] }] },
      { name: "f4", type: "long" },
    ];
    const { type, id } = evolve((schema) => (schema.fields = [...exotic.slice(0, 3), ...schema.fields, ...exotic.slice(3)]));
    const node = { next: { next: null, b: Buffer.from("deep") }, b: Buffer.from("x") };
    const event = { f0: [{ a: 1.5, b: null, c: "s" }, {}], f1: Buffer.alloc(16, 255), f2: node, f3: true, f4: -7, country: "DE" };
    await fetched(decode(authRecord(event, type, id)));
    assert.equal(eventOf(decode(authRecord(event, type, id))).country, "DE");
  });

  test("symbols newer than the reader become UNKNOWN", async () => {
    const { type, id } = evolve((schema) => {
      schema.fields.find((field: any) => field.name === "type").type.symbols.unshift("ACCOUNT_CLOSED");
      schema.fields.find((field: any) => field.name === "verifiedWith").type[1].items.symbols.push("IRIS");
    });
    const value = authRecord({ type: "ACCOUNT_CLOSED", verifiedWith: ["IRIS", "TOTP"] }, type, id);
    await fetched(decode(value));
    const event = eventOf(decode(value));
    assert.deepEqual([event.type, event.verifiedWith], ["UNKNOWN", ["UNKNOWN", "TOTP"]]);
    assert.equal(eventOf(decode(authRecord({}, type, id))).type, "LOGIN_SUCCEEDED");
  });

  test("an int where the reader has a long, and a plain type where it has an optional one, are read", async () => {
    const { type, id } = evolve((schema) => {
      Object.assign(schema.fields.find((field: any) => field.name === "asn"), { type: "int", default: 0 });
    });
    await fetched(decode(authRecord({ asn: -1 }, type, id)));
    assert.equal(eventOf(decode(authRecord({ asn: 77 }, type, id))).asn, 77);
  });

  const misfits: Record<string, [(schema: any) => void, RegExp]> = {
    "another record's name (D2)": [(schema) => (schema.name = "Login"), /written as holdfast\.events\.v1\.Login, not as holdfast\.events\.v1\.AuthEvent/],
    "another namespace (D2)": [(schema) => (schema.namespace = "other"), /written as other\.AuthEvent/],
    "a required field missing": [(schema) => schema.fields.splice(0, 1), /AuthEvent\.eventId is not written and has no default/],
    "another type": [(schema) => (schema.fields[0].type = "long"), /AuthEvent\.eventId is written as long, which cannot be read as string/],
    "an array of items without bytes": [
      (schema) => schema.fields.push({ name: "bomb", type: { type: "array", items: { type: "record", name: "Empty", fields: [] } } }),
      /AuthEvent\.bomb is an array of items without bytes/,
    ],
  };
  for (const [what, [change, detail]] of Object.entries(misfits)) {
    test(`${what} is undecodable`, async () => {
      const { id } = evolve(change);
      await fetched(decode(framed(id, Buffer.alloc(9))));
      const answer = verdict(decode(framed(id, Buffer.alloc(9))));
      assert.match(answer, /^UNDECODABLE: schema id 100 does not fit the topic/);
      assert.match(answer, detail);
    });
  }

  test("a command's schema on an input topic is undecodable (D2)", async () => {
    await fetched(decode(framed(COMMAND_ID, Buffer.alloc(9))));
    assert.match(verdict(decode(framed(COMMAND_ID, Buffer.alloc(9)))), /^UNDECODABLE: .*holdfast\.commands\.v1\.Command/);
  });
});

describe("bad records are rejections", () => {
  const body = (event: object = {}): Buffer => authRecord(event);
  const table: Record<string, [() => Buffer | null, RegExp, { key?: string; timestamp?: number }?]> = {
    "no value": [() => null, /^UNDECODABLE: the record has no value/],
    "empty": [() => Buffer.alloc(0), /^UNDECODABLE: the value does not begin/],
    "JSON": [() => Buffer.from(JSON.stringify(LOGIN)), /^UNDECODABLE: the value does not begin/],
    "a negative id": [() => Buffer.from([0, 255, 0, 0, 1, 0]), /^UNDECODABLE: the value does not begin/],
    "too many bytes": [() => Buffer.alloc(LIMITS.recordBytes + 1), /^TOO_LARGE: the record's value has 262145 bytes/],
    "cut short": [() => body().subarray(0, -1), /^UNDECODABLE: the record ends too early/],
    "a byte too many (D2)": [() => Buffer.concat([body(), Buffer.alloc(1)]), /^UNDECODABLE: 1 bytes are left over/],
    "text that is not UTF-8": [() => bytesReplaced(body({ deviceId: "dev~" }), 0x7e, 0xff), /^UNDECODABLE: text at byte \d+ is not UTF-8/],
    "an index past the symbols": [() => framed(AUTH_ID, Buffer.from([2, 0x65, 2, 0x61, 0x7e])), /^UNDECODABLE: index 63 of 22/],
    "an empty eventId": [() => body({ eventId: "" }), /^MISSING_FIELD: eventId/],
    "an empty accountId": [() => body({ accountId: "" }), /^MISSING_FIELD: accountId/],
    "an endless eventId": [() => body({ eventId: "x".repeat(257) }), /^TOO_LARGE: eventId is 257/],
    "no key": [() => body(), /^WRONG_KEY: the record has no key/, { key: "" }],
    "another's key": [() => body(), /^WRONG_KEY: the record's key \(5 bytes\) is another/, { key: "alicf" }],
    "a longer key": [() => body(), /^WRONG_KEY/, { key: "alice2" }],
    "a shorter key": [() => body(), /^WRONG_KEY/, { key: "alic" }],
    "the future": [() => body({ occurredAt: NOW + 300_001 }), /^FUTURE_TIME: occurredAt is 300001 ms ahead/],
    "seconds for milliseconds": [() => body({ occurredAt: NOW / 1_000 }), /^INVALID_FIELD: occurredAt/],
    "a negative time": [() => body({ occurredAt: -1 }), /^INVALID_FIELD: occurredAt/],
    "an endless text": [() => body({ userAgent: "x".repeat(1_025) }), /^TOO_LARGE: userAgent is 1025/],
    "an endless list": [() => body({ verifiedWith: new Array(257).fill("SMS") }), /^TOO_LARGE: verifiedWith has 257 items/],
    "an endless item": [() => body({ knownDevices: ["x".repeat(1_025)] }), /^TOO_LARGE: an item of knownDevices/],
    "an impossible network": [() => body({ asn: 2 ** 32 }), /^INVALID_FIELD: asn/],
    "an endless detail": [() => body({ detail: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) }), /^TOO_LARGE: detail has more than 64/],
  };
  for (const [what, [value, expected, frame]] of Object.entries(table)) {
    test(what, async () => {
      assert.match(verdict(decode(value(), frame ?? {})), expected);
    });
  }

  test("five minutes ahead is not yet the future", () => {
    assert.equal(verdict(decode(authRecord({ occurredAt: NOW + 300_000 }))), "ok");
  });

  test("a key is compared as UTF-8", () => {
    assert.equal(verdict(decode(authRecord({ accountId: "müller" }), { key: "müller" })), "ok");
    assert.match(verdict(decode(authRecord({ accountId: "müller" }), { key: "muller" })), /^WRONG_KEY/);
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
    const value = framed(3, type.toBuffer({ ...LOGIN, type: "WITHDRAWAL_REQUESTED", amountUsdCents: probe }));
    for (const [amount, expected] of amounts) {
      const replaced = Buffer.from(value.toString("latin1").replace(zigzag(BigInt(probe)), zigzag(amount)), "latin1");
      const outcome = decode(replaced, { topic: "withdrawal-events" });
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
      assert.match(verdict(decode(bomb)), /^(UNDECODABLE|INVALID_FIELD): /);
      assert.ok(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before < 5_000_000);
    });
  }

  test("a skipped block that points backwards (R1)", async () => {
    const { id } = evolve((schema) => schema.fields.unshift({ name: "junk", type: { type: "array", items: "string" } }));
    const value = framed(id, Buffer.from([zigzag(-1n), zigzag(-2n), zigzag(0n)].join(""), "latin1"));
    await fetched(decode(value));
    assert.match(verdict(decode(value)), /^UNDECODABLE: the record ends too early/);
  });

  test("a writer's schema that nests without end", async () => {
    const nest = { type: "record", name: "Nest", fields: [{ name: "in", type: ["null", "Nest"] }] };
    const { id } = evolve((schema) => schema.fields.unshift({ name: "nest", type: nest }));
    const value = framed(id, Buffer.alloc(200_000, 2));
    await fetched(decode(value));
    assert.match(verdict(decode(value)), /^UNDECODABLE: nested too deeply/);
  });
});

describe("ids the codec does not know", () => {
  /** Moves time until the promise settles; the registry answers in between. */
  async function pass(wait: Promise<void>, limitMs: number): Promise<number> {
    let settled = false;
    void wait.then(() => (settled = true));
    const from = clock.monotonic();
    while (!settled && clock.monotonic() - from < limitMs) {
      await clock.turn();
      clock.moveTo(clock.monotonic() + 10);
    }
    await clock.turn();
    assert.ok(settled, `still waiting after ${limitMs} ms`);
    return clock.monotonic() - from;
  }
  const waitOf = (outcome: DecodeOutcome): Promise<void> => {
    assert.equal(verdict(outcome), "wait");
    return (outcome as { wait: Promise<void> }).wait;
  };

  test("one question for all that wait (W1), then decoded", async () => {
    const { type, id } = evolve(() => {});
    const waits = [1, 2, 3].map(() => waitOf(decode(authRecord({}, type, id))));
    await Promise.all(waits);
    assert.equal(registry.asked.filter((asked) => asked === id).length, 1);
    assert.equal(verdict(decode(authRecord({}, type, id))), "ok");
  });

  test("an id denied for a minute is a rejection (W2), asked again a minute later (W3)", async () => {
    const value = framed(99, Buffer.alloc(9));
    const took = await pass(waitOf(decode(value)), 120_000);
    assert.ok(took >= 60_000 && took < 65_000, `took ${took}`);
    assert.match(verdict(decode(value)), /^UNKNOWN_SCHEMA: the registry does not know schema id 99/);
    clock.moveTo(clock.monotonic() + 60_001);
    registry.put("late", schemas.events.auth.text, 99);
    await waitOf(decode(value));
    assert.equal(verdict(decode(authRecord({}, schemas.events.auth.type, 99))), "ok");
  });

  test("an id that a lagging replica learns within the minute is decoded", async () => {
    const value = authRecord({}, schemas.events.auth.type, 99);
    const wait = waitOf(decode(value));
    await clock.turn();
    clock.moveTo(30_000);
    registry.put("late", schemas.events.auth.text, 99);
    await pass(wait, 10_000);
    assert.equal(verdict(decode(value)), "ok");
  });

  test("a silent registry is waited for without end, and its silence does not count (W2, D3)", async () => {
    const value = authRecord({}, schemas.events.auth.type, 99);
    registry.silent = true;
    const wait = waitOf(decode(value));
    let settled = false;
    void wait.then(() => (settled = true));
    for (let minute = 0; minute < 30; minute++) {
      await clock.turn();
      clock.moveTo(clock.monotonic() + 60_000);
    }
    assert.equal(settled, false);
    assert.equal(verdict(decode(authRecord({}))), "ok", "known ids flow");
    registry.silent = false;
    registry.put("late", schemas.events.auth.text, 99);
    await pass(wait, 10_000);
    assert.equal(verdict(decode(value)), "ok");
  });

  test("an aborted signal ends the waiting", async () => {
    const stop = new AbortController();
    codec = createCodec({ registry, schemas, topics: TOPICS, clock, telemetry: SILENT, signal: stop.signal });
    const wait = waitOf(decode(framed(99, Buffer.alloc(9))));
    await clock.turn();
    stop.abort();
    await wait;
  });
});

const COMMAND: Command = {
  caseId: "alice/r/e1",
  commandId: "alice/r/e1/e1/0",
  accountId: "alice",
  action: "FREEZE",
  scopes: ["WITHDRAW", "API_KEYS"],
  targets: { withdrawalIds: [], keyIds: ["k1"], sessionIds: [], addresses: [] },
  reasonCode: "TAKEOVER_SEQUENCE",
  ruleId: "r",
  ruleTitle: "Rule",
  ruleHash: "abc",
  mode: "step-up",
  issuedAt: NOW,
  effectiveAt: NOW,
  expiresAt: null,
  evidence: [{ eventId: "e1", type: "LOGIN_SUCCEEDED", topic: "auth-events", partition: 3, offset: 2 ** 40, occurredAt: NOW, rule: "step", summary: "LOGIN_SUCCEEDED" }],
  evidenceCount: 1,
};
const DETECTION: Detection = {
  kind: "OPENED",
  caseId: COMMAND.caseId,
  ruleId: "r",
  ruleName: null,
  ruleTitle: "Rule",
  ruleHash: "abc",
  level: "high",
  tags: ["attack.t1556.006"],
  mode: "enforce",
  group: { accountId: "alice" },
  firstAt: NOW - 1,
  lastAt: NOW,
  decidedBy: "e1",
  evidence: COMMAND.evidence,
  evidenceCount: 1,
};

describe("commands and detections", () => {
  test("a command comes back as it went out, behind its registered id", async () => {
    const value = codec.encodeCommand(COMMAND);
    assert.equal(value.readInt32BE(1), COMMAND_ID);
    assert.deepEqual(await codec.decodeCommand(value), COMMAND);
  });

  test("a detection is readable with its schema", () => {
    const value = codec.encodeDetection(DETECTION);
    assert.deepEqual(JSON.parse(JSON.stringify(schemas.detection.type.fromBuffer(value.subarray(5)))), DETECTION);
  });

  const alien: Record<string, () => Buffer> = {
    garbage: () => Buffer.from("garbage!"),
    "an event": () => authRecord({}),
    "a cut command": () => codec.encodeCommand(COMMAND).subarray(0, -1),
    "an action of a newer version": () => framed(COMMAND_ID, schemas.command.type.toBuffer({ ...COMMAND, action: "UNKNOWN" })),
    "a scope of a newer version": () => framed(COMMAND_ID, schemas.command.type.toBuffer({ ...COMMAND, scopes: ["UNKNOWN"] })),
  };
  for (const [what, value] of Object.entries(alien)) {
    test(`${what} among the commands stops the task loudly`, async () => {
      await assert.rejects(codec.decodeCommand(value()), (error) => error instanceof BrokerFailure && error.disposition === "halt");
    });
  }

  test("an unknown id among the commands is asked for again, not given up", async () => {
    await assert.rejects(codec.decodeCommand(framed(99, Buffer.alloc(9))), (error) => error instanceof BrokerFailure && error.disposition === "retry");
  });

  test("prepare names everything that is missing or does not fit, at once", async () => {
    const other = new KnownSchemas();
    other.put(subjectOf("auth-events"), schemas.command.text);
    const unprepared = createCodec({ registry: other, schemas, topics: TOPICS, clock, telemetry: SILENT });
    const problems = await unprepared.prepare();
    assert.equal(problems.length, 3, problems.join("\n"));
    assert.match(problems.join("\n"), /commands-value: run `holdfast schemas register`[^]*detections-value[^]*latest schema of auth-events-value does not fit/);
    assert.throws(() => unprepared.encodeCommand(COMMAND), /before prepare/);
  });
});

describe("whatever the bytes (D1)", () => {
  const header = Buffer.from([0, 0, 0, 0, AUTH_ID]);

  test("arbitrary bytes give an event or a rejection", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.notEqual(verdict(decode(Buffer.concat([header, bytes]))), "wait");
      }),
      { numRuns: 2_000 },
    );
  });

  test("a good record with bytes changed, cut or added gives an event or a rejection", () => {
    const good = authRecord({ type: "ACCOUNT_SNAPSHOT", knownDevices: ["a", "b"], knownAsns: [1, 2, 3], detail: { a: "b" }, verifiedWith: ["SMS"], country: "DE" });
    fc.assert(
      fc.property(fc.nat(good.length - 6), fc.uint8Array({ maxLength: 8 }), fc.nat(8), (at, inserted, removed) => {
        const value = Buffer.concat([good.subarray(0, 5 + at), inserted, good.subarray(5 + at + removed)]);
        assert.notEqual(verdict(decode(value)), "wait");
      }),
      { numRuns: 5_000 },
    );
  });

  test("what avsc writes is read as avsc reads it", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
    const factor = fc.constantFrom("EMAIL", "SMS", "TOTP", "PASSKEY", "UNKNOWN");
    const event = fc.record({
      eventId: text.filter((id) => id !== ""),
      accountId: text.filter((id) => id !== ""),
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
        const { type } = schemas.events.auth;
        const value = framed(AUTH_ID, type.toBuffer(given));
        const expected = JSON.parse(JSON.stringify(type.fromBuffer(value.subarray(5))));
        assert.deepEqual(JSON.parse(JSON.stringify(eventOf(decode(value, { key: given.accountId })))), expected);
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
