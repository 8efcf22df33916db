// Apache Kafka and Apicurio Registry as containers, through testcontainers (a development dependency,
// loaded only here and only when needed). Its reaper removes the containers when this process dies.
// Ports are chosen here and published on 127.0.0.1: brokers must advertise the address that clients use.

import { setTimeout as delay } from "node:timers/promises";
import type { GenericContainer, StartedNetwork, StartedTestContainer } from "testcontainers";
import { asEnvironment, brokerSettings, clusterId } from "./broker-settings.ts";
import { freePorts } from "./free-ports.ts";
import type { LocalCluster, LocalClusterOptions } from "./local-cluster.ts";

const kafkaImage = "apache/kafka:4.4.0";
const registryImage = "quay.io/apicurio/apicurio-registry:3.0.9";
const upWithinMs = 120_000;

type Testcontainers = typeof import("testcontainers");
type RuntimeClient = Awaited<ReturnType<Testcontainers["getContainerRuntimeClient"]>>;

export interface Docker {
  readonly testcontainers: Testcontainers;
  readonly client: RuntimeClient;
}

/** undefined: no daemon answers here, or this is an installation without development dependencies. */
export async function findDocker(): Promise<Docker | undefined> {
  try {
    const testcontainers = await import("testcontainers");
    const client = await testcontainers.getContainerRuntimeClient();
    // A daemon on another machine would publish ports there, not on our loopback address.
    const local = ["localhost", "127.0.0.1", "::1"].includes(client.info.containerRuntime.host);
    return local ? { testcontainers, client } : undefined;
  } catch {
    return undefined;
  }
}

/** Throws, with its containers removed, when one does not come up. */
export async function startOnDocker(docker: Docker, options: LocalClusterOptions): Promise<LocalCluster> {
  const cluster = new DockerCluster(docker);
  try {
    await cluster.start(options);
    return cluster;
  } catch (error) {
    await cluster.stop();
    options.signal?.throwIfAborted();
    throw error;
  }
}

class DockerCluster implements LocalCluster {
  readonly kind = "docker" as const;
  bootstrap: readonly string[] = [];
  registryUrl = "";
  readonly behind: readonly (readonly string[])[] = [];
  readonly #docker: Docker;
  #brokers: StartedTestContainer[] = [];
  #registry: StartedTestContainer | undefined;
  #network: StartedNetwork | undefined;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  get processes(): readonly string[] {
    return this.#all().map((one) => one.getId());
  }

  async start({ brokers: count, settings, onProgress, signal }: LocalClusterOptions): Promise<void> {
    const { GenericContainer, Network, Wait } = this.#docker.testcontainers;
    const ports = await freePorts(count + 1);
    const registryPort = ports.pop()!;
    this.bootstrap = ports.map((port) => `127.0.0.1:${port}`);
    this.registryUrl = `http://127.0.0.1:${registryPort}/apis/ccompat/v7`;
    onProgress(`starting containers ${kafkaImage} (${count}) and ${registryImage}; the first time they are pulled`);
    this.#network = await new Network().start();
    const network = this.#network;
    const brokerEnvironment = (index: number): Record<string, string> => ({
      CLUSTER_ID: clusterId,
      KAFKA_HEAP_OPTS: "-Xmx384m",
      ...asEnvironment({
        ...brokerSettings({
          index,
          count,
          listeners: `CLIENT://0.0.0.0:${clientPort},CONTROLLER://0.0.0.0:9093,INTERNAL://0.0.0.0:9094`,
          advertised: `CLIENT://${this.bootstrap[index]},INTERNAL://${alias(index)}:9094`,
          between: "INTERNAL",
          controllers: ports.map((_, voter) => `${alias(voter)}:9093`),
        }),
        ...settings,
      }),
    });
    const starting: Promise<unknown>[] = ports.map(async (port, index) => {
      const broker = published(new GenericContainer(kafkaImage), { inside: clientPort, outside: port })
        .withNetwork(network)
        .withNetworkAliases(alias(index))
        .withEnvironment(brokerEnvironment(index))
        .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/u))
        .withStartupTimeout(upWithinMs);
      this.#brokers[index] = await broker.start();
    });
    starting.push(
      published(new GenericContainer(registryImage), { inside: 8080, outside: registryPort })
        .withWaitStrategy(Wait.forHttp("/apis/ccompat/v7/subjects", 8080))
        .withStartupTimeout(upWithinMs)
        .start()
        .then((registry) => (this.#registry = registry)),
    );
    // Containers cannot be told to give up: whatever happens, all are known before stop() removes them.
    const settled = await Promise.allSettled(starting);
    signal?.throwIfAborted();
    for (const one of settled) if (one.status === "rejected") throw one.reason;
  }

  async stop(): Promise<void> {
    const started = this.#all();
    this.#brokers = [];
    this.#registry = undefined;
    await Promise.all(started.map((one) => one.stop({ timeout: 0, remove: true, removeVolumes: true })));
    await this.#network?.stop();
    this.#network = undefined;
  }

  async killBroker(index: number): Promise<void> {
    const container = this.#container(index);
    if ((await container.inspect()).State.Running) await container.kill();
  }

  async restartBroker(index: number): Promise<void> {
    await this.killBroker(index);
    const since = Math.floor(Date.now() / 1000);
    const container = this.#container(index);
    await container.start();
    const deadline = performance.now() + upWithinMs;
    while (performance.now() < deadline) {
      const printed = await container.logs({ stdout: true, stderr: true, since });
      if (printed.toString().includes("Kafka Server started")) return;
      await delay(200);
    }
    throw new Error(`broker ${index} was not up ${upWithinMs / 1000} s after its restart`);
  }

  /** Those that were started; a failed start leaves gaps. */
  #all(): StartedTestContainer[] {
    return [...this.#brokers, this.#registry].filter((one) => one !== undefined);
  }

  #container(index: number): ReturnType<RuntimeClient["container"]["getById"]> {
    const broker = this.#brokers[index];
    if (broker === undefined) throw new RangeError(`no broker ${index}: there are ${this.#brokers.length}, from 0`);
    return this.#docker.client.container.getById(broker.getId());
  }
}

const clientPort = 9092;
const alias = (index: number): string => `broker-${index}`;

/** testcontainers publishes on all interfaces of the machine; its settings are open to subclasses only. */
function published(
  container: GenericContainer,
  { inside, outside }: { inside: number; outside: number },
): GenericContainer {
  const exposed = container.withExposedPorts({ container: inside, host: outside });
  const { hostConfig } = exposed as unknown as { hostConfig: { PortBindings: object } };
  hostConfig.PortBindings = { [`${inside}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: String(outside) }] };
  return exposed;
}
