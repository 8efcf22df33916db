// What comes back to Holdfast: a person's word on a case (Decision) and an enforcing service's answer to a
// command (Ack); the shapes are the Avro records of schemas/commands/. Owns what a decision does to an
// account's cases. Leaves answers to acknowledgement.ts.
//
//   RELEASE, FALSE_POSITIVE    the case closes for good; its RELEASE goes out, also when the case is not known:
//                              then a closed case stands for it, so that a match that comes late finds it closed
//   CONFIRMED_TAKEOVER, EXTEND what the case has in force (had, when all of it is over) goes on until `until`
//
// A person's word counts as it is: no mode, no breaker stands before it.
//
// Invariants:
//   DC1 the same decision again changes nothing and says nothing, whatever came between
//   DC2 what names no case means the cases open at `decidedAt`: nobody decides on what is not there yet
//   DC3 a decision never shortens protection but by ending the case

import { stopWaiting } from "./acknowledgement.ts";
import { addCase, caseIdOf, type CaseRule, type CaseState, newCase, noteDecision, putInForce } from "./case.ts";
import type { Command, Targets } from "./output.ts";
import { covers, encodePart, isFull, isProtection, WHOLE_SCOPE, type Said } from "./response.ts";
import { DAY, type Duration, type Instant } from "./time.ts";

