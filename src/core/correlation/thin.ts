// What may go of a flood without changing a count that later events could undo. Such a count is of different
// things in a window (events, values, rules); only so many have to be told apart: `enough`, one above every
// number it is compared with.
//
//      ╭──── at most a timespan ────╮
//     ●●  ●   ●       x      ●   ●  ●       enough different things before x, and after it: a window with x has
//     ╰ enough ╯             ╰ enough ╯     all of one side, so its verdict does not depend on x
//
//         v         x=v         v           the same of each thing of x itself: a window with x has it without x
//
// What comes later only adds to windows, so this stays true of what is kept, however late it comes; about twice
// `enough` for each timespan are left. Rejected: keeping the newest; windows that have lost their beginning
// then hold few enough.
//
// One thing may be lost: the match that x itself ends in. Nothing is where that match is decided, or where the
// condition does not hold of enough; else x goes only when there is no room at all, and is counted.

import type { Entry } from "../entry.ts";
import type { Duration, Instant } from "../time.ts";
import type { Memory } from "./correlation.ts";
import { firstWhole } from "./cut.ts";

type Thing = string | number;

export interface Counted {
  /** What the entry adds to the count. */
  readonly thingsOf: (entry: Entry) => readonly Thing[];
  readonly enough: number;
  readonly holdsOfEnough: boolean;
  readonly timespan: Duration;
}

/**
 * Drops what no verdict depends on.
 * @param isForced drops entries whose own match is open, too
 * @returns how many of these
 */
export function thin({ entries, decidedTo }: Memory, of: Counted, isForced: boolean): number {
  const { thingsOf, timespan } = of;
  const after = followingOf(entries, of);
  const before = new Stretch(entries, { ...of, direction: 1 });
  const latest = new Map<Thing, Instant>();
  let kept = firstWhole(entries);
  let lost = 0;
  for (let at = kept; at < entries.length; at++) {
    const entry = entries[at]!;
    const things = thingsOf(entry);
    const isAmongEnough = after.enough[at]! - (before.start ?? -Infinity) <= timespan;
    const same = things.reduce<Instant>((least, thing) => Math.min(least, latest.get(thing) ?? -Infinity), Infinity);
    if (isAmongEnough || after.same[at]! - same <= timespan) {
      const isOpen = !entry.reported && entry.occurredAt >= decidedTo && (of.holdsOfEnough || !isAmongEnough);
      if (isForced || !isOpen) {
        if (isOpen) lost++;
        continue;
      }
    }
    entries[kept] = entry;
    before.add(kept++);
    for (const thing of things) latest.set(thing, entry.occurredAt);
  }
  entries.length = kept;
  return lost;
}

/** For each entry: when enough things have come after it, and when all of its own have come again. */
function followingOf(entries: readonly Entry[], of: Counted): { enough: Float64Array; same: Float64Array } {
  const enough = new Float64Array(entries.length);
  const same = new Float64Array(entries.length);
  const after = new Stretch(entries, { ...of, direction: -1 });
  const next = new Map<Thing, Instant>();
  for (let at = entries.length - 1; at >= 0; at--) {
    const things = of.thingsOf(entries[at]!);
    enough[at] = after.start ?? Infinity;
    same[at] = things.reduce<Instant>((most, thing) => Math.max(most, next.get(thing) ?? Infinity), -Infinity);
    after.add(at);
    for (const thing of things) next.set(thing, entries[at]!.occurredAt);
  }
  return { enough, same };
}

/** The shortest stretch of neighbours with enough different things that ends in the one added last. */
class Stretch {
  readonly #entries: readonly Entry[];
  readonly #of: Counted & { readonly direction: 1 | -1 };
  readonly #occurrences = new Map<Thing, number>();
  #from: number | undefined;

  constructor(entries: readonly Entry[], of: Counted & { readonly direction: 1 | -1 }) {
    this.#entries = entries;
    this.#of = of;
  }

  /** Time of its other end; undefined: there is none. */
  get start(): Instant | undefined {
    return this.#occurrences.size >= this.#of.enough ? this.#entries[this.#from!]!.occurredAt : undefined;
  }

  add(at: number): void {
    const occurrences = this.#occurrences;
    for (const thing of this.#of.thingsOf(this.#entries[at]!))
      occurrences.set(thing, (occurrences.get(thing) ?? 0) + 1);
    this.#from ??= at;
    while (this.#from !== at && this.#isEnoughWithout(this.#from)) {
      for (const thing of this.#of.thingsOf(this.#entries[this.#from]!)) {
        const left = occurrences.get(thing)! - 1;
        if (left === 0) occurrences.delete(thing);
        else occurrences.set(thing, left);
      }
      this.#from += this.#of.direction;
    }
  }

  #isEnoughWithout(at: number): boolean {
    const alone = this.#of.thingsOf(this.#entries[at]!).filter((thing) => this.#occurrences.get(thing) === 1);
    return this.#occurrences.size - alone.length >= this.#of.enough;
  }
}
