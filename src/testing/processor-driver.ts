// Drives whole processors, the production worker and core, on the memory broker with a hand-moved clock:
// produce events, let time pass, kill, freeze or stop processors, read what was said. Deterministic. Owns
// the composition for that; what a processor does is src/runtime's, what a broker does adapters/memory's.
//
//   const driver = await createProcessorDriver({ rules, schemas, … });
//   const first = driver.start("first");
//   driver.produce({ eventId: "e1", accountId: "alice", type: "API_KEY_CREATED" });
//   await driver.advance(1_000);
//   driver.commands();

import type { Ack, Decision } from "../core/decision.ts";
import { EVENT_TYPES } from "../core/event-fields.ts";
import { SERVICES } from "../core/event.ts";
import type { ExchangeEvent, ExchangeService } from "../core/event.ts";
import type { Command, Detection } from "../core/output.ts";
import type { CoreSettings, OpenPartition, StateCodec } from "../core/partition.ts";
import type { RuleSet } from "../core/rule.ts";
import type { Signal } from "../core/signal.ts";
import { DAY, MINUTE } from "../core/time.ts";
import type { Instant } from "../core/time.ts";
import { createCodec, subjectOf } from "../adapters/codec.ts";
import { murmur2Partitioner } from "../adapters/kafka/partitioner.ts";
import { createMemoryBroker } from "../adapters/memory/broker.ts";
import type { MemoryBroker } from "../adapters/memory/broker.ts";
import type { MemoryRecord } from "../adapters/memory/log.ts";
import type { MemoryProcess } from "../adapters/memory/process.ts";
import { createMemoryRegistry } from "../adapters/memory/registry.ts";
import type { MemoryRegistry } from "../adapters/memory/registry.ts";
import type { Picker } from "../adapters/memory/wire.ts";
import type { SchemaRegistry } from "../adapters/registry.ts";
import type { SchemaFile, Schemas } from "../adapters/schema-files.ts";
import type { StateLogCodec } from "../runtime/state-log.ts";
import type { TaskContext, Tuning } from "../runtime/task-context.ts";
import { coPartitioned } from "../runtime/topics.ts";
import type { InputTopic, Topics } from "../runtime/topics.ts";
import { DrivenProcessor } from "./driven-processor.ts";

export const TRADES: InputTopic = { topic: "trade-events", service: "trade", optional: true };

export const DRIVER_TOPICS: Topics = {
  inputs: [
    { topic: "auth-events", service: "auth" },
    { topic: "api-key-events", service: "api_key" },
    { topic: "withdrawal-events", service: "withdrawal" },
  ],
  decisions: "holdfast.decisions",
  acks: "holdfast.acks",
  signals: "holdfast.signals",
  commands: "holdfast.commands",
  detections: "holdfast.detections",
  state: "holdfast.state",
  deadLetter: "holdfast.dead-letter",
};

export interface ProcessorDriverOptions {
  readonly rules: RuleSet;
  readonly schemas: Schemas;
  readonly openPartition: OpenPartition;
  readonly stateCodec: StateCodec;
  readonly stateLogCodec: StateLogCodec;
  /** Number of tasks. Default 1. */
  readonly partitions?: number;
  readonly settings?: Partial<CoreSettings>;
  readonly tuning?: Partial<Tuning>;
  /** Most records one fetch returns: small ones make many batches. */
  readonly maxFetchRecords?: number;
  /** Which of the things that could happen next does; the first by default. */
  readonly pick?: Picker;
  /** How a processor's process reaches the registry. Default: it is part of the process, and always answers. */
  readonly registryOf?: (process: MemoryProcess, registry: SchemaRegistry) => SchemaRegistry;
  /** Stands between a processor's worker and what it needs from outside: a probe, a fault. */
  readonly around?: (context: TaskContext, processor: string) => TaskContext;
}

/** An event as a test says it: what it leaves out is filled in. */
export type DrivenEvent = Partial<ExchangeEvent> & Pick<ExchangeEvent, "accountId" | "type">;

