// One group of a rule that groups by something else than the account: the facts that accounts gave for it, as a
// set, the rule's cases, and which accounts were told that they are linked. Owns what a fact does to them and
// what time does. Leaves the rule's meaning to its correlation, and all groups together to links.ts.
//
//   facts   a ────── b ──── c ─────── d ──►    `value_count accountId >= 3`: the match ends in c; a, b and c
//                           ╰ match    ╰ d     are told at once, d when its own fact comes (also a match)
//
// Invariants:
//   LG1 facts are a set: the same fact again changes nothing and says nothing
//   LG2 every account with a fact in the window of a match is told once, while any of its facts is remembered
//   LG3 a group without facts and cases is forgotten

import { type CaseState, caseWakeAt, closeCase, EVIDENCE_LEAST, judge, keepTelling, newCase } from "./case.ts";
import type { Match, Memory } from "./correlation/correlation.ts";
import { newMemory } from "./correlation/correlation.ts";
import { firstFrom, lastAt } from "./correlation/entry-set.ts";
import type { Entry } from "./entry.ts";
import type { Detection } from "./output.ts";
import type { TableRow } from "./rule-table.ts";
import type { CorrelationRule } from "./rule.ts";
import { groupKey, type FactBody, type Signal } from "./signal.ts";
import type { Instant } from "./time.ts";

/** A fact as it is remembered. */
export interface LinkEntry extends Entry {
  readonly accountId: string;
  /** Its account was told. */
  linked: boolean;
}

/** What outlives the partition: the record Link of schemas/state/link.avsc. */
export interface LinkState {
  readonly ruleId: string;
  /** Group-by field → value. */
  readonly group: Readonly<Record<string, string>>;
  readonly matchHash: string;
  readonly keepUntil: Instant;
  readonly decidedTo: Instant;
  readonly entries: readonly Omit<LinkEntry, keyof typeof NO_TARGETS>[];
  readonly cases: readonly LinkCase[];
}

/** A case without commands: links hold nobody. */
export type LinkCase = Pick<
  CaseState,
  "decidedBy" | "openedAt" | "expiresAt" | "keepUntil" | "closed" | "evidence" | "evidenceCount" | "droppedTo"
>;

/** Characters of a group's values above which its cases are called by its key instead. */
const LONG_TEXT = 128;

/** Entries of a group that has grown too large. */
const FEW_ENTRIES = 64;

export class LinkGroup {
  readonly key: string;
  readonly ruleId: string;
  readonly group: Readonly<Record<string, string>>;
  memory: Memory;
  cases: CaseState[];

  constructor(ruleId: string, group: Readonly<Record<string, string>>, memory: Memory) {
    this.key = groupKey(ruleId, Object.values(group));
    this.ruleId = ruleId;
    this.group = group;
    this.memory = memory;
    this.cases = [];
  }

  static restored(state: LinkState): LinkGroup {
    const { ruleId, group, matchHash, keepUntil, decidedTo, entries, cases } = state;
    const memory = { rule: ruleId, matchHash, keepUntil, decidedTo, entries: entries.map(restoredEntry) };
    const restored = new LinkGroup(ruleId, group, memory);
    restored.cases = cases.map((each) => ({ ...newCase(ruleId, { ...each, remember: 0 }), ...each, announced: true }));
    return restored;
  }

  state(): LinkState {
    const { matchHash, keepUntil, decidedTo, entries } = this.memory;
    const { ruleId, group, cases } = this;
    return { ruleId, group, matchHash, keepUntil, decidedTo, entries: entries as LinkEntry[], cases };
  }

  get isEmpty(): boolean {
    return this.memory.entries.length === 0 && this.cases.length === 0; // LG3
  }

  /** LG1. What the fact completes. */
  hear(row: TableRow, fact: Signal & { readonly fact: FactBody }, frontier: Instant): readonly Match[] {
    row.correlation.release(this.memory, frontier); // LG2: what is past is remembered no more, ticked or not
    const { entries } = this.memory;
    const entry = linkEntry(fact);
    entry.linked = entries.some((each) => isOf(each, entry.accountId) && (each as LinkEntry).linked);
    return row.correlation.apply(this.memory, entry, frontier);
  }

