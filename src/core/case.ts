// Cases (L6): a match opens a case for its rule and account, and until the case expires further matches
// only add to it. Owns the cases of one account, which one a match belongs to, its evidence and its end.
// Leaves to response.ts what is said.
//
//   match ●────────── open ──────────● expiresAt ─── remembered ───● keepUntil: forgotten
//         OPENED, commands           CLOSED            (late matches still find it)
//
// A match belongs to the case that already has its deciding event; else to the first whose expiry lies
// after that event (also one opened by a later event: then this is evidence that came late); else it opens
// a new one. A released case takes no more: matches up to its latest evidence are swallowed, later ones
// look further. A late match may prolong a case that was reported closed: it closes once more.
//
// Invariants:
//   CS1 the same match again changes nothing and says nothing
//   CS2 a case is announced (OPENED) once, and only what was announced is reported closed
//   CS3 evidence is a set of at most EVIDENCE_KEPT: the first, the deciding and the latest; what may have
//      been dropped already is not counted again

import type { Unanswered } from "./acknowledgement.ts";
import { type Entry, evidenceOf, inEventOrder } from "./entry.ts";
import type { Match } from "./correlation/correlation.ts";
import type { Command, Detection, Evidence } from "./output.ts";
import {
  beyond,
  commandOf,
  encodePart,
  isProtection,
  type Plan,
  type PlannedAction,
  type Rule,
  type Said,
  targetsOf,
  withSaid,
} from "./response.ts";
import type { Duration, Instant } from "./time.ts";

/** The record of the same name in schemas/state/group.avsc. */
export interface CaseState {
  /** Rule id. */
  readonly rule: string;
  /** eventId of the deciding event of the match that opened it. */
  readonly decidedBy: string;
  readonly openedAt: Instant;
  expiresAt: Instant;
  /** When the frontier has reached this the case is forgotten. */
  keepUntil: Instant;
  /** Its OPENED detection went out. */
  announced: boolean;
  /** Its CLOSED detection went out, or never will. */
  closed: boolean;
  released: boolean;
  said: readonly Said[];
  /** In event order. */
  evidence: Evidence[];
  evidenceCount: number;
  /** Evidence at or before this, if it is not listed, may have been dropped at the cap. */
  droppedTo: Instant | null;
  /** Ids of the decisions that were taken on it, the latest DECISIONS_KEPT. */
  decisions: readonly string[];
  /** Commands that no service has answered. */
  unanswered: readonly Unanswered[];
}

/** A rule as cases need it. */
export interface CaseRule {
  readonly rule: Rule;
  readonly plan: Plan;
  /** How long a case is remembered after its expiry: timespan and lateness. */
  readonly remember: Duration;
}

export const EVIDENCE_KEPT = 32;
/** The first, the deciding, the latest. */
export const EVIDENCE_LEAST = 3;
const CASES_KEPT_PER_RULE = 8;
const DECISIONS_KEPT = 16;
const NONE: readonly never[] = [];

/** Who judges matches: what the rule says, of whom, and what may go out of it. */
export interface Judge {
  readonly rule: CaseRule;
  readonly accountId: string;
  /** Told when a case is forgotten before its time. */
  readonly onEvicted: () => void;
  /** What becomes of an action that goes beyond what the case has in force; default: it goes out as planned. */
  readonly admit?: (
    action: PlannedAction,
    asked: { readonly current: CaseState; readonly at: Instant },
  ) => readonly PlannedAction[];
}

/** What one match or one passing of time decided. */
export interface Judgement {
  readonly commands: Command[];
  readonly detections: Detection[];
}

/** Takes a match into the account's cases, in place. */
export function judge(cases: CaseState[], match: Match, by: Judge): Judgement {
  const deciding = match.entries.at(-1)!;
  const found = caseOf(cases, by.rule.rule.id, deciding);
  const current = found ?? openCase(cases, deciding, by);
  const judgement: Judgement = { commands: [], detections: [] };
  match.entries.forEach((entry, index) => addEvidence(current, evidenceOf(entry, match.rules[index]!)));
  if (!current.released) judgement.commands.push(...respond(current, match, by));
  if (!current.announced) {
    current.announced = true; // CS2
    judgement.detections.push(detectionOf("OPENED", current, by));
  }
  return judgement;
}

function caseOf(cases: readonly CaseState[], rule: string, deciding: Entry): CaseState | undefined {
  const own = cases.filter((each) => each.rule === rule).sort((a, b) => a.expiresAt - b.expiresAt);
  const at = deciding.occurredAt;
  return (
    own.find((each) => each.decidedBy === deciding.eventId || has(each, deciding.eventId)) ?? // CS1
    own.find((each) => (each.released ? at <= latestEvidence(each) : at < each.expiresAt))
  );
}

function openCase(
  cases: CaseState[],
  deciding: Entry,
  by: { readonly rule: CaseRule; readonly onEvicted: () => void },
): CaseState {
  const expiresAt = deciding.occurredAt + by.rule.rule.quiet;
  const opened = newCase(by.rule.rule.id, {
    decidedBy: deciding.eventId,
    openedAt: deciding.occurredAt,
    // With protection the protection's end is the case's: it replaces this below.
    expiresAt: by.rule.plan.actions.some((action) => isProtection(action.action)) ? deciding.occurredAt : expiresAt,
    remember: by.rule.remember,
  });
  addCase(cases, opened, by.onEvicted);
  return opened;
}

