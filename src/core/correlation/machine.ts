// Runs any kind of correlation over one group's memory: a set of entries, the matches that end in each of
// them, what is due when, and what may be forgotten. Leaves to the kind what a match is.
//
//   entries  ──●────●──────────●───────●──►  a new entry can complete only matches that end in it or up to
//              ╰─ new          ╰ end         one timespan later: these ends are looked at again
//
// Each end is reported once. A kind that waits is asked with `settled`: the instant before which nothing
// can be contradicted any more, because the frontier has passed it by the grace. Rejected: a timer for each
// open match, which would be state of its own and would have to be undone by late events.

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import type { Duration, Instant } from "../time.ts";
import type { Correlation, CorrelationSettings, InputFacts, Kind, Match, Member, Memory } from "./correlation.ts";
import { NO_MATCHES } from "./correlation.ts";
import { cutAt, cutOldest } from "./cut.ts";
import { firstFrom, insertEntry } from "./entry-set.ts";
import { keepNewest } from "./window.ts";

/** Spans are inclusive: what waits for the end of one is decided at the next instant. */
const PAST: Duration = 1;

export function machineOf(
  rule: CorrelationRule,
  kind: Kind,
  of: { readonly settings: CorrelationSettings; readonly inputs: readonly InputFacts[] },
): Correlation {
  return new Machine(rule, kind, of);
}

class Machine implements Correlation {
  readonly rule: CorrelationRule;
  readonly delay: Duration;
  readonly #kind: Kind;
  readonly #names: readonly string[];
  readonly #settings: CorrelationSettings;
  /** After the end of a span: until then it can be contradicted. */
  readonly #grace: Duration;
  readonly #keep: Duration;
  readonly #horizon: Duration;
  readonly #waits: boolean;

  constructor(
    rule: CorrelationRule,
    kind: Kind,
    { settings, inputs }: { readonly settings: CorrelationSettings; readonly inputs: readonly InputFacts[] },
  ) {
    const inputDelay = Math.max(0, ...inputs.map(({ delay }) => delay));
    this.rule = rule;
    this.#kind = kind;
    this.#names = inputs.map(({ name }) => name);
    this.#settings = settings;
    this.#grace = settings.absenceGrace + inputDelay;
    this.#waits = kind.waits.length > 0;
    this.#horizon = kind.waits.at(-1) ?? 0;
    // An end is looked at until its last span is decided: so long all that its decision looks at is there.
    const wait = this.#waits ? settings.absenceGrace + PAST : 0;
    this.#keep = kind.reach + this.#horizon + inputDelay + Math.max(settings.allowedLateness, wait);
    this.delay = this.#waits ? this.#horizon + this.#grace + PAST : inputDelay;
  }

