// What the benches on a real broker share: brokers, topics, schemas, the exchange's producers, and Holdfast
// processes to measure. Owns their starts and ends.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createCodec, subjectOf } from "../src/adapters/codec.ts";
import { createKafkaClient } from "../src/adapters/kafka/client.ts";
import type { KafkaClient } from "../src/adapters/kafka/client.ts";
import { readTopic } from "../src/adapters/kafka/reader.ts";
import type { ReadRecord } from "../src/adapters/kafka/reader.ts";
import { createTopics, plannedTopics } from "../src/adapters/kafka/topics.ts";
import { createKeyedWriter } from "../src/adapters/kafka/writer.ts";
import { startLocalCluster } from "../src/adapters/local-cluster/local-cluster.ts";
import { startWatchdog } from "../src/adapters/local-cluster/watchdog.ts";
import { registeredEncoder } from "../src/adapters/registered-encoder.ts";
import { createRegistry } from "../src/adapters/registry.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../src/adapters/schema-files.ts";
import { systemClock } from "../src/adapters/system-clock.ts";
import { allReady, makeInstance } from "../src/cli/demo/instance.ts";
import type { Instance } from "../src/cli/demo/instance.ts";
import { SETTING_NAMES, topicsOf, variableOf } from "../src/config.ts";
import { readSettings } from "../src/config/settings-reader.ts";
import type { ExchangeEvent, Service } from "../src/core/event.ts";
import type { Command } from "../src/core/output.ts";
import { SILENT } from "../src/runtime/telemetry.ts";
import type { Topics } from "../src/runtime/topics.ts";
import { NODE_FLAGS } from "./node-flags.ts";

export interface Happening {
  readonly service: Service;
  readonly event: ExchangeEvent;
}

/** Encoded: what is left to do is the append. */
export interface Ready {
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
}

export interface StageOptions {
  readonly partitions: number;
  /** Holdfast processes that can be started. */
  readonly processes: number;
  readonly rules: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Arguments of Node before the program's: `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
}

export interface BenchStage {
  readonly broker: string;
  readonly client: KafkaClient;
  readonly topics: Topics;
  readonly processes: readonly Instance[];
  encode(happening: Happening): Ready;
  /** Resolves when the broker has all of them. */
  append(records: readonly Ready[]): Promise<void>;
  /** Hands over each record of the topic as it is appended. */
  follow(topic: string, onRecord: (record: ReadRecord) => void): Promise<void>;
  /** All records of the topic, as of now. */
  readWhole(topic: string, onRecord: (record: ReadRecord) => void): Promise<void>;
  decodeCommand(value: Buffer): Promise<Command>;
}

const ROOT = join(import.meta.dirname, "..");
const READY_WITHIN_MS = 120_000;

/** No breaker, and nobody who acknowledges: where this version knows of them. */
const UNDISTURBED = {
  HOLDFAST_BREAKER_FLOOR: "1000000",
  HOLDFAST_BREAKER_HOLD_FLOOR: "1000000",
  HOLDFAST_ACK_TIMEOUT_MS: "0",
};

