// The codec on records that are good: what an event looks like, writers older and newer than the reader,
// commands out and back.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { createCodec, subjectOf } from "../../src/adapters/codec.ts";
import { parseType } from "../../src/adapters/schema-files.ts";
import { ENTRY_READS } from "../../src/core/entry.ts";
import { EVENT_FIELDS, EVENT_TYPES } from "../../src/core/event-fields.ts";
import { PROFILE_READS } from "../../src/core/profile.ts";
import type { Command, Detection } from "../../src/core/output.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import {
  authRecord,
  CodecFixture,
  COMMAND_ID,
  eventOf,
  framed,
  LOGIN,
  NOW,
  schemas,
  TOPICS,
  TRADE_ID,
  verdict,
} from "./codec-fixture.ts";
import { KnownSchemas } from "./known-schemas.ts";
import type { Loose } from "../schemas/loose.ts";

let fixture: CodecFixture;

beforeEach(async () => {
  fixture = new CodecFixture();
  assert.deepEqual(await fixture.codec.prepare(), []);
});

describe("an event", () => {
  test("is the record as it was written, absent fields null, times and money plain numbers", () => {
    const event = eventOf(
      fixture.decode(
        authRecord({
          type: "FACTOR_SWITCHED",
          factor: "TOTP",
          toFactor: "SMS",
          verifiedWith: [],
          asn: 4_200_000_000,
          country: "HK",
        }),
      ),
    );
    assert.equal(event.occurredAt, NOW);
    assert.deepEqual(
      [event.factor, event.toFactor, event.verifiedWith, event.asn, event.country],
      ["TOTP", "SMS", [], 4_200_000_000, "HK"],
    );
    assert.equal(event.deviceId, null);
  });

  test("has one shape whatever its type, and no prototype but Object's", () => {
    const login = eventOf(fixture.decode(authRecord({})));
    const snapshot = eventOf(fixture.decode(authRecord({ type: "ACCOUNT_SNAPSHOT", knownAsns: [1, 2] })));
    assert.deepEqual(Object.keys(login), Object.keys(snapshot));
    assert.equal(Object.getPrototypeOf(login), Object.prototype);
  });

  test("lacks what only rules read, unless a rule reads it", async () => {
    const value = authRecord({ ip: "::1", userAgent: "curl", detail: { reason: "x" } });
    for (const [fields, expected] of [
      [[], [undefined, undefined, undefined]],
      [["ip"], ["::1", undefined, undefined]],
      [
        ["detail.reason", "userAgent"],
        [undefined, "curl", "x"],
      ],
    ] as [string[], unknown[]][]) {
      fixture.codec = fixture.create({ fields: new Set(fields) });
      const event = eventOf(await fixture.decodeFetched(value));
      assert.deepEqual([event.ip, event.userAgent, event.detail?.["reason"]], expected);
    }
  });

  test("never lacks what the profile and evidence read", async () => {
    fixture.codec = fixture.create({ fields: new Set() });
    const read = PROFILE_READS.union(ENTRY_READS);
    for (const [index, { topic, service }] of TOPICS.inputs.entries()) {
      const event = { ...LOGIN, type: EVENT_TYPES[service][0] };
      const value = framed(index + 1, schemas.events[service].type.toBuffer(event));
      const found = new Set(Object.keys(eventOf(await fixture.decodeFetched(value, { topic }))));
      const lacks = [...EVENT_FIELDS[service].keys()].filter((name) => read.has(name) && !found.has(name));
      assert.deepEqual(lacks, [], topic);
    }
  });

  test("of a fill has its numbers, the negative one too, within 32 bits", () => {
    const fill = { ...LOGIN, type: "TRADE_FILLED", side: "BUY", notionalUsdCents: 5, priceDeviationBps: -4_100 };
    const value = framed(TRADE_ID, schemas.events.trade.type.toBuffer(fill));
    const event = eventOf(fixture.decode(value, { topic: "trade-events" }));
    assert.deepEqual([event.side, event.notionalUsdCents, event.priceDeviationBps], ["BUY", 5, -4_100]);
    // The writer's schema says int; the bytes hold a long.
    const wide = parseType(JSON.parse(schemas.events.trade.text.replace('"int"', '"long"')));
    const hostile = framed(TRADE_ID, wide.toBuffer({ ...fill, priceDeviationBps: 2 ** 31 }));
    assert.match(
      verdict(fixture.decode(hostile, { topic: "trade-events" })),
      /^INVALID_FIELD: priceDeviationBps is 2147483648/,
    );
  });

  test("keeps odd keys of detail inert", () => {
    const detail = JSON.parse('{"__proto__": "p", "constructor": "c", "a": "b"}');
    const event = eventOf(
      fixture.decode(
        authRecord({ detail: Object.assign(Object.create(null), { ["__proto__"]: "p", constructor: "c", a: "b" }) }),
      ),
    );
    assert.deepEqual({ ...event.detail }, detail);
    assert.equal(Object.getPrototypeOf(event.detail), null);
    assert.equal(({} as Record<string, unknown>)["p"], undefined);
  });

  test("with text beyond ASCII, short and long, arrives unchanged", () => {
    const texts = ["", "é", "日本", "𝄞 clef", "x".repeat(24), "x".repeat(25), "ü".repeat(500), "ab", "zz"];
    for (const deviceId of texts) assert.equal(eventOf(fixture.decode(authRecord({ deviceId }))).deviceId, deviceId);
  });
});