export function newCase(
  rule: string,
  of: {
    readonly decidedBy: string;
    readonly openedAt: Instant;
    readonly expiresAt: Instant;
    readonly remember: Duration;
  },
): CaseState {
  return {
    rule,
    decidedBy: of.decidedBy,
    openedAt: of.openedAt,
    expiresAt: of.expiresAt,
    keepUntil: of.expiresAt + of.remember + 1,
    announced: false,
    closed: false,
    released: false,
    said: [],
    evidence: [],
    evidenceCount: 0,
    droppedTo: null,
    decisions: NONE,
    unanswered: NONE,
  };
}

/** Remembers one more case; of one rule's too many the one that would be forgotten first goes. */
export function addCase(cases: CaseState[], added: CaseState, onEvicted: () => void): void {
  const own = cases.filter((each) => each.rule === added.rule);
  if (own.length >= CASES_KEPT_PER_RULE) {
    const first = own.reduce((a, b) => (b.keepUntil < a.keepUntil ? b : a));
    cases.splice(cases.indexOf(first), 1);
    onEvicted();
  }
  cases.push(added);
}

/** The commands by which the match goes beyond what the case has in force. */
function respond(current: CaseState, match: Match, by: Judge): Command[] {
  const { rule, plan } = by.rule;
  const { occurredAt: at, eventId: decidedBy } = match.entries.at(-1)!;
  const commands: Command[] = [];
  for (const planned of plan.actions) {
    const targets = targetsOf(planned, match.entries);
    if (beyond(current.said, { action: planned, targets, at }) === undefined) continue;
    for (const action of by.admit?.(planned, { current, at }) ?? [planned]) {
      const say = beyond(current.said, { action, targets, at });
      if (say === undefined) continue;
      putInForce(current, say, by.rule.remember);
      commands.push(
        commandOf(say, {
          rule,
          plan,
          action,
          accountId: by.accountId,
          caseId: caseIdOf(current, by.accountId),
          decidedBy,
          at,
          evidence: [...current.evidence],
          evidenceCount: current.evidenceCount,
        }),
      );
    }
  }
  return commands;
}

/** Remembers that a decision was taken on the case. @returns whether it is new */
export function noteDecision(current: CaseState, decisionId: string): boolean {
  if (current.decisions.includes(decisionId)) return false;
  current.decisions = [...current.decisions, decisionId].slice(-DECISIONS_KEPT);
  return true;
}

/** Records what was said; a protection that ends later than the case prolongs it. */
export function putInForce(current: CaseState, say: Said, remember: Duration): void {
  current.said = withSaid(current.said, say);
  if (!isProtection(say.action) || say.until <= current.expiresAt) return;
  current.expiresAt = say.until;
  current.keepUntil = Math.max(current.keepUntil, say.until + remember + 1);
  if (!current.released) current.closed = false;
}

/** Adds one event to the evidence, once. */
export function addEvidence(current: CaseState, evidence: Evidence): void {
  if (has(current, evidence.eventId)) return;
  if (current.droppedTo !== null && evidence.occurredAt <= current.droppedTo) return; // CS3
  current.evidenceCount++;
  current.evidence.push(evidence);
  current.evidence.sort(inEventOrder);
  if (current.evidence.length > EVIDENCE_KEPT) keepTelling(current, EVIDENCE_KEPT);
}

/** Reduces the evidence to `limit`, at least EVIDENCE_LEAST. */
export function keepTelling(current: CaseState, limit: number): void {
  while (current.evidence.length > limit) {
    const index = current.evidence[1]!.eventId === current.decidedBy ? 2 : 1;
    const [dropped] = current.evidence.splice(index, 1);
    current.droppedTo = Math.max(current.droppedTo ?? -Infinity, dropped!.occurredAt);
  }
}

function has(current: CaseState, eventId: string): boolean {
  return current.evidence.some((each) => each.eventId === eventId);
}

export function latestEvidence(current: CaseState): Instant {
  return current.evidence.at(-1)?.occurredAt ?? current.openedAt;
}

export function caseIdOf(current: CaseState, accountId: string): string {
  return `${encodePart(accountId)}/${encodePart(current.rule)}/${encodePart(current.decidedBy)}`;
}

/** When the passing of time changes something about the case. A rule that is not loaded closes nothing. */
export function caseWakeAt(current: CaseState, rule: CaseRule | undefined): Instant {
  if (current.closed || rule === undefined) return current.keepUntil;
  return current.released ? 0 : current.expiresAt;
}

/** Closes the case if its time has come; the detection to that effect, if it was ever announced. */
export function closeCase(
  current: CaseState,
  frontier: Instant,
  by: { readonly rule: CaseRule; readonly accountId: string },
): Detection | undefined {
  if (current.closed || caseWakeAt(current, by.rule) > frontier) return undefined;
  current.closed = true;
  current.unanswered = NONE;
  return current.announced ? detectionOf("CLOSED", current, by) : undefined; // CS2
}

function detectionOf(
  kind: "OPENED" | "CLOSED",
  current: CaseState,
  by: { readonly rule: CaseRule; readonly accountId: string },
): Detection {
  const { rule, plan } = by.rule;
  return {
    kind,
    caseId: caseIdOf(current, by.accountId),
    ruleId: rule.id,
    ruleName: rule.name,
    ruleTitle: rule.title,
    ruleHash: rule.hash,
    level: rule.level,
    tags: rule.tags,
    mode: plan.mode,
    group: { accountId: by.accountId },
    firstAt: current.evidence[0]?.occurredAt ?? current.openedAt,
    lastAt: latestEvidence(current),
    decidedBy: current.decidedBy,
    evidence: [...current.evidence],
    evidenceCount: current.evidenceCount,
  };
}
