// What a chaos run can do things to: brokers, the registry behind a proxy, and Holdfast processes, each with
// proxies of its own before every broker. Owns their starts and ends, and stands in for the platform that
// starts an ended process again. When to do what is faults.ts's.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createKafkaClient } from "../../src/adapters/kafka/client.ts";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";
import { createKafkaLogs } from "../../src/adapters/kafka/logs.ts";
import { startLocalCluster } from "../../src/adapters/local-cluster/local-cluster.ts";
import type { LocalCluster } from "../../src/adapters/local-cluster/local-cluster.ts";
import { startWatchdog } from "../../src/adapters/local-cluster/watchdog.ts";
import { makeInstance } from "../../src/cli/demo/instance.ts";
import type { Instance } from "../../src/cli/demo/instance.ts";
import { SETTING_NAMES, topicsOf, variableOf } from "../../src/config.ts";
import { readSettings } from "../../src/config/settings-reader.ts";
import type { Topics } from "../../src/runtime/topics.ts";
import { openRegistryProxy } from "./registry-proxy.ts";
import type { RegistryProxy } from "./registry-proxy.ts";
import { openTcpProxy } from "./tcp-proxy.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

export interface Slot {
  readonly instance: Instance;
  /** Before each broker. */
  readonly proxies: readonly TcpProxy[];
  /** It is not to be started again by itself. */
  resting: boolean;
}

export interface ArenaOptions {
  readonly brokers: 1 | 3;
  /** Holdfast processes; the last one is at rest until a fault needs it. */
  readonly slots: number;
  readonly partitions: number;
  /** Where downloads are kept, and the logs of a run that failed. */
  readonly kept: string;
  readonly rules: string;
  /** Program and arguments that start Holdfast. */
  readonly holdfast: readonly string[];
  /** Further settings, as variables; those this version does not know are left out. */
  readonly settings: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Variables that are no settings, for the processes only. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** By this name the brokers know Holdfast's processes; everybody else comes by the open listeners. */
export const USER = "holdfast";
const PASSWORD = "not guessed";
export const GROUP_ID = "chaos";
export const SESSION_TIMEOUT_MS = 6_000;
const READY_WITHIN_MS = 90_000;
const RESTART_AFTER_MS = 1_000;
/** As the platform's own. */
const STOP_GRACE_MS = 60_000;
const LOOK_MS = 100;
/** Processes that end by themselves more often will never be ready. */
const MOST_ENDS = 5;
const STARTED_WITHIN_MS = 60_000;

export class Arena {
  readonly options: ArenaOptions;
  readonly cluster: LocalCluster;
  readonly registry: RegistryProxy;
  readonly slots: readonly Slot[];
  readonly topics: Topics;
  /** By topic: what fetches call them. */
  topicIds: ReadonlyMap<string, string> = new Map();
  readonly client: KafkaClient;
  readonly directory: string;
  /** Processes that ended without having been told to, and without a reason that was to be expected. */
  readonly unexpectedEnds: string[] = [];
  /** Those that ended for the reason that was to be expected. */
  readonly expectedEnds: string[] = [];
  #expected: RegExp | null = null;
  readonly #env: Environment;
  readonly #ending: AsyncDisposableStack;

  /** For openArena. */
  constructor(parts: Parts) {
    this.options = parts.options;
    this.cluster = parts.cluster;
    this.registry = parts.registry;
    this.slots = parts.slots;
    this.topics = parts.topics;
    this.client = parts.client;
    this.directory = parts.directory;
    this.#env = parts.env;
    this.#ending = parts.ending;
  }

  say(line: string): void {
    this.options.say(line);
  }

