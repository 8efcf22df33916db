// Apache Kafka (KRaft, broker and controller in one process) and Apicurio Registry on plain Java. Owns
// their processes and a data directory of its own under the system's temporary directory. Everything
// listens on 127.0.0.1 only.
// Invariants:
//   J1 A process runs only under the watchdog: it is killed, and the data removed, however we end.
//   J2 A server counts as up only by its own log, so a stranger on its port is never taken for it.

import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asProperties, brokerSettings, clusterId } from "./broker-settings.ts";
import { freePorts } from "./free-ports.ts";
import { install, kafkaArchive, registryArchive } from "./java-archives.ts";
import { lastPrinted, PortTaken, startJava, untilReady, type JavaProcess } from "./java-process.ts";
import type { Java } from "./java.ts";
import type { LocalCluster, LocalClusterOptions } from "./local-cluster.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

// Short start-up and small memory before peak speed: these processes live for minutes beside the tests.
const smallJvm = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"];
const upWithinMs = 120_000;

interface Archives {
  readonly kafka: string;
  readonly registry: string;
}

/** Downloads what is missing and starts all. Throws, with nothing left running, when a server does not come up. */
export async function startOnJava(java: Java, options: LocalClusterOptions): Promise<LocalCluster> {
  const installing = {
    cache: options.directory,
    maven: java.maven ?? "mvn",
    env: options.env,
    onProgress: options.onProgress,
    signal: options.signal,
  };
  const archives = {
    kafka: await install(kafkaArchive, installing),
    registry: await install(registryArchive, installing),
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(java, archives, options);
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === 5) throw error;
      options.onProgress(`${error.message}: another program took its port, choosing others`);
    }
  }
}

