// All accounts of one partition, and the way of an event through them: learned by the profile, described,
// tried against the detections of its service, remembered by correlations, judged by cases, said. Purely
// synchronous; time is what the events say. Leaves to the runtime when to checkpoint and what to do with
// what is said.
//
// Invariants:
//   PT1 an account's outputs depend on its own events and the frontier only (L4), but for what a breaker bounds
//   PT2 what is decided is decided in event time; `now` only keeps stale commands from being said, and has
//      what nobody acknowledged said again
//   PT3 an account is reported changed at least when its encoded state is

import { Account, SHRINKING_STEPS, STATE_LIMIT } from "./account.ts";
import { AccountTable } from "./account-table.ts";
import type { Answered } from "./acknowledgement.ts";
import { Cascade } from "./cascade.ts";
import { Census } from "./census.ts";
import { isOpening } from "./breaker.ts";
import { MAX_ENTRIES } from "./correlation/correlation.ts";
import { EventFields } from "./correlation/reads.ts";
import { type Ack, type Decision, endsCase } from "./decision.ts";
import { type Entry, newEntry } from "./entry.ts";
import type { Arrival, ExchangeEvent } from "./event.ts";
import { Frontier } from "./frontier.ts";
import { isLinkKey, Links } from "./links.ts";
import type { Command, Outputs } from "./output.ts";
import type {
  Applied,
  CoreSettings,
  Decided,
  EvictionReason,
  OpenPartition,
  Partition,
  PartitionCounts,
  PartitionOptions,
} from "./partition-contract.ts";
import { Facts } from "./profile-facts.ts";
import { learn } from "./profile.ts";
import { Responder } from "./responder.ts";
import { RuleTable } from "./rule-table.ts";
import type { CorrelationRule, RuleSet } from "./rule.ts";
import { NO_SIGNALS, type Signal } from "./signal.ts";
import type { ChangedGroup, StateCodec } from "./state.ts";
import { type Instant, MINUTE } from "./time.ts";
import { WakeQueue } from "./wake-queue.ts";

export type { Applied, CoreSettings, OpenPartition, Partition, PartitionCounts } from "./partition-contract.ts";
export type { ChangedGroup, PartitionState, StateCodec } from "./state.ts";

export const openPartition: OpenPartition = (options) => new AccountPartition(options);

class AccountPartition implements Partition {
  readonly #settings: CoreSettings;
  readonly #codec: StateCodec;
  readonly #emit: (outputs: Outputs) => void;
  readonly #frontier: Frontier;
  readonly #accounts: AccountTable;
  /** Of the breakers, as last taken. */
  #standing = "";
  readonly #census = new Census();
  /** By the frontier at which cases close and memory is released. */
  readonly #waking = new WakeQueue<Account>();
  /** By the frontier, or the clock, at which an absence is decided. */
  readonly #waiting = new WakeQueue<Account>();
  readonly #facts: Facts;
  readonly #fields = new EventFields();
  readonly #onEvicted: (reason: EvictionReason) => void;
  readonly #onDropped: (entries: number) => void;
  readonly #links: Links;
  readonly #responder: Responder;
  #table: RuleTable;
  #cascade: Cascade;
  /** Scratch of one event: detections that match it, and the inputs it serves in each correlation. */
  #hits: Int32Array;
  #steps: Int32Array;
  #evictions: Record<string, number> = {};
  #lateContradictions = 0;

