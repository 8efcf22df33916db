// What goes out of a partition, and what comes back: matches become commands, decisions and answers change
// cases, previous owners' commands are taken up. Owns the order respond → mode → protected accounts → breaker →
// stale, and what of it is kept for the whole partition. Leaves cases to case.ts and who matches to partition.ts.
//
// Invariants:
//   RP1 no account on the list of protected ones is held, frozen or stepped up by a rule: a person looks instead
//   RP2 a command that would already have expired at `now` is not said, but its case and detection are
//   RP3 what is said twice is the same both times

import type { Account } from "./account.ts";
import { Acknowledgements, type Answered } from "./acknowledgement.ts";
import { Activity, slotOf } from "./activity.ts";
import { adoptCommand } from "./adoption.ts";
import { type BreakerChange, type BreakerKind, Breakers } from "./breaker.ts";
import { caseIdOf, type CaseRule, type CaseState, closeCase, judge, latestEvidence } from "./case.ts";
import type { Match } from "./correlation/correlation.ts";
import { type Ack, type DecidedCase, type Decision, endsCase, takeDecision } from "./decision.ts";
import type { ExchangeEvent } from "./event.ts";
import { type MoneyCounts, MoneyFlow } from "./money-flow.ts";
import type { Command, Detection, Outputs } from "./output.ts";
import type { CoreSettings, Decided, ResponseCounts } from "./partition-contract.ts";
import { type PlannedAction, reducedByBreaker, reviewOnly } from "./response.ts";
import type { RuleTable } from "./rule-table.ts";
import type { RuleSet } from "./rule.ts";
import { NO_SIGNALS } from "./signal.ts";
import type { PartitionState } from "./state.ts";
import { DAY, type Duration, type Instant, SECOND, toSecond } from "./time.ts";

export interface ResponderOptions {
  readonly settings: CoreSettings;
  readonly emit: (outputs: Outputs) => void;
  /** A case was forgotten before its time. */
  readonly onEvicted: () => void;
  /** The account has to be written, and looked at again in time. */
  readonly onChanged: (account: Account) => void;
}

/** What the responder keeps of the partition's own record. */
export type ResponseState = Pick<PartitionState, "activity" | "breakers" | "breakerWords">;

/** How long a case of a rule that is not loaded is remembered after its expiry, beside the lateness. */
const UNKNOWN_RULE_TIMESPAN: Duration = DAY;
/** How long an account counts as linked after it was told so. */
const LINKED_FOR: Duration = DAY;
/** What accounts of one campaign share (ipList: of a key); a network they may share by chance. */
const TELLING_LINKS: ReadonlySet<string> = new Set(["deviceId", "address", "ipList"]);

export class Responder {
  readonly #settings: CoreSettings;
  readonly #emit: (outputs: Outputs) => void;
  readonly #onEvicted: () => void;
  readonly #onChanged: (account: Account) => void;
  readonly #activity = new Activity();
  readonly #breakers: Breakers | null;
  readonly #acknowledgements: Acknowledgements | null;
  /** Breakers that opened or closed since the last output. */
  #changes: BreakerChange[] = [];
  readonly #money = new MoneyFlow();
  #suppressed: Record<string, number> = {};
  /** RP2: commands not said, ever. */
  staleCommands = 0;
  #table!: RuleTable;
  #protects: (accountId: string) => boolean = () => false;
  /** RP1 */
  #reviewing = new Map<CaseRule, CaseRule>();

