// One rule set over what happened: the production core, a partition of it for each partition of the topics,
// and everything it would have said. Nothing leaves it: signals come back to the partition they belong to,
// at once; commands and detections are counted.
//
// It is a processor that keeps up: every second of record time it has read every topic to its end, and what
// time alone decides is decided when it is due by that clock.
//
// Invariants:
//   RH1 only what the rules say counts: not what a decision releases or extends, nor what would be repeated
//   RH2 nothing decided by events of before `countFrom` counts: they are there for the memory's sake

import type { Decision } from "../../core/decision.ts";
import type { Arrival, ExchangeEvent, Service } from "../../core/event.ts";
import type { Action, Command, Detection, Mode } from "../../core/output.ts";
import { openPartition } from "../../core/partition.ts";
import type { CoreSettings, Partition } from "../../core/partition.ts";
import type { RuleSet } from "../../core/rule.ts";
import { signalKey } from "../../core/signal.ts";
import type { Signal } from "../../core/signal.ts";
import { SECOND } from "../../core/time.ts";
import type { Instant } from "../../core/time.ts";
import type { Partitioner } from "../../runtime/ports.ts";
import { NO_STATE_LOG } from "../../testing/driver.ts";

/** A case that would have been opened. */
export interface RehearsedCase {
  readonly caseId: string;
  readonly ruleId: string;
  readonly rule: string;
  readonly mode: Mode;
  /** The group: an account, or what a campaign shares. */
  readonly group: string;
  /** null: its group is no account. */
  readonly accountId: string | null;
  /** Of the event that decided it. */
  readonly at: Instant;
  /** Actions commanded for it, each once. */
  readonly actions: Action[];
}

export interface Rehearsed {
  /** By case id, in the order of their opening. */
  readonly cases: ReadonlyMap<string, RehearsedCase>;
  /** Rule id → action → commands. */
  readonly commands: ReadonlyMap<string, ReadonlyMap<Action, number>>;
  /** Rule id → how often its breaker opened. */
  readonly breakers: ReadonlyMap<string, number>;
  /** Accounts that would have noticed: with a command other than REVIEW. */
  readonly accounts: ReadonlySet<string>;
  /** Events, and other things, that were forgotten at a limit. */
  readonly forgotten: number;
  /** Why → actions that were not said as written: stale, protected accounts, breakers. */
  readonly suppressed: ReadonlyMap<string, number>;
  /** Requested while the account was closed for it. */
  readonly protectedUsdCents: number;
}

/** More than can be kept and compared. */
export class TooManyCases extends Error {
  constructor({ detections, correlations }: RuleSet) {
    const rules = [...detections, ...correlations].filter(({ standalone }) => standalone).length;
    super(
      `these ${rules} rules open more than ${MOST_CASES} cases: try a shorter time, or the rule that matches so many alone`,
    );
    this.name = "TooManyCases";
  }
}

export interface RehearsalOptions {
  readonly rules: RuleSet;
  readonly settings: CoreSettings;
  /** Of the topics, signals included: each has a frontier of its own. */
  readonly services: readonly Service[];
  /** Of each input topic. */
  readonly partitions: number;
  readonly partitioner: Partitioner;
  /** Decisions by events of before it do not count. */
  readonly countFrom: Instant;
}

const MOST_CASES = 1_000_000;
const SIGNALS = "holdfast.signals";

export class Rehearsal {
  readonly rules: RuleSet;
  readonly #options: RehearsalOptions;
  readonly #partitions: readonly Partition[];
  readonly #signals: Signal[] = [];
  readonly #cases = new Map<string, RehearsedCase>();
  readonly #commands = new Map<string, Map<Action, number>>();
  readonly #breakers = new Map<string, number>();
  readonly #accounts = new Set<string>();
  readonly #suppressed = new Map<string, number>();
  #forgotten = 0;
  #protectedUsdCents = 0;
  /** What is said now is somebody's decision. */
  #isDecided = false;
  #heard = 0;
  #passedTo: Instant = 0;

