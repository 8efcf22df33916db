// The schemas against the house rules of the data contract, and against the TypeScript that claims to be
// their shape: what the compiler cannot see because one side is JSON.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type avro from "avsc";
import { loadContract, loadSchemas, SCHEMAS_DIRECTORY } from "../../src/adapters/schema-files.ts";
import type { SchemaFile, Schemas } from "../../src/adapters/schema-files.ts";
import { EVENT_FIELDS, EVENT_TYPES, REQUIRED_FIELDS } from "../../src/core/event-fields.ts";
import type { FieldKind } from "../../src/core/event-fields.ts";
import { FACTOR_STRENGTH, RULE_SERVICES, SERVICES } from "../../src/core/event.ts";
import type { ExchangeEvent, RejectReason } from "../../src/core/event.ts";
import { ACK_STATUSES, type Ack, type Decision, VERDICTS } from "../../src/core/decision.ts";
import { SCOPES } from "../../src/core/output.ts";
import type { Action, Command, Detection, Evidence, Targets } from "../../src/core/output.ts";
import type { Signal } from "../../src/core/signal.ts";
import type { Loose } from "./loose.ts";

let files: readonly SchemaFile[];
let schemas: Schemas;

before(async () => {
  files = [...(await loadContract(SCHEMAS_DIRECTORY)).values()];
  schemas = await loadSchemas(SCHEMAS_DIRECTORY);
});

/** Every object of a schema's JSON that `matches`, with the file it stands in. */
function nodes(matches: (node: Loose) => boolean): { file: string; node: Loose }[] {
  const found: { file: string; node: Loose }[] = [];
  const visit = (file: string, node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    if (!Array.isArray(node) && matches(node)) found.push({ file, node });
    for (const child of Object.values(node)) visit(file, child);
  };
  for (const { path, json } of files) visit(path, json);
  return found;
}

const isField = (node: Loose): boolean =>
  typeof node.name === "string" && node.type !== undefined && node.fields === undefined && node.symbols === undefined;

describe("house rules", () => {
  test("every field, enum and record says what it means", () => {
    const silent = nodes((node) => (isField(node) || node.symbols || node.fields) && !(node.doc?.length > 8));
    assert.deepEqual(
      silent.map(({ file, node }) => `${file} ${node.name}`),
      [],
    );
  });

  test("every enum has UNKNOWN as its last symbol and as its default", () => {
    const enums = nodes((node) => node.type === "enum");
    assert.ok(enums.length >= 10);
    for (const { file, node } of enums)
      assert.deepEqual([node.symbols.at(-1), node.default], ["UNKNOWN", "UNKNOWN"], `${file} ${node.name}`);
  });

  test("every optional field is null or its type, null by default", () => {
    for (const { file, node } of nodes((each) => isField(each) && Array.isArray(each.type))) {
      assert.deepEqual([node.type.length, node.type[0], node.default], [2, "null", null], `${file} ${node.name}`);
    }
  });

  test("every instant is a timestamp in milliseconds, and nothing else is", () => {
    for (const { file, node } of nodes((each) => isField(each) && /At$|^timestamp$/.test(each.name))) {
      assert.match(JSON.stringify(node.type), /"timestamp-millis"/, `${file} ${node.name}`);
    }
    for (const { node } of nodes((each) => isField(each) && each.type?.logicalType))
      assert.match(node.name, /At$|^timestamp$/);
  });

  test("namespaces carry the contract's version", () => {
    const namespaces = new Set(files.map(({ type }) => type.name!.replace(/\.[^.]+$/, "")));
    assert.deepEqual([...namespaces].sort(), [
      "holdfast.commands.v1",
      "holdfast.deadletter.v1",
      "holdfast.events.v1",
      "holdfast.signals.v1",
    ]);
  });
});

/** The field table's word for an Avro type. */
function kindOf(type: avro.Type): string {
  if (type.typeName === "union:unwrapped") return kindOf((type as avro.types.UnwrappedUnionType).types[1]!);
  if (type.typeName === "enum") return `symbol ${(type as avro.types.EnumType).symbols.join()}`;
  if (type.typeName === "array") return kindOf((type as avro.types.ArrayType).itemsType).replace(/^\S+/, "$&s");
  return type.typeName;
}

const AVRO_KIND: Readonly<Record<FieldKind["kind"], string>> = {
  id: "string",
  text: "string",
  instant: "long",
  cents: "long",
  asn: "long",
  int: "int",
  flag: "boolean",
  texts: "strings",
  asns: "longs",
  map: "map",
  symbol: "symbol",
  symbols: "symbols",
};

