// A process's membership in a group: joining, heartbeats, fetching. The member's side of the Group port;
// the broker's side is coordinator.ts. Owns positions, pauses and which batches still count.
//
//   suspend ─► join ─► sync ─► assigned g ─► heartbeats, fetches ─► told to rejoin ─► suspend …
//
// Invariants:
//   B9  onSuspend comes before every join, and generation() is -1 from before it until onAssigned.
//   B10  A batch counts while its partition's epoch is the one it was fetched in; a seek or an assignment
//       begins a new one.
//   B11  A pause ends fetching, not the delivery of what was fetched already: the client has it.

import type {
  Assignment,
  CommitEntry,
  CommitOutcome,
  CommittedOffset,
  Group,
  GroupListener,
  LogMark,
} from "../../runtime/ports.ts";
import { BrokerFailure, UNMARKED } from "../../runtime/ports.ts";
import type { Coordinator } from "./coordinator.ts";
import type { MemoryProcess } from "./process.ts";

export interface MemoryGroupOptions {
  readonly groupId: string;
  /** All have the same number of partitions: task p is partition p of each. */
  readonly topics: readonly string[];
  /** Milliseconds; a member unheard of for so long is out. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** How long the others wait for a member to rejoin. */
  readonly rebalanceTimeoutMs: number;
}

interface Fetching {
  readonly topic: string;
  readonly partition: number;
  /** null until sought. */
  position: number | null;
  mark: LogMark;
  paused: boolean;
  epoch: number;
  inFlight: boolean;
}

const RETRY_PAUSE_MS = 100;

export class MemoryGroup implements Group {
  readonly #process: MemoryProcess;
  readonly #options: MemoryGroupOptions;
  readonly #coordinator: Coordinator;
  readonly #partitions = new Map<string, Fetching>();
  readonly #stopped = new AbortController();
  #listener: GroupListener | null = null;
  #member = "";
  #owned: readonly number[] = [];
  #ownedSince = -1;
  #generation = -1;
  #lastHeartbeatAt = -Infinity;

  constructor(process: MemoryProcess, coordinator: Coordinator, options: MemoryGroupOptions) {
    this.#process = process;
    this.#coordinator = coordinator;
    this.#options = options;
  }

  start(listener: GroupListener): Promise<void> {
    if (this.#listener !== null) throw new Error("the group was started before");
    this.#listener = listener;
    this.#process.broker.onGrowth((topic, partition) => this.#fetch(this.#partitions.get(`${topic}/${partition}`)));
    void this.#live();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#generation = -1;
    this.#newEpoch();
    await this.#leave();
  }

  generation(): number {
    return this.#generation;
  }

  lastHeartbeatAt(): number {
    return this.#lastHeartbeatAt;
  }

  seek(topic: string, partition: number, offset: number, mark: LogMark = UNMARKED): void {
    const fetching = this.#partitions.get(`${topic}/${partition}`);
    if (fetching === undefined) return;
    fetching.position = offset;
    fetching.mark = mark;
    fetching.epoch += 1; // B10
    fetching.inFlight = false;
    this.#fetch(fetching);
  }

  pause(topic: string, partition: number): void {
    const fetching = this.#partitions.get(`${topic}/${partition}`);
    if (fetching !== undefined) fetching.paused = true; // B11
  }

  resume(topic: string, partition: number): void {
    const fetching = this.#partitions.get(`${topic}/${partition}`);
    if (fetching === undefined) return;
    // A client goes back to the committed offset here, which is not where the task stands.
    if (fetching.position === null) throw new Error(`${topic} partition ${partition} was resumed before a seek`);
    fetching.paused = false;
    this.#fetch(fetching);
  }

  commit(assignment: Assignment, entries: readonly CommitEntry[]): Promise<CommitOutcome> {
    const { member, generation } = assignment;
    return this.#ask("commit", () => this.#coordinator.commit(member, generation, entries));
  }

  committed(pairs: readonly { topic: string; partition: number }[]): Promise<CommittedOffset[]> {
    return this.#ask("committed", () => this.#coordinator.committed(pairs));
  }

  #ask<T>(
    kind: "join" | "sync" | "heartbeat" | "leave" | "commit" | "committed",
    effect: () => T | Promise<T>,
  ): Promise<T> {
    // A join waits for the other members; on its own connection it holds up nothing behind it.
    const channel = kind === "join" || kind === "sync" ? "membership" : "coordinator";
    return this.#process.call({ kind, channel }, effect);
  }

