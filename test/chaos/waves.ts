// Waves of freezes, and what the breaker of the rule `chaos_wave` may make of them: so many accounts of a
// partition within a window are frozen, all others held for a while and looked at; it opens, and closes again
// when a window was quiet or a person says so. Pure, so that its own test can show each finding red.

import { PROGRESS_WITHIN_MS } from "./judged.ts";
import type { Disturbance, EndingDecision, Judged, SaidCommand } from "./judged.ts";
import { LASTS_MS } from "./oracle.ts";

export const WAVE_RULE = "chaos_wave";
/** The disturbance that is a wave and nothing else. */
export const WAVE = "a wave of freezes";

/** An account of which the rule wants a freeze. */
export interface Wanted {
  readonly accountId: string;
  readonly eventId: string;
  readonly partition: number;
  /** Event time. */
  readonly at: number;
  /** When it was appended. */
  readonly since: number;
}

/** What Holdfast tells of a breaker. */
export interface BreakerWord {
  readonly kind: string;
  /** Names the opening. */
  readonly caseId: string;
  readonly ruleId: string;
  /** Event time. */
  readonly lastAt: number;
  /** By the broker's clock. */
  readonly appendedAt: number;
}

export interface Waves {
  readonly wanted: readonly Wanted[];
  readonly breakers: readonly BreakerWord[];
  /** When the last event was appended. */
  readonly eventsEndAt: number;
  /** Accounts of a partition that one rule may freeze within the window. */
  readonly breakerBound: number;
  readonly breakerWindowMs: number;
}

export type WavesJudged = Waves & Judged;

export interface Breaking {
  readonly findings: readonly string[];
  /** Accounts frozen as the rule says, and those that were held for a while instead. */
  readonly frozen: number;
  readonly reduced: number;
  readonly opened: number;
  readonly closedByWord: number;
  readonly closedByQuiet: number;
}

/** How long a hold lasts that takes the place of a freeze. */
const HOLD_MS = 3_600_000;
/** Appended later than this after it happened, it may come after a close. */
const LATE_MS = 5_000;

interface Form {
  readonly suffix: string;
  readonly action: string;
  readonly scopes: string;
  readonly lasts: number;
}

const FREEZE: Form = { suffix: "0", action: "FREEZE", scopes: "WITHDRAW,P2P,TRADE", lasts: LASTS_MS };
const HOLD: Form = { suffix: "0-breaker-hold", action: "HOLD", scopes: "WITHDRAW,P2P,TRANSFER", lasts: HOLD_MS };
const REVIEW: Form = { suffix: "0-breaker-review", action: "REVIEW", scopes: "WITHDRAW,P2P,TRADE", lasts: LASTS_MS };

/** Commands of this rule are judged here alone. */
export function judgeWaves(given: WavesJudged): Breaking {
  const findings: string[] = [];
  const commands = Map.groupBy(
    given.said.filter(({ ruleId, action }) => ruleId === WAVE_RULE && action !== "RELEASE"),
    ({ accountId }) => accountId,
  );
  const frozen: Wanted[] = [];
  let reduced = 0;
  for (const wanted of given.wanted) {
    const own = commands.get(wanted.accountId) ?? [];
    commands.delete(wanted.accountId);
    const found = judgeAccount(wanted, own, given);
    findings.push(...found.findings);
    if (found.isFrozen) frozen.push(wanted);
    if (found.isReduced) reduced += 1;
  }
  for (const accountId of commands.keys()) findings.push(`wrong: ${accountId} ${WAVE_RULE} must not fire`);
  const openings = judgeOpenings(given);
  findings.push(...judgeBounds(frozen, given), ...openings.findings);
  return { ...openings, findings, frozen: frozen.length, reduced };
}

