// One account: its profile, what it holds for each correlation, its cases. Owns what time does to them and
// how they are kept small. Leaves events to partition.ts and meaning to the parts.
//
// Invariants:
//   AC1 what belongs to a rule that is not loaded is carried along unread until its own time is over
//   AC2 entries made under another matchHash mean nothing and go; cases stay (L8)
//   AC3 the encoded account fits STATE_LIMIT: past it only the telling parts stay, which is counted

import { type CaseState, caseWakeAt, closeCase, EVIDENCE_LEAST, keepTelling } from "./case.ts";
import { type Memory, newMemory } from "./correlation/correlation.ts";
import { keepNewest } from "./correlation/window.ts";
import type { Detection } from "./output.ts";
import type { FactorMarks } from "./factor.ts";
import type { LatestTimes } from "./latest.ts";
import type { PaidList, RequestList } from "./outflow.ts";
import { newProfile, type Profile } from "./profile.ts";
import type { RuleTable, TableRow } from "./rule-table.ts";
import type { SeenList } from "./seen.ts";
import type { Instant } from "./time.ts";

/** The group record of schemas/state/group.avsc, in memory and (converted by the codec) in the state log. */
export interface GroupState {
  /** null: only adopted commands are known of the account. */
  profile: Profile | null;
  memories: Memory[];
  cases: CaseState[];
  /** When it was last told that it shares a device or an address with others; 0: never. */
  linkedSecond: number;
}

/** Encoded bytes of one account. */
export const STATE_LIMIT = 65_536;

/** Of `shrink`. */
export const SHRINKING_STEPS = 4;

/** Shared by the accounts that have none, which are nearly all; replaced before anything is added. */
const NO_MEMORIES: Memory[] = [];
const NO_CASES: CaseState[] = [];

/** An account is its own profile: nearly every event touches nothing else, so both lie in one place. */
export class Account implements GroupState, Profile {
  // What nearly every event reads stands first: an account is five cache lines long, and they are rarely near.
  /** Encoded state differs from what was last taken. */
  changed = false;
  /** Since it was last looked at for being dropped. */
  heard = false;
  /** Infinity until something was learned: only adopted commands are known of the account. */
  firstEventSecond: number;
  enrolled: number;
  enrolledFrom: number;
  given: number;
  routineFrom: number;
  routineHour: number;
  lastDevice: string | null;
  lastCountry: string | null;
  lastNetwork: number | null;
  riskNotices: LatestTimes;
  requests: RequestList;
  seen: SeenList;
  /** The slot it was last counted as active in; not encoded. */
  activeSlot = -1;
  factors: FactorMarks;
  /** The frontier at which a correlation may decide something, as last scheduled; null: none waits. */
  nextDecision: Instant | null = null;
  memories: Memory[];
  cases: CaseState[];
  createdSecond: number | null;
  factorChanges: LatestTimes;
  credentialChanges: LatestTimes;
  contactChanges: LatestTimes;
  apiKeys: LatestTimes;
  paid: PaidList;
  linkedSecond: number;
  readonly id: string;

  constructor(id: string, state: GroupState | null) {
    const profile = state?.profile ?? newProfile(Infinity);
    this.firstEventSecond = profile.firstEventSecond;
    this.enrolled = profile.enrolled;
    this.enrolledFrom = profile.enrolledFrom;
    this.given = profile.given;
    this.routineFrom = profile.routineFrom;
    this.routineHour = profile.routineHour;
    this.lastDevice = profile.lastDevice;
    this.lastCountry = profile.lastCountry;
    this.lastNetwork = profile.lastNetwork;
    this.riskNotices = profile.riskNotices;
    this.requests = profile.requests;
    this.seen = profile.seen;
    this.factors = profile.factors;
    this.memories = state === null || state.memories.length === 0 ? NO_MEMORIES : state.memories;
    this.cases = state === null || state.cases.length === 0 ? NO_CASES : state.cases;
    this.createdSecond = profile.createdSecond;
    this.factorChanges = profile.factorChanges;
    this.credentialChanges = profile.credentialChanges;
    this.contactChanges = profile.contactChanges;
    this.apiKeys = profile.apiKeys;
    this.paid = profile.paid;
    this.linkedSecond = state === null ? 0 : state.linkedSecond;
    this.id = id;
  }

  get profile(): Profile | null {
    return this.firstEventSecond === Infinity ? null : this;
  }

  /** The memory for a correlation, made if there is none. AC2 */
  memoryFor(row: TableRow, onDropped: (entries: number) => void): Memory {
    const { rule } = row.correlation;
    const index = this.memories.findIndex((memory) => memory.rule === rule.id);
    const found = this.memories[index];
    if (found !== undefined && found.matchHash === rule.matchHash) return found;
    const made = newMemory(rule);
    if (found === undefined) {
      if (this.memories === NO_MEMORIES) this.memories = [];
      this.memories.push(made);
    } else {
      onDropped(found.entries.length);
      this.memories[index] = made;
    }
    return made;
  }

