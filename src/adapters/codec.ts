// The registry's wire format (magic byte 0, schema id in 4 bytes, Avro body) to events and commands, and
// back. Synchronous once the schema ids are known: one compiled reader for each id and topic, which skips
// the fields that nobody reads. Leaves the bytes to avro-cursor.ts, fetching ids to writer-schemas.ts,
// judging what was read to core/validation.ts.
//
// Invariants:
//   D1 Whatever the bytes, decode returns: what they say, a rejection, or what to wait for.
//   D2 A record is read to its last byte, by a writer's schema whose record is the topic's.
//   D3 Only the registry's word makes an id unknown; while it is silent the record waits.

import type avro from "avsc";
import type { Ack, Decision } from "../core/decision.ts";
import type { ExchangeEvent, Rejection, RejectReason } from "../core/event.ts";
import { validateAck, validateDecision, validateSignal } from "../core/feedback-validation.ts";
import type { Command, Detection } from "../core/output.ts";
import type { Signal } from "../core/signal.ts";
import { LIMITS, type RecordFrame, validateEvent } from "../core/validation.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import type { Clock, Codec, DecodeOutcome } from "../runtime/ports.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import { readTopics } from "../runtime/topics.ts";
import type { InputKind, Topics } from "../runtime/topics.ts";
import { AvroCursor, DecodeFailure } from "./avro-cursor.ts";
import { compileReader, ResolutionFailure } from "./avro-reader.ts";
import type { AvroReader } from "./avro-reader.ts";
import type { SchemaRegistry } from "./registry.ts";
import type { SchemaFile, Schemas } from "./schema-files.ts";
import { WriterSchemas } from "./writer-schemas.ts";

/** A codec that must be prepared before anything is encoded. */
export interface RegistryCodec extends Codec {
  /**
   * Looks up the ids that encoding needs and warms the inputs' latest ones.
   * @returns everything that is wrong, one sentence with its remedy each; empty: ready
   * @throws BrokerFailure when the registry does not answer (`retry`) or refuses (`halt`)
   */
  prepare(): Promise<string[]>;
  /** Event fields that rules read from the next record on; the reading of known schemas is compiled anew. */
  readFields(fields: ReadonlySet<string>): void;
}

export interface CodecOptions {
  readonly registry: SchemaRegistry;
  readonly schemas: Schemas;
  readonly topics: Topics;
  /** Event fields that rules read (RuleSet.fields); without it, all. */
  readonly fields?: ReadonlySet<string>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long the registry must deny an id before records with it are rejected. Default one minute. */
  readonly unknownAfterMs?: number;
  /** Ends waiting for the registry, for a process that stops. */
  readonly signal?: AbortSignal;
}

const HEADER_BYTES = 5;
/** Only rules read these; the profile, validation, evidence and targets of commands read the others. */
const FOR_RULES_ONLY = ["ip", "userAgent", "ipList", "detail", "symbolDailyVolumeUsdCents", "counterpartyAccountId"];

export function createCodec(options: CodecOptions): RegistryCodec {
  return new WireCodec(options);
}

/** One topic that is read: what its records must be, and a reader for each schema id seen on it. */
interface Input {
  readonly topic: string;
  readonly kind: InputKind;
  readonly file: SchemaFile;
  readonly readers: Map<number, AvroReader | Rejection>;
  /** The id of the last record, which is nearly always the next one's too. */
  lastId: number;
  lastReader: AvroReader;
}

/** A topic that is written: commands, detections or signals. */
interface Output {
  readonly topic: string;
  readonly file: SchemaFile;
  /** Magic byte and schema id; null until prepared. */
  header: Buffer | null;
}

class WireCodec implements RegistryCodec {
  readonly #registry: SchemaRegistry;
  readonly #writers: WriterSchemas;
  readonly #inputs: ReadonlyMap<string, Input>;
  readonly #commands: Output;
  readonly #detections: Output;
  readonly #signals: Output;
  readonly #commandReaders = new Map<number, AvroReader>();
  #unread: ReadonlySet<string>;
  readonly #cursor = new AvroCursor();

  constructor(options: CodecOptions) {
    const { registry, schemas, topics, fields, clock, telemetry, unknownAfterMs = 60_000, signal } = options;
    this.#registry = registry;
    this.#writers = new WriterSchemas({ registry, clock, telemetry, unknownAfterMs, signal });
    this.#inputs = new Map(readTopics(topics).map(({ topic, kind }) => [topic, newInput(topic, kind, schemas)]));
    this.#commands = { topic: topics.commands, file: schemas.command, header: null };
    this.#detections = { topic: topics.detections, file: schemas.detection, header: null };
    this.#signals = { topic: topics.signals, file: schemas.signal, header: null };
    this.#unread = fields === undefined ? new Set() : unreadBy(fields);
  }

