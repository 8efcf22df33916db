// temporal: events of its rules within one timespan, in any order. Its condition asks for all rules, for a
// count of rules, or for a boolean expression over them, absence included.
//
//   a and not b     ──a═══════════════════╗──►      b must not match anywhere in [first, first + timespan]
//                     first   last        first + timespan: decided when this is past the grace
//
// Without absence a match that ends in an event needs only the timespan before it, and is found at once; a
// count of rules with an upper bound looks at the same window, when it is complete.
//
// What is kept: of each rule the newest events; where absence matters absence.ts says what else, and of a count
// that is no lower bound count.ts.

import type { Entry } from "../entry.ts";
import type { Comparison, CorrelationRule } from "../rule.ts";
import type { Duration } from "../time.ts";
import { evictAround, needsFew } from "./absence.ts";
import { holdAll } from "./comparison.ts";
import type { CorrelationSettings, Kind, Member } from "./correlation.ts";
import { thinning } from "./count.ts";
import { lastAt } from "./entry-set.ts";
import { bitsOf, holdsFor, type Literals, literalsOf } from "./input-expression.ts";
import { comparisonsOf, waitsOf } from "./window.ts";

export function temporal(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  const literals = literalsOf(rule);
  if (literals === undefined) return countOfRules(rule, settings);
  return bitsOf(literals, "absent") === 0
    ? conjunction(rule, literals, settings)
    : withAbsence(rule, literals, settings);
}

function conjunction(rule: CorrelationRule, literals: Literals, settings: CorrelationSettings): Kind {
  const wanted = bitsOf(literals, "input");
  return {
    waits: [],
    reach: rule.timespan,
    contradicts: 0,
    isTaken: (entry) => (entry.steps & wanted) !== 0,
    matchAt(entries, end) {
      const last = entries[end]!.steps & wanted;
      const present = stepsIn(entries, end, rule.timespan) & wanted;
      const holds = holdsFor(literals, { present, absent: 0, first: 0, last, isOne: true });
      return holds ? newestOf(entries, end, { bits: present, within: rule.timespan }) : undefined;
    },
    evict: (memory, to) => evictAround(memory, needsFew(rule, settings, to), { wanted, forbidden: 0 }),
  };
}

function countOfRules(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  const comparisons: readonly Comparison[] = comparisonsOf(rule);
  const waits = waitsOf(comparisons);
  const wanted = 2 ** rule.inputs.length - 1;
  return {
    waits,
    reach: rule.timespan,
    contradicts: ~0,
    isTaken: () => true,
    matchAt(entries, end, settled) {
      if (waits.length > 0 && entries[end]!.occurredAt >= settled) return undefined;
      const present = stepsIn(entries, end, rule.timespan);
      return holdAll(comparisons, bitCount(present))
        ? newestOf(entries, end, { bits: present, within: rule.timespan })
        : undefined;
    },
    evict:
      waits.length === 0
        ? (memory, to) => evictAround(memory, needsFew(rule, settings, to), { wanted, forbidden: 0 })
        : thinning(rule, { ...settings, thingsOf: ({ steps }) => inputsOf(steps) }),
  };
}

function withAbsence(rule: CorrelationRule, literals: Literals, settings: CorrelationSettings): Kind {
  const wanted = bitsOf(literals, "input");
  const forbidden = bitsOf(literals, "absent");
  const { timespan } = rule;
  return {
    waits: [timespan],
    reach: timespan,
    contradicts: forbidden,
    isTaken: () => true,
    matchAt(entries, end, settled) {
      const last = entries[end]!.steps & wanted;
      const until = entries[end]!.occurredAt;
      if (last === 0) return undefined;
      const next = new Array<number>(rule.inputs.length).fill(Infinity);
      let present = 0;
      // Back over all instants; from the match's last event on, each may be its first.
      for (let at = entries.length - 1; at >= 0;) {
        const instant = entries[at]!.occurredAt;
        if (instant < until - timespan) break;
        let steps = 0;
        for (; at >= 0 && entries[at]!.occurredAt === instant; at--) steps |= entries[at]!.steps;
        for (let input = 0; input < next.length; input++) if ((steps & (1 << input)) !== 0) next[input] = instant;
        const first = steps & wanted;
        if (instant > until) continue;
        present |= first;
        if (first === 0 || instant + timespan >= settled) continue;
        const absent = forbidden & ~stepsBefore(next, instant + timespan);
        if (holdsFor(literals, { present, absent, first, last, isOne: instant === until })) {
          return newestOf(entries, end, { bits: present, within: until - instant });
        }
      }
      return undefined;
    },
    evict: (memory, to) => evictAround(memory, needsFew(rule, settings, to), { wanted, forbidden }),
  };
}

/** Bits of the inputs whose next event comes up to `until`. */
function stepsBefore(next: readonly number[], until: number): number {
  let bits = 0;
  for (let input = 0; input < next.length; input++) if (next[input]! <= until) bits |= 1 << input;
  return bits;
}

/** Steps of all entries in the window that ends at entries[end]. */
function stepsIn(entries: readonly Entry[], end: number, timespan: Duration): number {
  const start = entries[end]!.occurredAt - timespan;
  let steps = 0;
  for (let at = lastAt(entries, end); at >= 0 && entries[at]!.occurredAt >= start; at--) steps |= entries[at]!.steps;
  return steps;
}

/** For each input the newest event up to entries[end], another one for each as far as there are; entries[end] too. */
function newestOf(
  entries: readonly Entry[],
  end: number,
  of: { readonly bits: number; readonly within: Duration },
): Member[] {
  const start = entries[end]!.occurredAt - of.within;
  const from = lastAt(entries, end);
  const used = new Set<number>();
  const members: Member[] = [];
  const take = (at: number, input: number): void => {
    used.add(at);
    members.push({ at, input });
  };
  const endInput = 31 - Math.clz32(entries[end]!.steps & of.bits);
  take(end, endInput);
  for (let input = 0; input < 31; input++) {
    if ((of.bits & (1 << input)) === 0 || input === endInput) continue;
    let shared = -1;
    let own = -1;
    for (let at = from; at >= 0 && own < 0 && entries[at]!.occurredAt >= start; at--) {
      if ((entries[at]!.steps & (1 << input)) === 0) continue;
      if (!used.has(at)) own = at;
      else if (shared < 0) shared = at;
    }
    if (own >= 0) take(own, input);
    else if (shared >= 0) take(shared, input);
  }
  return members;
}

function inputsOf(bits: number): number[] {
  const inputs: number[] = [];
  for (let rest = bits; rest !== 0; rest &= rest - 1) inputs.push(rest & -rest);
  return inputs;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