  constructor(options: PartitionOptions) {
    const { rules, settings } = options;
    this.#settings = settings;
    this.#codec = options.codec;
    this.#emit = options.emit;
    this.#frontier = new Frontier(options.services);
    this.#accounts = new AccountTable({
      limit: settings.maxAccounts ?? Infinity,
      onReplaced: (account) => this.#forget(account),
      onDropped: (account) => {
        if (account !== null) this.#forget(account);
        this.#onEvicted("accounts");
      },
      wake: (id, resting) => new Account(id, this.#codec.decodeGroup(this.#codec.bytesAtRest(resting))),
    });
    this.#onEvicted = (reason) => this.#countEvictions(reason, 1);
    this.#onDropped = (entries) => this.#countEvictions("rule", entries);
    this.#responder = new Responder({
      settings,
      emit: options.emit,
      onEvicted: () => this.#onEvicted("cases"),
      onChanged: (account) => this.#touch(account),
    });
    this.#table = this.#tableOf(rules);
    this.#responder.replaceRules(rules, this.#table);
    this.#cascade = this.#cascadeOf(this.#table);
    this.#links = new Links({
      table: this.#table,
      codec: options.codec,
      emit: options.emit,
      onEvicted: (reason, count) => this.#countEvictions(reason, count),
    });
    this.#hits = new Int32Array(rules.detections.length);
    this.#steps = new Int32Array(rules.correlations.length);
    this.#facts = new Facts(settings.profileWarmup);
    this.#fields.facts = this.#facts;
  }

  #tableOf(rules: RuleSet): RuleTable {
    const { mode, allowedLateness, absenceGrace = MINUTE } = this.#settings;
    return new RuleTable(rules, {
      mode,
      allowedLateness,
      absenceGrace,
      maxEntries: MAX_ENTRIES,
      isOfAccount,
      onEvicted: (count) => this.#countEvictions("entries", count),
      onLate: () => this.#lateContradictions++,
    });
  }

  #cascadeOf(table: RuleTable): Cascade {
    return new Cascade(table, {
      onMatch: (account, { caseRule }, { match, now }) => this.#responder.judge(account, match, { caseRule, now }),
      onDropped: this.#onDropped,
      onFacts: (signals) => this.#emit({ commands: [], detections: [], signals }),
    });
  }

  get groups(): number {
    return this.#accounts.size;
  }

  expect(accountIds: readonly string[]): void {
    this.#accounts.approach(accountIds);
  }

  apply(arrival: Arrival, event: ExchangeEvent, now: Instant): Applied {
    const isLate = event.occurredAt + this.#settings.allowedLateness < this.#frontier.now;
    this.#frontier.observe(arrival.service, event.occurredAt, arrival.recordTimestamp);
    const account = this.#account(event.accountId);
    const { requests } = account;
    let changed = learn(account, event, this.#onEvicted);
    if (this.#responder.see(account, event, arrival.service, requests !== account.requests)) changed = true;
    this.#facts.about(account, event);
    const hits = this.#detect(arrival.service, event);
    const { staleCommands } = this.#responder;
    if (hits > 0) {
      this.#fields.event = event;
      this.#respond(account, newEntry(arrival, event, 0), { hits, now });
      changed = true;
    }
    if (changed) this.#markChanged(account);
    if (this.#responder.staleCommands > staleCommands) return "stale";
    return isLate ? "late" : "ok";
  }

  /** Tries each detection that the event could match once; how many of `#hits` are filled. */
  #detect(service: string, event: ExchangeEvent): number {
    const detections = this.#table.detectionsFor(service, event.type);
    let hits = 0;
    for (let index = 0; index < detections.length; index++) {
      const rule = detections[index]!;
      if (rule.matches(event, this.#facts)) this.#hits[hits++] = rule.index;
    }
    return hits;
  }

  #respond(account: Account, seen: Entry, of: { readonly hits: number; readonly now: Instant }): void {
    const table = this.#table;
    const frontier = this.#frontier.now;
    const isDue = account.nextDecision !== null && account.nextDecision <= frontier;
    if (isDue) this.#cascade.decide(account, { until: frontier, now: of.now }); // CR5
    this.#steps.fill(0);
    for (let hit = 0; hit < of.hits; hit++) {
      const detection = this.#hits[hit]!;
      const uses = table.uses[detection]!;
      for (let use = 0; use < uses.length; use += 2) this.#steps[uses[use]!]! |= uses[use + 1]!;
      const caseRule = table.standalone[detection];
      if (caseRule === undefined) continue;
      const { name, id } = caseRule.rule;
      this.#responder.judge(account, { entries: [seen], rules: [name ?? id] }, { caseRule, now: of.now });
    }
    for (let index = 0; index < this.#steps.length; index++) {
      const steps = this.#steps[index]!;
      if (steps === 0) continue;
      this.#cascade.hear(account, table.rows[index]!, { seen, steps, fields: this.#fields, frontier, now: of.now });
    }
    this.#schedule(account);
  }

  decide(decision: Decision, now: Instant): readonly Decided[] {
    const { accountId, caseId, verdict } = decision;
    if (caseId !== null && isOpening(caseId)) return this.#responder.closeBreaker(caseId, decision);
    // A case that is not known any more is closed all the same, and that has to be remembered.
    const mustKnow = caseId === null || !endsCase(verdict);
    const account = mustKnow ? this.#accounts.hear(accountId) : this.#account(accountId);
    return this.#responder.decide(account, decision, now);
  }

  acknowledge(ack: Ack, now: Instant): Answered | null {
    return this.#responder.acknowledge(this.#accounts.get(ack.accountId), ack, now);
  }

  repeat(now: Instant): void {
    this.#responder.repeat(now);
  }

  repeatsAt(): Instant | undefined {
    return this.#responder.repeatsAt();
  }

  link(arrival: Arrival, fact: Signal): void {
    this.#frontier.observe(arrival.service, fact.occurredAt, arrival.recordTimestamp);
    this.#links.hear(fact, this.#frontier.now);
  }

  setIdle(service: string, idle: boolean): void {
    this.#frontier.setIdle(service, idle);
  }

  frontier(): Instant {
    return this.#frontier.now;
  }

  advance(to: Instant): void {
    this.#frontier.advance(to);
  }

  tick(now?: Instant): void {
    const frontier = this.#frontier.now;
    const clock = this.#frontier.isIdle && now !== undefined ? Math.max(frontier, now) : frontier;
    const waiting = this.#waiting;
    const waking = this.#waking;
    for (let account = waiting.take(clock); account !== undefined; account = waiting.take(clock)) {
      this.#cascade.decide(account, { until: clock, now: now ?? frontier });
      this.#markChanged(account);
      this.#schedule(account);
    }
    for (let account = waking.take(frontier); account !== undefined; account = waking.take(frontier)) {
      const detections = account.pass(this.#table, frontier);
      this.#markChanged(account);
      this.#schedule(account);
      if (detections.length > 0) this.#emit({ commands: [], detections, signals: NO_SIGNALS });
    }
    this.#links.tick(frontier, clock);
    if (this.#responder.closesAt() <= clock) this.#responder.pass(clock);
  }

  wakeAt(): Instant | undefined {
    const of = [this.#waking.next(), this.#waiting.next(), this.#links.wakeAt(), this.#responder.closesAt()];
    const at = Math.min(...of.map((each) => each ?? Infinity));
    return at === Infinity ? undefined : at;
  }

  clockAt(): Instant | undefined {
    const links = this.#links.clockAt() ?? Infinity;
    const at = Math.min(this.#waiting.next() ?? Infinity, links, this.#responder.closesAt());
    return at === Infinity ? undefined : at;
  }

  replaceRules(rules: RuleSet): void {
    this.#table = this.#tableOf(rules);
    this.#responder.replaceRules(rules, this.#table);
    this.#cascade = this.#cascadeOf(this.#table);
    this.#links.replaceTable(this.#table);
    this.#hits = new Int32Array(rules.detections.length);
    this.#steps = new Int32Array(rules.correlations.length);
    for (const account of this.#accounts.values()) {
      const dropped = account.dropChanged(this.#table);
      if (dropped > 0) {
        this.#onDropped(dropped);
        this.#markChanged(account);
      }
      this.#schedule(account);
    }
  }

  takeChanged(): ChangedGroup[] {
    const accounts = this.#accounts.takeChanged((account) => this.#encode(account));
    return [...accounts, ...this.#links.takeChanged()];
  }

  encodeGroup(group: string): Uint8Array | null {
    if (isLinkKey(group)) return this.#links.encode(group);
    const resting = this.#accounts.restingAs(group);
    if (resting !== undefined) return this.#codec.bytesAtRest(resting);
    const account = this.#accounts.get(group);
    return account === undefined ? null : this.#encode(account);
  }

  #encode(account: Account): Uint8Array {
    let state = this.#codec.encodeGroup(account);
    for (let step = 0; state.length > STATE_LIMIT && step < SHRINKING_STEPS; step++) {
      this.#countEvictions("size", account.shrink(this.#table, step));
      state = this.#codec.encodeGroup(account);
    }
    return state;
  }

  encode(): Uint8Array {
    return this.#codec.encodePartition({
      frontiers: this.#frontier.services(),
      frontier: this.#frontier.now,
      ...this.#responder.state(),
    });
  }

  takeOwnChange(): boolean {
    const before = this.#standing;
    this.#standing = this.#responder.standing();
    return this.#standing !== before;
  }

  loadGroup(group: string, state: Uint8Array | null): void {
    if (isLinkKey(group)) return this.#links.load(group, state);
    const resting = state === null ? null : this.#codec.rest(state);
    if (resting !== null) return this.#accounts.rest(group, resting);
    const account = state === null ? null : new Account(group, this.#codec.decodeGroup(state));
    this.#accounts.load(group, account);
    if (account === null) return;
    this.#schedule(account);
    this.#responder.watch(account);
  }

  loadPartition(state: Uint8Array): void {
    const { frontiers, frontier, ...response } = this.#codec.decodePartition(state);
    this.#frontier.load(frontiers, frontier);
    this.#responder.load(response);
    this.#standing = this.#responder.standing();
  }

  adopt(command: Command, saidAt: Instant): void {
    const account = this.#account(command.accountId);
    if (this.#responder.adopt(account, command, saidAt)) this.#touch(account);
  }

  takeCounts(): PartitionCounts {
    const counts = {
      evictions: this.#evictions,
      lateContradictions: this.#lateContradictions,
      sequences: this.#census.count(this.#accounts, this.#table),
      ...this.#responder.takeCounts(),
    };
    this.#evictions = {};
    this.#lateContradictions = 0;
    return counts;
  }

  #account(id: string): Account {
    const found = this.#accounts.hear(id);
    if (found !== undefined) return found;
    const made = new Account(id, null);
    this.#accounts.add(made);
    return made;
  }

  #forget(account: Account): void {
    this.#waking.forget(account);
    this.#waiting.forget(account);
    this.#responder.forget(account);
  }

  #touch(account: Account): void {
    this.#markChanged(account);
    this.#schedule(account);
  }

  #schedule(account: Account): void {
    const at = account.wakeAt(this.#table);
    if (at !== undefined) this.#waking.schedule(account, at);
    const decidesAt = account.decidesAt(this.#table);
    account.nextDecision = decidesAt ?? null;
    if (decidesAt !== undefined) this.#waiting.schedule(account, decidesAt);
  }

  #markChanged(account: Account): void {
    this.#accounts.markChanged(account); // PT3
  }

  #countEvictions(reason: EvictionReason, count: number): void {
    if (count > 0) this.#evictions[reason] = (this.#evictions[reason] ?? 0) + count;
  }
}

/** Correlations over anything but the account see the events of many accounts: another engine's. */
function isOfAccount(rule: CorrelationRule): boolean {
  return rule.inputs.every(({ groupFields }) => groupFields.length === 1 && groupFields[0] === "accountId");
}