  readFields(fields: ReadonlySet<string>): void {
    this.#unread = unreadBy(fields);
    for (const input of this.#inputs.values()) {
      input.readers.clear();
      input.lastId = -1;
    }
  }

  async prepare(): Promise<string[]> {
    const outputs = [this.#commands, this.#detections, this.#signals].map((output) => this.#prepareOutput(output));
    const inputs = [...this.#inputs.values()].map((input) => this.#prepareInput(input));
    return (await Promise.all([...outputs, ...inputs])).flat();
  }

  async #prepareOutput(output: Output): Promise<string[]> {
    const subject = subjectOf(output.topic);
    const id = await this.#registry.idOf(subject, output.file.text);
    if (id === null) return [`${output.file.path} is not registered as ${subject}: run \`holdfast schemas register\``];
    output.header = Buffer.alloc(HEADER_BYTES);
    output.header.writeInt32BE(id, 1);
    this.#writers.pin(id, output.file.type);
    return [];
  }

  async #prepareInput(input: Input): Promise<string[]> {
    const subject = subjectOf(input.topic);
    const own = await this.#registry.idOf(subject, input.file.text);
    if (own !== null) this.#writers.pin(own, input.file.type);
    const id = await this.#registry.latestId(subject);
    // Nobody has produced yet.
    if (id === null) return [];
    const writer = await this.#writers.ask(id);
    if (writer === "unknown") return [];
    const reader = this.#readerOf(input, id);
    return typeof reader === "object" ? [`the latest schema of ${subject} does not fit: ${reader.detail}`] : [];
  }

