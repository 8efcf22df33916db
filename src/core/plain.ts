// Any rules over any JSON objects: no accounts, no profile, no services; groups are what group-by says. The
// same kinds of correlations and the same laws as in partition.ts, over one stream and for one run: nothing
// is saved. Owns the groups, time's passing, and what counts as one detection (L6 without protection).
//
// An event that lacks a group-by field belongs to no group and takes no part in that correlation; one whose
// field is an array belongs to the group of each element.
//
// Invariants:
//   PL1 what is due is decided in the order of time, inputs before the correlations over them, before the
//       event that moved time is applied
//   PL2 a group without entries and open detections takes no memory

import type { Correlation, Match, Memory } from "./correlation/correlation.ts";
import { MAX_PLAIN_ENTRIES, newMemory } from "./correlation/correlation.ts";
import { groupsOf } from "./correlation/grouping.ts";
import { CarriedFields, EventFields, type Fields, valuesFor } from "./correlation/reads.ts";
import { type Entry, entryFor, newEntry } from "./entry.ts";
import type { Arrival, ExchangeEvent } from "./event.ts";
import { Facts } from "./profile-facts.ts";
import type { Rule } from "./response.ts";
import { RuleTable, type TableRow } from "./rule-table.ts";
import type { RuleSet } from "./rule.ts";
import { type Duration, type Instant, MINUTE } from "./time.ts";
import { WakeQueue } from "./wake-queue.ts";

export interface PlainDetection {
  readonly ruleId: string;
  readonly ruleTitle: string;
  readonly ruleName: string | null;
  /** Group-by field as written → value. */
  readonly group: Readonly<Record<string, unknown>>;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  /** Ids, in event order; the last one decides. */
  readonly evidence: readonly string[];
}

export interface PlainOptions {
  readonly rules: RuleSet;
  readonly allowedLateness: Duration;
  /** How long a detection stands for further matches of its rule and group; null: as the rule says. */
  readonly quiet: Duration | null;
  readonly onDetection: (detection: PlainDetection) => void;
}

export interface PlainCounts {
  readonly evicted: number;
  /** Events that matched something and came later than the lateness. */
  readonly late: number;
  readonly lateContradictions: number;
}

/** What further matches are taken into, as into a case: one opened by a later event takes an earlier one, too. */
interface Standing {
  /** The end of the latest detection; -Infinity: there was none. */
  standsTo: Instant;
}

/** One group of one rule. */
interface Group extends Standing {
  readonly row: TableRow;
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly memory: Memory;
}

const ARRIVAL: Arrival = { service: "auth", topic: "", partition: 0, offset: 0, recordTimestamp: 0 };

export class PlainEngine {
  readonly #options: PlainOptions;
  readonly #table: RuleTable;
  readonly #groups: Map<string, Group>[];
  readonly #waiting = new WakeQueue<Group>();
  readonly #releasing = new WakeQueue<Group>();
  readonly #fields = new EventFields();
  readonly #facts = new Facts(0);
  /** For each detection with detections of its own: the events of the lateness, and when one stands. */
  readonly #single: readonly ({ readonly seen: Map<string, Instant> } & Standing)[];
  #frontier: Instant = -Infinity;
  #evicted = 0;
  #late = 0;
  #lateContradictions = 0;