  constructor(options: ResponderOptions) {
    const { settings } = options;
    this.#settings = settings;
    this.#emit = options.emit;
    this.#onEvicted = options.onEvicted;
    this.#onChanged = options.onChanged;
    this.#breakers =
      settings.breaker === undefined ? null : new Breakers(settings.breaker, (change) => this.#changes.push(change));
    this.#acknowledgements =
      settings.ackTimeout === undefined
        ? null
        : new Acknowledgements(settings.ackTimeout, (account, command) => this.#repeat(account, command));
  }

  replaceRules(rules: RuleSet, table: RuleTable): void {
    this.#table = table;
    this.#protects = rules.protects ?? (() => false);
    this.#reviewing = new Map();
  }

  /**
   * The account had an event, which rules have not seen yet. Not options: called for every event.
   * @param isNewRequest it asks for money to leave, and the profile did not know of it
   * @returns whether anything changed that must be written
   */
  see(account: Account, event: ExchangeEvent, service: string, isNewRequest: boolean): boolean {
    if (service === "signal") return this.#seeLink(account, event);
    if (service === "withdrawal") this.#money.observe(account, event, isNewRequest);
    const slot = slotOf(event.occurredAt);
    if (this.#breakers === null || account.activeSlot === slot || event.type === "ACCOUNT_SNAPSHOT") return false;
    account.activeSlot = slot;
    this.#activity.see(account.id, slot);
    return false;
  }

  /** The account was told that it shares something with others. */
  #seeLink(account: Account, event: ExchangeEvent): boolean {
    const second = toSecond(event.occurredAt);
    const fields = (event.linkedBy ?? "").split(" ").map((shared) => shared.slice(0, shared.indexOf("=")));
    if (second <= account.linkedSecond || !fields.some((field) => TELLING_LINKS.has(field))) return false;
    account.linkedSecond = second;
    return true;
  }

  judge(account: Account, match: Match, by: { readonly caseRule: CaseRule; readonly now: Instant }): void {
    const rule = this.#protects(account.id) ? this.#reviewOnly(by.caseRule) : by.caseRule;
    const judgement = judge(account.ownCases(), match, {
      rule,
      accountId: account.id,
      onEvicted: this.#onEvicted,
      admit: (action, asked) => this.#admit(account, action, { ...asked, rule: rule.rule.id }),
    });
    const opened = judgement.detections.length > 0;
    const { respond } = rule.rule;
    if (opened && rule.plan.mode === "observe") this.#suppress("observe", respond.length);
    else if (opened && rule !== by.caseRule) {
      this.#suppress("protected", respond.filter(({ action }) => action !== "REVIEW").length);
    }
    this.#say(account, judgement, by.now);
  }

  #reviewOnly(rule: CaseRule): CaseRule {
    let reviewing = this.#reviewing.get(rule);
    if (reviewing === undefined) {
      reviewing = { ...rule, plan: reviewOnly(rule.plan) };
      this.#reviewing.set(rule, reviewing);
    }
    return reviewing;
  }

  /** What the breaker makes of an action. What the case has in force already may go on and grow. */
  #admit(
    account: Account,
    action: PlannedAction,
    asked: { readonly current: CaseState; readonly at: Instant; readonly rule: string },
  ): readonly PlannedAction[] {
    const { current, at, rule } = asked;
    const breakers = this.#breakers;
    if (breakers === null || (action.action !== "FREEZE" && action.action !== "HOLD")) return [action];
    const { hold } = this.#settings.breaker!;
    if (isInForce(current, action, { at, hold })) return [action];
    const kind = this.#kindOf(action.action, account, at);
    const of = { at, caseId: caseIdOf(current, account.id), active: this.#activity.count };
    if (breakers.ask(rule, kind, of)) return [action];
    this.#suppress("breaker", 1);
    return reducedByBreaker(action, hold);
  }

  #kindOf(action: "FREEZE" | "HOLD", account: Account, at: Instant): BreakerKind {
    if (action === "HOLD") return "hold";
    return account.linkedSecond > 0 && at - account.linkedSecond * SECOND <= LINKED_FOR ? "linked" : "freeze";
  }

