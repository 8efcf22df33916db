// Which factors an account has enrolled, as of any instant. What events say of a factor is kept as marks:
// the factor, the time, and what was said of it.
//
//   ENROLLED  not before this mark tells (an earlier one may), from it on yes
//   REMOVED   until just before it yes, from it on no
//   OBSERVED  before and after it yes (a challenge passed, a list of the enrolled)
//   ABSENT    from it on no (a list of the enrolled that leaves it out)
//
//        t1            t2          t3
//   ─────O─────────────R───────────E──────►      O OBSERVED, R REMOVED, E ENROLLED
//   yes ←│     yes     │    no     │   yes       a late event before t1: yes, since O was no enrolment
//
// The last mark at or before an instant decides; before the first one it is the first that tells. An
// observation or a list that says nothing new is not kept, so that a routine event writes nothing. The
// price: delivered before a change which happened before it, it is no longer there to contradict that
// change, until the factor is observed or listed again.
//
// A mark is one number (time × 64 + factor × 4 + kind), so marks sort by time and a profile holds them in
// one array of plain doubles. Exact until the year 6429.
//
// Invariants:
//   FM1 marks are a set: recording one twice is recording it once; of two at one instant the higher kind stays
//   FM2 of each factor the latest MARKS_KEPT are kept

import { FACTOR_STRENGTH, type Factor } from "./event.ts";
import type { Instant } from "./time.ts";

/** What was said of a factor; at the same instant the later in this order wins. */
export const MARK_KINDS = ["OBSERVED", "ABSENT", "ENROLLED", "REMOVED"] as const;
export type MarkKind = (typeof MARK_KINDS)[number];

/** Codes of the factors inside a mark; only in memory, the state log has their names. */
export const FACTORS: readonly Factor[] = Object.keys(FACTOR_STRENGTH) as Factor[];

/** Packed marks, ascending. Never changed in place. */
export type FactorMarks = readonly number[];

/** Shared by every account of whose factors nothing is known. */
export const NO_MARKS: FactorMarks = [];

const MARKS_KEPT = 4;
const STRENGTHS: readonly number[] = FACTORS.map((factor) => FACTOR_STRENGTH[factor]);
const CODES: ReadonlyMap<string, number> = new Map(FACTORS.map((factor, code) => [factor, code]));
const UNKNOWN = CODES.get("UNKNOWN")!;
const OBSERVED = 0;
const ABSENT = 1;
const ENROLLED = 2;
const REMOVED = 3;

export function packMark(factor: number, kind: number, at: Instant): number {
  return at * 64 + factor * 4 + kind;
}

export function markTime(mark: number): Instant {
  return Math.floor(mark / 64);
}

export function markFactor(mark: number): number {
  return Math.floor((mark - markTime(mark) * 64) / 4);
}

export function markKind(mark: number): number {
  return mark - Math.floor(mark / 4) * 4;
}

/** Strength of the strongest of the given factors; 0 for none. */
export function strengthOf(factors: readonly Factor[]): number {
  let strongest = 0;
  for (const factor of factors) {
    const strength = FACTOR_STRENGTH[factor] ?? 0;
    if (strength > strongest) strongest = strength;
  }
  return strongest;
}

/** Records what an event says of one factor. The same array when that is nothing new. */
export function recordFactor(marks: FactorMarks, factor: Factor, kind: MarkKind, at: Instant): FactorMarks {
  return record(marks, CODES.get(factor) ?? UNKNOWN, MARK_KINDS.indexOf(kind), at);
}

/** Records a full list of the enrolled: those on it were seen, the known others are absent. */
export function recordList(marks: FactorMarks, enrolled: readonly Factor[], at: Instant): FactorMarks {
  const listed = listMask(enrolled);
  if (isAsKnown(marks, listed, at)) return marks;
  let next = marks;
  for (let factor = 0; factor < FACTORS.length; factor++) {
    next = record(next, factor, (listed & (1 << factor)) === 0 ? ABSENT : OBSERVED, at);
  }
  return next;
}

