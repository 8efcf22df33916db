// What a backtest prints: for people a page of tables, for programs one JSON object with every difference.

import type { Action } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import { plainText } from "../case/wording.ts";
import { aligned } from "../table.ts";
import type { Rerun } from "./rerun.ts";
import type { Difference, JudgedCase, Period, RuleSummary, Summary } from "./summary.ts";

export interface Backtest {
  readonly period: Period;
  /** Where reading began: what the rules remember at `from` is of since then. */
  readonly memoryFrom: Instant;
  /** false: stopped before the end. */
  readonly complete: boolean;
  readonly partitions: number;
  readonly read: Rerun;
  readonly new: Summary;
  /** null: nothing to compare with. */
  readonly current: Summary | null;
  readonly difference: Difference | null;
  /** Accounts that people called taken over, and honest, in that time. */
  readonly judged: { readonly confirmed: number; readonly false: number };
}

const ACTIONS: readonly Action[] = ["FREEZE", "HOLD", "STEP_UP", "REVIEW"];
const MOST_EXAMPLES = 10;

export function backtestJson(backtest: Backtest): string {
  const { period, memoryFrom, read, ...rest } = backtest;
  const timed = (each: JudgedCase): object => ({ ...each, at: instantText(each.at) });
  const difference = rest.difference && {
    ...rest.difference,
    added: rest.difference.added.map(timed),
    removed: rest.difference.removed.map(timed),
  };
  return `${JSON.stringify({
    from: instantText(period.from),
    to: instantText(period.to),
    memoryFrom: instantText(memoryFrom),
    read: { ...read, rejected: Object.fromEntries(read.rejected) },
    ...rest,
    difference,
  })}\n`;
}

export function backtestText(backtest: Backtest): string {
  const { current, difference } = backtest;
  return [
    head(backtest),
    totals(backtest),
    rules(backtest.new, current),
    difference === null ? "" : differences(difference),
    notes(backtest),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function head({ period, memoryFrom, complete, partitions, read, new: next, current }: Backtest): string {
  const against = current === null ? "" : ` against ${described(current)}`;
  const rejected = Array.from(read.rejected, ([reason, count]) => `${reason} ${count}`).join(", ");
  return [
    `backtest of ${described(next)}${against}`,
    `from ${instantText(period.from)} to ${instantText(period.to)}, memory from ${instantText(memoryFrom)}`,
    `${read.events} events and ${read.decisions} decisions in ${partitions} partitions${rejected === "" ? "" : `; not read: ${rejected}`}`,
    ...(complete ? [] : ["STOPPED before the end: what follows is of the beginning only"]),
    "",
  ].join("\n");
}

function described({ path, rules }: Summary): string {
  return `${path} (${rules} rules)`;
}

function totals({ new: next, current, judged }: Backtest): string {
  const row = (label: string, of: (summary: Summary) => string): string[] =>
    current === null ? [label, of(next)] : [label, of(current), of(next)];
  const reasons = new Set([next, current].flatMap((summary) => Object.keys(summary?.suppressed ?? {})));
  return aligned([
    current === null ? ["", "new"] : ["", "current", "new"],
    row("cases", ({ cases }) => String(cases)),
    row("accounts that notice", ({ accounts }) => String(accounts)),
    ...ACTIONS.map((action) => row(action, ({ commands }) => String(commands[action] ?? 0))),
    ...Array.from(reasons, (why) => row(`not as written: ${why}`, ({ suppressed }) => String(suppressed[why] ?? 0))),
    row("USD asked for while closed", ({ protectedUsdCents }) => String(Math.round(protectedUsdCents / 100))),
    row("confirmed takeovers met", ({ confirmedAccounts }) => `${confirmedAccounts} of ${judged.confirmed}`),
    row("false alarms repeated", ({ falseAccounts }) => `${falseAccounts} of ${judged.false}`),
  ]);
}

/** A line a rule; where two sets differ, `current→new`. */
function rules(next: Summary, current: Summary | null): string {
  const before = new Map((current ?? next).byRule.map((row) => [row.ruleId, row]));
  const after = new Map(next.byRule.map((row) => [row.ruleId, row]));
  const ids = new Set([...after.keys(), ...before.keys()]);
  if (ids.size === 0) return "no rule would have opened a case\n";
  const lines = Array.from(ids, (id) => {
    const [then, now] = [before.get(id), after.get(id)];
    const change = (of: (row: RuleSummary) => number): string =>
      changeText(then === undefined ? 0 : of(then), now === undefined ? 0 : of(now));
    const said = ACTIONS.flatMap((action) => {
      const text = change(({ commands }) => commands[action] ?? 0);
      return text === "0" ? [] : [`${action} ${text}`];
    });
    const row = (now ?? then)!;
    const breaker = change(({ breakerOpened }) => breakerOpened);
    return [
      row.rule,
      (now?.mode ?? then?.mode) || "-",
      change(({ cases }) => cases),
      change(({ confirmed }) => confirmed),
      change((of) => of.false),
      [...said, ...(breaker === "0" ? [] : [`breaker opens ${breaker}`])].join(", ") || "nothing",
    ];
  });
  return aligned([["rule", "mode", "cases", "confirmed", "false", "commands"], ...lines]);
}

function changeText(then: number, now: number): string {
  return then === now ? String(now) : `${then}→${now}`;
}

function differences({ same, added, removed, accountsAdded, accountsRemoved }: Difference): string {
  return [
    `cases that are the same: ${same}\n`,
    examples(`only with the new rules: ${added.length} (accounts that notice only these: ${accountsAdded})`, added),
    examples(
      `only with the current rules: ${removed.length} (accounts that notice only these: ${accountsRemoved})`,
      removed,
    ),
  ].join("");
}

function examples(title: string, cases: readonly JudgedCase[]): string {
  const shown = cases.slice(0, MOST_EXAMPLES);
  const rows = shown.map(({ at, group, rule, actions, judged }) => [
    `  ${instantText(at)}`,
    plainText(group),
    rule,
    actions.join(",") || "detection",
    judged ?? "not judged",
  ]);
  const rest = cases.length - shown.length;
  return `${title}\n${aligned(rows)}${rest > 0 ? `  … and ${rest} more; --json has all\n` : ""}`;
}

function notes({ new: next, current }: Backtest): string {
  const forgotten = next.forgotten + (current?.forgotten ?? 0);
  if (forgotten === 0) return "";
  return `${forgotten} things were forgotten at a limit of memory, as they would be live\n`;
}

function instantText(at: Instant): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}
