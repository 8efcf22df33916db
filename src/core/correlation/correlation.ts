// The contract of a correlation kind: one file a kind beside this one, each a pure machine over the memory
// of one group. Memory is plain data (a record of schemas/state/group.avsc) and has the same shape for all
// kinds: the group's matching events as a set keyed by event id. What differs is only which entries make
// a match, which may be dropped, and what time alone decides. Leaves to case.ts what a match means.
//
// Invariants (of every kind):
//   CR1 entries are a set: applying one twice is applying it once, and decides nothing new
//   CR2 a match depends on the entries, not on the order they came in
//   CR3 memory is bounded; what is evicted is counted
//   CR4 what the frontier has passed by timespan and lateness takes no part, whether tick has run or not

import type { CorrelationRule } from "../rule.ts";
import type { Entry } from "../entry.ts";
import type { Duration, Instant } from "../time.ts";

/** What one group holds for one correlation rule; the record of the same name in group.avsc. */
export interface Memory {
  /** Rule id. */
  readonly rule: string;
  /** The rule's matchHash when the entries were made; under another one they mean nothing. */
  readonly matchHash: string;
  /** When the frontier has reached this nothing in here matters, to whoever knows the rule or not. */
  keepUntil: Instant;
  /** In event order. */
  readonly entries: Entry[];
}

/** Entries that satisfy a rule. */
export interface Match {
  /** In event order, each event once; the last one decides. */
  readonly entries: readonly Entry[];
  /** For each entry the index (into RuleSet.detections) of a detection it matched. */
  readonly detections: readonly number[];
}

export interface CorrelationSettings {
  readonly allowedLateness: Duration;
  /** Told how many (entry, step) pairs were dropped at the cap. */
  readonly onEvicted: (count: number) => void;
}

/** One rule's machine; holds no state of its own. */
export interface Correlation {
  readonly rule: CorrelationRule;
  /**
   * Adds the entry to the group's memory, which it may change in place.
   * @returns the match it completes, if any; at once, never on a timer (L3)
   */
  apply(memory: Memory, entry: Entry, frontier: Instant): Match | undefined;
  /** Drops what the frontier has passed; whether anything was dropped. */
  release(memory: Memory, frontier: Instant): boolean;
  /** Drops all that a later match could do without; how much. The last resort of an account that has grown too large. */
  reduce(memory: Memory): number;
  /** The frontier at which `release` could drop something; undefined: never. */
  wakeAt(memory: Memory): Instant | undefined;
}
