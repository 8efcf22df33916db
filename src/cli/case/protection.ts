// What is closed for an account at one time, as an enforcing service adds it up: a scope until the latest
// expiry among the commands of all cases that are not released. Pure.
//
// Invariants:
//   PR1 a released case closes nothing, whenever its commands were said
//   PR2 the end of one case never opens what another keeps closed

import type { Action, Command, Scope, Targets } from "../../core/output.ts";
import { SCOPES } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";

/** One scope, or the named things within it. */
export interface Protection {
  readonly scope: Scope;
  /** STEP_UP: open, but for the strongest enrolled factor only. */
  readonly action: Exclude<Action, "REVIEW" | "RELEASE">;
  /** What it is narrowed to; null: the whole scope. */
  readonly targets: Targets | null;
  readonly until: Instant;
  readonly caseIds: readonly string[];
}

const STRICTEST_FIRST = ["FREEZE", "HOLD", "STEP_UP"] as const;

export function protectionsAt(commands: readonly Command[], at: Instant): Protection[] {
  const released = new Set(commands.filter(({ action }) => action === "RELEASE").map(({ caseId }) => caseId));
  const standing = commands.filter(
    ({ caseId, expiresAt }) => expiresAt !== null && expiresAt > at && !released.has(caseId), // PR1
  );
  return SCOPES.flatMap((scope) => {
    const own = standing.filter(({ scopes, action }) => scopes.includes(scope) && action !== "REVIEW");
    const groups = Map.groupBy(own, ({ targets }) => (isWhole(targets) ? "" : JSON.stringify(targets)));
    return [...groups.values()].flatMap((group) => together(scope, group));
  });
}

/** Holds and freezes of the same thing are one; a step-up beside them says nothing more while they stand. */
function together(scope: Scope, commands: readonly Command[]): Protection[] {
  const closing = commands.filter(({ action }) => action !== "STEP_UP");
  const one = closing.length > 0 ? closing : commands;
  const { targets } = one[0]!;
  const until = Math.max(...one.map(({ expiresAt }) => expiresAt!)); // PR2
  const action = STRICTEST_FIRST.find((strict) => one.some((each) => each.action === strict))!;
  const caseIds = [...new Set(one.map(({ caseId }) => caseId))];
  return [{ scope, action, targets: isWhole(targets) ? null : targets, until, caseIds }];
}

export function isWhole({ withdrawalIds, keyIds, sessionIds, addresses }: Targets): boolean {
  return withdrawalIds.length + keyIds.length + sessionIds.length + addresses.length === 0;
}