/** Where a produced record lies. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export const DRIVER_SETTINGS: CoreSettings = { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" };
const TUNING: Tuning = {
  sessionTimeoutMs: 10_000,
  checkpointIntervalMs: 1_000,
  checkpointMaxRecords: 20_000,
  alignmentMs: MINUTE,
  bufferBytes: 4 << 20,
  startFrom: "earliest",
};

export class ProcessorDriver {
  readonly broker: MemoryBroker;
  readonly registry: MemoryRegistry;
  readonly tuning: Tuning;
  readonly groupId = "holdfast";
  readonly #options: ProcessorDriverOptions;
  /** By text. */
  readonly #schemaIds: Map<string, number>;
  #events = 0;

  constructor(options: ProcessorDriverOptions, registered: { registry: MemoryRegistry; ids: Map<string, number> }) {
    const { partitions = 1, maxFetchRecords, pick } = options;
    const topics = [...coPartitioned(DRIVER_TOPICS), TRADES.topic, DRIVER_TOPICS.detections, DRIVER_TOPICS.deadLetter];
    this.#options = options;
    this.registry = registered.registry;
    this.#schemaIds = registered.ids;
    this.tuning = { ...TUNING, ...options.tuning };
    this.broker = createMemoryBroker({
      topics: Object.fromEntries(topics.map((topic) => [topic, partitions])),
      ...(maxFetchRecords === undefined ? {} : { maxFetchRecords }),
      ...(pick === undefined ? {} : { pick }),
    });
  }

  /** Starts a processor as a process of its own; one that reads `trades` has the optional topic configured. */
  start(name: string, { trades = false }: { readonly trades?: boolean } = {}): DrivenProcessor {
    const topics = trades ? { ...DRIVER_TOPICS, inputs: [...DRIVER_TOPICS.inputs, TRADES] } : DRIVER_TOPICS;
    const { openPartition, stateCodec, stateLogCodec, rules, partitions = 1, schemas, settings } = this.#options;
    const process = this.broker.connect(name);
    const { sessionTimeoutMs } = this.tuning;
    const group = process.group({
      groupId: this.groupId,
      topics: coPartitioned(topics),
      sessionTimeoutMs,
      heartbeatIntervalMs: sessionTimeoutMs / 10,
      rebalanceTimeoutMs: sessionTimeoutMs,
    });
    const { clock } = process;
    const registry = this.#options.registryOf?.(process, this.registry) ?? this.registry;
    let writers = 0;
    return new DrivenProcessor(process, (telemetry) => {
      const codec = createCodec({
        registry,
        schemas,
        topics,
        fields: rules.fields,
        clock,
        telemetry,
      });
      const context: TaskContext = {
        groupId: this.groupId,
        topics,
        partitions,
        detectionPartitions: partitions,
        deadLetterPartitions: partitions,
        group,
        logs: process.logs(),
        producer: process.producer(),
        stateProducer: process.producer(),
        partitioner: murmur2Partitioner,
        codec,
        stateCodec,
        stateLogCodec,
        openPartition,
        rules,
        clock,
        telemetry,
        settings: { ...DRIVER_SETTINGS, ...settings },
        tuning: this.tuning,
        newWriter: () => `${name}-${(writers += 1)}`,
      };
      return {
        context: this.#options.around?.(context, name) ?? context,
        prepare: () => codec.prepare(),
        readFields: (fields) => codec.readFields(fields),
      };
    });
  }

  /**
   * Appends an event to its service's topic, in its account's partition.
   * @param timestamp default: now
   * @param schema what it is written with, if it is registered; default: this version's
   */
  produce(
    event: DrivenEvent,
    timestamp: Instant = this.now(),
    schema: SchemaFile = this.#options.schemas.events[serviceOf(event.type)],
  ): Place {
    const service = serviceOf(event.type);
    const { partitions = 1 } = this.#options;
    const filled = { eventId: `e${(this.#events += 1)}`, occurredAt: this.now(), ...event };
    const key = Buffer.from(event.accountId);
    const value = this.#framed(schema, filled);
    return this.produceRaw(topicOf(service), murmur2Partitioner(key, partitions), { key, value, timestamp });
  }

  /** A person's word: RELEASE of all open cases, now, unless said otherwise. */
  decide(decision: Partial<Decision> & Pick<Decision, "accountId">): Place {
    const said = { caseId: null, verdict: "RELEASE", until: null, decidedBy: "desk", note: null };
    const filled = { decisionId: `d${(this.#events += 1)}`, decidedAt: this.now(), ...said, ...decision };
    return this.#appendKeyed(
      DRIVER_TOPICS.decisions,
      decision.accountId,
      this.#framed(this.#options.schemas.decision, filled),
    );
  }

  /** An enforcing service's answer: APPLIED, now, unless said otherwise. */
  acknowledge(ack: Partial<Ack> & Pick<Ack, "accountId" | "commandId">): Place {
    const filled = { status: "APPLIED", appliedAt: this.now(), service: "gate", ...ack };
    return this.#appendKeyed(DRIVER_TOPICS.acks, ack.accountId, this.#framed(this.#options.schemas.ack, filled));
  }

  #appendKeyed(topic: string, accountId: string, value: Buffer): Place {
    const key = Buffer.from(accountId);
    return this.produceRaw(topic, murmur2Partitioner(key, this.#options.partitions ?? 1), { key, value });
  }

  /** Appends bytes as they are. */
  produceRaw(
    topic: string,
    partition: number,
    record: { key: Buffer | null; value: Buffer | null; timestamp?: Instant },
  ): Place {
    const { key, value, timestamp = this.now() } = record;
    const offset = this.broker.append({ topic, partition }, [{ key, value, headers: {} }], timestamp);
    return { topic, partition, offset };
  }

  /** Everything said so far, repeated sends included, in the order of each partition's log. */
  commands(): Command[] {
    return this.records(DRIVER_TOPICS.commands).map((record) => this.commandIn(record));
  }

  commandIn({ value }: MemoryRecord): Command {
    return this.#options.schemas.command.type.fromBuffer(body(value)) as Command;
  }

  detections(): Detection[] {
    const { type } = this.#options.schemas.detection;
    return this.records(DRIVER_TOPICS.detections).map(({ value }) => type.fromBuffer(body(value)) as Detection);
  }

  signals(): Signal[] {
    const { type } = this.#options.schemas.signal;
    return this.records(DRIVER_TOPICS.signals).map(({ value }) => type.fromBuffer(body(value)) as Signal);
  }

  deadLetters(): readonly MemoryRecord[] {
    return this.records(DRIVER_TOPICS.deadLetter);
  }

  /** All records of a topic, partition after partition. */
  records(topic: string): MemoryRecord[] {
    const { partitions = 1 } = this.#options;
    return Array.from({ length: partitions }, (_, partition) => this.broker.records(topic, partition)).flat();
  }

  now(): Instant {
    return this.broker.clock.now();
  }

  /** Everything that can happen without time passing. */
  settle(): Promise<void> {
    return this.broker.settle();
  }

  advance(ms: number): Promise<void> {
    return this.broker.advance(ms);
  }

  /** Lets time pass until `holds`. @throws after `withinMs` of it */
  async until(holds: () => boolean, options: { withinMs: number; what: string }): Promise<void> {
    const deadline = this.broker.clock.monotonic() + options.withinMs;
    await this.settle();
    while (!holds()) {
      if (this.broker.clock.monotonic() >= deadline)
        throw new Error(`not within ${options.withinMs} ms: ${options.what}`);
      await this.advance(50);
    }
  }

  /** A further version of what a service's events are written with. */
  async register(service: ExchangeService, schema: SchemaFile): Promise<void> {
    this.#schemaIds.set(schema.text, await this.registry.register(subjectOf(topicOf(service)), schema.text));
  }

  #framed(file: SchemaFile, value: object): Buffer {
    const header = Buffer.alloc(5);
    header.writeInt32BE(this.#schemaIds.get(file.text)!, 1);
    return Buffer.concat([header, file.type.toBuffer(value)]);
  }
}

