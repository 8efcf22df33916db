// The committed offsets of a group, read and written by somebody who is not in it: for `holdfast recover`.
// The broker takes such a commit only while the group has no member. Retries nothing but the question who
// coordinates the group, which a cluster that had no group yet cannot answer at once.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { CommitEntry, CommittedOffset } from "../../runtime/ports.ts";
import type { KafkaClient } from "./client.ts";
import { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import type { Broker } from "./kafkajs.ts";
import { byTopic } from "./log-offsets.ts";
import type { TopicPartition } from "./log-offsets.ts";

export interface GroupOffsets {
  /** One answer for each pair, in order; offset -1: none. @throws BrokerFailure */
  committed(pairs: readonly TopicPartition[]): Promise<CommittedOffset[]>;
  /** @throws BrokerFailure; with code UNKNOWN_MEMBER_ID while the group has members */
  commit(entries: readonly CommitEntry[]): Promise<void>;
  close(): void;
}

/** Of nobody: a commit from outside of the group. */
const NO_GENERATION = -1;
const NO_MEMBER = "";
/** The first question makes the cluster create its own topic of offsets. */
const COORDINATED_WITHIN_MS = 15_000;
const LOOK_AGAIN_MS = 100;

export function createGroupOffsets(client: KafkaClient, groupId: string): GroupOffsets {
  const connections = new Connections(client);
  return {
    async committed(pairs) {
      try {
        const coordinator = await coordinatorOf(connections, groupId, namesOf(pairs));
        const topics = byTopic(pairs, ({ partition }) => ({ partition }));
        const { responses } = await coordinator.offsetFetch({ groupId, topics });
        return pairs.map(({ topic, partition }) => {
          const found = responses
            .find((each) => each.topic === topic)
            ?.partitions.find((each) => each.partition === partition);
          return { topic, partition, offset: Number(found?.offset ?? -1), metadata: found?.metadata ?? "" };
        });
      } catch (error) {
        connections.suspect(error);
        throw brokerFailure(error, `fetch committed offsets of group ${groupId}`);
      }
    },

    async commit(entries) {
      try {
        const coordinator = await coordinatorOf(connections, groupId, namesOf(entries));
        await coordinator.offsetCommit({
          groupId,
          groupGenerationId: NO_GENERATION,
          memberId: NO_MEMBER,
          topics: byTopic(entries, ({ partition, offset, metadata }) => ({ partition, offset, metadata })),
        });
      } catch (error) {
        connections.suspect(error);
        const failure = brokerFailure(error, `commit offsets of group ${groupId}`);
        if (failure.disposition !== "rejoin") throw failure;
        throw new BrokerFailure(`group ${groupId} has members: stop its instances first`, {
          disposition: "halt",
          code: failure.code,
          cause: failure,
        });
      }
    },

    close: () => connections.close(),
  };
}

async function coordinatorOf(connections: Connections, groupId: string, topics: readonly string[]): Promise<Broker> {
  for (const deadline = performance.now() + COORDINATED_WITHIN_MS; ;) {
    try {
      return await connections.coordinator(groupId, topics);
    } catch (error) {
      const { code } = brokerFailure(error, `find the coordinator of group ${groupId}`);
      if (code !== "GROUP_COORDINATOR_NOT_AVAILABLE" || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

function namesOf(pairs: readonly TopicPartition[]): string[] {
  return [...new Set(pairs.map(({ topic }) => topic))];
}
