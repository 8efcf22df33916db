// What the tests of the codec share: a codec over the local schemas with known ids, records made with
// avsc (which the codec does not read with), and outcomes as text.

import assert from "node:assert/strict";
import avro from "avsc";
import { createCodec, subjectOf } from "../../src/adapters/codec.ts";
import type { RegistryCodec } from "../../src/adapters/codec.ts";
import { createManualClock } from "../../src/adapters/memory/clock.ts";
import type { ManualClock } from "../../src/adapters/memory/clock.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../../src/adapters/schema-files.ts";
import type { Schemas } from "../../src/adapters/schema-files.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import type { DecodeOutcome } from "../../src/runtime/ports.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import type { Topics } from "../../src/runtime/topics.ts";
import { KnownSchemas } from "./known-schemas.ts";
import type { Loose } from "../schemas/loose.ts";

export const TOPICS: Topics = {
  inputs: [
    { topic: "auth-events", service: "auth" },
    { topic: "api-key-events", service: "api_key" },
    { topic: "withdrawal-events", service: "withdrawal" },
    { topic: "trade-events", service: "trade", optional: true },
  ],
  decisions: "decisions",
  acks: "acks",
  signals: "signals",
  commands: "commands",
  detections: "detections",
  state: "state",
  deadLetter: "dead",
};
export const NOW: number = Date.UTC(2024, 5, 9, 12);
export const LOGIN: ExchangeEvent = { eventId: "e1", accountId: "alice", type: "LOGIN_SUCCEEDED", occurredAt: NOW };
export const AUTH_ID = 1;
export const WITHDRAWAL_ID = 3;
export const TRADE_ID = 4;
export const COMMAND_ID = 5;

export const schemas: Schemas = await loadSchemas(SCHEMAS_DIRECTORY);

export interface Frame {
  readonly topic?: string;
  /** Empty: no key. */
  readonly key?: string;
  readonly timestamp?: number;
}

/** A codec whose registry has the local schemas under ids 1 to 9. */
export class CodecFixture {
  readonly registry: KnownSchemas = new KnownSchemas();
  readonly clock: ManualClock = createManualClock(NOW);
  codec: RegistryCodec;

  constructor() {
    for (const { topic, service } of TOPICS.inputs) this.registry.put(subjectOf(topic), schemas.events[service].text);
    this.registry.put(subjectOf("commands"), schemas.command.text);
    this.registry.put(subjectOf("detections"), schemas.detection.text);
    this.registry.put(subjectOf("signals"), schemas.signal.text);
    this.registry.put(subjectOf("decisions"), schemas.decision.text);
    this.registry.put(subjectOf("acks"), schemas.ack.text);
    this.codec = this.create({});
  }

  create(more: { fields?: ReadonlySet<string>; signal?: AbortSignal }): RegistryCodec {
    const { registry, clock } = this;
    return createCodec({ registry, schemas, topics: TOPICS, clock, telemetry: SILENT, ...more });
  }

  decode(value: Buffer | null, { topic = "auth-events", key = "alice", timestamp = NOW }: Frame = {}): DecodeOutcome {
    return this.codec.decode(topic, { key: key === "" ? null : Buffer.from(key), value, timestamp });
  }

  /** Decodes a record whose schema id is not known yet. */
  async decodeFetched(value: Buffer, frame: Frame = {}): Promise<DecodeOutcome> {
    await waitOf(this.decode(value, frame));
    return this.decode(value, frame);
  }

  /** Registers a changed copy of the auth schema under id 100. */
  evolve(change: (schema: Loose) => void): { type: () => avro.Type; id: number } {
    const schema = JSON.parse(schemas.events.auth.text);
    change(schema);
    const id = this.registry.put(subjectOf("auth-events"), JSON.stringify(schema), 100);
    return { type: () => avro.Type.forSchema(schema), id };
  }
}

export function framed(id: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, body]);
}

/** A record of auth-events, by the local schema unless another is given. */
export function authRecord(event: object, writer: { type: () => avro.Type; id: number } = LOCAL): Buffer {
  return framed(writer.id, writer.type().toBuffer({ ...LOGIN, ...event }));
}

const LOCAL = { type: (): avro.Type => schemas.events.auth.type, id: AUTH_ID };

/** `ok`, `wait`, or `REASON: detail`. */
export function verdict(outcome: DecodeOutcome): string {
  if ("wait" in outcome) return "wait";
  return "rejection" in outcome ? `${outcome.rejection.reason}: ${outcome.rejection.detail}` : "ok";
}

export function eventOf(outcome: DecodeOutcome): ExchangeEvent {
  assert.equal(verdict(outcome), "ok");
  return (outcome as { event: ExchangeEvent }).event;
}

export function waitOf(outcome: DecodeOutcome): Promise<void> {
  assert.equal(verdict(outcome), "wait");
  return (outcome as { wait: Promise<void> }).wait;
}
