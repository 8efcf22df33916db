// The live part of the demo: the exchange plays, the enforcer listens and decides, the trial and the
// report watch. Knows no Kafka: what is appended and heard goes over a Stage.

import { setTimeout as sleep } from "node:timers/promises";
import type { Ack } from "../../core/decision.ts";
import type { Command } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import { makeLedger } from "../../testing/exchange/enforcer.ts";
import type { Exchange } from "../../testing/exchange/exchange.ts";
import type { Posting } from "../../testing/exchange/story.ts";
import { enforce } from "./enforcement.ts";
import { feed } from "./feed.ts";
import type { Report } from "./report.ts";
import type { Trial } from "./trial.ts";

/** A command as the enforcer reads it. */
export interface ReadCommand {
  readonly command: Command;
  /** Broker time of its record. */
  readonly appendedAt: Instant;
  /** Broker time of the evidence record appended last; undefined where it cannot be found. */
  readonly evidenceAt: Promise<Instant | undefined>;
}

export interface Stage {
  /** Appends to the input topics, each topic in order; resolves when the broker has them. */
  append(postings: readonly Posting[]): Promise<void>;
  /** Every command from the topic's beginning, in order for each account; called once, before any append. */
  listen(onCommand: (read: ReadCommand) => void): Promise<void>;
  /** Appends what an enforcing service answers; nobody waits for it. */
  acknowledge(ack: Ack): void;
}

export interface PerformanceOptions {
  readonly exchange: Exchange;
  /** When its live traffic begins. */
  readonly from: Instant;
  readonly stage: Stage;
  readonly trial: Trial;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** @returns how many events were appended, once the last withdrawal is decided */
export async function perform(options: PerformanceOptions): Promise<number> {
  const { exchange, stage, trial, report, signal } = options;
  const ledger = makeLedger();
  const takeovers = new Map(trial.takeovers.map((takeover) => [takeover.told.account.id, takeover]));
  const hearing: Promise<void>[] = [];

  const hear = async ({ command, appendedAt, evidenceAt }: ReadCommand, appliedAt: Instant): Promise<void> => {
    const heard = { command, appendedAt, evidenceAt: await evidenceAt, appliedAt };
    const takeover = takeovers.get(command.accountId);
    trial.hear(heard);
    if (takeover === undefined) report.honestCommand(command);
    else report.command(takeover, heard, { decisive: trial.freezeOf(takeover) === heard });
  };
  await enforce(stage, ledger, (read, appliedAt) => void hearing.push(hear(read, appliedAt)));

  const past = exchange.past();
  await stage.append(past);
  let events = past.length;
  await sleep(Math.max(0, options.from - Date.now()), undefined, { signal });
  await feed(exchange.live(), {
    signal,
    append: (postings) => stage.append(postings),
    mayLeave: (request) => ledger.closing(request, Date.now()).length === 0,
    onPosting({ event, settles, at }) {
      events += 1;
      const takeover = takeovers.get(event.accountId);
      if (takeover === undefined) return;
      if (settles === null) return report.event(takeover, event);
      const outcome = { request: settles, at, left: event.type === "WITHDRAWAL_COMPLETED" };
      trial.settle(outcome);
      report.outcome(takeover, outcome);
    },
  });
  await Promise.all(hearing);
  return events;
}