  async #live(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#join();
        await this.#beat();
      } catch (error) {
        if (!(error instanceof BrokerFailure)) throw error;
        if (error.disposition === "halt") return this.#fail(error);
        if (error.code === "UNKNOWN_MEMBER_ID") this.#member = "";
        if (error.disposition === "retry") await this.#process.clock.sleep(RETRY_PAUSE_MS, this.#stopped.signal);
      }
    }
  }

  #fail(failure: BrokerFailure): void {
    if (!this.#stopped.signal.aborted) this.#listener!.onFailure(failure);
  }

  // B9
  async #join(): Promise<void> {
    this.#generation = -1;
    this.#listener!.onSuspend();
    const { sessionTimeoutMs, rebalanceTimeoutMs, topics } = this.#options;
    const request = {
      member: this.#member,
      process: this.#process.name,
      owned: this.#owned,
      generation: this.#ownedSince,
      tasks: this.#process.broker.tasks(topics),
      sessionTimeoutMs,
      rebalanceTimeoutMs,
    };
    const { member, generation } = await this.#ask("join", () => this.#coordinator.join(request));
    this.#member = member;
    // A join that was under way when the group was stopped has made a member nobody waits for.
    if (this.#stopped.signal.aborted) return this.#leave();
    const sentAt = this.#process.clock.monotonic();
    const tasks = await this.#ask("sync", () => this.#coordinator.sync(member, generation));
    if (this.#stopped.signal.aborted) return;
    this.#lastHeartbeatAt = sentAt;
    this.#owned = tasks;
    this.#ownedSince = generation;
    this.#assign(tasks);
    this.#generation = generation;
    this.#listener!.onAssigned({ generation, member, tasks });
  }

  async #leave(): Promise<void> {
    const member = this.#member;
    if (member === "") return;
    await this.#ask("leave", () => this.#coordinator.leave(member)).catch(ignoreBrokerFailure);
  }

  /** Ends by the failure that says to rejoin, or when the group is stopped. */
  async #beat(): Promise<void> {
    for (;;) {
      await this.#process.clock.sleep(this.#options.heartbeatIntervalMs, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      const sentAt = this.#process.clock.monotonic();
      const [member, generation] = [this.#member, this.#ownedSince];
      try {
        await this.#ask("heartbeat", () => this.#coordinator.heartbeat(member, generation));
        this.#lastHeartbeatAt = sentAt;
      } catch (error) {
        if (!(error instanceof BrokerFailure) || error.disposition !== "retry") throw error;
      }
    }
  }

  #assign(tasks: readonly number[]): void {
    this.#newEpoch();
    this.#partitions.clear();
    for (const topic of this.#options.topics) {
      for (const partition of tasks) {
        const fetching = { topic, partition, position: null, mark: UNMARKED, paused: true, epoch: 0, inFlight: false };
        this.#partitions.set(`${topic}/${partition}`, fetching);
      }
    }
  }

  // B10
  #newEpoch(): void {
    for (const fetching of this.#partitions.values()) {
      fetching.epoch += 1;
      fetching.paused = true;
    }
  }

  /** Asks for the next batch of a partition, if there is one and it is wanted. */
  #fetch(fetching: Fetching | undefined): void {
    if (fetching === undefined || fetching.paused || fetching.inFlight || fetching.position === null) return;
    if (this.#generation === -1) return;
    const { topic, partition, position, mark, epoch } = fetching;
    const { broker } = this.#process;
    if (broker.log({ topic, partition }).end() === position) return;
    fetching.inFlight = true;
    const channel = `fetch/${topic}/${partition}`;
    this.#process
      .call({ kind: "fetch", channel, topic, partition }, () => broker.fetch({ topic, partition }, position, mark))
      .then(
        (batch) => {
          if (fetching.epoch !== epoch) return;
          fetching.inFlight = false;
          fetching.position = batch.nextOffset;
          fetching.mark = [mark[0], batch.leaderEpochAt(batch.length)];
          this.#listener!.onBatch(batch);
          this.#fetch(fetching);
        },
        async (error: unknown) => {
          if (!(error instanceof BrokerFailure)) throw error;
          if (error.disposition === "halt") return this.#fail(error);
          await this.#process.clock.sleep(RETRY_PAUSE_MS, this.#stopped.signal);
          if (fetching.epoch !== epoch) return;
          fetching.inFlight = false;
          this.#fetch(fetching);
        },
      );
  }
}

/** Passes on what is not the world's fault. */
function ignoreBrokerFailure(error: unknown): void {
  if (!(error instanceof BrokerFailure)) throw error;
}