  /** @throws the signal's reason when the run is over before */
  async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.options.signal });
  }

  running(): Slot[] {
    return this.slots.filter(({ instance }) => instance.isRunning());
  }

  start(slot: Slot): void {
    slot.resting = false;
    if (!slot.instance.isRunning()) slot.instance.start();
  }

  async kill(slot: Slot): Promise<void> {
    slot.resting = true;
    await slot.instance.kill();
  }

  /** By SIGTERM. Anything but an orderly end within the grace is a finding; one that had hardly begun just ends. */
  async stop(slot: Slot): Promise<void> {
    slot.resting = true;
    const how = await slot.instance.stop();
    if (how !== "exit code 0" && how !== "SIGTERM" && how !== "not running")
      this.unexpectedEnds.push(`${slot.instance.name}, told to stop, ended with ${how}`);
  }

  /** Meanwhile processes may end by themselves, if the end of their log says this. */
  async expectingEnds(because: RegExp, run: () => Promise<void>): Promise<void> {
    this.#expected = because;
    await run().finally(() => (this.#expected = null));
  }

  /** For the platform: a process has ended by itself. */
  noteEnd(why: string): void {
    const isExpected = this.#expected?.test(why) ?? false;
    (isExpected ? this.expectedEnds : this.unexpectedEnds).push(why);
    this.say(isExpected ? why.split("\n")[0]! : why);
  }

  /** A topic was made anew. */
  async learnTopicIds(): Promise<void> {
    const logs = createKafkaLogs(this.client);
    this.topicIds = await logs.logIds([this.topics.state, this.topics.commands]).finally(() => logs.close());
  }

  /** Runs one command of the program to its end. @throws Error with what it printed */
  async command(...args: readonly string[]): Promise<void> {
    await holdfast(this.options, { env: this.#env, args });
  }

  /** Everything that should run runs, nothing is in its way, and every task has an owner that has restored it. */
  async recover(): Promise<void> {
    this.registry.mood = "well";
    for (const { proxies } of this.slots) for (const proxy of proxies) proxy.heal();
    const wanted = this.slots.slice(0, -1);
    for (const slot of wanted) this.start(slot);
    for (const slot of this.slots.slice(wanted.length)) if (slot.instance.isRunning()) await this.stop(slot);
    for (const deadline = performance.now() + READY_WITHIN_MS; ; await this.sleep(LOOK_MS)) {
      const ready = await Promise.all(wanted.map(({ instance }) => instance.isReady()));
      if (ready.every(Boolean)) return;
      if (this.unexpectedEnds.length >= MOST_ENDS) throw new Error("the processes do not stay up");
      if (performance.now() > deadline) throw new Error(`not all were ready after ${READY_WITHIN_MS / 1_000} s`);
    }
  }

  /** The processes' logs, kept for whoever looks for the reason. @returns where */
  async keepLogs(): Promise<string> {
    const kept = join(this.options.kept, "chaos-logs");
    await rm(kept, { recursive: true, force: true });
    await cp(this.directory, kept, { recursive: true });
    return kept;
  }

  async close(): Promise<void> {
    await this.#ending.disposeAsync();
  }
}

interface Parts {
  readonly options: ArenaOptions;
  readonly cluster: LocalCluster;
  readonly registry: RegistryProxy;
  readonly slots: readonly Slot[];
  readonly topics: Topics;
  readonly client: KafkaClient;
  readonly directory: string;
  readonly env: Environment;
  readonly ending: AsyncDisposableStack;
}

/** Starts the brokers, makes topics and schemas; the processes are not started yet. */
export async function openArena(options: ArenaOptions): Promise<Arena> {
  const ending = new AsyncDisposableStack();
  try {
    return await open(options, ending);
  } catch (error) {
    await ending.disposeAsync();
    throw error;
  }
}

async function open(options: ArenaOptions, ending: AsyncDisposableStack): Promise<Arena> {
  const proxies = await Promise.all(
    Array.from({ length: options.slots }, () =>
      Promise.all(Array.from({ length: options.brokers }, () => openTcpProxy())),
    ),
  );
  for (const proxy of proxies.flat()) ending.defer(() => proxy.close());
  const cluster = await startLocalCluster({
    brokers: options.brokers,
    directory: options.kept,
    env: options.env,
    fronts: proxies.map((own) => own.map(({ address }) => address)),
    settings: accessSettings(options.slots),
    onProgress: options.say,
    signal: options.signal,
  });
  ending.defer(() => cluster.stop());
  for (const [slot, own] of proxies.entries()) {
    for (const [broker, proxy] of own.entries()) proxy.lead(cluster.behind[slot]![broker]!);
  }
  const registry = await openRegistryProxy(cluster.registryUrl);
  ending.defer(() => registry.close());

  const env = environmentOf(options, { cluster, registry });
  const read = readSettings(SETTING_NAMES, { env, flags: {} });
  if ("problems" in read) throw new Error(read.problems.join("\n"));
  await holdfast(options, { env, args: ["topics", "create"] });
  await holdfast(options, { env, args: ["schemas", "register"] });

  const directory = await mkdtemp(join(tmpdir(), "holdfast-chaos-"));
  const password = join(directory, "password");
  await writeFile(password, PASSWORD, { mode: 0o600 });
  const watchdog = startWatchdog(directory);
  ending.defer(() => watchdog.end());
  const slots: Slot[] = await Promise.all(
    proxies.map(async (own, index): Promise<Slot> => {
      const instance = await makeInstance({
        name: `Holdfast ${index + 1}`,
        self: options.holdfast,
        env: {
          ...env,
          ...options.variables,
          HOLDFAST_KAFKA_BROKERS: own.map(({ address }) => address).join(","),
          HOLDFAST_KAFKA_SASL_MECHANISM: "plain",
          HOLDFAST_KAFKA_SASL_USERNAME: USER,
          HOLDFAST_KAFKA_SASL_PASSWORD_FILE: password,
        },
        directory,
        watchdog,
        stopGraceMs: STOP_GRACE_MS,
        onDeath(why) {
          arena.noteEnd(why.message);
          setTimeout(() => {
            const slot = slots[index]!;
            if (!slot.resting && !slot.instance.isRunning()) slot.instance.start();
          }, RESTART_AFTER_MS);
        },
      });
      return { instance, proxies: own, resting: true };
    }),
  );
  ending.defer(async () => {
    for (const slot of slots) slot.resting = true;
    await Promise.all(slots.map(({ instance }) => instance.kill()));
  });
  const client = createKafkaClient({ brokers: cluster.bootstrap, clientId: "chaos-exchange" });
  const topics = topicsOf(read.settings);
  const arena = new Arena({ options, cluster, registry, slots, topics, client, directory, env, ending });
  await arena.learnTopicIds();
  return arena;
}

/** Whoever has a name may be denied something; until somebody is, nobody is. */
function accessSettings(slots: number): Record<string, string> {
  const fronts = Array.from({ length: slots }, (_, slot) => `FRONT${slot}`);
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`;
  return {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "super.users": "User:ANONYMOUS",
    "listener.security.protocol.map": [
      "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT",
      ...fronts.map((name) => `${name}:SASL_PLAINTEXT`),
    ].join(","),
    "sasl.enabled.mechanisms": "PLAIN",
    ...Object.fromEntries(fronts.map((name) => [`listener.name.${name.toLowerCase()}.plain.sasl.jaas.config`, login])),
  };
}

function environmentOf(
  options: ArenaOptions,
  { cluster, registry }: { cluster: LocalCluster; registry: RegistryProxy },
): Environment {
  const own = Object.entries(options.env).filter(([name]) => !name.startsWith("HOLDFAST_"));
  const known = new Set(SETTING_NAMES.map(variableOf));
  const settings = Object.entries(options.settings).filter(([name]) => known.has(name));
  return {
    ...Object.fromEntries(own),
    HOLDFAST_KAFKA_BROKERS: cluster.bootstrap.join(","),
    HOLDFAST_REGISTRY_URL: registry.url,
    HOLDFAST_GROUP_ID: GROUP_ID,
    HOLDFAST_TOPIC_PREFIX: "chaos.",
    HOLDFAST_PARTITIONS: String(options.partitions),
    HOLDFAST_REPLICATION: String(options.brokers),
    HOLDFAST_RULES: options.rules,
    HOLDFAST_START_FROM: "earliest",
    HOLDFAST_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
    ...Object.fromEntries(settings),
  };
}

/** Runs one command of the program to its end. @throws Error with what it printed */
async function holdfast(
  { holdfast: [program, ...leading], variables, signal }: ArenaOptions,
  { env, args }: { env: Environment; args: readonly string[] },
): Promise<void> {
  const child = spawn(program!, [...leading, ...args], {
    env: { ...env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(STARTED_WITHIN_MS)]),
  });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => void printed.push(bytes));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`holdfast ${args.join(" ")}: ${Buffer.concat(printed).toString()}`);
}
