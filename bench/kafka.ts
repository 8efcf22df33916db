// Kafka to commands: a real broker and registry, one Holdfast process, everything it ships. The topics are
// filled first; then the process is started and drains them. Prints one JSON line: records a second from the
// first processed to the last, CPU seconds of the Holdfast process, memory. Fails when the accounts that were
// frozen are not those of the script: small runs hide mistakes of topics that run ahead of each other.
//
//   npm run bench:kafka -- [--events 2000000] [--accounts 200000] [--partitions 6] [--profile DIR]

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { createCodec, subjectOf } from "../src/adapters/codec.ts";
import { createKafkaClient } from "../src/adapters/kafka/client.ts";
import { readTopic } from "../src/adapters/kafka/reader.ts";
import { createTopics, plannedTopics } from "../src/adapters/kafka/topics.ts";
import { createKeyedWriter } from "../src/adapters/kafka/writer.ts";
import type { KeyedRecord } from "../src/adapters/kafka/writer.ts";
import { freePorts } from "../src/adapters/local-cluster/free-ports.ts";
import { startLocalCluster } from "../src/adapters/local-cluster/local-cluster.ts";
import type { LocalCluster } from "../src/adapters/local-cluster/local-cluster.ts";
import { registeredEncoder } from "../src/adapters/registered-encoder.ts";
import { createRegistry } from "../src/adapters/registry.ts";
import { loadSchemas, SCHEMAS_DIRECTORY } from "../src/adapters/schema-files.ts";
import { systemClock } from "../src/adapters/system-clock.ts";
import { topicsOf } from "../src/config.ts";
import { SETTING_NAMES } from "../src/config.ts";
import { readSettings } from "../src/config/settings-reader.ts";
import type { Service } from "../src/core/event.ts";
import { MINUTE } from "../src/core/time.ts";
import { SILENT } from "../src/runtime/telemetry.ts";
import { makeExchange } from "../src/testing/exchange/exchange.ts";
import type { Exchange } from "../src/testing/exchange/exchange.ts";
import type { Posting } from "../src/testing/exchange/story.ts";
import { NODE_FLAGS, profilingInto } from "./node-flags.ts";
import { readOptions } from "./options.ts";
import { rulesAt, takeoverRuleIds, verdict } from "./rules.ts";

const options = readOptions("npm run bench:kafka --", "Kafka to commands: full topics, drained by one process.", {
  accounts: 200_000,
  events: 2_000_000,
  partitions: 6,
  takeovers: 200,
  profile: "",
});
const { accounts, events } = options;
const length = 60 * MINUTE;
const WRITE_AT_ONCE = 20_000;
const DRAIN_WITHIN_MS = 300_000;

const progress = (text: string): void => void process.stderr.write(`${text}\n`);
const cluster = await startLocalCluster({
  brokers: 1,
  directory: fileURLToPath(new URL("../.holdfast", import.meta.url)),
  env: process.env,
  onProgress: progress,
});
try {
  await measure(cluster);
} finally {
  await cluster.stop();
}