  decode(topic: string, record: Parameters<Codec["decode"]>[1]): DecodeOutcome {
    const input = this.#inputs.get(topic);
    if (input === undefined) throw new Error(`${topic} is not read`);
    const { value } = record;
    const malformed = malformation(value);
    if (malformed !== null) return malformed;
    const bytes = value as Buffer;
    const id = bytes.readInt32BE(1);
    let reader = input.lastReader;
    if (id !== input.lastId) {
      const found = this.#readerOf(input, id);
      if (found === undefined) return { wait: this.#writers.fetch(id, record.timestamp) }; // D3
      if (typeof found === "object") return { rejection: found };
      input.lastId = id;
      input.lastReader = reader = found;
    }
    let said: unknown;
    try {
      said = this.#cursor.readWhole(reader, bytes, HEADER_BYTES); // D2
    } catch (error) {
      return { rejection: explain(error, `schema id ${id}`) }; // D1
    }
    return outcomeOf(input.kind, said, record);
  }

  /** @returns undefined: ask the registry first */
  #readerOf(input: Input, id: number): AvroReader | Rejection | undefined {
    const known = input.readers.get(id);
    if (known !== undefined) return known;
    const writer = this.#writers.get(id);
    if (writer === undefined) return undefined;
    // Not remembered here: "unknown" is a verdict with an end.
    if ("rejection" in writer) return writer.rejection;
    const reader = tryCompile(writer.type, { file: input.file, without: this.#unread, id });
    if (input.readers.size >= MOST_READERS) input.readers.clear();
    input.readers.set(id, reader);
    if (typeof reader === "function") this.#writers.pin(id, writer.type);
    return reader;
  }

  encodeCommand(command: Command): Buffer {
    return encode(this.#commands, command);
  }

  encodeDetection(detection: Detection): Buffer {
    return encode(this.#detections, detection);
  }

  encodeSignal(signal: Signal): Buffer {
    return encode(this.#signals, signal);
  }

  async decodeCommand(value: Buffer): Promise<Command> {
    const malformed = malformation(value);
    if (malformed !== null) throw notACommand(malformed.rejection);
    const id = value.readInt32BE(1);
    let reader = this.#commandReaders.get(id);
    if (reader === undefined) {
      const compiled = await this.#compileCommandReader(id);
      if (typeof compiled === "object") throw notACommand(compiled);
      this.#commandReaders.set(id, (reader = compiled));
    }
    let command: Command;
    try {
      command = this.#cursor.readWhole(reader, value, HEADER_BYTES) as Command;
    } catch (error) {
      throw notACommand(explain(error, `schema id ${id}`));
    }
    const unknown = [command.action as string, ...command.scopes].includes("UNKNOWN");
    if (unknown)
      throw notACommand({
        reason: "UNDECODABLE",
        detail: "it names an action or scope newer than this version: upgrade",
      });
    return command;
  }

  async #compileCommandReader(id: number): Promise<AvroReader | Rejection> {
    const writer = await this.#writers.ask(id).catch(waitedOut);
    if (writer === "unknown") {
      const message = `the registry does not know schema id ${id}, which a command was written with`;
      throw new BrokerFailure(message, { disposition: "retry", code: "UNKNOWN_SCHEMA" });
    }
    if ("rejection" in writer) return writer.rejection;
    const reader = tryCompile(writer.type, { file: this.#commands.file, without: new Set(), id });
    if (typeof reader === "function") this.#writers.pin(id, writer.type);
    return reader;
  }
}

const MOST_READERS = 1_000;

/** A topic's subject in the registry: TopicNameStrategy. */
export function subjectOf(topic: string): string {
  return `${topic}-value`;
}

/** What a record says, if its content and its frame are right. */
function outcomeOf(kind: InputKind, said: unknown, record: RecordFrame): DecodeOutcome {
  let rejection: Rejection | null;
  switch (kind) {
    case "decision":
      rejection = validateDecision(said as Decision, record);
      return rejection === null ? { decision: said as Decision } : { rejection };
    case "ack":
      rejection = validateAck(said as Ack, record);
      return rejection === null ? { ack: said as Ack } : { rejection };
    case "signal":
      rejection = validateSignal(said as Signal, record);
      if (rejection !== null) return { rejection };
      // A link is the event's own record: its fields are an event's.
      return (said as Signal).type === "FACT" ? { fact: said as Signal } : { event: said as ExchangeEvent };
    default:
      rejection = validateEvent(kind, said as ExchangeEvent, record);
      return rejection === null ? { event: said as ExchangeEvent } : { rejection };
  }
}

function newInput(topic: string, kind: InputKind, schemas: Schemas): Input {
  const none: AvroReader = () => null;
  const { events, decision, ack, signal } = schemas;
  const file = { ...events, decision, ack, signal }[kind];
  return { topic, kind, file, readers: new Map(), lastId: -1, lastReader: none };
}

function unreadBy(fields: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(FOR_RULES_ONLY.filter((field) => !reads(fields, field)));
}

/** Rules name a field, or a part of it: `detail.reason`. */
function reads(fields: ReadonlySet<string>, field: string): boolean {
  return [...fields].some((path) => path === field || path.startsWith(`${field}.`));
}

/** What shows before any schema is needed. */
function malformation(value: Buffer | null): { readonly rejection: Rejection } | null {
  if (value === null) return reject("UNDECODABLE", "the record has no value");
  if (value.length > LIMITS.recordBytes) {
    return reject("TOO_LARGE", `the record's value has ${value.length} bytes (at most ${LIMITS.recordBytes})`);
  }
  if (value.length < HEADER_BYTES || value[0] !== 0 || value[1]! > 0x7f) {
    return reject(
      "UNDECODABLE",
      "the value does not begin with magic byte 0 and a schema id: use the registry's Avro serializer",
    );
  }
  return null;
}

function tryCompile(
  writer: avro.Type,
  options: { file: SchemaFile; without: ReadonlySet<string>; id: number },
): AvroReader | Rejection {
  const { file, without, id } = options;
  try {
    return compileReader(writer, file.type, { without });
  } catch (error) {
    if (!(error instanceof ResolutionFailure || error instanceof RangeError)) throw error;
    return { reason: "UNDECODABLE", detail: `schema id ${id} does not fit the topic: ${error.message}` };
  }
}

/** D1. A RangeError is the stack's end: values nested without measure. */
function explain(error: unknown, what: string): Rejection {
  if (error instanceof DecodeFailure) return { reason: error.reason, detail: `${error.message} (${what})` };
  if (error instanceof RangeError) return { reason: "UNDECODABLE", detail: `nested too deeply (${what})` };
  throw error;
}

function reject(reason: RejectReason, detail: string): { readonly rejection: Rejection } {
  return { rejection: { reason, detail } };
}

/** A refusal (revoked credentials) is waited out, as for records: the commands stay good. */
function waitedOut(error: unknown): never {
  if (!(error instanceof BrokerFailure)) throw error;
  throw new BrokerFailure(error.message, { disposition: "retry", code: error.code, cause: error });
}

function notACommand(rejection: Rejection): BrokerFailure {
  const message = `a record of the commands topic is not a command: ${rejection.detail}`;
  return new BrokerFailure(message, { disposition: "halt", code: rejection.reason });
}

function encode(output: Output, value: Command | Detection | Signal): Buffer {
  if (output.header === null) throw new Error(`encoding for ${output.topic} before prepare()`);
  return Buffer.concat([output.header, output.file.type.toBuffer(value)]);
}
