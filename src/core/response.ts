// From a rule's `respond` list to commands: what the mode leaves of it, what becomes of it for a protected
// account or under an open breaker, what a match still calls for beyond what its case has in force, and the
// command records themselves. Leaves to case.ts which case a match belongs to, and to responder.ts what is too
// stale to be said.
//
// Invariants:
//   RS1 the lower of the rule's and the global mode wins
//   RS2 what is in force is not said again; FREEZE (and HOLD with `extend`) is, when less than three quarters
//      of its time would be left; what is over is, though its case is open for something else
//   RS3 a narrowed command covers only its targets; one that covers a whole scope covers every target
//   RS4 one command id never says two things: what an action became is part of it

import type { Entry } from "./entry.ts";
import type { Action, Command, Evidence, Mode, Scope, Targets } from "./output.ts";
import type { CorrelationRule, DetectionRule, ResponseAction } from "./rule.ts";
import type { Duration, Instant } from "./time.ts";

export type Rule = DetectionRule | CorrelationRule;

/** One action as the mode, the account and the breaker left it. */
export interface PlannedAction extends ResponseAction {
  /** Index in the rule's `respond`; part of the command's id. */
  readonly index: number;
  /** RS4. */
  readonly became: "as-written" | "step-up" | "review" | "breaker-hold" | "breaker-review";
}

export interface Plan {
  readonly mode: Mode;
  readonly actions: readonly PlannedAction[];
}

/** What a case has said; the record of the same name in schemas/state/group.avsc. */
export interface Said {
  readonly action: Action;
  readonly scopes: readonly Scope[];
  readonly targets: Targets;
  readonly until: Instant;
}

const LOWEST_FIRST: readonly Mode[] = ["observe", "step-up", "enforce"];

/** Of what a case said the latest-expiring many are remembered. */
const SAID_KEPT = 16;

/** RS1. Without enforcement nothing is held or frozen: a step-up asks for the strongest factor instead. */
export function planOf(rule: Rule, globalMode: Mode): Plan {
  const mode = LOWEST_FIRST[Math.min(LOWEST_FIRST.indexOf(rule.mode), LOWEST_FIRST.indexOf(globalMode))]!;
  const actions = rule.respond.map((action, index): PlannedAction => ({ ...action, index, became: "as-written" }));
  switch (mode) {
    case "observe":
      return { mode, actions: [] };
    case "step-up":
      return { mode, actions: inOne(actions, "STEP_UP") };
    case "enforce":
      return { mode, actions };
  }
}

/** Of an account that is not to be touched: a person looks instead. */
export function reviewOnly(plan: Plan): Plan {
  return { mode: plan.mode, actions: inOne(plan.actions, "REVIEW") };
}

/** Money that leaves, by any exit. */
const OUTGOING: readonly Scope[] = ["WITHDRAW", "P2P", "TRANSFER"];

/** What takes the place of a FREEZE or HOLD that the breaker does not let out: the money stays, but not for long. */
export function reducedByBreaker(action: PlannedAction, hold: Duration): PlannedAction[] {
  const length = Math.min(hold, action.for);
  const scopes = action.action === "FREEZE" && action.targets.length === 0 ? OUTGOING : action.scopes;
  return [
    { ...action, action: "HOLD", scopes, for: length, extend: false, became: "breaker-hold" },
    { ...action, action: "REVIEW", extend: false, became: "breaker-review" },
  ];
}

/** HOLD, FREEZE and STEP_UP become one action, as wide and as long as the widest and longest of them. */
function inOne(actions: readonly PlannedAction[], as: "STEP_UP" | "REVIEW"): PlannedAction[] {
  const reviews = actions.filter((action) => action.action === "REVIEW");
  const others = actions.filter((action) => action.action !== "REVIEW");
  const first = others[0];
  if (first === undefined) return reviews;
  const one: PlannedAction = {
    ...first,
    action: as,
    became: as === "REVIEW" ? "review" : "step-up",
    scopes: [...new Set(others.flatMap((action) => action.scopes))],
    for: Math.max(...others.map((action) => action.for)),
    extend: false,
    targets: others.every((action) => action.targets.length > 0)
      ? [...new Set(others.flatMap((action) => action.targets))]
      : [],
  };
  return [one, ...reviews].sort((a, b) => a.index - b.index);
}

/** A review protects nobody; everything else stands between the account and its money. */
export function isProtection(action: Action): boolean {
  return action === "HOLD" || action === "FREEZE" || action === "STEP_UP";
}

/** Not narrowed: the whole scope. */
export const WHOLE_SCOPE: Targets = { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [] };

