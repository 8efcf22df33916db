// One member of a consumer group as the broker's coordinator sees it: join, sync, heartbeat, commit. Owns
// the member id, the generation and when the broker last heard from us. Leaves when to rejoin, and what is
// fetched, to group.ts.
//
// Invariants:
//   M1  generation() is -1 from before a join is sent until its assignment is known, and after the broker
//       said that the generation moved on.
//   M2  lastHeartbeatAt() is a time before the broker heard of us, never after.
//   M3  A commit carries the generation it was decided under and is sent only while that is the current one.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { Assignment, CommitEntry, CommitOutcome, CommittedOffset } from "../../runtime/ports.ts";
import type { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { assignMembers, decodeAssignment, encodeJoin, PROTOCOL_NAME } from "./join-metadata.ts";
import type { Broker, Cluster } from "./kafkajs.ts";
import { byTopic } from "./log-offsets.ts";
import type { TopicPartition } from "./log-offsets.ts";

export interface MembershipOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** How long the coordinator waits for a member to rejoin. */
  readonly rebalanceTimeoutMs: number;
  /** Called whenever the generation is lost, before anything else happens (M1). */
  readonly onSuspend: () => void;
}

/** Refusals of the whole commit before anything of it was written. */
const REJECTED: ReadonlySet<string> = new Set([
  "FENCED_INSTANCE_ID",
  "ILLEGAL_GENERATION",
  "REBALANCE_IN_PROGRESS",
  "UNKNOWN_MEMBER_ID",
]);

export class Membership {
  readonly #connections: Connections;
  readonly #options: MembershipOptions;
  #coordinator: Broker | undefined;
  #member = "";
  #generation = -1;
  #owned: { generation: number; tasks: readonly number[] } = { generation: -1, tasks: [] };
  #heardAt = -Infinity;

  constructor(connections: Connections, options: MembershipOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  generation(): number {
    return this.#generation;
  }

  lastHeartbeatAt(): number {
    return this.#heardAt;
  }

  /** M1. May repeat. */
  suspend(): void {
    this.#generation = -1;
    this.#options.onSuspend();
  }

  /** Waits for the other members. @throws BrokerFailure */
  async join(): Promise<Assignment> {
    const { groupId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    this.suspend();
    try {
      const cluster = await this.#connections.ready(topics);
      const coordinator = await this.#reachCoordinator();
      const joined = await coordinator.joinGroup({
        groupId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        memberId: this.#member,
        groupProtocols: [{ name: PROTOCOL_NAME, metadata: encodeJoin(topics, this.#owned) }],
      });
      const { generationId, memberId, leaderId, members } = joined;
      this.#member = memberId;
      const groupAssignment = memberId === leaderId ? assignMembers(members, taskCount(cluster, topics)) : [];
      const sentAt = performance.now();
      const { memberAssignment } = await coordinator.syncGroup({ groupId, generationId, memberId, groupAssignment });
      const tasks = decodeAssignment(memberAssignment);
      this.#owned = { generation: generationId, tasks };
      this.#heardAt = sentAt; // M2
      this.#generation = generationId;
      return { generation: generationId, member: memberId, tasks };
    } catch (error) {
      throw this.#expelled(error, `join group ${groupId}`);
    }
  }

  /** @throws BrokerFailure, `rejoin` when the generation moved on */
  async heartbeat(): Promise<void> {
    const { groupId } = this.#options;
    const generation = this.#generation;
    try {
      const coordinator = await this.#reachCoordinator();
      const sentAt = performance.now();
      await coordinator.heartbeat({ groupId, groupGenerationId: generation, memberId: this.#member });
      this.#heardAt = sentAt; // M2
    } catch (error) {
      throw this.#expelled(error, `keep the membership in group ${groupId}`);
    }
  }

  /** @throws BrokerFailure */
  async commit(assignment: Assignment, entries: readonly CommitEntry[]): Promise<CommitOutcome> {
    if (assignment.generation !== this.#generation) return "rejected"; // M3
    const { groupId } = this.#options;
    try {
      const coordinator = await this.#reachCoordinator();
      if (assignment.generation !== this.#generation) return "rejected"; // M3
      await coordinator.offsetCommit({
        groupId,
        groupGenerationId: assignment.generation,
        memberId: assignment.member,
        topics: byTopic(entries, ({ partition, offset, metadata }) => ({ partition, offset, metadata })),
      });
      return "committed";
    } catch (error) {
      const failure = this.#failed(error, `commit offsets of group ${groupId}`);
      if (REJECTED.has(failure.code)) return "rejected";
      throw failure;
    }
  }

  /** @throws BrokerFailure */
  async committed(pairs: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    const { groupId } = this.#options;
    try {
      const coordinator = await this.#reachCoordinator();
      const topics = byTopic(pairs, ({ partition }) => ({ partition }));
      const { responses } = await coordinator.offsetFetch({ groupId, topics });
      const found = new Map<string, CommittedOffset>();
      for (const { topic, partitions } of responses) {
        for (const { partition, offset, metadata } of partitions) {
          found.set(`${topic}/${partition}`, { topic, partition, offset: Number(offset), metadata: metadata ?? "" });
        }
      }
      return pairs.map(
        ({ topic, partition }) => found.get(`${topic}/${partition}`) ?? { topic, partition, offset: -1, metadata: "" },
      );
    } catch (error) {
      throw this.#failed(error, `fetch committed offsets of group ${groupId}`);
    }
  }

  /** Never fails: a member that cannot say so is expelled by its session time-out. */
  async leave(): Promise<void> {
    const memberId = this.#member;
    this.#generation = -1;
    this.#member = "";
    if (memberId === "" || this.#coordinator === undefined) return;
    await this.#coordinator.leaveGroup({ groupId: this.#options.groupId, memberId }).catch(() => {});
  }

  async #reachCoordinator(): Promise<Broker> {
    const { groupId, topics } = this.#options;
    return (this.#coordinator ??= await this.#connections.coordinator(groupId, topics));
  }

  /** Another coordinator may have taken over: it is looked up again before the next request. */
  #failed(error: unknown, doing: string): BrokerFailure {
    const failure = brokerFailure(error, doing);
    if (failure.disposition === "retry") {
      this.#coordinator = undefined;
      this.#connections.suspect(error);
    }
    return failure;
  }

  /** The same, where the answer is about the membership itself. */
  #expelled(error: unknown, doing: string): BrokerFailure {
    const failure = this.#failed(error, doing);
    if (failure.code === "UNKNOWN_MEMBER_ID") this.#member = "";
    if (failure.disposition === "rejoin" && this.#generation !== -1) this.suspend(); // M1
    return failure;
  }
}

/** @throws BrokerFailure when the topics are not co-partitioned */
export function taskCount(cluster: Cluster, topics: readonly string[]): number {
  const counts = topics.map((topic) => cluster.findTopicPartitionMetadata(topic).length);
  const [first = 0] = counts;
  if (counts.every((count) => count === first)) return first;
  const listed = topics.map((topic, index) => `${topic} has ${counts[index]}`).join(", ");
  throw new BrokerFailure(
    `the topics of a group must have the same number of partitions, but ${listed}; create them anew with the same number`,
    { disposition: "halt", code: "INVALID_PARTITIONS" },
  );
}