/** Makes the topics, registers the schemas; no processor runs yet. */
export async function createProcessorDriver(options: ProcessorDriverOptions): Promise<ProcessorDriver> {
  const registry = createMemoryRegistry();
  const ids = new Map<string, number>();
  const register = async (topic: string, file: SchemaFile): Promise<void> => {
    ids.set(file.text, await registry.register(subjectOf(topic), file.text));
  };
  for (const { topic, service } of [...DRIVER_TOPICS.inputs, TRADES])
    await register(topic, options.schemas.events[service]);
  await register(DRIVER_TOPICS.decisions, options.schemas.decision);
  await register(DRIVER_TOPICS.acks, options.schemas.ack);
  await register(DRIVER_TOPICS.signals, options.schemas.signal);
  await register(DRIVER_TOPICS.commands, options.schemas.command);
  await register(DRIVER_TOPICS.detections, options.schemas.detection);
  return new ProcessorDriver(options, { registry, ids });
}

/** @throws Error for a type that no service has */
export function serviceOf(type: string): ExchangeService {
  const service = SERVICES.find((candidate) => EVENT_TYPES[candidate].includes(type));
  if (service === undefined) throw new Error(`no service has events of type ${type}`);
  return service;
}

export function topicOf(service: ExchangeService): string {
  return [...DRIVER_TOPICS.inputs, TRADES].find((input) => input.service === service)!.topic;
}

/** Without magic byte and schema id. */
function body(value: Buffer | null): Buffer {
  return (value ?? Buffer.alloc(5)).subarray(5);
}