  apply(memory: Memory, entry: Entry, frontier: Instant): readonly Match[] {
    this.release(memory, frontier); // CR4
    if (!this.#kind.isTaken(entry) || entry.occurredAt + this.#keep < frontier) return NO_MATCHES; // CR4
    if (entry.occurredAt <= cutAt(memory.entries)) return NO_MATCHES; // CR6
    if (insertEntry(memory.entries, entry) < 0) return NO_MATCHES; // CR1
    memory.keepUntil = Math.max(memory.keepUntil, entry.occurredAt + this.#keep + 1);
    if (this.#waits) {
      this.#noteLate(memory, entry, frontier);
      // CR6: no match ends in what came after its window was released; others may still look at it.
      if (!this.#isWhole(memory.entries, entry.occurredAt, frontier)) entry.reported = true;
    }
    const found = this.#matchesFrom(memory, entry.occurredAt, frontier);
    const evicted = this.#kind.evict(memory, "cap"); // CR3
    if (evicted > 0) this.#settings.onEvicted(evicted);
    return found;
  }

  /** The matches that end at `from` or up to a timespan later. */
  #matchesFrom(memory: Memory, from: Instant, frontier: Instant): readonly Match[] {
    const { entries } = memory;
    const settled = this.#settled(memory, frontier);
    const to = from + this.rule.timespan;
    let found: Match[] | undefined;
    for (let end = firstFrom(entries, from); end < entries.length && entries[end]!.occurredAt <= to; end++) {
      const match = this.#report(entries, end, { settled, frontier });
      if (match !== undefined) (found ??= []).push(match);
    }
    return found ?? NO_MATCHES;
  }

  #report(
    entries: readonly Entry[],
    end: number,
    by: { readonly settled: Instant; readonly frontier: Instant },
  ): Match | undefined {
    const last = entries[end]!;
    if (last.reported || (this.#waits && !this.#isWhole(entries, last.occurredAt, by.frontier))) return undefined;
    const members = this.#kind.matchAt(entries, end, by.settled);
    if (members === undefined) return undefined;
    last.reported = true;
    return this.#toMatch(entries, members, end);
  }

  /** CR6: nothing was cut that the decision at an instant looks at, nor released because that came too late. */
  #isWhole(entries: readonly Entry[], at: Instant, frontier: Instant): boolean {
    const from = at - this.#kind.reach;
    if (from <= cutAt(entries)) return false;
    return from >= frontier - this.#keep || this.#kind.isWaiting?.(entries) === false;
  }

  decide(memory: Memory, frontier: Instant): readonly Match[] {
    const at = this.decidesAt(memory);
    if (at === undefined || at > frontier) return NO_MATCHES;
    const settled = this.#settled(memory, frontier);
    const { entries } = memory;
    const found: Match[] = [];
    for (let end = firstFrom(entries, memory.decidedTo - this.#horizon); end < entries.length; end++) {
      const match = this.#report(entries, end, { settled, frontier });
      if (match !== undefined) found.push(match);
    }
    memory.decidedTo = settled;
    return found;
  }

  decidesAt(memory: Memory): Instant | undefined {
    const { entries, decidedTo } = memory;
    if (!this.#waits || entries.length === 0 || this.#kind.isWaiting?.(entries) === false) return undefined;
    let at = Infinity;
    for (const wait of this.#kind.waits) {
      const next = entries[firstFrom(entries, decidedTo - wait)];
      if (next !== undefined) at = Math.min(at, next.occurredAt + wait + this.#grace + PAST);
    }
    return at === Infinity ? undefined : at;
  }

  /** What ended before this is decided, or may be now. */
  #settled(memory: Memory, frontier: Instant): Instant {
    return Math.max(memory.decidedTo, frontier - this.#grace);
  }

  #noteLate(memory: Memory, entry: Entry, frontier: Instant): void {
    if ((entry.steps & this.#kind.contradicts) === 0 || entry.occurredAt >= this.#settled(memory, frontier)) return;
    const { entries } = memory;
    const to = entry.occurredAt + this.rule.timespan;
    for (let index = firstFrom(entries, entry.occurredAt - this.rule.timespan); index < entries.length; index++) {
      if (entries[index]!.occurredAt > to) return;
      if (entries[index]!.reported) return this.#settings.onLate();
    }
  }

  release(memory: Memory, frontier: Instant): boolean {
    const { entries } = memory;
    if (entries.length === 0 || entries[0]!.occurredAt + this.#keep >= frontier) return false;
    entries.splice(0, firstFrom(entries, frontier - this.#keep));
    return true;
  }

  releasesAt(memory: Memory): Instant | undefined {
    return memory.entries.length === 0 ? undefined : memory.entries[0]!.occurredAt + this.#keep + 1;
  }

  reduce(memory: Memory): number {
    return this.#kind.evict(memory, "least");
  }

  keepNewest({ entries }: Memory, most: number): number {
    return this.#waits ? cutOldest(entries, Math.max(1, most)) : keepNewest(entries, most);
  }

  /** In event order; of several at the last instant the one that the match ends in comes last. */
  #toMatch(entries: readonly Entry[], members: readonly Member[], end: number): Match {
    const inOrder = isInOrder(members, end) ? members : ordered(members, end);
    return {
      entries: inOrder.map(({ at }) => entries[at]!),
      rules: inOrder.map(({ input }) => this.#names[input]!),
    };
  }
}

/** As windows mostly are: they may be large. */
function isInOrder(members: readonly Member[], end: number): boolean {
  return members.at(-1)!.at === end && members.every(({ at }, index) => index === 0 || members[index - 1]!.at < at);
}

function ordered(members: readonly Member[], end: number): Member[] {
  const once = new Map<number, Member>();
  for (const member of members) if (!once.has(member.at)) once.set(member.at, member);
  return [...once.values()].toSorted((a, b) => (a.at === end ? 1 : b.at === end ? -1 : a.at - b.at));
}