  constructor(options: PlainOptions) {
    const { rules, allowedLateness } = options;
    this.#options = options;
    this.#table = new RuleTable(rules, {
      mode: "observe",
      allowedLateness,
      absenceGrace: Math.min(MINUTE, allowedLateness),
      maxEntries: MAX_PLAIN_ENTRIES,
      isOfAccount: () => true,
      onEvicted: (count) => {
        this.#evicted += count;
      },
      onLate: () => this.#lateContradictions++,
    });
    this.#groups = rules.correlations.map(() => new Map());
    this.#single = rules.detections.map(() => ({ seen: new Map(), standsTo: -Infinity }));
  }

  get counts(): PlainCounts {
    return { evicted: this.#evicted, late: this.#late, lateContradictions: this.#lateContradictions };
  }

  /** Groups in memory, of all correlations. */
  get groups(): number {
    return this.#groups.reduce((sum, groups) => sum + groups.size, 0);
  }

  /** Applies one object, in the order of arrival. */
  apply(object: object, { id, at }: { readonly id: string; readonly at: Instant }): void {
    if (at > this.#frontier) this.#frontier = at;
    this.#pass(this.#frontier); // PL1
    const event = object as ExchangeEvent;
    this.#fields.event = object;
    let seen: Entry | undefined;
    const steps = new Map<number, number>();
    for (const rule of this.#table.tried) {
      if (!rule.matches(event, this.#facts)) continue;
      seen ??= entryOf(id, at);
      if (rule.standalone) this.#sayOnce(rule, seen);
      const uses = this.#table.uses[rule.index]!;
      for (let use = 0; use < uses.length; use += 2) {
        steps.set(uses[use]!, (steps.get(uses[use]!) ?? 0) | uses[use + 1]!);
      }
    }
    if (seen === undefined) return;
    if (at + this.#options.allowedLateness < this.#frontier) this.#late++;
    for (const [row, bits] of steps) {
      this.#hear(this.#table.rows[row]!, { seen, steps: bits, fields: this.#fields, frontier: this.#frontier });
    }
  }

  /** Decides what still waits, as if time had passed. Nothing may be applied afterwards. */
  finish(): void {
    this.#pass(Infinity);
  }

  /** An event, or the last one of a match, that serves inputs of a correlation: by input, as aliases group. */
  #hear(
    row: TableRow,
    of: { readonly seen: Entry; readonly steps: number; readonly fields: Fields; readonly frontier: Instant },
  ): void {
    const byGroup = new Map<Group, number>();
    for (let rest = of.steps; rest !== 0; rest &= rest - 1) {
      const bit = rest & -rest;
      for (const values of groupsOf(row.reads.groups[31 - Math.clz32(bit)]!, of.fields, row.onEvicted)) {
        const group = this.#groupOf(row, values);
        byGroup.set(group, (byGroup.get(group) ?? 0) | bit);
      }
    }
    for (const [group, steps] of byGroup) {
      const entry = entryFor(of.seen, steps, valuesFor(row.reads, steps, of.fields));
      const matches = row.correlation.apply(group.memory, entry, of.frontier);
      for (const match of matches) this.#report(group, match, of.frontier);
      this.#schedule(group);
    }
  }

  #groupOf(row: TableRow, found: readonly unknown[]): Group {
    const key = JSON.stringify(found);
    const groups = this.#groups[row.index]!;
    const known = groups.get(key);
    if (known !== undefined) return known;
    const rule: Correlation["rule"] = row.correlation.rule;
    const values = Object.fromEntries(rule.groupBy.map((name, index) => [name, found[index]]));
    const made: Group = { row, key, values, memory: newMemory(rule, -Infinity), standsTo: -Infinity };
    groups.set(key, made);
    return made;
  }

  #report(group: Group, match: Match, frontier: Instant): void {
    const { row } = group;
    if (row.isJudged) this.#say(row.correlation.rule, match.entries, { values: group.values, standing: group });
    const seen = match.entries.at(-1)!;
    const fields = new CarriedFields(seen, row.reads.carries);
    for (let use = 0; use < row.uses.length; use += 2) {
      this.#hear(this.#table.rows[row.uses[use]!]!, { seen, steps: row.uses[use + 1]!, fields, frontier });
    }
  }

  /** A detection rule's own: each event once, as far back as the lateness. */
  #sayOnce(rule: Rule, seen: Entry): void {
    const single = this.#single[rule.index]!;
    for (const [id, at] of single.seen) {
      if (at + this.#options.allowedLateness >= this.#frontier) break;
      single.seen.delete(id);
    }
    if (single.seen.has(seen.eventId)) return;
    single.seen.set(seen.eventId, seen.occurredAt);
    this.#say(rule, [seen], { values: {}, standing: single });
  }

  #say(
    rule: Rule,
    entries: readonly Entry[],
    { values, standing }: { readonly values: Group["values"]; readonly standing: Standing },
  ): void {
    const lastAt = entries.at(-1)!.occurredAt;
    const quiet = this.#options.quiet ?? rule.quiet;
    if (quiet > 0) {
      if (lastAt < standing.standsTo) return;
      standing.standsTo = lastAt + quiet;
    }
    this.#options.onDetection({
      ruleId: rule.id,
      ruleTitle: rule.title,
      ruleName: rule.name,
      group: values,
      firstAt: entries[0]!.occurredAt,
      lastAt,
      evidence: entries.map(({ eventId }) => eventId),
    });
  }

  #schedule(group: Group): void {
    const { correlation } = group.row;
    const decidesAt = correlation.decidesAt(group.memory);
    if (decidesAt !== undefined) this.#waiting.schedule(group, decidesAt);
    this.#releasing.schedule(group, correlation.releasesAt(group.memory) ?? this.#forgottenAt(group));
  }

  /** When no match that may still come would be taken into it; at once where nothing stands. */
  #forgottenAt({ standsTo }: Standing): Instant {
    return standsTo + this.#options.allowedLateness;
  }

  #pass(to: Instant): void {
    for (let at = this.#waiting.next(); at !== undefined && at <= to; at = this.#waiting.next()) {
      const due: Group[] = [];
      for (let group = this.#waiting.take(at); group !== undefined; group = this.#waiting.take(at)) due.push(group);
      due.sort((a, b) => a.row.index - b.row.index);
      for (const group of due) {
        for (const match of group.row.correlation.decide(group.memory, at)) this.#report(group, match, at);
        this.#schedule(group);
      }
    }
    if (to === Infinity) return;
    for (let group = this.#releasing.take(to); group !== undefined; group = this.#releasing.take(to)) {
      const { memory, row, key } = group;
      row.correlation.release(memory, to);
      if (memory.entries.length === 0 && this.#forgottenAt(group) <= to) this.#groups[row.index]!.delete(key); // PL2
      else this.#schedule(group);
    }
  }
}

function entryOf(id: string, at: Instant): Entry {
  return newEntry(ARRIVAL, { eventId: id, accountId: "", type: "", occurredAt: at }, 0);
}
