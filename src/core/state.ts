// What of a partition outlives it: the state of each group and its own, as bytes in the state log. Leaves
// the bytes to the codec and the log to the runtime.

import type { GroupState } from "./account.ts";
import type { ActivityState } from "./activity.ts";
import type { BreakerState, BreakerWord } from "./breaker.ts";
import type { LinkState } from "./link-group.ts";
import type { Instant } from "./time.ts";

/** Turns one account's or other group's plain state into bytes and back; deterministic. Implemented with Avro by the codec. */
export interface StateCodec {
  encodeGroup(state: GroupState): Uint8Array;
  decodeGroup(bytes: Uint8Array): GroupState;
  /**
   * A group's bytes in as little memory as can be, where nothing of its state waits for time; null: something does,
   * or they are of an older version. Throws for what `decodeGroup` would not read either.
   */
  rest(bytes: Uint8Array): string | null;
  /** The bytes that `rest` was given. */
  bytesAtRest(resting: string): Uint8Array;
  encodeLink(state: LinkState): Uint8Array;
  decodeLink(bytes: Uint8Array): LinkState;
  encodePartition(state: PartitionState): Uint8Array;
  decodePartition(bytes: Uint8Array): PartitionState;
}

/** The partition's own record. schemas/state/partition.avsc. */
export interface PartitionState {
  /** Frontier of each service. */
  readonly frontiers: Readonly<Record<string, Instant>>;
  /** The task's frontier, which never goes back. */
  readonly frontier: Instant;
  readonly activity: ActivityState;
  readonly breakers: readonly BreakerState[];
  readonly breakerWords: readonly BreakerWord[];
}

export interface ChangedGroup {
  readonly group: string;
  /** null: the group was removed (tombstone). */
  readonly state: Uint8Array | null;
}
