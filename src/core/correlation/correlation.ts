// The contract of correlations. One file a kind beside this one says what a match of that kind is (Kind);
// machine.ts runs any kind over the memory of one group (Correlation). Memory is plain data (a record of
// schemas/state/group.avsc) and has the same shape for all kinds: the group's matching events as a set.
// Leaves to case.ts what a match means.
//
// Invariants (of every kind):
//   CR1 entries are a set: applying one twice is applying it once, and decides nothing new
//   CR2 which matches are found depends on the entries, not on the order they came in
//   CR3 memory is bounded; what is evicted is counted
//   CR4 what the frontier has passed by reach and lateness takes no part, whether a tick has come or not
//   CR5 what a later event could undo is decided once the span has ended and the grace has passed, and
//       then for good; what none could undo, on the event that completes it
//   CR6 what a later event could undo is never judged by what is left of the events it looks at

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
  /** What waits for the end of a span is decided for spans that ended before this. */
  decidedTo: Instant;
  /** In event order. One without steps, always the first, stands for those that had to go before it: cut.ts. */
  readonly entries: Entry[];
}

/** @param decidedTo before any event: an exchange has none from before the epoch (LIMITS.earliestInstant) */
export function newMemory(rule: CorrelationRule, decidedTo: Instant = 0): Memory {
  return { rule: rule.id, matchHash: rule.matchHash, keepUntil: 0, decidedTo, entries: [] };
}

/** Entries that satisfy a rule. */
export interface Match {
  /** In event order, each event once; the last one decides, and is the event that the match ends in. */
  readonly entries: readonly Entry[];
  /** For each entry the name (else id) of a rule it matched. */
  readonly rules: readonly string[];
}

export const NO_MATCHES: readonly Match[] = [];

/** Entries in one memory of a partition: half the limit of an account's state. */
export const MAX_ENTRIES = 256;
/** The same where nothing is saved. */
export const MAX_PLAIN_ENTRIES = 4_096;

export interface CorrelationSettings {
  readonly allowedLateness: Duration;
  /** How late an event may be and still contradict. */
  readonly absenceGrace: Duration;
  /** Entries in one memory, whatever the kind. */
  readonly maxEntries: number;
  /** Told how many entries (or steps of entries) were dropped at the cap. */
  readonly onEvicted: (count: number) => void;
  /** Told of an event that might have contradicted a match reported before it came. */
  readonly onLate: () => void;
}

/** What the rest of the rule set says of one input. */
export interface InputFacts {
  /** Name, else id. */
  readonly name: string;
  /** How long after its last event a match of it may still be found, lateness aside; 0 for a detection. */
  readonly delay: Duration;
}

/** One rule's machine; holds no state of its own. */
export interface Correlation {
  readonly rule: CorrelationRule;
  /** How long after its last event a match may still be found, lateness aside. */
  readonly delay: Duration;
  /**
   * Adds the entry to the group's memory, which it may change in place. What is due has to be decided
   * before (CR5): of the whole group, so that what comes of it has reached the correlations over this one.
   * @returns the matches found, by the event they end in; each is reported once
   */
  apply(memory: Memory, entry: Entry, frontier: Instant): readonly Match[];
  /** Decides what the passing of time alone decides, once for good. Before `release`, inputs first. */
  decide(memory: Memory, frontier: Instant): readonly Match[];
  /** The frontier at which `decide` could find something; undefined: never, as things are. */
  decidesAt(memory: Memory): Instant | undefined;
  /** Drops what the frontier has passed; whether anything was dropped. */
  release(memory: Memory, frontier: Instant): boolean;
  /** The frontier at which `release` could drop something; undefined: never. */
  releasesAt(memory: Memory): Instant | undefined;
  /** Drops all that a later match could do without; how much. The last resort of a group that has grown too large. */
  reduce(memory: Memory): number;
  /** Drops all but the newest `most` entries, needed or not; how many. */
  keepNewest(memory: Memory, most: number): number;
}

/** An entry of a match, and the input it serves. */
export interface Member {
  /** Index into the entries. */
  readonly at: number;
  readonly input: number;
}

/** What a match of one kind is, for one rule. Pure; entries lie in event order. */
export interface Kind {
  /**
   * Ends of spans, counted from an entry, at which a match is decided; empty: on the completing event.
   * Else the last is the longest.
   */
  readonly waits: readonly Duration[];
  /** Whether anything waits, as the entries are; asked only where `waits` says so. */
  isWaiting?(entries: readonly Entry[]): boolean;
  /** How far back of a match's last event its decision looks. */
  readonly reach: Duration;
  /** Bits of the inputs whose entries may contradict. */
  readonly contradicts: number;
  /** Entries that the kind takes no notice of are not kept. */
  isTaken(entry: Entry): boolean;
  /** A match whose last event is entries[end], if its spans ended before `settled` (where it waits at all). */
  matchAt(entries: readonly Entry[], end: number, settled: Instant): readonly Member[] | undefined;
  /** Brings the memory back to its cap, or to the least it can do with; how much was dropped. */
  evict(memory: Memory, to: "cap" | "least"): number;
}
