// What the shell may ask of the accounts of one partition: the one door between runtime and core. What
// happens behind it is partition.ts's.

import type { Answered } from "./acknowledgement.ts";
import type { BreakerSettings } from "./breaker.ts";
import type { SequenceCount } from "./census.ts";
import type { Ack, DecidedCase, Decision } from "./decision.ts";
import type { Arrival, ExchangeEvent } from "./event.ts";
import type { MoneyCounts } from "./money-flow.ts";
import type { Command, Mode, Outputs } from "./output.ts";
import type { RuleSet } from "./rule.ts";
import type { SeenKind } from "./seen.ts";
import type { Signal } from "./signal.ts";
import type { ChangedGroup, StateCodec } from "./state.ts";
import type { Duration, Instant } from "./time.ts";

export interface CoreSettings {
  /** Memory of a window is kept until the frontier has passed it by this much. Default 10 min. */
  readonly allowedLateness: Duration;
  /** How late an event may be and still contradict what waits for the end of a span. Default 1 min. */
  readonly absenceGrace?: Duration;
  /** History after which lists never given by a snapshot count as known. Default 14 d. */
  readonly profileWarmup: Duration;
  /** The global mode; can only lower a rule's. */
  readonly mode: Mode;
  /** Accounts kept; those not heard of for longest go. Default: no limit. */
  readonly maxAccounts?: number;
  /** Bounds on how many accounts one rule may freeze or hold. Default: none. */
  readonly breaker?: BreakerSettings;
  /** How long a service may take to acknowledge a HOLD or FREEZE. Default: nobody has to. */
  readonly ackTimeout?: Duration;
}

/**
 * What became of an event. `late`: the frontier had passed it by more than the allowed lateness; it was applied
 * all the same, but what it could have completed may have been released. `stale`: a command that it called for
 * would already have expired, and was not said.
 */
export type Applied = "ok" | "late" | "stale";

export interface Partition {
  /**
   * The next few dozen events are of these accounts, in any order: what is known of them is fetched from memory
   * together, rather than waited for one after another as they are applied. Changes nothing.
   */
  expect(accountIds: readonly string[]): void;
  /**
   * Applies one event. What it decides goes to the `emit` given at construction, before it returns.
   * `now` is the wall clock (replay: the frontier) and serves one purpose: a command that would already
   * have expired is not said (counted as stale); its detection is.
   * @returns what became of it
   */
  apply(arrival: Arrival, event: ExchangeEvent, now: Instant): Applied;
  /**
   * Takes a person's word on a case, on all open ones of the account, or on the opening of a breaker. The same
   * decision again changes nothing.
   * @returns what it concerned; empty: nothing that is known
   */
  decide(decision: Decision, now: Instant): readonly Decided[];
  /**
   * Takes an enforcing service's answer to a command. The same answer again changes nothing.
   * @returns null: nobody waits for it
   */
  acknowledge(ack: Ack, now: Instant): Answered | null;
  /** Says again, once, what no service has acknowledged in time. @param now up to when all answers were taken */
  repeat(now: Instant): void;
  /** The wall clock at which repeat() has something to do; undefined: never, as things are. */
  repeatsAt(): Instant | undefined;
  /** Takes a fact that another account's event gave for a group of this partition. The same fact again changes nothing. */
  link(arrival: Arrival, fact: Signal): void;
  /** Topics read to their end take no part in the frontier until their next event. */
  setIdle(service: string, idle: boolean): void;
  /** The task's event-time frontier. */
  frontier(): Instant;
  /** Moves the frontier as if all topics had been read up to `to`; never back. Then call tick(). */
  advance(to: Instant): void;
  /**
   * Does all that time alone decides: absences, expired cases, memory to release. Event time is the frontier;
   * while all topics are idle absences go by `now`, the wall clock, where it is given and ahead. It also
   * keeps stale commands unsaid, as in apply (default: the frontier).
   */
  tick(now?: Instant): void;
  /** The frontier at which tick() could change something; undefined: nothing waits. */
  wakeAt(): Instant | undefined;
  /** The wall clock at which tick(now) could decide an absence, or close a breaker, although the frontier stands; undefined: never. */
  clockAt(): Instant | undefined;
  /**
   * Goes on with another rule set, between two events (L8): a rule whose matchHash is the same keeps its
   * partial matches, others' are dropped and counted, cases stay.
   */
  replaceRules(rules: RuleSet): void;
  /** Groups whose encoded state changed since the last call, encoded now; clears the set. */
  takeChanged(): ChangedGroup[];
  encode(): Uint8Array;
  /** Whether encode() has changed since the last call in a way that has to be kept even if no group changed. */
  takeOwnChange(): boolean;
  /** One group as it is now, as takeChanged would report it; null: there is none. */
  encodeGroup(group: string): Uint8Array | null;
  /** Restore, before the first apply: a group's latest state (the last call counts; null: none), or the partition's own. */
  loadGroup(group: string, state: Uint8Array | null): void;
  loadPartition(state: Uint8Array): void;
  /**
   * Restore: a command found in the log above the checkpoint. Opens, extends or releases its case as
   * said; the case's detection, and further commands of it, go out when its match recurs. Idempotent.
   * @param saidAt when it was appended, on the wall clock
   */
  adopt(command: Command, saidAt: Instant): void;
  /** Counters since the last call, for telemetry. */
  takeCounts(): PartitionCounts;
  readonly groups: number;
}

/** What was dropped at a cap, or because its rule's meaning changed. */
export type EvictionReason = SeenKind | "requests" | "entries" | "cases" | "rule" | "size" | "accounts" | "groups";

/** One thing that a decision concerned. */
export type Decided = Pick<DecidedCase, "rule" | "caseId" | "isNew">;

/** What became of commands, and what is alarming as things are. */
export interface ResponseCounts {
  /** Actions not said as written, by why. */
  readonly suppressed: Readonly<Record<string, number>>;
  /** Commands said twice that nobody has acknowledged. */
  readonly unacknowledged: number;
  /** Rules of which a breaker is open. */
  readonly openBreakers: readonly string[];
}

export interface PartitionCounts extends ResponseCounts, MoneyCounts {
  readonly evictions: Readonly<Record<string, number>>;
  /** Events that might have contradicted a match, had they come within the grace. */
  readonly lateContradictions: number;
  /** Once in a while: by rule and stage, accounts that have seen a part of its steps; else empty. */
  readonly sequences: readonly SequenceCount[];
}

export interface PartitionOptions {
  readonly rules: RuleSet;
  readonly settings: CoreSettings;
  readonly codec: StateCodec;
  /** One frontier each; a service not listed shares the first one's (`["all"]`: one for everything). */
  readonly services: readonly string[];
  /** Called synchronously from apply and tick with the outputs of one decision. */
  readonly emit: (outputs: Outputs) => void;
}

export type OpenPartition = (options: PartitionOptions) => Partition;
