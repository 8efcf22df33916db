// Composition root of `holdfast run`: settings in, adapters made, start-up checked, the worker run until the
// signal, everything closed in order. Nothing is decided here.

import { randomBytes } from "node:crypto";

import { createCodec } from "./adapters/codec.ts";
import type { RegistryCodec } from "./adapters/codec.ts";
import { openOperationsServer } from "./adapters/http.ts";
import { createKafkaClient } from "./adapters/kafka/client.ts";
import { createKafkaGroup } from "./adapters/kafka/group.ts";
import { createKafkaLogs } from "./adapters/kafka/logs.ts";
import { murmur2Partitioner } from "./adapters/kafka/partitioner.ts";
import { createKafkaProducer } from "./adapters/kafka/producer.ts";
import { createRegistry } from "./adapters/registry.ts";
import { readRules } from "./adapters/rule-files.ts";
import { signatureOf, watchRules } from "./adapters/rule-watch.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "./adapters/schema-files.ts";
import { createStateCodec } from "./adapters/state-codec.ts";
import { createStateLogCodec } from "./adapters/state-log-codec.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { WatchListFiles, watchListsBeside } from "./adapters/watch-list-files.ts";
import { openTelemetry } from "./adapters/telemetry.ts";
import type { TelemetryAdapter } from "./adapters/telemetry.ts";
import { EXIT } from "./cli/io.ts";
import type { Io } from "./cli/io.ts";
import { topicsOf } from "./config.ts";
import type { Settings } from "./config.ts";
import { coreSettingsOf } from "./config/core-settings.ts";
import { responseSettingsOf } from "./config/response-settings.ts";
import { kafkaConnection } from "./config/kafka-connection.ts";
import { registryConnection } from "./config/registry-connection.ts";
import { openPartition } from "./core/partition.ts";
import type { Clock } from "./runtime/ports.ts";
import type { TaskContext } from "./runtime/task-context.ts";
import type { Telemetry } from "./runtime/telemetry.ts";
import { coPartitioned, readTopics } from "./runtime/topics.ts";
import { Worker } from "./runtime/worker.ts";
import {
  loadRuleSet,
  nameProblems,
  schemaProblems,
  StartRefused,
  topicProblems,
  unheardWarnings,
  untilAnswered,
} from "./startup.ts";
import { VERSION } from "./version.ts";

/** How long the last checkpoints and the group's leave may take after the signal. */
const STOP_WITHIN_MS = 50_000;

