// The demo's judge: hears every command and the outcome of every withdrawal, and says at the end
// whether Holdfast kept its word. Pure; knows what the exchange planned, which Holdfast does not.
// Prints nothing (report.ts) and asks no broker (stage.ts).

import type { ExchangeEvent } from "../../core/event.ts";
import type { Command } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import { covers } from "../../testing/exchange/enforcer.ts";
import type { Exchange, Told } from "../../testing/exchange/exchange.ts";

/** A command with its place in broker time. */
export interface HeardCommand {
  readonly command: Command;
  /** When the broker appended it. */
  readonly appendedAt: Instant;
  /** When the broker appended the evidence that came last; undefined: not found. */
  readonly evidenceAt: Instant | undefined;
  /** When the enforcer applied it, as it acknowledged. */
  readonly appliedAt: Instant;
}

export interface Outcome {
  readonly request: ExchangeEvent;
  readonly at: Instant;
  readonly left: boolean;
}

export interface TakeoverTrial {
  /** `T1`, in the order they begin. */
  readonly label: string;
  readonly told: Told;
  readonly heard: readonly HeardCommand[];
  readonly outcomes: readonly Outcome[];
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface Summary {
  readonly broker: string;
  readonly accounts: number;
  /** Input events appended, snapshots included. */
  readonly events: number;
  readonly takeovers: number;
  /** Takeovers that met a FREEZE of a takeover rule and lost nothing. */
  readonly frozenBeforeLoss: number;
  /** Honest accounts that met a FREEZE, of whatever rule. */
  readonly honestFrozen: number;
  /** Honest accounts that met a HOLD. */
  readonly honestHeld: number;
  /** Of takeovers, asked for and not paid. */
  readonly protectedUsd: number;
  /** From the append of the last evidence to that of the freeze; null without any. */
  readonly latencyMs: Quantiles;
  /** From the deciding event's own time to the freeze being in force; null without any. */
  readonly protectionMs: Quantiles;
}

export interface Trial {
  readonly takeovers: readonly TakeoverTrial[];
  hear(heard: HeardCommand): void;
  settle(outcome: Outcome): void;
  /** The freeze by a takeover rule that this takeover met first. */
  freezeOf(takeover: TakeoverTrial): HeardCommand | undefined;
  /** Everything that went wrong, one sentence each; empty: the demo succeeded. */
  failures(): string[];
  /** Honest accounts held although their story gave no reason to; worth a look, not a failure. */
  surprisingHolds(): Command[];
  summary(broker: string, events: number): Summary;
}

/** `takeoverRules`: ids of the rules whose FREEZE counts. */
export function makeTrial(exchange: Exchange, takeoverRules: ReadonlySet<string>): Trial {
  const started = exchange.takeovers.toSorted((left, right) => left.postings[0]!.at - right.postings[0]!.at);
  const takeovers = started.map((told, index) => ({
    label: `T${index + 1}`,
    told,
    heard: [] as HeardCommand[],
    outcomes: [] as Outcome[],
  }));
  const byAccount = new Map(takeovers.map((takeover) => [takeover.told.account.id, takeover]));
  const mayHold = new Set(exchange.oddities.filter(({ story }) => story.mayHold).map(({ account }) => account.id));
  const honest: Command[] = [];

  const freezeOf = (takeover: TakeoverTrial): HeardCommand | undefined =>
    takeover.heard.find(({ command }) => command.action === "FREEZE" && takeoverRules.has(command.ruleId));
  const isSaved = (takeover: TakeoverTrial): boolean =>
    freezeOf(takeover) !== undefined && takeover.outcomes.length > 0 && !takeover.outcomes.some(({ left }) => left);
  const honestMet = (action: Command["action"]): Command[] => [
    ...new Map(honest.filter((each) => each.action === action).map((each) => [each.accountId, each])).values(),
  ];

  return {
    takeovers,
    hear(heard) {
      const takeover = byAccount.get(heard.command.accountId);
      if (takeover === undefined) honest.push(heard.command);
      else takeover.heard.push(heard);
    },
    settle(outcome) {
      byAccount.get(outcome.request.accountId)?.outcomes.push(outcome);
    },
    freezeOf,
    failures: () => [
      ...takeovers.filter((takeover) => !isSaved(takeover)).map((takeover) => whyLost(takeover, freezeOf(takeover))),
      ...honestMet("FREEZE").map(
        (command) => `the honest account ${command.accountId} was frozen by ${command.ruleTitle}`,
      ),
    ],
    surprisingHolds: () => honestMet("HOLD").filter((command) => !mayHold.has(command.accountId)),
    summary: (broker, events) => {
      const freezes = takeovers.flatMap((takeover) => freezeOf(takeover) ?? []);
      return {
        broker,
        accounts: exchange.accounts.length,
        events,
        takeovers: takeovers.length,
        frozenBeforeLoss: takeovers.filter(isSaved).length,
        honestFrozen: honestMet("FREEZE").length,
        honestHeld: honestMet("HOLD").length,
        protectedUsd: takeovers
          .flatMap(({ outcomes }) => outcomes)
          .reduce((sum, each) => sum + (each.left ? 0 : usd(each)), 0),
        latencyMs: quantiles(freezes.flatMap((freeze) => latencyMs(freeze) ?? [])),
        protectionMs: quantiles(freezes.map(({ command, appliedAt }) => appliedAt - command.issuedAt)),
      };
    },
  };
}

/** Broker time from the last evidence to the command; undefined where either is unknown. */
export function latencyMs(heard: HeardCommand | undefined): number | undefined {
  return heard?.evidenceAt === undefined ? undefined : heard.appendedAt - heard.evidenceAt;
}

export function usd({ request }: Pick<Outcome, "request">): number {
  return Math.round((request.amountUsdCents ?? 0) / 100);
}

function whyLost(takeover: TakeoverTrial, freeze: HeardCommand | undefined): string {
  const { label, told, heard, outcomes } = takeover;
  const lost = outcomes.filter(({ left }) => left);
  const what =
    lost.length > 0
      ? `lost ${lost.reduce((sum, each) => sum + usd(each), 0).toLocaleString("en-US")} USD`
      : outcomes.length > 0
        ? "kept its money"
        : "never came to its end";
  return `${label} ${told.account.id} (${told.story.name}) ${what}: ${reason(heard, { freeze, lost: lost[0] })}`;
}

function reason(
  heard: readonly HeardCommand[],
  met: { freeze: HeardCommand | undefined; lost: Outcome | undefined },
): string {
  const { freeze, lost } = met;
  if (heard.length === 0) return "no rule said anything";
  if (freeze === undefined) {
    return `no takeover rule froze it, only ${list(heard.map(({ command }) => `${command.action} by ${command.ruleTitle}`))}`;
  }
  if (lost === undefined) return "the demo ended before its withdrawal was decided";
  const late = freeze.appendedAt - lost.at;
  if (late > 0) return `the freeze came ${(late / 1000).toFixed(1)} s after the money left`;
  if (covers(freeze.command, lost.request)) {
    return `the freeze was appended ${(-late / 1000).toFixed(1)} s before, but the enforcer had not read it`;
  }
  return `the freeze does not close its exit (${lost.request.channel} via ${lost.request.via}; frozen: ${freeze.command.scopes.join(", ")})`;
}

function list(items: readonly string[]): string {
  return [...new Set(items)].join(", ");
}

function quantiles(values: readonly number[]): Quantiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

/** Nearest rank. */
function percentile(values: readonly number[], fraction: number): number | null {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? null;
}