  constructor(options: RehearsalOptions) {
    const { rules } = options;
    // Nobody answers the commands: nobody is asked to. RH1
    const { ackTimeout: _, ...settings } = options.settings;
    this.rules = rules;
    this.#options = options;
    this.#partitions = Array.from({ length: options.partitions }, () =>
      openPartition({
        rules,
        settings,
        codec: NO_STATE_LOG,
        services: options.services,
        emit: ({ commands, detections, signals }) => {
          for (const detection of detections) this.#onDetection(detection);
          for (const command of commands) this.#onCommand(command);
          this.#signals.push(...signals);
        },
      }),
    );
  }

  /** @param now when the record was appended */
  apply(arrival: Arrival, event: ExchangeEvent, now: Instant): void {
    this.#pass(now);
    const partition = this.#partitions[arrival.partition]!;
    partition.apply(arrival, event, now);
    this.#settle(partition, now);
  }

  decide(partition: number, decision: Decision, now: Instant): void {
    this.#pass(now);
    this.#isDecided = true;
    this.#partitions[partition]!.decide(decision, now);
    this.#isDecided = false;
    this.#settle(this.#partitions[partition]!, now);
  }

  /** Time passes up to `at` without further events. Then the result is complete. */
  finish(at: Instant): void {
    for (const partition of this.#partitions) {
      this.#beIdle(partition, at);
      partition.advance(at);
      partition.tick(at);
      this.#settle(partition, at);
    }
  }

  result(): Rehearsed {
    this.#takeCounts();
    const [cases, commands, breakers, accounts] = [this.#cases, this.#commands, this.#breakers, this.#accounts];
    const [forgotten, suppressed, protectedUsdCents] = [this.#forgotten, this.#suppressed, this.#protectedUsdCents];
    return { cases, commands, breakers, accounts, forgotten, suppressed, protectedUsdCents };
  }

  #takeCounts(): void {
    for (const partition of this.#partitions) {
      const { evictions, suppressed, protectedUsdCents } = partition.takeCounts();
      if (this.#passedTo < this.#options.countFrom) continue; // RH2
      for (const count of Object.values(evictions)) this.#forgotten += count;
      for (const count of Object.values(protectedUsdCents)) this.#protectedUsdCents += count;
      for (const [why, count] of Object.entries(suppressed)) {
        this.#suppressed.set(why, (this.#suppressed.get(why) ?? 0) + count);
      }
    }
  }

  #pass(now: Instant): void {
    if (now < this.#passedTo + SECOND) return;
    const { countFrom } = this.#options;
    if (this.#passedTo < countFrom && now >= countFrom) this.#takeCounts(); // RH2
    this.#passedTo = now;
    for (const partition of this.#partitions) this.#beIdle(partition, now);
  }

  /** Every topic was read to its end. What time alone decides is decided, each at the moment at which it is due. */
  #beIdle(partition: Partition, to: Instant): void {
    const { services } = this.#options;
    const idle = (): void => services.forEach((service) => partition.setIdle(service, true));
    idle();
    this.#settle(partition, to);
    for (let at = partition.clockAt(); at !== undefined && at <= to; at = partition.clockAt()) {
      idle(); // signals may have come since
      partition.tick(at);
      if ((partition.clockAt() ?? Infinity) <= at) throw new Error(`tick() at ${at} left what was due`);
      this.#settle(partition, at);
    }
  }

  /** What follows at once from what a partition was told, there and in the others. */
  #settle(partition: Partition, now: Instant): void {
    this.#answer(partition, now);
    if (this.#signals.length > 0) this.#hear(now);
  }

  #answer(partition: Partition, now: Instant): void {
    const wakeAt = partition.wakeAt();
    if (wakeAt !== undefined && wakeAt <= partition.frontier()) partition.tick(now);
  }

  #hear(now: Instant): void {
    const { partitioner, partitions } = this.#options;
    for (let signal = this.#signals.shift(); signal !== undefined; signal = this.#signals.shift()) {
      const partition = partitioner(Buffer.from(signalKey(signal)), partitions);
      const offset = this.#heard++;
      const arrival: Arrival = { service: "signal", topic: SIGNALS, partition, offset, recordTimestamp: now };
      const to = this.#partitions[partition]!;
      if (signal.type === "FACT") to.link(arrival, signal);
      else to.apply(arrival, signal, now);
      this.#answer(to, now);
    }
  }

  #onDetection(detection: Detection): void {
    const { kind, caseId, ruleId, ruleName, ruleTitle, mode, group, lastAt } = detection;
    if (lastAt < this.#options.countFrom) return; // RH2
    if (kind === "BREAKER_OPENED") this.#breakers.set(ruleId, (this.#breakers.get(ruleId) ?? 0) + 1);
    if (kind !== "OPENED" || this.#cases.has(caseId)) return;
    if (this.#cases.size >= MOST_CASES) throw new TooManyCases(this.rules);
    const rule = ruleName ?? ruleTitle;
    const accountId = group["accountId"] ?? null;
    const named = Object.values(group).join("/");
    this.#cases.set(caseId, { caseId, ruleId, rule, mode, group: named, accountId, at: lastAt, actions: [] });
  }

  #onCommand({ action, caseId, ruleId, accountId, issuedAt }: Command): void {
    if (this.#isDecided || action === "RELEASE" || issuedAt < this.#options.countFrom) return; // RH1, RH2
    if (action !== "REVIEW") this.#accounts.add(accountId);
    const byAction = this.#commands.get(ruleId) ?? new Map<Action, number>();
    this.#commands.set(ruleId, byAction.set(action, (byAction.get(action) ?? 0) + 1));
    const actions = this.#cases.get(caseId)?.actions;
    if (actions !== undefined && !actions.includes(action)) actions.push(action);
  }
}