  /** A match's case, and its detection when it opens one. */
  judge(row: TableRow, { entries, rules }: Match, onEvicted: () => void): readonly Detection[] {
    const by = { rule: row.caseRule, accountId: this.#text, onEvicted };
    const named = entries.map((entry) => ({ ...entry, summary: `${(entry as LinkEntry).accountId} ${entry.summary}` }));
    return this.#ofGroup(judge(this.cases, { entries: named, rules }, by).detections);
  }

  /** LG2: the accounts to be told, each with the last fact of the match that links it. */
  link(rule: CorrelationRule): { readonly by: Entry; readonly accounts: readonly string[]; readonly count: number }[] {
    const entries = this.memory.entries as LinkEntry[];
    const found: { by: Entry; accounts: string[]; count: number }[] = [];
    for (let end = 0; end < entries.length; end++) {
      const by = entries[end]!;
      if (!by.reported) continue;
      const window = entries.slice(firstFrom(entries, by.occurredAt - rule.timespan), lastAt(entries, end) + 1);
      const untold = new Set(window.flatMap(({ accountId, linked }) => (linked ? [] : [accountId])));
      if (untold.size === 0) continue;
      for (const entry of entries) if (untold.has(entry.accountId)) entry.linked = true;
      const count = new Set(window.map(({ accountId }) => accountId)).size;
      found.push({ by, accounts: [...untold].toSorted(), count });
    }
    return found;
  }

  /** eventId of the earliest fact of the account that is remembered. @throws Error when none is */
  firstFactOf(accountId: string): string {
    const first = this.memory.entries.find((entry) => isOf(entry, accountId));
    if (first === undefined) throw new Error(`${accountId} has no fact in ${this.key}`);
    return first.eventId;
  }

  /** Time has come to `frontier`: closes and forgets cases, releases facts. */
  pass(row: TableRow | undefined, frontier: Instant): readonly Detection[] {
    if (row === undefined) {
      if (frontier >= this.memory.keepUntil) this.memory.entries.length = 0;
      this.cases = this.cases.filter((each) => frontier < each.keepUntil);
      return [];
    }
    const closed = this.cases.flatMap(
      (each) => closeCase(each, frontier, { rule: row.caseRule, accountId: this.#text }) ?? [],
    );
    this.cases = this.cases.filter((each) => frontier < each.keepUntil);
    row.correlation.release(this.memory, frontier);
    return this.#ofGroup(closed);
  }

  /** The frontier at which `pass` could do something; undefined: never. */
  wakeAt(row: TableRow | undefined): Instant | undefined {
    const { memory } = this;
    const kept = memory.entries.length === 0 ? undefined : memory.keepUntil;
    let wake = (row === undefined ? kept : row.correlation.releasesAt(memory)) ?? Infinity;
    for (const each of this.cases) wake = Math.min(wake, caseWakeAt(each, row?.caseRule));
    return wake === Infinity ? undefined : wake;
  }

  /** What was remembered under another meaning of the rule means nothing; how much went. */
  dropChanged(rule: CorrelationRule): number {
    if (this.memory.matchHash === rule.matchHash) return 0;
    const dropped = this.memory.entries.length;
    this.memory = newMemory(rule);
    return dropped;
  }

  /** Reduces what floods can fill; the number of parts dropped. */
  shrink(): number {
    const { entries } = this.memory;
    let dropped = entries.splice(0, Math.max(0, entries.length - FEW_ENTRIES)).length;
    for (const [at, entry] of entries.entries()) entries[at] = { ...entry, summary: entry.type };
    for (const each of this.cases) {
      dropped += Math.max(0, each.evidence.length - EVIDENCE_LEAST);
      keepTelling(each, EVIDENCE_LEAST);
    }
    return dropped + entries.length;
  }

  /** Stands where the account stands in the ids of its cases. */
  get #text(): string {
    const text = Object.values(this.group).join(" ");
    return text.length <= LONG_TEXT ? text : this.key.slice(this.key.indexOf("/") + 1);
  }

  #ofGroup(detections: readonly Detection[]): readonly Detection[] {
    return detections.map((detection) => ({ ...detection, group: this.group }));
  }
}

function isOf(entry: Entry, accountId: string): boolean {
  return (entry as LinkEntry).accountId === accountId;
}

const NO_TARGETS = { withdrawalId: null, keyId: null, sessionId: null, address: null } as const;

function restoredEntry(entry: LinkState["entries"][number]): LinkEntry {
  return { ...entry, ...NO_TARGETS };
}

function linkEntry({ eventId, occurredAt, accountId, fact }: Signal & { readonly fact: FactBody }): LinkEntry {
  return {
    eventId,
    occurredAt,
    steps: fact.steps,
    type: fact.type,
    topic: fact.topic,
    partition: fact.partition,
    offset: fact.offset,
    summary: fact.summary,
    ...NO_TARGETS,
    reported: false,
    value: fact.value,
    values: fact.values,
    carried: fact.carried,
    accountId,
    linked: false,
  };
}