/** What the evidence narrows an action to; all empty: the whole scope. */
export function targetsOf(action: PlannedAction, entries: readonly Entry[]): Targets {
  const values = (field: ResponseAction["targets"][number]): string[] => {
    if (!action.targets.includes(field)) return [];
    const found = entries.map((entry) => entry[field]).filter((value) => value !== null);
    return [...new Set(found)];
  };
  return {
    withdrawalIds: values("withdrawalId"),
    keyIds: values("keyId"),
    sessionIds: values("sessionId"),
    addresses: values("address"),
  };
}

/**
 * RS2: the action reduced to what goes beyond what is in force; undefined: nothing does.
 * @param said what the case has said so far
 * @param call what the match, deciding at `at`, calls for
 */
export function beyond(
  said: readonly Said[],
  call: { readonly action: PlannedAction; readonly targets: Targets; readonly at: Instant },
): Said | undefined {
  const { action, targets, at } = call;
  const extendable = action.action === "FREEZE" || (action.action === "HOLD" && action.extend);
  const isMissing = (scope: Scope | null): boolean => {
    let until = -Infinity;
    for (const each of said) {
      const sameScope = scope === null ? each.scopes.length === 0 : each.scopes.includes(scope);
      if (each.action === action.action && sameScope && covers(each.targets, targets)) {
        until = Math.max(until, each.until);
      }
    }
    return until <= at || (extendable && until - at < 0.75 * action.for);
  };
  const scopes = action.scopes.filter(isMissing);
  const nothing = action.scopes.length === 0 ? !isMissing(null) : scopes.length === 0;
  return nothing ? undefined : { action: action.action, scopes, targets, until: at + action.for };
}

/** `said` with one more; what differs only in its end is prolonged. */
export function withSaid(said: readonly Said[], more: Said): readonly Said[] {
  const same = (each: Said): boolean =>
    each.action === more.action &&
    each.scopes.length === more.scopes.length &&
    each.scopes.every((scope) => more.scopes.includes(scope)) &&
    covers(each.targets, more.targets) &&
    covers(more.targets, each.targets);
  const before = said.find(same);
  if (before !== undefined && before.until >= more.until) return said;
  const next = [...said.filter((each) => each !== before), more];
  next.sort((a, b) => a.until - b.until);
  return next.slice(-SAID_KEPT);
}

/** Whether the case may have said more than is remembered. */
export function isFull(said: readonly Said[]): boolean {
  return said.length >= SAID_KEPT;
}

/** RS3 */
export function covers(wide: Targets, narrow: Targets): boolean {
  if (isWhole(wide)) return true;
  return (
    !isWhole(narrow) &&
    narrow.withdrawalIds.every((id) => wide.withdrawalIds.includes(id)) &&
    narrow.keyIds.every((id) => wide.keyIds.includes(id)) &&
    narrow.sessionIds.every((id) => wide.sessionIds.includes(id)) &&
    narrow.addresses.every((address) => wide.addresses.includes(address))
  );
}

function isWhole(targets: Targets): boolean {
  return (
    targets.withdrawalIds.length === 0 &&
    targets.keyIds.length === 0 &&
    targets.sessionIds.length === 0 &&
    targets.addresses.length === 0
  );
}

/** The record that goes out. */
export function commandOf(
  say: Said,
  of: {
    readonly rule: Rule;
    readonly plan: Plan;
    readonly action: PlannedAction;
    readonly accountId: string;
    readonly caseId: string;
    /** eventId deciding this match, and its time. */
    readonly decidedBy: string;
    readonly at: Instant;
    readonly evidence: readonly Evidence[];
    readonly evidenceCount: number;
  },
): Command {
  return {
    caseId: of.caseId,
    commandId: `${of.caseId}/${decidingPart(of.decidedBy)}/${indexOf(of.action)}`,
    accountId: of.accountId,
    action: say.action,
    scopes: say.scopes,
    targets: say.targets,
    reasonCode: of.action.reason,
    ruleId: of.rule.id,
    ruleTitle: of.rule.title,
    ruleHash: of.rule.hash,
    mode: of.plan.mode,
    issuedAt: of.at,
    effectiveAt: of.at,
    expiresAt: say.until,
    evidence: of.evidence,
    evidenceCount: of.evidenceCount,
  };
}

/** RS4 */
function indexOf({ index, became }: PlannedAction): string {
  return became === "as-written" ? String(index) : `${index}-${became}`;
}

/** RS4: where a person's decision says what it does, an event of that name is written otherwise. */
function decidingPart(eventId: string): string {
  if (eventId !== "extend" && eventId !== "release") return encodePart(eventId);
  return `%${eventId.charCodeAt(0).toString(16)}${eventId.slice(1)}`;
}

/** One part of a case or command id. Never throws: lone surrogates are replaced. */
export function encodePart(part: string): string {
  return encodeURIComponent(part.toWellFormed());
}