  /** RP2 */
  #say(
    account: Account,
    said: { readonly commands: readonly Command[]; readonly detections: readonly Detection[] },
    now: Instant,
  ): void {
    const commands = said.commands.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    const stale = said.commands.length - commands.length;
    this.staleCommands += stale;
    this.#suppress("stale", stale);
    if (this.#acknowledgements !== null) for (const command of commands) this.#expect(account, command, now);
    const detections = this.#changes.length === 0 ? said.detections : [...said.detections, ...this.#takeChanges()];
    if (commands.length > 0 || detections.length > 0) this.#emit({ commands, detections, signals: NO_SIGNALS });
  }

  #expect(account: Account, command: Command, saidAt: Instant): void {
    const current = account.cases.find((each) => caseIdOf(each, account.id) === command.caseId);
    if (current !== undefined) this.#acknowledgements?.expect(account, current, command, saidAt);
  }

  /** RP3 */
  #repeat(account: Account, command: Command): void {
    this.#onChanged(account);
    this.#emit({ commands: [command], detections: [], signals: NO_SIGNALS, isRepetition: true });
  }

  /**
   * A person's word.
   * @param account undefined: nothing is known of it
   */
  decide(account: Account | undefined, decision: Decision, now: Instant): readonly DecidedCase[] {
    if (account === undefined) return [];
    const decided = takeDecision(account.ownCases(), decision, {
      accountId: account.id,
      ruleOf: (id) => this.#table.caseRule(id),
      remember: (rule) => this.#remember(rule),
      onEvicted: this.#onEvicted,
    });
    if (decided.length > 0) this.#onChanged(account);
    for (const { current, commands } of decided) {
      const rule = this.#table.caseRule(current.rule);
      const closed =
        rule !== undefined && current.released
          ? closeCase(current, Infinity, { rule, accountId: account.id })
          : undefined;
      this.#say(account, { commands, detections: closed === undefined ? [] : [closed] }, now);
    }
    return decided;
  }

  /** A person's word on the opening of a breaker: closes it, also one that is not known yet. */
  closeBreaker(caseId: string, { verdict, decidedAt }: Decision): readonly Decided[] {
    if (!endsCase(verdict) || this.#breakers?.close(caseId, decidedAt) !== true) return [];
    this.#sayChanges();
    return [{ rule: decodeURIComponent(caseId.split("/")[1]!), caseId, isNew: true }];
  }

  /** A service's answer. @returns null: nobody waits for it */
  acknowledge(account: Account | undefined, ack: Ack, now: Instant): Answered | null {
    if (account === undefined || this.#acknowledgements === null) return null;
    const answered = this.#acknowledgements.answer(account, ack, now);
    if (answered !== null) this.#onChanged(account);
    return answered;
  }

  /** Says again what nobody has answered. */
  repeat(now: Instant): void {
    for (const account of this.#acknowledgements?.pass(now) ?? []) this.#onChanged(account);
  }

  /** The wall clock at which `repeat` has something to do; undefined: never. */
  repeatsAt(): Instant | undefined {
    return this.#acknowledgements?.nextAt();
  }

  /** What another owner said after its last checkpoint. @returns whether anything changed */
  adopt(account: Account, command: Command, saidAt: Instant): boolean {
    const by = { remember: this.#remember(command.ruleId), onEvicted: this.#onEvicted };
    const adopted = adoptCommand(account.ownCases(), command, by);
    const { changed, current, isFirst } = adopted;
    if (current === undefined) return changed;
    if (!changed) {
      const { commandId } = command;
      return this.#acknowledgements?.heardAgain(account, current, { commandId, at: saidAt }) ?? false;
    }
    this.#acknowledgements?.expect(account, current, command, saidAt);
    if (isFirst) this.#adoptProtection(account, command);
    return true;
  }

  #adoptProtection(account: Account, { ruleId, action, issuedAt, commandId }: Command): void {
    if ((action !== "FREEZE" && action !== "HOLD") || commandId.endsWith("-breaker-hold")) return;
    this.#breakers?.adopt(ruleId, this.#kindOf(action, account, issuedAt), issuedAt);
  }

  #remember(rule: string): Duration {
    return this.#table.caseRule(rule)?.remember ?? UNKNOWN_RULE_TIMESPAN + this.#settings.allowedLateness;
  }

  /** Restored: what its services have not answered is waited for again. */
  watch(account: Account): void {
    this.#acknowledgements?.watch(account);
  }

  forget(account: Account): void {
    this.#acknowledgements?.forget(account);
  }

  /** What time alone decides of breakers. */
  pass(to: Instant): void {
    this.#breakers?.pass(to);
    this.#sayChanges();
  }

  /** The event time at which `pass` has something to say; Infinity: never. */
  closesAt(): Instant {
    return this.#breakers?.closesAt() ?? Infinity;
  }

  #sayChanges(): void {
    if (this.#changes.length === 0) return;
    this.#emit({ commands: [], detections: this.#takeChanges(), signals: NO_SIGNALS });
  }

  #takeChanges(): Detection[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes.map((change) => this.#detectionOf(change));
  }

  #detectionOf({ phase, rule: id, kind, id: caseId, at }: BreakerChange): Detection {
    const loaded = this.#table.caseRule(id);
    const decidedBy = decodeURIComponent(caseId.split("/").at(-2)!);
    return {
      kind: phase === "open" ? "BREAKER_OPENED" : "BREAKER_CLOSED",
      caseId,
      ruleId: id,
      ruleName: loaded?.rule.name ?? null,
      ruleTitle: loaded?.rule.title ?? id,
      ruleHash: loaded?.rule.hash ?? "",
      level: loaded?.rule.level ?? "critical",
      tags: loaded?.rule.tags ?? [],
      mode: loaded?.plan.mode ?? "enforce",
      group: { ruleId: id, breaker: kind },
      firstAt: at,
      lastAt: at,
      decidedBy,
      evidence: [],
      evidenceCount: 0,
    };
  }

  state(): ResponseState {
    return {
      activity: this.#activity.state(),
      breakers: this.#breakers?.states() ?? [],
      breakerWords: this.#breakers?.words() ?? [],
    };
  }

  /** Another text than before when a breaker has opened or closed since, or a word on it came: no account's state tells that. */
  standing(): string {
    const states = this.#breakers?.states() ?? [];
    const words = this.#breakers?.words() ?? [];
    return [
      ...states.map(({ rule, kind, phase, openedBy }) => `${rule} ${kind} ${phase} ${openedBy}`),
      ...words.map(({ id, waits }) => `${id} ${waits}`),
    ].join("\n");
  }

  load({ activity, breakers, breakerWords }: ResponseState): void {
    this.#activity.load(activity);
    this.#breakers?.load(breakers, breakerWords);
  }

  /** Counters since the last call, and how things stand. */
  takeCounts(): ResponseCounts & MoneyCounts {
    const counts = {
      ...this.#money.take(),
      suppressed: this.#suppressed,
      unacknowledged: this.#acknowledgements?.overdue() ?? 0,
      openBreakers: [...new Set((this.#breakers?.open() ?? []).map(({ rule }) => rule))],
    };
    this.#suppressed = {};
    return counts;
  }

  #suppress(reason: "stale" | "observe" | "protected" | "breaker", count: number): void {
    if (count > 0) this.#suppressed[reason] = (this.#suppressed[reason] ?? 0) + count;
  }
}

/** Whether the case has this action in force; a longer hold that a breaker made as short as `hold` is none. */
function isInForce(current: CaseState, action: PlannedAction, of: { at: Instant; hold: Duration }): boolean {
  const isShortened = action.action === "HOLD" && action.for > of.hold;
  const beyond = isShortened ? Math.max(of.at, latestEvidence(current)) + of.hold : of.at;
  return current.said.some((each) => each.action === action.action && each.until > beyond);
}
