// Decisions and acknowledgements on their way into the core, and what it reports of its responses: told to
// telemetry, from which operators learn that a command protects nobody.

import type { Ack, Decision } from "../core/decision.ts";
import type { Partition, PartitionCounts } from "../core/partition.ts";
import type { Telemetry } from "./telemetry.ts";

/** A person's word. */
export function hearDecision(
  partition: Partition,
  decision: Decision,
  to: { telemetry: Telemetry; now: number },
): void {
  const { accountId, verdict } = decision;
  const decided = partition.decide(decision, to.now);
  if (decided.length === 0) to.telemetry.emit("decision.idle", { verdict, accountId });
  for (const { rule, caseId, isNew } of decided) {
    if (isNew) to.telemetry.emit("decision.taken", { rule, verdict, accountId, caseId });
  }
}

/** An enforcing service's answer. */
export function hearAck(partition: Partition, ack: Ack, to: { telemetry: Telemetry; now: number }): void {
  const answered = partition.acknowledge(ack, to.now);
  if (answered === null) return;
  const { accountId, status, service } = ack;
  to.telemetry.emit("command.answered", { ...answered, accountId, status, service });
}

/** Reports what a task's responses came to. One for each task: it remembers which breakers it called open. */
export class ResponseReport {
  readonly #task: number;
  readonly #telemetry: Telemetry;
  #openBreakers: readonly string[] = [];

  constructor(task: number, telemetry: Telemetry) {
    this.#task = task;
    this.#telemetry = telemetry;
  }

  /** Rules of which a breaker was open at the last report. */
  get openBreakers(): readonly string[] {
    return this.#openBreakers;
  }

  report(counts: PartitionCounts): void {
    const { suppressed, unacknowledged, openBreakers, withdrawnUsdCents, protectedUsdCents } = counts;
    for (const [reason, count] of Object.entries(suppressed)) {
      this.#telemetry.emit("command.suppressed", { reason, count });
    }
    for (const [channel, cents] of Object.entries(withdrawnUsdCents)) {
      this.#telemetry.emit("money.withdrawn", { channel, usd: cents / 100 });
    }
    for (const [rule, cents] of Object.entries(protectedUsdCents)) {
      this.#telemetry.emit("money.protected", { rule, usd: cents / 100 });
    }
    const task = this.#task;
    this.#telemetry.emit("commands.unanswered", { task, count: unacknowledged });
    const rules = new Set([...this.#openBreakers, ...openBreakers]);
    for (const rule of rules)
      this.#telemetry.emit("breaker.observed", { task, rule, open: openBreakers.includes(rule) });
    this.#openBreakers = openBreakers;
  }
}