function judgeAccount(
  wanted: Wanted,
  own: readonly SaidCommand[],
  { boundOf, disturbances }: WavesJudged,
): { findings: string[]; isFrozen: boolean; isReduced: boolean } {
  const { accountId, eventId, at, since } = wanted;
  const caseId = caseIdOf(wanted);
  const has = ({ suffix }: Form): boolean =>
    own.some(({ commandId }) => commandId === `${caseId}/${eventId}/${suffix}`);
  const findings: string[] = [];
  for (const { commandId, action, scopes, issuedAt, expiresAt } of own) {
    const form = [FREEZE, HOLD, REVIEW].find(({ suffix }) => commandId === `${caseId}/${eventId}/${suffix}`);
    const isAsSaid =
      form?.action === action && form.scopes === scopes.join() && issuedAt === at && expiresAt === at + form.lasts;
    if (!isAsSaid) findings.push(`altered: ${commandId} says ${action} ${scopes.join()} until ${expiresAt}`);
  }
  const [isFrozen, isHeld, isReviewed] = [has(FREEZE), has(HOLD), has(REVIEW)];
  if (!isFrozen && !isHeld) findings.push(`missing: ${accountId} ${WAVE_RULE} is neither frozen nor held`);
  if (isHeld !== isReviewed) findings.push(`missing: ${accountId} ${WAVE_RULE} is held or looked at, but not both`);
  // A dying owner and its successor may let out different ones.
  if (isFrozen && isHeld && !isShaken(since, disturbances)) findings.push(`doubled: ${accountId} is frozen and held`);
  const first = Math.min(...own.map(({ appendedAt }) => appendedAt));
  if (own.length > 0 && first > boundOf(since))
    findings.push(`late: ${accountId} ${WAVE_RULE} after ${first - since} ms`);
  return { findings, isFrozen, isReduced: isHeld };
}

function caseIdOf({ accountId, eventId }: Wanted): string {
  return [accountId, WAVE_RULE, eventId].map(encodeURIComponent).join("/");
}

/** Never more than the bound, and no fewer while nothing was wanted before. */
function judgeBounds(frozen: readonly Wanted[], given: WavesJudged): string[] {
  const { breakerBound: bound, breakerWindowMs: window, disturbances } = given;
  const findings: string[] = [];
  for (const [partition, own] of Map.groupBy(given.wanted, (wanted) => wanted.partition)) {
    const out = frozen.filter((each) => each.partition === partition);
    const within = (all: readonly Wanted[], from: number, to: number): number =>
      all.filter(({ at }) => at >= from && at <= to).length;
    const times = [...new Set(own.map(({ at }) => at))].toSorted((a, b) => a - b);
    for (const [index, at] of times.entries()) {
      const words = wordsOn(own, given).filter(({ decidedAt }) => Math.abs(decidedAt - at) <= window).length;
      // After a crash it may be others, beside those that the dead owner said last.
      const near = own.filter((each) => each.at >= at - window && each.at <= at);
      const owners = near.some(({ since }) => isShaken(since, disturbances)) ? 2 : 1;
      const count = within(out, at - window, at);
      if (count > bound * (owners + words))
        findings.push(`unbounded: ${count} accounts of partition ${partition} frozen in a window, ${bound} allowed`);
      const isFirst = index === 0 || at - times[index - 1]! > 3 * window;
      const due = Math.min(bound, within(own, at, at));
      if (isFirst && within(out, at, at) < due)
        findings.push(
          `held back: ${within(out, at, at)} accounts of partition ${partition} frozen, ${due} were allowed`,
        );
    }
  }
  return findings;
}

function wordsOn(wanted: readonly Wanted[], { decisions }: WavesJudged): EndingDecision[] {
  const accounts = new Set(wanted.map(({ accountId }) => accountId));
  return decisions.filter(({ caseId, accountId }) => isOpening(caseId) && accounts.has(accountId));
}