/** Runs until `io.signal` aborts or something fails for good. @returns the exit code */
export async function runProcessor(settings: Settings, io: Io): Promise<number> {
  const telemetry = openTelemetry({
    ...settings,
    pseudonymKey: settings.pseudonymKeyFile?.reveal(),
    write: io.stdout,
    clock: systemClock,
    version: VERSION,
    node: io.nodeVersion,
  });
  io.signal.addEventListener("abort", () => {
    telemetry.emit("process.stopping", { signal: String(io.signal.reason) });
  });
  const closing: (() => Promise<void> | void)[] = [];
  try {
    await run(settings, { io, telemetry, onClose: (close) => closing.unshift(close) });
    telemetry.emit("process.stopped", { cleanly: true });
    return EXIT.ok;
  } catch (error) {
    if (io.signal.aborted && !(error instanceof StartRefused)) {
      telemetry.emit("process.stopped", { cleanly: false });
    }
    io.stderr(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.failed;
  } finally {
    for (const close of closing) await close();
  }
}

interface Running {
  readonly io: Io;
  readonly telemetry: TelemetryAdapter;
  readonly onClose: (close: () => Promise<void> | void) => void;
}

async function run(settings: Settings, { io, telemetry, onClose }: Running): Promise<void> {
  const world = { clock: systemClock, telemetry, signal: io.signal };
  const topics = topicsOf(settings);
  const client = createKafkaClient(kafkaConnection(settings));
  const lists = await watchListsBeside(settings.rules);
  const watchLists = new WatchListFiles(lists);
  const paths = lists === null ? [settings.rules] : [settings.rules, lists];
  const known = await signatureOf(paths); // RW3
  const { rules, problems } = await loadRuleSet(settings.rules, io.stderr, { watchLists });
  const operated: { worker: Worker | null } = { worker: null };
  await listen(settings, { operated, telemetry }).then(onClose, ({ message }: Error) => problems.push(message));
  const codec = createCodec({
    registry: createRegistry({ ...registryConnection(settings), telemetry }),
    schemas: await loadSchemas(SCHEMAS_DIRECTORY),
    ...world,
    topics,
    ...(rules === null ? {} : { fields: rules.fields }),
  });
  const checks = await Promise.all([
    topicProblems(client, topics, { ...world, warn: io.stderr }),
    schemaProblems(codec, world),
  ]);
  problems.push(...nameProblems(topics, settings.groupId), ...checks.flat());
  if (rules === null || problems.length > 0) throw new StartRefused(problems);
  for (const warning of unheardWarnings(rules, topics)) io.stderr(`warning: ${warning}\n`);
  telemetry.emit("rules.loaded", { count: rules.detections.length + rules.correlations.length, hash: rules.hash });

  const logs = createKafkaLogs(client);
  const producer = createKafkaProducer(client);
  // A broker serves a connection one request after the other: no freeze waits behind a megabyte of dead letters.
  const commandProducer = createKafkaProducer(client);
  const stateProducer = createKafkaProducer(client);
  for (const connected of [logs, producer, commandProducer, stateProducer]) onClose(() => connected.close());
  const counts = await untilAnswered(() => logs.partitionCounts([topics.state, topics.detections, topics.deadLetter]), {
    ...world,
    doing: "count partitions",
  });
  const partitions = counts.get(topics.state) as number;
  const { groupId, sessionTimeoutMs } = settings;
  const context: TaskContext = {
    groupId,
    topics,
    partitions,
    logs,
    producer: {
      send: (topic, partition, records) =>
        (topic === topics.commands ? commandProducer : producer).send(topic, partition, records),
    },
    stateProducer,
    codec,
    rules,
    openPartition,
    telemetry,
    detectionPartitions: counts.get(topics.detections) as number,
    deadLetterPartitions: counts.get(topics.deadLetter) as number,
    group: createKafkaGroup({ client, groupId, topics: coPartitioned(topics), sessionTimeoutMs, telemetry }),
    partitioner: murmur2Partitioner,
    stateCodec: createStateCodec(SCHEMAS_DIRECTORY),
    stateLogCodec: createStateLogCodec(SCHEMAS_DIRECTORY),
    settings: { ...coreSettingsOf(settings), ...responseSettingsOf(settings), maxAccounts: settings.maxAccounts },
    tuning: { ...settings, bufferBytes: settings.bufferBytes / (partitions * readTopics(topics).length) },
    clock: systemClock,
    newWriter: () => randomBytes(6).toString("base64url"),
  };
  const worker = new Worker(context);
  operated.worker = worker;
  telemetry.emit("process.started", {
    version: VERSION,
    tasks: partitions,
    rulesHash: rules.hash,
    rules: rules.detections.length + rules.correlations.length,
  });
  await withReload(settings, { codec, worker, world, paths, known, watchLists, inForce: rules.hash }, () =>
    stoppedInTime(worker.run(io.signal), io.signal),
  );
}

/**
 * Runs while changed rules and watch-lists on disk take the place of those in force. Lists change in place: where
 * no rule did, the accounts need not be gone through.
 */
async function withReload(
  { rules: path, rulesReloadMs: everyMs }: Settings,
  of: {
    codec: RegistryCodec;
    worker: Worker;
    world: { clock: Clock; telemetry: Telemetry };
    paths: readonly string[];
    known: string;
    watchLists: WatchListFiles;
    inForce: string;
  },
  run: () => Promise<void>,
): Promise<void> {
  const { codec, worker, world, paths, known, watchLists } = of;
  const over = new AbortController();
  let { inForce } = of;
  const watching = watchRules({
    paths,
    known,
    read: async () => {
      await watchLists.reload();
      return readRules(path, { watchLists });
    },
    onRules: (rules) => {
      if (rules.hash === inForce) return;
      inForce = rules.hash;
      codec.readFields(rules.fields);
      worker.replaceRules(rules);
    },
    everyMs,
    clock: world.clock,
    telemetry: world.telemetry,
    signal: over.signal,
  });
  try {
    await run();
  } finally {
    over.abort();
    await watching;
  }
}

/**
 * The operations port answers before brokers and registry do: whoever waits for them is alive and not started, and
 * its metrics say why.
 * @param of.operated its worker: none until the checks of the start have passed
 * @throws Error with one clear message when the port cannot be had
 */
async function listen(
  settings: Settings,
  { operated, telemetry }: { operated: { readonly worker: Worker | null }; telemetry: TelemetryAdapter },
): Promise<() => Promise<void>> {
  const address = { host: settings.httpHost, port: settings.httpPort };
  const started = (): string | null => (operated.worker === null ? "brokers and registry are being asked" : null);
  const server = await openOperationsServer(address, {
    live: () => operated.worker?.stalled() ?? null,
    ready: () => started() ?? (operated.worker?.ready() === true ? null : "not every task is assigned and restored"),
    started,
    status: () => ({ version: VERSION, group: settings.groupId, ...operated.worker?.status() }),
    metrics: () => telemetry.metrics(),
  });
  telemetry.emit("http.listening", { url: server.url });
  return () => server.close();
}

/** @throws Error when the worker has not stopped some time after the signal */
async function stoppedInTime(running: Promise<void>, signal: AbortSignal): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      const message = `not stopped within ${STOP_WITHIN_MS / 1_000} s; what is not committed is done again by the next owner`;
      setTimeout(() => reject(new Error(message)), STOP_WITHIN_MS).unref();
    });
  });
  await Promise.race([running, late]);
}
