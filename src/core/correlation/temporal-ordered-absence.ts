// temporal_ordered with negated steps: the wanted steps in order and within the timespan, and no event of a
// negated step between its neighbours in the written order; before the first wanted step it must not match
// from first − timespan on, after the last until first + timespan. All spans are inclusive: an event at the
// same instant counts as between, as equal times count as ordered either way.
//
//   not n · a · not m · b · not o      ┄┄┄n?┄┄┄┄a────m?────b───o?───┄┄►
//                                  first − span  first     last    first + span
//
// It is decided once the last of these spans has ended and the grace has passed. Greedy walks do not do
// here: the latest a may stand behind an m. So all entries that some valid tail continues are marked, step
// by step from the end back; each looks only at the earliest marked one after it, and at the next
// forbidden event: one pass over the entries for each step.

import type { Entry } from "../entry.ts";
import type { CorrelationRule } from "../rule.ts";
import type { Instant } from "../time.ts";
import { evictAround, needsFew } from "./absence.ts";
import type { CorrelationSettings, Kind } from "./correlation.ts";
import { lastAt } from "./entry-set.ts";
import { bitsOf, literalsOf } from "./input-expression.ts";
import { membersOf, protection } from "./temporal-ordered.ts";

/** The wanted inputs in order, and what is forbidden before, between and after them. */
interface Order {
  readonly steps: readonly number[];
  /** gaps[i]: bits forbidden before steps[i]; the last: after all. */
  readonly gaps: readonly number[];
  readonly timespan: number;
}

export function orderedWithAbsence(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  const literals = literalsOf(rule)!;
  const order = orderOf(rule, bitsOf(literals, "absent"));
  const { steps, gaps, timespan } = order;
  const wanted = steps.reduce((bits, step) => bits | (1 << step), 0);
  const forbidden = gaps.reduce((bits, gap) => bits | gap, 0);
  const lastBit = 1 << steps.at(-1)!;
  return {
    waits: gaps.at(-1) === 0 ? [0] : [0, timespan],
    reach: gaps[0] === 0 ? timespan : 2 * timespan,
    contradicts: forbidden,
    isTaken: () => true,
    matchAt(entries, end, settled) {
      if ((entries[end]!.steps & lastBit) === 0) return undefined;
      const chain = chainTo(entries, end, { order, settled });
      return chain === undefined ? undefined : membersOf(chain, steps);
    },
    evict(memory, to) {
      const isKept = protection(memory.entries, steps);
      return evictAround(memory, needsFew(rule, settings, to), { wanted, forbidden, isKept });
    },
  };
}

function orderOf(rule: CorrelationRule, negated: number): Order {
  const steps: number[] = [];
  const gaps = [0];
  for (let input = 0; input < rule.inputs.length; input++) {
    if ((negated & (1 << input)) === 0) {
      steps.push(input);
      gaps.push(0);
    } else gaps[steps.length]! |= 1 << input;
  }
  if (steps.length === 0) throw new Error(`${rule.id}: a sequence of absences only`);
  return { steps, gaps, timespan: rule.timespan };
}

/** The latest-starting valid chain that ends at `end`. */
function chainTo(
  entries: readonly Entry[],
  end: number,
  by: { readonly order: Order; readonly settled: Instant },
): number[] | undefined {
  const { steps, gaps } = by.order;
  let marked: readonly number[] = [end];
  /** links[i]: for an entry that serves step i, the one of step i + 1 it goes on with. */
  const links: Map<number, number>[] = [];
  for (let step = steps.length - 2; step >= 0; step--) {
    const link = linksOf(entries, marked, { ...by, bit: 1 << steps[step]!, gap: gaps[step + 1]!, end });
    links.unshift(link);
    marked = [...link.keys()].toReversed();
  }
  const first = marked.findLast((at) => isFirst(entries, at, { ...by, end }));
  if (first === undefined) return undefined;
  const chain = [first];
  for (const link of links) chain.push(link.get(chain.at(-1)!)!);
  return chain;
}

/** For each entry of the step, from the latest back, a marked one that it can go on with. */
function linksOf(
  entries: readonly Entry[],
  marked: readonly number[],
  of: {
    readonly bit: number;
    readonly gap: number;
    readonly end: number;
    readonly order: Order;
    readonly settled: Instant;
  },
): Map<number, number> {
  const start = entries[of.end]!.occurredAt - of.order.timespan;
  const found = new Map<number, number>();
  const forbidden = entries.filter(({ steps }) => (steps & of.gap) !== 0).map(({ occurredAt }) => occurredAt);
  let next = marked.length;
  let contradicting = forbidden.length;
  for (let at = lastAt(entries, of.end); at >= 0 && entries[at]!.occurredAt >= start; at--) {
    const instant = entries[at]!.occurredAt;
    while (next > 0 && entries[marked[next - 1]!]!.occurredAt >= instant) next--;
    while (contradicting > 0 && forbidden[contradicting - 1]! >= instant) contradicting--;
    if ((entries[at]!.steps & of.bit) === 0) continue;
    const until = Math.min(forbidden[contradicting] ?? Infinity, of.gap === 0 ? Infinity : of.settled);
    const isOpen = (index: number): boolean => index < marked.length && entries[marked[index]!]!.occurredAt < until;
    if (!isOpen(next)) continue;
    // Another event for each step where there is one: it tells more.
    const other = marked[next] === at && isOpen(next + 1) ? next + 1 : next;
    found.set(at, marked[other]!);
  }
  return found;
}

function isFirst(
  entries: readonly Entry[],
  at: number,
  by: { readonly order: Order; readonly settled: Instant; readonly end: number },
): boolean {
  const { gaps, timespan } = by.order;
  const instant = entries[at]!.occurredAt;
  const last = entries[by.end]!.occurredAt;
  if (last - instant > timespan) return false;
  const before = gaps[0]!;
  const after = gaps.at(-1)!;
  if (before !== 0) {
    if (instant >= by.settled || hasWithin(entries, before, [instant - timespan, instant])) return false;
  }
  return after === 0 || (instant + timespan < by.settled && !hasWithin(entries, after, [last, instant + timespan]));
}

function hasWithin(entries: readonly Entry[], bits: number, [from, to]: readonly [Instant, Instant]): boolean {
  return entries.some((entry) => (entry.steps & bits) !== 0 && entry.occurredAt >= from && entry.occurredAt <= to);
}