async function startOnce(java: Java, archives: Archives, options: LocalClusterOptions): Promise<LocalCluster> {
  const data = await mkdtemp(join(tmpdir(), "holdfast-cluster-"));
  const cluster = new JavaCluster({ java, archives, options, data, watchdog: startWatchdog(data) });
  try {
    await cluster.start(options.signal);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

interface Setup {
  readonly java: Java;
  readonly archives: Archives;
  readonly options: LocalClusterOptions;
  readonly data: string;
  readonly watchdog: Watchdog;
}

class JavaCluster implements LocalCluster {
  readonly kind = "java" as const;
  bootstrap: readonly string[] = [];
  registryUrl = "";
  behind: readonly (readonly string[])[] = [];
  readonly #setup: Setup;
  readonly #brokers: JavaProcess[] = [];
  #registry: JavaProcess | undefined;
  #starts = 0;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  get processes(): readonly string[] {
    return this.#all().flatMap((one) => (one.running() ? [String(one.pid)] : []));
  }

  async start(signal: AbortSignal | undefined): Promise<void> {
    const { options, data } = this.#setup;
    const count = options.brokers;
    const asked = options.fronts ?? [];
    const ports = await freePorts((2 + asked.length) * count + 1);
    const clientPorts = ports.slice(0, count);
    const controllers = ports.slice(count, 2 * count).map((port) => `127.0.0.1:${port}`);
    const registryPort = ports[2 * count]!;
    this.behind = asked.map((_, front) =>
      ports.slice((2 + front) * count + 1, (3 + front) * count + 1).map((port) => `127.0.0.1:${port}`),
    );
    this.bootstrap = clientPorts.map((port) => `127.0.0.1:${port}`);
    this.registryUrl = `http://127.0.0.1:${registryPort}/apis/ccompat/v7`;
    options.onProgress(`starting Kafka (${count === 1 ? "1 broker" : `${count} brokers`}) and the schema registry`);
    await writeFile(join(data, "log4j2.properties"), brokerLogging);
    await allOrNone(signal, (either) => [
      this.#startRegistry(registryPort, either),
      ...clientPorts.map(async (port, index) => {
        const settings = brokerSettings({
          index,
          count,
          listeners: `CLIENT://127.0.0.1:${port},CONTROLLER://${controllers[index]}`,
          advertised: `CLIENT://127.0.0.1:${port}`,
          between: "CLIENT",
          controllers,
          fronts: asked.map((advertised, front) => ({
            name: `FRONT${front}`,
            listens: this.behind[front]![index]!,
            advertised: advertised[index]!,
          })),
        });
        const properties = asProperties({
          ...settings,
          ...options.settings,
          "log.dirs": join(data, `broker-${index}`),
        });
        await writeFile(this.#propertiesFile(index), properties);
        await this.#format(index, either);
        await this.#startBroker(index, either);
      }),
    ]);
  }

  async #startRegistry(port: number, signal: AbortSignal): Promise<void> {
    const { java, archives, options, data, watchdog } = this.#setup;
    this.#registry = startJava({
      name: "the schema registry",
      java: java.command,
      args: [
        ...smallJvm,
        "-Xmx256m",
        `-Djava.io.tmpdir=${data}`,
        "-Dquarkus.http.host=127.0.0.1",
        `-Dquarkus.http.port=${port}`,
        // For the line that says that it listens.
        '-Dquarkus.log.category."io.quarkus".level=INFO',
        "-jar",
        join(archives.registry, "apicurio-registry-app-3.0.9-runner.jar"),
      ],
      directory: data,
      log: join(data, "registry.log"),
      env: options.env,
      watchdog,
    });
    // J2
    await untilReady(this.#registry, {
      marker: `Listening on: http://127.0.0.1:${port}`,
      answers: () => answersSubjects(this.registryUrl),
      deadlineMs: upWithinMs,
      signal,
    });
  }

  async #format(index: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const tool = this.#kafka(`format of broker ${index}`, [
      "-Xmx64m",
      "-cp",
      join(this.#setup.archives.kafka, "*"),
      "kafka.tools.StorageTool",
      "format",
      "-t",
      clusterId,
      "-c",
      this.#propertiesFile(index),
      "--ignore-formatted",
    ]);
    const how = await tool.ended();
    signal.throwIfAborted();
    if (how !== "exit code 0")
      throw new Error(`Kafka's storage could not be formatted (${how}):\n${await lastPrinted(tool)}`);
  }

  async #startBroker(index: number, signal?: AbortSignal): Promise<void> {
    const broker = this.#kafka(`Kafka broker ${index}`, [
      "-Xmx384m",
      `-Dlog4j2.configurationFile=${join(this.#setup.data, "log4j2.properties")}`,
      "-cp",
      join(this.#setup.archives.kafka, "*"),
      "kafka.Kafka",
      this.#propertiesFile(index),
    ]);
    this.#brokers[index] = broker;
    // J2
    await untilReady(broker, {
      marker: "Kafka Server started",
      deadlineMs: upWithinMs,
      signal,
    });
  }

  #kafka(name: string, args: readonly string[]): JavaProcess {
    const { java, options, data, watchdog } = this.#setup;
    return startJava({
      name,
      java: java.command,
      args: [...smallJvm, `-Djava.io.tmpdir=${data}`, ...args],
      directory: data,
      log: join(data, `kafka-${++this.#starts}.log`),
      env: options.env,
      watchdog,
    });
  }

  #propertiesFile(index: number): string {
    return join(this.#setup.data, `broker-${index}.properties`);
  }

  async killBroker(index: number): Promise<void> {
    await this.#broker(index).stop(0);
  }

  async restartBroker(index: number): Promise<void> {
    await this.#broker(index).stop(0);
    await this.#startBroker(index);
  }

  #broker(index: number): JavaProcess {
    const broker = this.#brokers[index];
    if (broker === undefined) throw new RangeError(`no broker ${index}: there are ${this.#brokers.length}, from 0`);
    return broker;
  }

  /** The data go away with the processes, so an orderly end would save nothing: they are killed (J1). */
  async stop(): Promise<void> {
    await this.#setup.watchdog.end();
    await Promise.all(this.#all().map((one) => one.ended()));
  }

  /** Those that were started; a failed start leaves gaps. */
  #all(): JavaProcess[] {
    return [...this.#brokers, this.#registry].filter((one) => one !== undefined);
  }
}

/** Runs all; when one fails the others are told to give up, and are waited for, before it throws that failure. */
async function allOrNone(
  outer: AbortSignal | undefined,
  start: (signal: AbortSignal) => readonly Promise<void>[],
): Promise<void> {
  const failure = new AbortController();
  const signal = outer === undefined ? failure.signal : AbortSignal.any([outer, failure.signal]);
  const all = start(signal).map((one) => one.catch((error: unknown) => failure.abort(error)));
  await Promise.all(all);
  failure.signal.throwIfAborted();
}

const brokerLogging = `status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1}: %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
`;

async function answersSubjects(registryUrl: string): Promise<boolean> {
  try {
    const response = await fetch(`${registryUrl}/subjects`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
