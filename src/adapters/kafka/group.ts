// The Group port on Kafka: stays a member of the consumer group whatever happens to brokers and members,
// and reads what it is assigned. Owns the one loop that joins, keeps the membership and joins again; the
// protocol's part is membership.ts's, the reading fetcher.ts's.
//
//   join ─► assigned: all paused ─► heartbeats ─► told to rejoin ──► suspend ─► join …
//                    └ fetcher ──────────────────► stopped
//
// Invariants:
//   K1  onSuspend comes before every join is sent, and no batch comes between it and onAssigned.
//   K2  After an assignment nothing is fetched before the listener has sought and resumed.
//   K3  No listener call after stop() resolved or after onFailure.

import { BrokerFailure } from "../../runtime/ports.ts";
import type {
  Assignment,
  CommitEntry,
  CommitOutcome,
  CommittedOffset,
  Group,
  GroupListener,
  LogMark,
} from "../../runtime/ports.ts";
import { failed } from "../../runtime/telemetry.ts";
import type { Telemetry } from "../../runtime/telemetry.ts";
import { Bell } from "./bell.ts";
import type { KafkaClient } from "./client.ts";
import { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { Fetcher } from "./fetcher.ts";
import type { TopicPartition } from "./log-offsets.ts";
import { Membership } from "./membership.ts";

export interface KafkaGroupOptions {
  readonly client: KafkaClient;
  readonly groupId: string;
  /** All have the same number of partitions: task p is partition p of each. */
  readonly topics: readonly string[];
  /** Milliseconds; a member unheard of for so long is out. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Default a tenth of the session time-out. */
  readonly heartbeatIntervalMs?: number;
  /** How long the others wait for a member to rejoin. Default the session time-out. */
  readonly rebalanceTimeoutMs?: number;
  /** How long a broker may wait for records; a resumed partition waits as long at most. Default 50. */
  readonly maxWaitMs?: number;
  /** Default 1 MiB. */
  readonly maxBytesPerPartition?: number;
  /** Of one answer. Default 16 MiB. */
  readonly maxBytes?: number;
  /** Told every failure, those of fetching among them. Default: nobody. */
  readonly telemetry?: Telemetry;
  /** Of one record batch after decompression; memory for a partition being read is at most twice that. Default 16 MiB. */
  readonly maxBatchBytes?: number;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
const STOP_WITHIN_MS = 5_000;
const UNKNOWN_TOPIC_GRACE_MS = 30_000;
const MIB = 1_048_576;

export function createKafkaGroup(options: KafkaGroupOptions): Group {
  return new KafkaGroup(options);
}

class KafkaGroup implements Group {
  readonly #options: KafkaGroupOptions;
  readonly #heartbeatIntervalMs: number;
  readonly #connections: Connections;
  readonly #membership: Membership;
  readonly #bell = new Bell();
  #listener: GroupListener | undefined;
  #fetcher: Fetcher | undefined;
  #over = false;
  #life: Promise<void> = Promise.resolve();
  #unknownSince = Infinity;

  constructor(options: KafkaGroupOptions) {
    const { sessionTimeoutMs = 10_000 } = options;
    this.#options = options;
    this.#heartbeatIntervalMs = options.heartbeatIntervalMs ?? sessionTimeoutMs / 10;
    this.#connections = new Connections(options.client);
    this.#membership = new Membership(this.#connections, {
      groupId: options.groupId,
      topics: options.topics,
      sessionTimeoutMs,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? sessionTimeoutMs,
      onSuspend: () => this.#suspended(),
    });
  }

  /** Resolves at once: joining goes on in the background, for ever if need be. */
  start(listener: GroupListener): Promise<void> {
    if (this.#listener !== undefined) throw new Error("the group was started before");
    this.#listener = listener;
    this.#life = this.#live();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#over = true; // K3
    this.#stopFetching();
    this.#bell.ring();
    const leave = this.#life.then(() => this.#membership.leave());
    // A join that waits for other members cannot be called back: its member is left to expire.
    await Promise.race([leave, this.#bell.wait(STOP_WITHIN_MS)]);
    this.#bell.ring();
    this.#connections.close();
  }

  generation(): number {
    return this.#membership.generation();
  }

  lastHeartbeatAt(): number {
    return this.#membership.lastHeartbeatAt();
  }

  seek(topic: string, partition: number, offset: number, mark?: LogMark): void {
    this.#fetcher?.seek(topic, partition, offset, mark);
  }

  pause(topic: string, partition: number): void {
    this.#fetcher?.pause(topic, partition);
  }

  resume(topic: string, partition: number): void {
    this.#fetcher?.resume(topic, partition);
  }

  commit(assignment: Assignment, entries: readonly CommitEntry[]): Promise<CommitOutcome> {
    return this.#membership.commit(assignment, entries);
  }

  committed(pairs: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    return this.#membership.committed(pairs);
  }

  async #live(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !this.#over;) {
      try {
        const assignment = await this.#membership.join();
        if (this.#over) return;
        this.#unknownSince = Infinity;
        pause = FIRST_PAUSE_MS;
        this.#assigned(assignment);
        await this.#keep();
      } catch (error) {
        this.#stopFetching();
        const failure = this.#graced(brokerFailure(error, `take part in group ${this.#options.groupId}`));
        if (failure.disposition === "halt") return this.#fail(failure);
        if (failure.disposition === "rejoin") continue; // as rebalances go: no failure
        this.#tell(failure, "take part in the group");
        await this.#bell.wait(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Heartbeats until it is over. @throws BrokerFailure when the membership has to be renewed */
  async #keep(): Promise<void> {
    let failures = 0;
    while (!this.#over) {
      await this.#bell.wait(failures === 0 ? this.#heartbeatIntervalMs : FIRST_PAUSE_MS * 2);
      if (this.#over) return;
      try {
        await this.#membership.heartbeat();
        failures = 0;
      } catch (error) {
        if (!(error instanceof BrokerFailure) || error.disposition !== "retry") throw error;
        this.#tell(error, "send a heartbeat");
        failures += 1;
      }
    }
  }

  // K1
  #suspended(): void {
    this.#stopFetching();
    if (!this.#over) this.#listener!.onSuspend();
  }

  // K2
  #assigned(assignment: Assignment): void {
    const {
      topics,
      maxWaitMs = 50,
      maxBytesPerPartition = MIB,
      maxBytes = 16 * MIB,
      maxBatchBytes = 16 * MIB,
    } = this.#options;
    const partitions = topics.flatMap((topic) => assignment.tasks.map((partition) => ({ topic, partition })));
    const listener = this.#listener!;
    this.#fetcher = new Fetcher(this.#connections, partitions, {
      maxWaitMs,
      maxBytesPerPartition,
      maxBytes,
      maxBatchBytes,
      listener: {
        onBatch: (batch) => listener.onBatch(batch),
        onTrouble: (failure, doing) => this.#tell(failure, doing),
        onFailure: (failure) => this.#fail(failure),
      },
    });
    listener.onAssigned(assignment);
    this.#fetcher?.start();
  }

  #stopFetching(): void {
    this.#fetcher?.stop();
    this.#fetcher = undefined;
  }

  /** A topic may look unknown to a broker that has just started; after a while it is missing. */
  #graced(failure: BrokerFailure): BrokerFailure {
    if (failure.code !== "UNKNOWN_TOPIC_OR_PARTITION") return failure;
    const now = performance.now();
    this.#unknownSince = Math.min(this.#unknownSince, now);
    if (now - this.#unknownSince < UNKNOWN_TOPIC_GRACE_MS) return failure;
    const message = `one of the topics ${this.#options.topics.join(", ")} does not exist: create it with \`holdfast topics\``;
    return new BrokerFailure(message, { disposition: "halt", code: failure.code, cause: failure });
  }

  #tell(failure: BrokerFailure, doing: string): void {
    this.#options.telemetry?.emit("broker.failed", failed(failure, doing));
  }

  // K3
  #fail(failure: BrokerFailure): void {
    if (this.#over) return;
    this.#tell(failure, "take part in the group");
    this.#over = true;
    this.#stopFetching();
    this.#bell.ring();
    this.#listener!.onFailure(failure);
  }
}