describe("writers older and newer than the reader", () => {
  test("a field the writer lacks is null", async () => {
    const writer = fixture.evolve(
      (schema) => (schema.fields = schema.fields.filter((field: Loose) => field.name !== "country")),
    );
    assert.equal(eventOf(await fixture.decodeFetched(authRecord({}, writer))).country, null);
  });

  test("fields only the writer has are skipped, whatever their type, wherever they stand", async () => {
    const exotic = [
      { name: "f0", type: { type: "array", items: { type: "map", values: ["null", "double", "string"] } } },
      { name: "f1", type: { type: "fixed", name: "Sixteen", size: 16 } },
      {
        name: "f2",
        type: {
          type: "record",
          name: "Node",
          fields: [
            { name: "next", type: ["null", "Node"] },
            { name: "b", type: "bytes" },
          ],
        },
      },
      { name: "f3", type: ["null", "float", "boolean", { type: "enum", name: "E", symbols: ["A", "B"] }] },
      { name: "f4", type: "long" },
    ];
    const writer = fixture.evolve(
      (schema) => (schema.fields = [...exotic.slice(0, 3), ...schema.fields, ...exotic.slice(3)]),
    );
    const node = { next: { next: null, b: Buffer.from("deep") }, b: Buffer.from("x") };
    const event = {
      f0: [{ a: 1.5, b: null, c: "s" }, {}],
      f1: Buffer.alloc(16, 255),
      f2: node,
      f3: true,
      f4: -7,
      country: "DE",
    };
    assert.equal(eventOf(await fixture.decodeFetched(authRecord(event, writer))).country, "DE");
  });

  test("symbols newer than the reader become UNKNOWN", async () => {
    const writer = fixture.evolve((schema) => {
      schema.fields.find((field: Loose) => field.name === "type").type.symbols.unshift("ACCOUNT_CLOSED");
      schema.fields.find((field: Loose) => field.name === "verifiedWith").type[1].items.symbols.push("IRIS");
    });
    const value = authRecord({ type: "ACCOUNT_CLOSED", verifiedWith: ["IRIS", "TOTP"] }, writer);
    const event = eventOf(await fixture.decodeFetched(value));
    assert.deepEqual([event.type, event.verifiedWith], ["UNKNOWN", ["UNKNOWN", "TOTP"]]);
    assert.equal(eventOf(fixture.decode(authRecord({}, writer))).type, "LOGIN_SUCCEEDED");
  });

  test("an int where the reader has a long, and a plain type where it has an optional one, are read", async () => {
    const writer = fixture.evolve((schema) => {
      Object.assign(
        schema.fields.find((field: Loose) => field.name === "asn"),
        { type: "int", default: 0 },
      );
    });
    await fixture.decodeFetched(authRecord({ asn: -1 }, writer));
    assert.equal(eventOf(fixture.decode(authRecord({ asn: 77 }, writer))).asn, 77);
  });

  const misfits: Record<string, [(schema: Loose) => void, RegExp]> = {
    "another record's name (D2)": [
      (schema) => (schema.name = "Login"),
      /written as holdfast\.events\.v1\.Login, not as holdfast\.events\.v1\.AuthEvent/,
    ],
    "another namespace (D2)": [(schema) => (schema.namespace = "other"), /written as other\.AuthEvent/],
    "a required field missing": [
      (schema) => schema.fields.splice(0, 1),
      /AuthEvent\.eventId is not written and has no default/,
    ],
    "another type": [
      (schema) => (schema.fields[0].type = "long"),
      /AuthEvent\.eventId is written as long, which cannot be read as string/,
    ],
    "an array of items without bytes": [
      (schema) =>
        schema.fields.push({
          name: "bomb",
          type: { type: "array", items: { type: "record", name: "Empty", fields: [] } },
        }),
      /AuthEvent\.bomb is an array of items without bytes/,
    ],
  };
  for (const [what, [change, detail]] of Object.entries(misfits)) {
    test(`${what} is undecodable`, async () => {
      const { id } = fixture.evolve(change);
      const answer = verdict(await fixture.decodeFetched(framed(id, Buffer.alloc(9))));
      assert.match(answer, /^UNDECODABLE: schema id 100 does not fit the topic/);
      assert.match(answer, detail);
    });
  }

  test("a command's schema on an input topic is undecodable (D2)", async () => {
    assert.match(
      verdict(await fixture.decodeFetched(framed(COMMAND_ID, Buffer.alloc(9)))),
      /^UNDECODABLE: .*holdfast\.commands\.v1\.Command/,
    );
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
  evidence: [
    {
      eventId: "e1",
      type: "LOGIN_SUCCEEDED",
      topic: "auth-events",
      partition: 3,
      offset: 2 ** 40,
      occurredAt: NOW,
      rule: "step",
      summary: "LOGIN_SUCCEEDED",
    },
  ],
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
    const value = fixture.codec.encodeCommand(COMMAND);
    assert.equal(value.readInt32BE(1), COMMAND_ID);
    assert.deepEqual(await fixture.codec.decodeCommand(value), COMMAND);
  });

  test("a detection is readable with its schema", () => {
    const value = fixture.codec.encodeDetection(DETECTION);
    assert.deepEqual(JSON.parse(JSON.stringify(schemas.detection.type.fromBuffer(value.subarray(5)))), DETECTION);
  });

  const alien: Record<string, () => Buffer> = {
    garbage: () => Buffer.from("garbage!"),
    "an event": () => authRecord({}),
    "a cut command": () => fixture.codec.encodeCommand(COMMAND).subarray(0, -1),
    "an action of a newer version": () =>
      framed(COMMAND_ID, schemas.command.type.toBuffer({ ...COMMAND, action: "UNKNOWN" })),
    "a scope of a newer version": () =>
      framed(COMMAND_ID, schemas.command.type.toBuffer({ ...COMMAND, scopes: ["UNKNOWN"] })),
  };
  for (const [what, value] of Object.entries(alien)) {
    test(`${what} among the commands stops the task loudly`, async () => {
      await assert.rejects(
        fixture.codec.decodeCommand(value()),
        (error) => error instanceof BrokerFailure && error.disposition === "halt",
      );
    });
  }

  test("an unknown id among the commands is asked for again, not given up", async () => {
    await assert.rejects(
      fixture.codec.decodeCommand(framed(99, Buffer.alloc(9))),
      (error) => error instanceof BrokerFailure && error.disposition === "retry",
    );
  });

  test("a registry that refuses to say what a command was written with is asked again", async () => {
    const other = new CodecFixture();
    await other.codec.prepare();
    other.registry.refusing = true;
    const value = other.codec.encodeCommand(COMMAND);
    await assert.rejects(
      other.codec.decodeCommand(value),
      (error) => error instanceof BrokerFailure && error.disposition === "retry",
    );
    other.registry.refusing = false;
    assert.deepEqual(await other.codec.decodeCommand(value), COMMAND);
  });

  test("prepare names everything that is missing or does not fit, at once", async () => {
    const other = new KnownSchemas();
    other.put(subjectOf("auth-events"), schemas.command.text);
    const unprepared = createCodec({
      registry: other,
      schemas,
      topics: TOPICS,
      clock: fixture.clock,
      telemetry: SILENT,
    });
    const problems = await unprepared.prepare();
    assert.equal(problems.length, 4, problems.join("\n"));
    assert.match(
      problems.join("\n"),
      /commands-value: run `holdfast schemas register`[^]*detections-value[^]*signals-value[^]*latest schema of auth-events-value does not fit/,
    );
    assert.throws(() => unprepared.encodeCommand(COMMAND), /before prepare/);
  });
});