async function measure({ bootstrap, registryUrl, kind }: LocalCluster): Promise<void> {
  const run = `bench-${Date.now()}`;
  const [port] = await freePorts(1);
  const env = {
    HOLDFAST_KAFKA_BROKERS: bootstrap.join(","),
    HOLDFAST_REGISTRY_URL: registryUrl,
    HOLDFAST_TOPIC_PREFIX: `${run}.`,
    HOLDFAST_GROUP_ID: run,
    HOLDFAST_PARTITIONS: String(options.partitions),
    HOLDFAST_REPLICATION: "1",
    HOLDFAST_START_FROM: "earliest",
    HOLDFAST_HTTP_PORT: String(port),
    HOLDFAST_INSECURE: "true",
    // Breakers are asked, and let everything out; nobody acknowledges.
    HOLDFAST_BREAKER_FLOOR: "1000000",
    HOLDFAST_BREAKER_HOLD_FLOOR: "1000000",
    HOLDFAST_ACK_TIMEOUT_MS: "0",
  };
  const read = readSettings(SETTING_NAMES, { env, flags: {} });
  if ("problems" in read) throw new Error(read.problems.join("\n"));
  const { settings } = read;
  const topics = topicsOf(settings);
  const client = createKafkaClient({ brokers: bootstrap, clientId: "bench" });
  const registry = createRegistry({ url: registryUrl, telemetry: SILENT });
  const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
  await createTopics(client, plannedTopics(topics, settings));
  await registry.register(subjectOf(topics.signals), schemas.signal.text);
  await registry.register(subjectOf(topics.commands), schemas.command.text);
  await registry.register(subjectOf(topics.detections), schemas.detection.text);

  const exchange = makeExchange({
    seed: "bench",
    accounts,
    takeovers: options.takeovers,
    oddities: 20,
    from: Date.now() - 2 * length,
    length,
    rate: events / (length / 1_000),
    pace: 1,
    lag: 2_000,
    review: 5 * MINUTE,
  });
  const encoders = new Map<Service, { topic: string; encode: (event: object) => Buffer }>();
  for (const { topic, service } of topics.inputs) {
    encoders.set(service, {
      topic,
      encode: await registeredEncoder(registry, { topic, file: schemas.events[service] }),
    });
  }
  const total = await fill(exchange, { client, encoders });

  const child = startHoldfast(env);
  const metrics = `http://127.0.0.1:${env.HOLDFAST_HTTP_PORT}/metrics`;
  const startedAt = performance.now();
  const drained = await drain(metrics, { total, child });
  const codec = createCodec({ registry, schemas, topics, clock: systemClock, telemetry: SILENT });
  const freezing = takeoverRuleIds(await rulesAt("rules"));
  const frozen = new Set<string>();
  let commands = 0;
  const said: Buffer[] = [];
  const reader = await readTopic({ client, topic: topics.commands, from: "start", until: "end" }, ({ value }) => {
    if (value !== null) said.push(value);
  });
  await reader.done;
  for (const value of said) {
    const { ruleId, accountId } = await codec.decodeCommand(value);
    commands++;
    if (freezing.has(ruleId)) frozen.add(accountId);
  }
  child.kill("SIGTERM");
  await once(child, "exit");

  const expected = new Set(exchange.takeovers.map(({ account }) => account.id));
  const { seconds, cpuSeconds, residentBytes, firstAt } = drained;
  console.log(
    JSON.stringify({
      bench: "kafka",
      broker: kind,
      records: total,
      accounts,
      partitions: settings.partitions,
      recordsPerSecond: Math.round(total / seconds),
      recordsPerCpuSecond: Math.round(total / cpuSeconds),
      seconds: Math.round(seconds * 100) / 100,
      cpuSeconds: Math.round(cpuSeconds * 100) / 100,
      startToFirstRecordMs: Math.round(firstAt - startedAt),
      residentMb: Math.round(residentBytes / 1e6),
      residentBytesPerAccount: Math.round(residentBytes / accounts),
      commands,
      frozen: frozen.size,
      takeovers: expected.size,
    }),
  );
  if (!verdict(frozen, expected)) process.exitCode = 1;
}

async function fill(
  exchange: Exchange,
  to: {
    client: ReturnType<typeof createKafkaClient>;
    encoders: ReadonlyMap<Service, { topic: string; encode: (event: object) => Buffer }>;
  },
): Promise<number> {
  const writer = createKeyedWriter(to.client);
  let written = 0;
  let waiting: Posting[] = [];
  const flush = async (): Promise<void> => {
    const byService = Map.groupBy(waiting, ({ service }) => service);
    waiting = [];
    for (const [service, postings] of byService) {
      const { topic, encode } = to.encoders.get(service)!;
      const records = postings.map((posting): KeyedRecord => ({
        key: posting.event.accountId,
        value: encode(posting.event),
      }));
      await writer.write(topic, records);
      written += records.length;
    }
  };
  for (const source of [exchange.past(), exchange.live()]) {
    for (const posting of source) {
      waiting.push(posting);
      if (waiting.length >= WRITE_AT_ONCE) {
        await flush();
        if (written % (25 * WRITE_AT_ONCE) === 0) progress(`${written} records written`);
      }
    }
  }
  await flush();
  writer.close();
  progress(`${written} records written`);
  return written;
}

function startHoldfast(env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(
    process.execPath,
    [...NODE_FLAGS, ...profilingInto(options.profile), "src/main.ts", "run", "--log-level", "error"],
    {
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
}

/** Watches the process's own metrics until everything is processed. */
async function drain(
  url: string,
  { total, child }: { total: number; child: ChildProcess },
): Promise<{ seconds: number; cpuSeconds: number; residentBytes: number; firstAt: number }> {
  const deadline = performance.now() + DRAIN_WITHIN_MS;
  let first: { at: number; processed: number } | null = null;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`holdfast ended with exit code ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error(`not drained within ${DRAIN_WITHIN_MS / 1_000} s`);
    const text = await fetch(url).then(
      (response) => response.text(),
      () => "",
    );
    const at = performance.now();
    const processed = sum(text, "holdfast_records_processed_total");
    if (first === null && processed > 0) first = { at, processed };
    if (first !== null && processed >= total) {
      const seconds = ((at - first.at) * total) / (total - first.processed) / 1_000;
      return {
        seconds,
        cpuSeconds: sum(text, "process_cpu_seconds_total"),
        residentBytes: sum(text, "process_resident_memory_bytes"),
        firstAt: first.at,
      };
    }
    await sleep(100);
  }
}

/** Of all series of one metric in Prometheus's text format. */
function sum(text: string, metric: string): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
