// The connections of one part of the adapter (a group, a producer, the logs), kept usable: reconnected and
// their metadata refreshed when something failed. Owns one kafkajs cluster object and replaces it when no
// known broker answers any more. Retries nothing itself: each call fails or succeeds, the callers loop.
//
// Invariants:
//   N1  After a failure was reported, the next call looks at fresh metadata before anything is sent.
//   N2  A broker that left a request unanswered is hung up on: metadata are asked of one that is connected,
//       and must not be asked of this one again while others answer.
//   N3  A connection that comes about after its cluster object was given up is hung up: an open one would keep
//       the process from ending.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { KafkaClient } from "./client.ts";
import type { Broker, Cluster } from "./kafkajs.ts";

export class Connections {
  readonly #client: KafkaClient;
  #topics = new Set<string>();
  #cluster: Cluster | undefined;
  #stale = false;
  #closed = false;

  constructor(client: KafkaClient) {
    this.#client = client;
  }

  /**
   * Connected, with metadata of these topics not older than a minute.
   * @throws kafkajs's errors, UNKNOWN_TOPIC_OR_PARTITION when one of the topics is missing
   */
  async ready(topics: readonly string[]): Promise<Cluster> {
    if (this.#closed) throw unavailable("the connections were closed", "CLOSED");
    const cluster = (this.#cluster ??= this.#client.cluster());
    const known = this.#topics;
    const stale = this.#stale;
    try {
      await cluster.connect();
      this.#insist(cluster);
      if (!topics.every((topic) => known.has(topic))) {
        await cluster.addMultipleTargetTopics(topics);
        for (const topic of topics) known.add(topic);
      }
      // N1
      await (stale ? cluster.refreshMetadata() : cluster.refreshMetadataIfNecessary());
      if (stale) this.#stale = false;
      this.#insist(cluster);
      return cluster;
    } catch (error) {
      this.suspect(error);
      // One that is silent was hung up on; one that answers, if only with an error, is there.
      const nobodyThere = silentBroker(error) === undefined && !isAnswer(error);
      if (nobodyThere && this.#cluster === cluster) this.#discard();
      throw error;
    }
  }

  /** The broker that leads a partition. @throws kafkajs's errors; BrokerFailure while there is no leader */
  async leader(topic: string, partition: number): Promise<Broker> {
    const cluster = await this.ready([topic]);
    const leader = leaderOf(cluster, topic, partition);
    if (leader instanceof BrokerFailure) throw leader;
    return this.#brokerOf(cluster, leader);
  }

  /** @throws kafkajs's errors */
  async broker(nodeId: number): Promise<Broker> {
    return this.#brokerOf(await this.ready([]), nodeId);
  }

  /** The broker that coordinates a group. @throws kafkajs's errors */
  async coordinator(groupId: string, topics: readonly string[]): Promise<Broker> {
    const cluster = await this.ready(topics);
    // Not the library's findGroupCoordinator: it hides a refusal (authorisation) behind "not found".
    const anyBroker = await cluster.brokerPool.findConnectedBroker();
    const { coordinator } = await anyBroker.findGroupCoordinator({ groupId });
    return this.#brokerOf(cluster, coordinator.nodeId);
  }

  /** To be told of every failed call: what is known of the cluster may be out of date. */
  suspect(error: unknown): void {
    this.#stale = true; // N1
    const silent = silentBroker(error);
    if (silent === undefined) return;
    // N2
    for (const { connectionPool } of Object.values(this.#cluster?.brokerPool.brokers ?? {})) {
      for (const connection of connectionPool.pool) {
        if (`${connection.host}:${connection.port}` === silent) void connection.disconnect();
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#discard();
  }

  /** Connects to it where need be. */
  async #brokerOf(cluster: Cluster, nodeId: number): Promise<Broker> {
    const broker = await cluster.findBroker({ nodeId });
    this.#insist(cluster);
    return broker;
  }

  /** N3 @throws BrokerFailure when the cluster was given up meanwhile */
  #insist(cluster: Cluster): void {
    if (this.#cluster === cluster) return;
    cluster.disconnect().catch(() => {});
    throw unavailable("the connections were closed", "CLOSED");
  }

  #discard(): void {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    this.#topics = new Set();
    cluster?.disconnect().catch(() => {});
  }
}

/** Node id of a partition's leader, or why there is none: a failure of this partition only. */
export function leaderOf(cluster: Cluster, topic: string, partition: number): number | BrokerFailure {
  const found = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
  if (found === undefined)
    return unavailable(`topic ${topic} has no partition ${partition}`, "UNKNOWN_TOPIC_OR_PARTITION");
  return found.leader >= 0
    ? found.leader
    : unavailable(`${topic} partition ${partition} has no leader`, "LEADER_NOT_AVAILABLE");
}

function unavailable(message: string, code: string): BrokerFailure {
  return new BrokerFailure(message, { disposition: "retry", code });
}

/** `host:port` of the broker that did not answer in time. */
function silentBroker(error: unknown): string | undefined {
  const { name, broker, cause } = error as { name?: unknown; broker?: unknown; cause?: unknown };
  if (name === "KafkaJSRequestTimeoutError") return String(broker);
  return cause instanceof Error ? silentBroker(cause) : undefined;
}

function isAnswer(error: unknown): boolean {
  const { type, cause } = error as { type?: unknown; cause?: { type?: unknown } };
  return typeof type === "string" || typeof cause?.type === "string";
}
