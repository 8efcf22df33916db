// A real Apache Kafka and a real schema registry for development, demo and tests: what is already running
// when it is named, else containers where a Docker daemon answers, else plain Java from Maven Central.
// Never for production. Leaves topics and schemas to the commands that make them.

import { isInstalled, kafkaArchive, registryArchive } from "./java-archives.ts";
import { startOnJava } from "./java-cluster.ts";
import { findJava, type Environment, type Java } from "./java.ts";
import { findDocker, startOnDocker } from "./docker-cluster.ts";

export interface LocalCluster {
  readonly kind: "docker" | "java" | "external";
  /** Brokers as host:port, in the order killBroker counts them. */
  readonly bootstrap: readonly string[];
  /** The registry's Confluent-compatible API, without a slash at the end. */
  readonly registryUrl: string;
  /** For each of the fronts asked for: where the brokers listen for it, in their order. */
  readonly behind: readonly (readonly string[])[];
  /** What runs for it: process or container ids. Empty when it is external. */
  readonly processes: readonly string[];
  /** Ends everything it started and removes its data. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the broker is gone. Throws on an external cluster. */
  killBroker(index: number): Promise<void>;
  /** Starts it again (killing it first if it runs) with the same data and address; resolves when it is up. */
  restartBroker(index: number): Promise<void>;
}

export interface LocalClusterOptions {
  readonly brokers: 1 | 3;
  /** Where downloads are kept and reused; made when missing. In this project: `.holdfast`. */
  readonly directory: string;
  /** HOLDFAST_KAFKA_BROKERS and HOLDFAST_REGISTRY_URL name a running cluster; all of it goes to the children. */
  readonly env: Environment;
  /**
   * For each of some clients, host:port by broker that its brokers tell it to connect to instead of their own:
   * a proxy there can come between. Always on Java, whatever cluster is named.
   */
  readonly fronts?: readonly (readonly string[])[];
  /** Further settings of its brokers, by Kafka's own names. */
  readonly settings?: Readonly<Record<string, string>>;
  /** One short line each: downloads, what is being started. */
  readonly onProgress: (message: string) => void;
  /** Stops a start that is under way, with nothing left running; afterwards it does nothing. */
  readonly signal?: AbortSignal | undefined;
}

/** This machine has nothing to run Kafka on; the message says what to install. */
export class NoLocalCluster extends Error {}

/** Throws NoLocalCluster, the signal's reason, or an error with what a server printed last. */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const fronted = (options.fronts ?? []).length > 0;
  const external = fronted ? undefined : externalCluster(options.env);
  if (external !== undefined) return external;
  const docker = fronted ? undefined : await findDocker();
  options.signal?.throwIfAborted();
  const java = await usableJava(options);
  if (docker !== undefined) {
    try {
      return await startOnDocker(docker, options);
    } catch (error) {
      // A daemon that cannot pull images is no reason to give up where Java can do it.
      if (typeof java === "string" || options.signal?.aborted) throw error;
      options.onProgress(`Docker could not start it (${(error as Error).message.split("\n")[0]}), trying Java`);
    }
  }
  if (typeof java === "string") throw new NoLocalCluster(advice(java));
  return startOnJava(java, options);
}

/** What is here, or why it will not do, as a half sentence. */
async function usableJava({ env, directory }: LocalClusterOptions): Promise<Java | string> {
  const java = await findJava(env);
  if (typeof java === "string" || java.maven !== null) return java;
  const cached = (await isInstalled(kafkaArchive, directory)) && (await isInstalled(registryArchive, directory));
  return cached ? java : "Java is here, but no mvn on the path to download Kafka with";
}

function externalCluster(env: Environment): LocalCluster | undefined {
  const brokers = env["HOLDFAST_KAFKA_BROKERS"];
  const registryUrl = env["HOLDFAST_REGISTRY_URL"];
  if (!brokers && !registryUrl) return undefined;
  if (!brokers || !registryUrl) {
    throw new NoLocalCluster(
      `${brokers ? "HOLDFAST_KAFKA_BROKERS" : "HOLDFAST_REGISTRY_URL"} is set, ` +
        `${brokers ? "HOLDFAST_REGISTRY_URL" : "HOLDFAST_KAFKA_BROKERS"} is not: set both to use what is running, or neither.`,
    );
  }
  const notOurs = (): Promise<never> =>
    Promise.reject(new Error("this cluster was not started here: its brokers are not ours to kill"));
  return {
    kind: "external",
    bootstrap: brokers.split(",").map((broker) => broker.trim()),
    registryUrl: registryUrl.replace(/\/+$/u, ""),
    behind: [],
    processes: [],
    stop: () => Promise.resolve(),
    killBroker: notOurs,
    restartBroker: notOurs,
  };
}

function advice(why: string): string {
  return `There is nothing to run Kafka on: no Docker daemon answers, and ${why}.
Do one of these:
  - start Docker; or
  - install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jre-headless maven; macOS: brew install openjdk@17 maven); or
  - set HOLDFAST_KAFKA_BROKERS and HOLDFAST_REGISTRY_URL to a broker and a registry that are running.
To look without Kafka: holdfast replay --rules rules FILE`;
}