/** It opens when the bound is passed, once, and closes once, for a reason. */
function judgeOpenings(given: WavesJudged): Pick<Breaking, "opened" | "closedByWord" | "closedByQuiet"> & {
  findings: string[];
} {
  const findings: string[] = [];
  const openers = new Map(given.wanted.map((wanted) => [`${caseIdOf(wanted)}/breaker-freeze`, wanted]));
  const decided = new Set(given.decisions.map(({ caseId }) => caseId));
  const counts = { opened: 0, closedByWord: 0, closedByQuiet: 0 };
  const byPartition = Map.groupBy(distinct(given.breakers), ({ caseId }) => openers.get(caseId)?.partition);
  for (const { caseId } of byPartition.get(undefined) ?? [])
    findings.push(`wrong: a breaker opened or closed by ${caseId}`);
  for (const [partition, own] of Map.groupBy(given.wanted, (wanted) => wanted.partition)) {
    const words = byPartition.get(partition) ?? [];
    let open: BreakerWord | undefined;
    for (const word of words) {
      if (word.kind === "BREAKER_OPENED") {
        counts.opened += 1;
        if (open !== undefined && !isShaken(openers.get(word.caseId)!.since, given.disturbances))
          findings.push(
            `doubled: the breaker of partition ${partition} opened twice, by ${open.caseId}, ${word.caseId}`,
          );
        open = word;
        continue;
      }
      if (!words.some(({ kind, caseId }) => kind === "BREAKER_OPENED" && caseId === word.caseId))
        findings.push(`wrong: ${word.caseId} was closed and never opened`);
      if (decided.has(word.caseId)) counts.closedByWord += 1;
      else {
        counts.closedByQuiet += 1;
        const from = word.lastAt - given.breakerWindowMs;
        const restless = own.find(({ at, since }) => since - at < LATE_MS && at >= from && at < word.lastAt);
        if (restless !== undefined)
          findings.push(`early: ${word.caseId} was closed, and ${restless.eventId} wanted it`);
      }
      if (open?.caseId === word.caseId) open = undefined;
    }
    findings.push(...judgeEnd(open, { ...given, own, partition }));
    const most = Math.max(...[...Map.groupBy(own, ({ at }) => at).values()].map(({ length }) => length));
    if (most > given.breakerBound && words.length === 0)
      findings.push(`missing: partition ${partition} opened no breaker`);
  }
  return { ...counts, findings };
}

/** Nothing stays open for longer than it may. */
function judgeEnd(
  open: BreakerWord | undefined,
  given: WavesJudged & { own: readonly Wanted[]; partition: number },
): string[] {
  if (open === undefined) return [];
  const { own, decisions, breakerWindowMs, endedAt, eventsEndAt, partition } = given;
  const quietAt = Math.max(...own.map(({ at, since }) => Math.max(at, since))) + breakerWindowMs;
  const decidedAt = decisions.find(({ caseId }) => caseId === open.caseId)?.decidedAt ?? Infinity;
  // Quiet is event time: without events it does not pass.
  if (quietAt + PROGRESS_WITHIN_MS >= eventsEndAt && decidedAt + PROGRESS_WITHIN_MS >= endedAt) return [];
  return [`missing: the breaker of partition ${partition}, opened by ${open.caseId}, was never closed`];
}

/** Each opening and closing once, however often it was told. */
function distinct(words: readonly BreakerWord[]): BreakerWord[] {
  const known = new Map<string, BreakerWord>();
  for (const word of words.toSorted((a, b) => a.appendedAt - b.appendedAt)) {
    const name = `${word.kind} ${word.caseId}`;
    if (!known.has(name)) known.set(name, word);
  }
  return [...known.values()];
}

/** Whether that names a breaker's opening, not a case. */
export function isOpening(caseId: string): boolean {
  return /\/breaker-[a-z]+$/u.test(caseId);
}

/** Whether something else than the wave was going on. */
function isShaken(instant: number, disturbances: readonly Disturbance[]): boolean {
  return disturbances.some(({ kind, from, to }) => kind !== WAVE && from <= instant && instant <= to);
}
