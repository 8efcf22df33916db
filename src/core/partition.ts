// All groups of one partition. (Contract; the core's author fills this file.)

import type { Arrival, ExchangeEvent } from "./event.ts";
import type { Command, Mode, Outputs } from "./output.ts";
import type { RuleSet } from "./rule.ts";
import type { Duration, Instant } from "./time.ts";

export interface CoreSettings {
  /** Memory of a window is kept until the frontier has passed it by this much. Default 10 min. */
  readonly allowedLateness: Duration;
  /** History after which lists never given by a snapshot count as known. Default 14 d. */
  readonly profileWarmup: Duration;
  /** The global mode; can only lower a rule's. */
  readonly mode: Mode;
}

/** Turns one group's plain state into bytes and back; deterministic. Implemented with Avro by the codec. */
export interface StateCodec {
  encodeGroup(state: GroupState): Uint8Array;
  decodeGroup(bytes: Uint8Array): GroupState;
  encodePartition(state: PartitionState): Uint8Array;
  decodePartition(bytes: Uint8Array): PartitionState;
}

/** In memory and in the state log alike: the record of schemas/state/group.avsc. */
export interface GroupState {
  readonly placeholder?: never;
}

/** The partition's own record: frontier of each service. schemas/state/partition.avsc. */
export interface PartitionState {
  readonly frontiers: Readonly<Record<string, Instant>>;
}

export interface ChangedGroup {
  readonly group: string;
  /** null: the group was removed (tombstone). */
  readonly state: Uint8Array | null;
}

export interface Partition {
  /**
   * Applies one event. What it decides goes to the `emit` given at construction, before it returns.
   * `now` is the wall clock (replay: the frontier) and serves one purpose: a command that would already
   * have expired is not said (counted as stale); its detection is.
   */
  apply(arrival: Arrival, event: ExchangeEvent, now: Instant): "ok" | "late";
  /** Topics read to their end take no part in the frontier until their next event. */
  setIdle(service: string, idle: boolean): void;
  /** The task's event-time frontier. */
  frontier(): Instant;
  /** Does all that time alone decides up to the frontier: closes expired cases, releases memory. */
  tick(): void;
  /** The frontier at which tick() could change something; undefined: nothing waits. */
  wakeAt(): Instant | undefined;
  /** Groups whose encoded state changed since the last call, encoded now; clears the set. */
  takeChanged(): ChangedGroup[];
  encode(): Uint8Array;
  /** Restore, before the first apply: one group's, or the partition's own, latest state. */
  loadGroup(group: string, state: Uint8Array): void;
  loadPartition(state: Uint8Array): void;
  /**
   * Restore: a command found in the log above the checkpoint. Opens, extends or releases its case as
   * said; the case's detection, and further commands of it, go out when its match recurs. Idempotent.
   */
  adopt(command: Command): void;
  /** Counters since the last call, for telemetry. */
  takeCounts(): PartitionCounts;
  readonly groups: number;
}

export interface PartitionCounts {
  readonly evictions: Readonly<Record<string, number>>;
  readonly staleSuppressed: number;
}

export type OpenPartition = (options: {
  readonly rules: RuleSet;
  readonly settings: CoreSettings;
  readonly codec: StateCodec;
  readonly services: readonly string[];
  /** Called synchronously from apply and tick with the outputs of one decision. */
  readonly emit: (outputs: Outputs) => void;
}) => Partition;
