// What the demo says, line by line: live, as a timeline of tagged lines that reads the same in a
// terminal and in a file, and at the end. Owns wording and colour; decides nothing.

import type { ExchangeEvent } from "../../core/event.ts";
import type { Command } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import type { HeardCommand, Outcome, Summary, TakeoverTrial, Trial } from "./trial.ts";
import { latencyMs, usd } from "./trial.ts";

export interface Paint {
  bad(text: string): string;
  good(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
}

/** ANSI colours for a terminal, nothing elsewhere. */
export function paintFor(isTerminal: boolean): Paint {
  const colour = (code: number) => (text: string) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bad: colour(31), good: colour(32), strong: colour(1), faint: colour(2) };
}

export interface Report {
  /** A line about no takeover. */
  note(text: string): void;
  event(takeover: TakeoverTrial, event: ExchangeEvent): void;
  /** `decisive`: it is the freeze that counts. */
  command(takeover: TakeoverTrial, heard: HeardCommand, options: { decisive: boolean }): void;
  honestCommand(command: Command): void;
  outcome(takeover: TakeoverTrial, outcome: Outcome): void;
}

export interface ReportOptions {
  readonly write: (text: string) => void;
  readonly paint: Paint;
  /** Seconds since the demo's live traffic began. */
  readonly elapsed: () => number;
}

export function makeReport({ write, paint, elapsed }: ReportOptions): Report {
  const line = (text: string): void => write(`${paint.faint(`${elapsed().toFixed(1).padStart(6)} s`)}  ${text}\n`);
  const tag = ({ label, told }: TakeoverTrial): string => `${paint.strong(label.padEnd(3))} ${told.account.id}  `;
  /** By takeover, the latest time of an event that was shown. */
  const latest = new Map<TakeoverTrial, Instant>();
  return {
    note: line,
    event(takeover, event) {
      const before = latest.get(takeover);
      if (before === undefined) line(`${tag(takeover)}${paint.strong(takeover.told.story.title)}`);
      latest.set(takeover, Math.max(before ?? 0, event.occurredAt));
      const late = before !== undefined && event.occurredAt < before;
      line(`${tag(takeover)}${describeEvent(event)}${late ? paint.faint("  (arrives out of order)") : ""}`);
    },
    command(takeover, heard, { decisive }) {
      const { action, scopes, ruleTitle } = heard.command;
      const what = `→ ${action} ${scopes.join(",")} ${after(heard)}: ${ruleTitle}`;
      line(`${tag(takeover)}${decisive ? paint.good(paint.strong(what)) : paint.faint(what)}`);
    },
    honestCommand({ accountId, action, ruleTitle }) {
      line(`    ${accountId}  ${paint.faint(`an honest customer → ${action}: ${ruleTitle}`)}`);
    },
    outcome(takeover, outcome) {
      const money = dollars(usd(outcome));
      line(
        `${tag(takeover)}${outcome.left ? paint.bad(`the money left: ${money}`) : paint.good(`the money stayed: ${money}`)}`,
      );
    },
  };
}

function after(heard: HeardCommand): string {
  const latency = latencyMs(heard);
  return latency === undefined ? "" : `after ${latency} ms`;
}

function dollars(amount: number): string {
  return `${amount.toLocaleString("en-US")} USD`;
}

/** The end: one line a takeover, then what went wrong, then the numbers. */
export function verdictText(trial: Trial, summary: Summary, paint: Paint): string {
  const failures = trial.failures();
  const surprising = trial.surprisingHolds();
  const lines = [
    "",
    ...trial.takeovers.map((takeover) => takeoverLine(takeover, { trial, paint })),
    "",
    `${summary.takeovers} takeovers, ${summary.frozenBeforeLoss} frozen before their money left (${dollars(summary.protectedUsd)})`,
    `freeze appended after its last evidence: p50 ${milliseconds(summary.latencyMs.p50)}, p99 ${milliseconds(summary.latencyMs.p99)} (broker time)`,
    `in force, as acknowledged, after the deciding event: p50 ${milliseconds(summary.protectionMs.p50)}, p99 ${milliseconds(summary.protectionMs.p99)} (event time, the exchange's own delay included)`,
    `${summary.accounts - summary.takeovers} honest accounts: ${summary.honestFrozen} frozen, ${summary.honestHeld} held for a cooling-off period; ${summary.events} events`,
    ...surprising.map((command) =>
      paint.bad(`held without a reason in its story: ${command.accountId} by ${command.ruleTitle}`),
    ),
    ...failures.map((failure) => paint.bad(`FAILED: ${failure}`)),
    failures.length === 0
      ? paint.good("Every takeover was frozen before its money left, and no honest account was.")
      : "",
  ];
  return `${lines.filter((line, index) => line !== "" || lines[index - 1] !== "").join("\n")}\n`;
}

function takeoverLine(takeover: TakeoverTrial, { trial, paint }: { trial: Trial; paint: Paint }): string {
  const freeze = trial.freezeOf(takeover);
  const left = takeover.outcomes.some((outcome) => outcome.left);
  const frozen = freeze === undefined ? "never frozen" : `frozen after ${milliseconds(latencyMs(freeze) ?? null)}`;
  const holds = takeover.heard.some(({ command }) => command.action === "HOLD") ? "" : ", no hold on its way";
  const end = left
    ? paint.bad("money left")
    : takeover.outcomes.length > 0
      ? paint.good("money stayed")
      : "not decided";
  return `${takeover.label.padEnd(3)} ${takeover.told.account.id}  ${takeover.told.story.name.padEnd(24)} ${frozen}${holds}; ${end}`;
}

/** In the notation of the timelines. */
function describeEvent(event: ExchangeEvent): string {
  const fields = [
    field("channel", event.channel),
    field("country", event.country),
    field("factor", event.factor),
    field("toFactor", event.toFactor),
    field("rights", event.rights),
    field("via", event.via),
    field("verifiedWith", event.verifiedWith),
  ];
  const money = event.amountUsdCents == null ? "" : `  ${dollars(usd({ request: event }))}`;
  return `${event.type}${fields.join("")}${money}`;
}

function field(name: string, value: string | readonly string[] | null | undefined): string {
  if (value === null || value === undefined) return "";
  return ` ${name}=${typeof value === "string" ? value : `[${value.join(",")}]`}`;
}

function milliseconds(value: number | null): string {
  return value === null ? "unknown" : `${value} ms`;
}