/** A list of factors as a bit mask. */
export function listMask(factors: readonly Factor[]): number {
  let mask = 0;
  for (const factor of factors) mask |= 1 << (CODES.get(factor) ?? UNKNOWN);
  return mask;
}

/** The factors enrolled after the last mark, as a bit mask. */
export function enrolledLast(marks: FactorMarks): number {
  let enrolled = 0;
  for (const mark of marks) enrolled = withMark(enrolled, mark);
  return enrolled;
}

/** From when on that stands: just after the last mark. */
export function standsFrom(marks: FactorMarks): Instant {
  const last = marks.at(-1);
  return last === undefined ? 0 : markTime(last) + 1;
}

function withMark(enrolled: number, mark: number): number {
  const bit = 1 << markFactor(mark);
  const kind = markKind(mark);
  return kind === OBSERVED || kind === ENROLLED ? enrolled | bit : enrolled & ~bit;
}

/** Whether the marks before `at` say exactly what is listed, which is nearly always so. */
function isAsKnown(marks: FactorMarks, listed: number, at: Instant): boolean {
  let enrolled = 0;
  for (const mark of marks) {
    const time = markTime(mark);
    if (time === at) return false;
    if (time > at) break;
    enrolled = withMark(enrolled, mark);
  }
  return enrolled === listed;
}

function record(marks: FactorMarks, factor: number, kind: number, at: Instant): FactorMarks {
  let kept = 0;
  let oldest = -1;
  let last = ABSENT; // a factor never heard of is not enrolled
  for (let index = 0; index < marks.length; index++) {
    const mark = marks[index]!;
    if (markFactor(mark) !== factor) continue;
    const time = markTime(mark);
    if (time === at) {
      if (markKind(mark) >= kind) return marks; // FM1
      return insert(without(marks, index), packMark(factor, kind, at));
    }
    if (oldest < 0) oldest = index;
    if (time < at) last = markKind(mark);
    kept++;
  }
  const enrolledBefore = last === OBSERVED || last === ENROLLED;
  if (kind === OBSERVED && enrolledBefore) return marks;
  if (kind === ABSENT && !enrolledBefore) return marks;
  if (kept < MARKS_KEPT) return insert(marks, packMark(factor, kind, at));
  if (at < markTime(marks[oldest]!)) return marks; // FM2
  return insert(without(marks, oldest), packMark(factor, kind, at));
}

function without(marks: FactorMarks, index: number): FactorMarks {
  return marks.toSpliced(index, 1);
}

function insert(marks: FactorMarks, mark: number): FactorMarks {
  return [...marks, mark].sort((a, b) => a - b).slice(); // a copy has no room to spare
}

/** Scratch of `strongestEnrolled`: for each factor 0 unknown, 1 enrolled, 2 not. */
const standing = new Uint8Array(FACTORS.length);

/**
 * Strength of the strongest factor enrolled at an instant, or just before it; -1 when no factor is known
 * to be enrolled then.
 */
export function strongestEnrolled(marks: FactorMarks, at: Instant, side: "before" | "after"): number {
  standing.fill(0);
  for (let index = 0; index < marks.length; index++) {
    const mark = marks[index]!;
    const time = markTime(mark);
    const factor = markFactor(mark);
    const kind = markKind(mark);
    if (time < at || (time === at && side === "after")) {
      standing[factor] = kind === OBSERVED || kind === ENROLLED ? 1 : 2;
    } else if (time === at && (kind === OBSERVED || kind === REMOVED)) {
      standing[factor] = 1;
    } else if (standing[factor] === 0) {
      standing[factor] = kind === OBSERVED || kind === REMOVED ? 1 : 2;
    }
  }
  let strongest = -1;
  for (let factor = 0; factor < standing.length; factor++) {
    if (standing[factor] === 1 && STRENGTHS[factor]! > strongest) strongest = STRENGTHS[factor]!;
  }
  return strongest;
}
