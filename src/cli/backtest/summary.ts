// What a rehearsal comes to: numbers by rule, held against what people decided, and what two rule sets would
// have done differently.

import type { Action, Mode } from "../../core/output.ts";
import type { RuleSet } from "../../core/rule.ts";
import type { Instant } from "../../core/time.ts";
import type { Rehearsed, RehearsedCase } from "./rehearsal.ts";
import type { Judgement, Verdicts } from "./verdicts.ts";

export interface Period {
  readonly from: Instant;
  readonly to: Instant;
}

export interface JudgedCase extends RehearsedCase {
  /** null: nobody judged it. */
  readonly judged: Judgement | null;
}

export interface RuleSummary {
  readonly ruleId: string;
  readonly rule: string;
  /** The rule's own, lowered by the global one; null: it opened no case. */
  readonly mode: Mode | null;
  readonly cases: number;
  readonly commands: Readonly<Partial<Record<Action, number>>>;
  readonly confirmed: number;
  readonly false: number;
  readonly breakerOpened: number;
}

export interface Summary {
  /** Path of the rules, as given. */
  readonly path: string;
  readonly hash: string;
  readonly rules: number;
  readonly cases: number;
  /** Accounts that would have noticed. */
  readonly accounts: number;
  readonly commands: Readonly<Partial<Record<Action, number>>>;
  /** Accounts with a case, of those that people called taken over, and of those they called honest. */
  readonly confirmedAccounts: number;
  readonly falseAccounts: number;
  readonly byRule: readonly RuleSummary[];
  readonly forgotten: number;
  /** Why → actions that were not said as written. */
  readonly suppressed: Readonly<Record<string, number>>;
  readonly protectedUsdCents: number;
}

export interface Difference {
  readonly same: number;
  /** Cases of the new rules only, of the current rules only. */
  readonly added: readonly JudgedCase[];
  readonly removed: readonly JudgedCase[];
  /** Accounts that would have noticed the new rules only, the current rules only. */
  readonly accountsAdded: number;
  readonly accountsRemoved: number;
}

export interface Sided {
  readonly path: string;
  readonly rules: RuleSet;
  readonly rehearsed: Rehearsed;
}

export function summarize({ path, rules, rehearsed }: Sided, verdicts: Verdicts): Summary {
  const { cases, commands, breakers, accounts } = rehearsed;
  const judged = Array.from(cases.values(), (each) => judge(each, verdicts));
  const byRule = Map.groupBy(judged, ({ ruleId }) => ruleId);
  const ids = new Set([...byRule.keys(), ...commands.keys(), ...breakers.keys()]);
  const named = new Map([...rules.detections, ...rules.correlations].map(({ id, name, title }) => [id, name ?? title]));
  const rows = Array.from(ids, (ruleId): RuleSummary => {
    const own = byRule.get(ruleId) ?? [];
    return {
      ruleId,
      rule: named.get(ruleId) ?? ruleId,
      mode: own[0]?.mode ?? null,
      cases: own.length,
      commands: Object.fromEntries(commands.get(ruleId) ?? []),
      confirmed: own.filter((each) => each.judged === "confirmed").length,
      false: own.filter((each) => each.judged === "false").length,
      breakerOpened: breakers.get(ruleId) ?? 0,
    };
  });
  return {
    path,
    hash: rules.hash,
    rules: [...rules.detections, ...rules.correlations].filter(({ standalone }) => standalone).length,
    cases: cases.size,
    accounts: accounts.size,
    commands: sumOf([...commands.values()]),
    confirmedAccounts: accountsOf(judged, "confirmed"),
    falseAccounts: accountsOf(judged, "false"),
    byRule: rows.toSorted((a, b) => b.cases - a.cases || (a.rule < b.rule ? -1 : 1)),
    forgotten: rehearsed.forgotten,
    suppressed: Object.fromEntries(rehearsed.suppressed),
    protectedUsdCents: rehearsed.protectedUsdCents,
  };
}

export function differenceOf(now: Rehearsed, current: Rehearsed, verdicts: Verdicts): Difference {
  const only = (one: Rehearsed, other: Rehearsed): JudgedCase[] =>
    [...one.cases.values()].filter(({ caseId }) => !other.cases.has(caseId)).map((each) => judge(each, verdicts));
  const added = only(now, current);
  return {
    same: now.cases.size - added.length,
    added,
    removed: only(current, now),
    accountsAdded: now.accounts.difference(current.accounts).size,
    accountsRemoved: current.accounts.difference(now.accounts).size,
  };
}

function judge(one: RehearsedCase, verdicts: Verdicts): JudgedCase {
  return { ...one, judged: verdicts.of(one) };
}

function accountsOf(judged: readonly JudgedCase[], judgement: Judgement): number {
  return new Set(judged.filter((each) => each.judged === judgement).map(({ accountId }) => accountId)).size;
}

function sumOf(counts: readonly ReadonlyMap<Action, number>[]): Partial<Record<Action, number>> {
  const sum: Partial<Record<Action, number>> = {};
  for (const byAction of counts) for (const [action, count] of byAction) sum[action] = (sum[action] ?? 0) + count;
  return sum;
}