describe("the field table", () => {
  for (const service of SERVICES) {
    test(`has the fields and types of ${service} events, in order`, () => {
      const written = schemas.events[service].type.fields.map(({ name, type }) => [name, kindOf(type)]);
      const table = [...EVENT_FIELDS[service]].map(([name, field]) => [
        name,
        "symbols" in field ? `${AVRO_KIND[field.kind]} ${field.symbols.join()}` : AVRO_KIND[field.kind],
      ]);
      assert.deepEqual(table, written);
    });

    test(`demands of ${service} events what has no default`, () => {
      const demanded = schemas.events[service].type.fields.filter((field) => field.defaultValue() === undefined);
      assert.deepEqual(
        demanded.map(({ name }) => name),
        REQUIRED_FIELDS,
      );
      assert.ok(EVENT_TYPES[service].includes("UNKNOWN"));
    });
  }

  test("knows every field of ExchangeEvent, and no other", () => {
    const known: Record<keyof ExchangeEvent, true> = {
      eventId: true,
      accountId: true,
      type: true,
      occurredAt: true,
      ip: true,
      country: true,
      asn: true,
      deviceId: true,
      sessionId: true,
      userAgent: true,
      verifiedWith: true,
      enrolledFactors: true,
      detail: true,
      createdAt: true,
      knownDevices: true,
      knownCountries: true,
      knownAsns: true,
      knownAddresses: true,
      issuedDeviceId: true,
      issuedAsn: true,
      issuedCountry: true,
      factor: true,
      toFactor: true,
      channel: true,
      keyId: true,
      rights: true,
      ipList: true,
      withdrawalId: true,
      asset: true,
      network: true,
      amountUsdCents: true,
      balanceUsdCents: true,
      address: true,
      addressListed: true,
      via: true,
      symbol: true,
      side: true,
      notionalUsdCents: true,
      priceDeviationBps: true,
      symbolDailyVolumeUsdCents: true,
      counterpartyAccountId: true,
      linkedBy: true,
      linkedCount: true,
      linkRule: true,
    };
    const written = new Set(RULE_SERVICES.flatMap((service) => [...EVENT_FIELDS[service].keys()]));
    assert.deepEqual([...written].sort(), Object.keys(known).sort());
  });
});

// Total over their types: the compiler counts the fields, the tests compare them with the schema.
const COMMAND: Record<keyof Command, true> = {
  caseId: true,
  commandId: true,
  accountId: true,
  action: true,
  scopes: true,
  targets: true,
  reasonCode: true,
  ruleId: true,
  ruleTitle: true,
  ruleHash: true,
  mode: true,
  issuedAt: true,
  effectiveAt: true,
  expiresAt: true,
  evidence: true,
  evidenceCount: true,
};
const DETECTION: Record<keyof Detection, true> = {
  kind: true,
  caseId: true,
  ruleId: true,
  ruleName: true,
  ruleTitle: true,
  ruleHash: true,
  level: true,
  tags: true,
  mode: true,
  group: true,
  firstAt: true,
  lastAt: true,
  decidedBy: true,
  evidence: true,
  evidenceCount: true,
};
const DECISION: Record<keyof Decision, true> = {
  decisionId: true,
  accountId: true,
  caseId: true,
  verdict: true,
  until: true,
  decidedBy: true,
  decidedAt: true,
  note: true,
};
const ACK: Record<keyof Ack, true> = { commandId: true, accountId: true, status: true, appliedAt: true, service: true };
const SIGNAL: Record<keyof Signal, true> = {
  eventId: true,
  type: true,
  occurredAt: true,
  ruleId: true,
  group: true,
  accountId: true,
  linkedBy: true,
  linkedCount: true,
  linkRule: true,
  fact: true,
};
const EVIDENCE: Record<keyof Evidence, true> = {
  eventId: true,
  type: true,
  topic: true,
  partition: true,
  offset: true,
  occurredAt: true,
  rule: true,
  summary: true,
};
const TARGETS: Record<keyof Targets, true> = { withdrawalIds: true, keyIds: true, sessionIds: true, addresses: true };
const ACTIONS: Record<Action, true> = { HOLD: true, FREEZE: true, STEP_UP: true, REVIEW: true, RELEASE: true };
const KINDS: Record<Detection["kind"], true> = {
  OPENED: true,
  CLOSED: true,
  BREAKER_OPENED: true,
  BREAKER_CLOSED: true,
};
const REASONS: Record<RejectReason, true> = {
  UNDECODABLE: true,
  UNKNOWN_SCHEMA: true,
  TOO_LARGE: true,
  WRONG_KEY: true,
  MISSING_FIELD: true,
  INVALID_FIELD: true,
  FUTURE_TIME: true,
};

describe("the records of commands, decisions, acks and signals", () => {
  const named = (file: string, name: string): Loose =>
    nodes((node) => node.name === name).find((each) => each.file === file)!.node;
  const names = (record: Loose): string[] => record.fields.map((field: { name: string }) => field.name);

  test("have the schemas' fields, in order", () => {
    const { command, decision, ack, signal, detection } = schemas;
    assert.deepEqual(names(command.json), Object.keys(COMMAND));
    assert.deepEqual(names(decision.json), Object.keys(DECISION));
    assert.deepEqual(names(ack.json), Object.keys(ACK));
    assert.deepEqual(names(signal.json), Object.keys(SIGNAL));
    assert.deepEqual(names(detection.json), Object.keys(DETECTION));
    for (const { path } of [command, detection])
      assert.deepEqual(names(named(path, "Evidence")), Object.keys(EVIDENCE));
    assert.deepEqual(names(named(command.path, "Targets")), Object.keys(TARGETS));
  });

  test("have the schemas' symbols", () => {
    const symbols = (file: SchemaFile, name: string): string[] => named(file.path, name).symbols.slice(0, -1);
    assert.deepEqual(symbols(schemas.command, "Action"), Object.keys(ACTIONS));
    assert.deepEqual(symbols(schemas.command, "Scope"), SCOPES);
    assert.deepEqual(symbols(schemas.decision, "Verdict"), VERDICTS);
    assert.deepEqual(symbols(schemas.ack, "AckStatus"), ACK_STATUSES);
    assert.deepEqual(symbols(schemas.detection, "DetectionKind"), Object.keys(KINDS));
    assert.deepEqual(
      symbols(schemas.events.auth, "Factor").sort(),
      Object.keys(FACTOR_STRENGTH)
        .filter((factor) => factor !== "UNKNOWN")
        .sort(),
    );
  });

  test("a dead letter's reasons are the codes of rejections", () => {
    assert.deepEqual(named("dead-letter/headers.avsc", "Reason").symbols.slice(0, -1), Object.keys(REASONS));
  });
});