export const VERDICTS = ["RELEASE", "FALSE_POSITIVE", "CONFIRMED_TAKEOVER", "EXTEND"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Decision {
  /** The same id again is the same decision. */
  readonly decisionId: string;
  readonly accountId: string;
  /** null: all open cases of the account. */
  readonly caseId: string | null;
  readonly verdict: Verdict;
  /** EXTEND and CONFIRMED_TAKEOVER: protection until then. */
  readonly until: Instant | null;
  readonly decidedBy: string;
  readonly decidedAt: Instant;
  readonly note: string | null;
}

export const ACK_STATUSES = ["APPLIED", "ALREADY_APPLIED", "REJECTED", "EXPIRED"] as const;
export type AckStatus = (typeof ACK_STATUSES)[number];

export interface Ack {
  readonly commandId: string;
  readonly accountId: string;
  readonly status: AckStatus;
  readonly appliedAt: Instant;
  /** Who answers. */
  readonly service: string;
}

/** What a decision did to one case. */
export interface DecidedCase {
  readonly rule: string;
  readonly caseId: string;
  readonly current: CaseState;
  /** It is the decision's first word on this case. */
  readonly isNew: boolean;
  readonly commands: readonly Command[];
}

export interface DecidedBy {
  readonly accountId: string;
  /** undefined: the rule is not loaded. */
  readonly ruleOf: (id: string) => CaseRule | undefined;
  /** How long a case of that rule is remembered after its expiry. */
  readonly remember: (rule: string) => Duration;
  readonly onEvicted: () => void;
}

const CONFIRMED_FOR: Duration = 7 * DAY;

/** Takes a decision into the account's cases, in place; empty: it concerns none of them. */
export function takeDecision(cases: CaseState[], decision: Decision, by: DecidedBy): DecidedCase[] {
  return chosen(cases, decision, by).map((current) => {
    const isNew = noteDecision(current, decision.decisionId);
    const take = endsCase(decision.verdict) ? release : extend;
    const commands = isNew ? take(current, decision, by) : []; // DC1
    return { rule: current.rule, caseId: caseIdOf(current, by.accountId), current, isNew, commands };
  });
}

/** The case ends with it. */
export function endsCase(verdict: Verdict): boolean {
  return verdict === "RELEASE" || verdict === "FALSE_POSITIVE";
}

/** A person's word made it, not a rule. */
export function isByDecision({ caseId, commandId, action }: Command): boolean {
  return action === "RELEASE" || commandId.startsWith(`${caseId}/extend/`);
}

/** DC2 */
function chosen(cases: CaseState[], { caseId, verdict, decidedAt }: Decision, by: DecidedBy): CaseState[] {
  if (caseId === null) {
    return cases.filter((each) => !each.released && each.openedAt <= decidedAt && decidedAt < each.expiresAt);
  }
  const found = cases.find((each) => caseIdOf(each, by.accountId) === caseId);
  if (found !== undefined) return [found];
  if (!endsCase(verdict)) return [];
  const [, rule = "", decidedBy = ""] = caseId.split("/").map(decodeURIComponent);
  const remember = by.remember(rule);
  // Opened never: of other matches it takes none, however early they decided.
  const standIn = newCase(rule, { decidedBy, openedAt: 0, expiresAt: decidedAt, remember });
  addCase(cases, standIn, by.onEvicted);
  return [standIn];
}

function release(current: CaseState, decision: Decision, by: DecidedBy): Command[] {
  current.released = true;
  stopWaiting(current);
  const commandId = `${caseIdOf(current, by.accountId)}/release/${encodePart(decision.decisionId)}`;
  return [commandBy(decision, { ...by, current, commandId, action: "RELEASE" })];
}

/** DC3: what is in force until then already is not said again. */
function extend(current: CaseState, decision: Decision, by: DecidedBy): Command[] {
  if (current.released) return [];
  const until = decision.until ?? decision.decidedAt + CONFIRMED_FOR;
  const commandId = `${caseIdOf(current, by.accountId)}/extend/${encodePart(decision.decisionId)}`;
  const commands: Command[] = [];
  for (const say of prolonged(current.said, { at: decision.decidedAt, until })) {
    putInForce(current, say, by.remember(current.rule));
    const id = commands.length === 0 ? commandId : `${commandId}/${commands.length}`;
    commands.push(commandBy(decision, { ...by, current, commandId: id, action: say.action, say }));
  }
  if (until > current.expiresAt) {
    current.expiresAt = until; // an observed case stays open as well
    current.keepUntil = Math.max(current.keepUntil, until + by.remember(current.rule) + 1);
    current.closed = false;
  }
  return commands;
}

/**
 * What is in force at `at`, or all that ever was, until `until`: one for each action and its targets. Of a case that
 * closed more single targets than it remembers the whole scope is closed: none of them may come free meanwhile.
 */
function prolonged(said: readonly Said[], { at, until }: { readonly at: Instant; readonly until: Instant }): Said[] {
  const protections = said.filter(({ action }) => isProtection(action));
  const inForce = protections.filter((each) => each.until > at);
  const targetsOf = ({ targets }: Said): Targets => (isFull(said) ? WHOLE_SCOPE : targets);
  const groups = Map.groupBy(inForce.length > 0 ? inForce : protections, (each) =>
    JSON.stringify([each.action, targetsOf(each)]),
  );
  return [...groups.values()].flatMap((group) => {
    const targets = targetsOf(group[0]!);
    // A single target that is closed for longer speaks for no other.
    const lasting = group.filter((each) => each.until >= until && covers(each.targets, targets));
    const lastingScopes = new Set(lasting.flatMap(({ scopes }) => scopes));
    const scopes = new Set(group.flatMap((each) => each.scopes)).difference(lastingScopes);
    return scopes.size === 0 ? [] : [{ ...group[0]!, scopes: [...scopes], targets, until }];
  });
}

function commandBy(
  decision: Decision,
  of: Pick<DecidedBy, "accountId" | "ruleOf"> & {
    readonly current: CaseState;
    readonly commandId: string;
    readonly action: Command["action"];
    readonly say?: Said;
  },
): Command {
  const { current, accountId, say } = of;
  const loaded = of.ruleOf(current.rule);
  return {
    caseId: caseIdOf(current, accountId),
    commandId: of.commandId,
    accountId,
    action: of.action,
    scopes: say?.scopes ?? [],
    targets: say?.targets ?? WHOLE_SCOPE,
    reasonCode: decision.verdict,
    ruleId: current.rule,
    ruleTitle: loaded?.rule.title ?? current.rule,
    ruleHash: loaded?.rule.hash ?? "",
    mode: loaded?.plan.mode ?? "enforce",
    issuedAt: decision.decidedAt,
    effectiveAt: decision.decidedAt,
    expiresAt: say?.until ?? null,
    evidence: [...current.evidence],
    evidenceCount: current.evidenceCount,
  };
}
