// The registry client, the codec and `holdfast schemas` on the real registry: that its answers are what
// confluent-server.ts says they are, and that a schema it stores decodes what was written with it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createCodec, subjectOf } from "../../src/adapters/codec.ts";
import { createManualClock } from "../../src/adapters/memory/clock.ts";
import { createRegistry } from "../../src/adapters/registry.ts";
import { loadSchemas, parseSchema, SCHEMAS_DIRECTORY } from "../../src/adapters/schema-files.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import type { Topics } from "../../src/runtime/topics.ts";
import { cluster } from "../cluster.ts";

const { skip, registryUrl, prefix } = cluster();
const NOW = Date.UTC(2024, 5, 9);

describe("on the real registry", { skip }, () => {
  const registry = createRegistry({ url: registryUrl || "http://127.0.0.1", telemetry: SILENT });
  const topics: Topics = {
    inputs: [
      { topic: `${prefix}auth`, service: "auth" },
      { topic: `${prefix}keys`, service: "api_key" },
      { topic: `${prefix}withdrawals`, service: "withdrawal" },
    ],
    decisions: `${prefix}decisions`,
    acks: `${prefix}acks`,
    signals: `${prefix}signals`,
    commands: `${prefix}commands`,
    detections: `${prefix}detections`,
    state: `${prefix}state`,
    deadLetter: `${prefix}dead`,
  };

  test("what is not there is unknown, and null", async () => {
    const { events } = await loadSchemas(SCHEMAS_DIRECTORY);
    assert.deepEqual(await registry.schema(2_000_000_000), { kind: "unknown" });
    assert.equal(await registry.latestId(`${prefix}none-value`), null);
    assert.equal(await registry.idOf(`${prefix}none-value`, events.auth.text), null);
  });

  test("a codec is told what to register; registered, its records decode by the registry's ids", async () => {
    const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
    const codec = createCodec({ registry, schemas, topics, clock: createManualClock(NOW), telemetry: SILENT });
    assert.equal((await codec.prepare()).length, 3);
    const authId = await registry.register(subjectOf(topics.inputs[0]!.topic), schemas.events.auth.text);
    await registry.register(subjectOf(topics.signals), schemas.signal.text);
    await registry.register(subjectOf(topics.commands), schemas.command.text);
    await registry.register(subjectOf(topics.detections), schemas.detection.text);
    assert.deepEqual(await codec.prepare(), []);

    const event = {
      eventId: "e1",
      accountId: "alice",
      type: "RISK_NOTICE_SENT",
      occurredAt: NOW,
      channel: "SMS",
      country: "HK",
    };
    const header = Buffer.alloc(5);
    header.writeInt32BE(authId, 1);
    const value = Buffer.concat([header, schemas.events.auth.type.toBuffer(event)]);
    const outcome = codec.decode(topics.inputs[0]!.topic, { key: Buffer.from("alice"), value, timestamp: NOW });
    assert.ok("event" in outcome, JSON.stringify(outcome));
    const { type, channel, country } = (outcome as { event: ExchangeEvent }).event;
    assert.deepEqual([type, channel, country], ["RISK_NOTICE_SENT", "SMS", "HK"]);
  });

  test("a wider schema is accepted and read; one that breaks is refused, by the subject's FULL_TRANSITIVE", async () => {
    const { events } = await loadSchemas(SCHEMAS_DIRECTORY);
    const subject = subjectOf(`${prefix}evolving`);
    const first = await registry.register(subject, events.auth.text);
    assert.equal(await registry.register(subject, events.auth.text), first);
    const wider = JSON.parse(events.auth.text);
    wider.fields.push({ name: "extra", doc: "An extra.", type: ["null", "string"], default: null });
    const second = await registry.register(subject, JSON.stringify(wider));
    assert.notEqual(second, first);
    assert.equal(await registry.latestId(subject), second);
    assert.equal(await registry.idOf(subject, events.auth.text), first);
    const found = await registry.schema(second);
    assert.equal(found.kind, "avro");
    const fields = parseSchema("", JSON.stringify((found as { json: unknown }).json)).type.fields;
    assert.equal(fields.at(-1)?.name, "extra");
    wider.fields.push({ name: "demanded", type: "string" });
    await assert.rejects(
      registry.register(subject, JSON.stringify(wider)),
      (error) => error instanceof BrokerFailure && error.disposition === "halt",
    );
  });
});