/** Everything that was started ends with `body`, whatever becomes of it. */
export async function onStage(options: StageOptions, body: (stage: BenchStage) => Promise<void>): Promise<void> {
  await using ending = new AsyncDisposableStack();
  const cluster = await startLocalCluster({
    brokers: 1,
    directory: join(ROOT, ".holdfast"),
    env: process.env,
    onProgress: progress,
  });
  ending.defer(() => cluster.stop());
  const run = `bench-${Date.now()}`;
  const known = new Set(SETTING_NAMES.map(variableOf));
  const settings = Object.entries({ ...UNDISTURBED, ...options.settings }).filter(([name]) => known.has(name));
  const env = {
    ...process.env,
    HOLDFAST_KAFKA_BROKERS: cluster.bootstrap.join(","),
    HOLDFAST_REGISTRY_URL: cluster.registryUrl,
    HOLDFAST_TOPIC_PREFIX: `${run}.`,
    HOLDFAST_GROUP_ID: run,
    HOLDFAST_PARTITIONS: String(options.partitions),
    HOLDFAST_REPLICATION: "1",
    HOLDFAST_START_FROM: "earliest",
    HOLDFAST_RULES: options.rules,
    HOLDFAST_LOG_LEVEL: "warn",
    ...Object.fromEntries(settings),
  };
  const read = readSettings(SETTING_NAMES, { env, flags: {} });
  if ("problems" in read) throw new Error(read.problems.join("\n"));
  const topics = topicsOf(read.settings);
  const client = createKafkaClient({ brokers: cluster.bootstrap, clientId: "bench" });
  const registry = createRegistry({ url: cluster.registryUrl, telemetry: SILENT });
  const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
  await createTopics(client, plannedTopics(topics, read.settings));
  for (const output of ["commands", "detections", "signals"] as const) {
    const { text } = { ...schemas, commands: schemas.command, detections: schemas.detection, signals: schemas.signal }[
      output
    ];
    await registry.register(subjectOf(topics[output]), text);
  }
  const encoders = new Map<Service, { topic: string; encode: (event: ExchangeEvent) => Buffer }>();
  for (const { topic, service } of topics.inputs) {
    encoders.set(service, {
      topic,
      encode: await registeredEncoder(registry, { topic, file: schemas.events[service] }),
    });
  }
  const writer = createKeyedWriter(client);
  ending.defer(() => writer.close());
  const codec = createCodec({ registry, schemas, topics, clock: systemClock, telemetry: SILENT });

  const directory = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const watchdog = startWatchdog(directory);
  ending.defer(() => watchdog.end());
  const self = [process.execPath, ...NODE_FLAGS, ...(options.nodeArguments ?? []), join(ROOT, "src/main.ts")];
  const processes = await Promise.all(
    Array.from({ length: options.processes }, (_, index) =>
      makeInstance({ name: `Holdfast ${index + 1}`, self, env, directory, watchdog, onDeath: failLoudly }),
    ),
  );
  ending.defer(async () => void (await Promise.all(processes.map((each) => each.stop()))));

  await body({
    broker: cluster.kind,
    client,
    topics,
    processes,
    encode({ service, event }) {
      const { topic, encode } = encoders.get(service)!;
      return { topic, key: event.accountId, value: encode(event) };
    },
    async append(records) {
      const byTopic = Map.groupBy(records, ({ topic }) => topic);
      await Promise.all(Array.from(byTopic, ([topic, own]) => writer.write(topic, own)));
    },
    async follow(topic, onRecord) {
      const reader = await readTopic({ client, topic, from: "start" }, onRecord);
      ending.defer(() => reader.stop());
    },
    async readWhole(topic, onRecord) {
      const reader = await readTopic({ client, topic, from: "start", until: "end" }, onRecord);
      await reader.done;
    },
    decodeCommand: (value) => codec.decodeCommand(value),
  });
}

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function failLoudly(why: Error): never {
  throw why;
}

export async function untilReady(processes: readonly Instance[]): Promise<void> {
  await allReady(processes, AbortSignal.timeout(READY_WITHIN_MS));
}

/** A process's metrics in Prometheus's text format; empty while it does not answer. */
export function metricsOf({ url }: Instance): Promise<string> {
  return fetch(`${url}/metrics`).then(
    (answer) => answer.text(),
    () => "",
  );
}

/** Of all series of one metric that have these labels. */
export function sumOf(text: string, metric: string, label = ""): number {
  return text
    .split("\n")
    .filter((line) => (line.startsWith(`${metric}{`) || line.startsWith(`${metric} `)) && line.includes(label))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Waits until the process has handled so many records. @throws Error when it takes longer */
export async function untilProcessed(
  instance: Instance,
  { records, withinMs }: { records: number; withinMs: number },
): Promise<void> {
  for (const deadline = performance.now() + withinMs; ; await sleep(100)) {
    if (sumOf(await metricsOf(instance), "holdfast_records_processed_total") >= records) return;
    if (performance.now() > deadline) throw new Error(`${records} records were not processed within ${withinMs} ms`);
  }
}

/** Of ascending values; 0 for none. */
export function quantile(values: readonly number[], fraction: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * fraction))] ?? 0;
}