  /** The account's cases, to be added to. */
  ownCases(): CaseState[] {
    if (this.cases === NO_CASES) this.cases = [];
    return this.cases;
  }

  /** The frontier at which `pass` could do something; undefined: never. */
  wakeAt(table: RuleTable): Instant | undefined {
    let wake = Infinity;
    for (const memory of this.memories) {
      const row = rowOf(table, memory);
      if (row === undefined) wake = Math.min(wake, memory.keepUntil);
      else if (memory.entries.length === 0) wake = 0; // its event came too late to be kept
      else wake = Math.min(wake, row.correlation.releasesAt(memory) ?? Infinity);
    }
    for (const each of this.cases) wake = Math.min(wake, caseWakeAt(each, table.caseRule(each.rule)));
    return wake === Infinity ? undefined : wake;
  }

  /** The frontier at which a correlation could decide something; undefined: never, as things are. */
  decidesAt(table: RuleTable): Instant | undefined {
    let at = Infinity;
    for (const memory of this.memories)
      at = Math.min(at, rowOf(table, memory)?.correlation.decidesAt(memory) ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  /** AC2: drops what was made under another meaning of a loaded rule; how many entries. */
  dropChanged(table: RuleTable): number {
    let dropped = 0;
    const isKept = (memory: Memory): boolean =>
      table.row(memory.rule) === undefined || rowOf(table, memory) !== undefined;
    for (const memory of this.memories) if (!isKept(memory)) dropped += memory.entries.length;
    if (dropped > 0) this.memories = kept(this.memories, isKept, NO_MEMORIES);
    return dropped;
  }

  /** Time has come to `frontier`: closes and forgets cases, releases memory. The detections to be said. */
  pass(table: RuleTable, frontier: Instant): Detection[] {
    const closed: Detection[] = [];
    for (const each of this.cases) {
      const rule = table.caseRule(each.rule);
      const detection = rule === undefined ? undefined : closeCase(each, frontier, { rule, accountId: this.id });
      if (detection !== undefined) closed.push(detection);
    }
    this.cases = kept(this.cases, (each) => frontier < each.keepUntil, NO_CASES);
    for (const memory of this.memories) rowOf(table, memory)?.correlation.release(memory, frontier);
    this.memories = kept(
      this.memories,
      (memory) => (rowOf(table, memory) === undefined ? frontier < memory.keepUntil : memory.entries.length > 0), // AC1
      NO_MEMORIES,
    );
    return closed;
  }

  /**
   * AC3: reduces what floods can fill, further with each step; the number of parts dropped. First what no
   * match in order needs, then words, then all but the newest, at last all but what is in force.
   */
  shrink(table: RuleTable, step: number): number {
    switch (step) {
      case 0:
        return this.#reduce(table);
      case 1:
        return this.#dropWords();
      case 2:
        return this.#keepNewest(table, NEWEST);
      default:
        return this.#keepInForce();
    }
  }

  #reduce(table: RuleTable): number {
    let dropped = 0;
    for (const each of this.cases) {
      dropped += Math.max(0, each.evidence.length - EVIDENCE_LEAST);
      keepTelling(each, EVIDENCE_LEAST);
    }
    for (const memory of this.memories) dropped += rowOf(table, memory)?.correlation.reduce(memory) ?? 0;
    return dropped;
  }

  #dropWords(): number {
    for (const { entries } of this.memories) {
      entries.forEach((entry, at) => {
        entries[at] = { ...entry, summary: entry.type };
      });
    }
    for (const each of this.cases) {
      each.evidence = each.evidence.map((one) => ({ ...one, summary: one.type }));
      for (const waiting of each.unanswered) waiting.evidence = [];
    }
    return this.memories.length + this.cases.length;
  }

  #keepNewest(table: RuleTable, most: number): number {
    let dropped = 0;
    for (const memory of this.memories) {
      const row = rowOf(table, memory);
      dropped += row?.correlation.keepNewest(memory, most) ?? keepNewest(memory.entries, most);
    }
    return dropped;
  }

  #keepInForce(): number {
    const entries = this.memories.reduce((sum, memory) => sum + memory.entries.length, 0);
    const dropped = entries + this.cases.length;
    this.memories = NO_MEMORIES;
    this.cases = kept(this.cases, (each) => !each.closed, NO_CASES);
    for (const each of this.cases) {
      each.evidence = each.evidence.slice(-1);
      each.unanswered = [];
    }
    return dropped;
  }
}

/** Entries of each memory that are kept of an account far too large. */
const NEWEST = 4;

/** The rule's row; undefined: the rule is not loaded, or its entries were made under another one's meaning. */
export function rowOf(table: RuleTable, memory: Memory): TableRow | undefined {
  const row = table.row(memory.rule);
  return row !== undefined && row.correlation.rule.matchHash === memory.matchHash ? row : undefined;
}

function kept<T>(list: T[], keep: (item: T) => boolean, none: T[]): T[] {
  if (list.every(keep)) return list;
  const rest = list.filter(keep);
  return rest.length === 0 ? none : rest;
}
