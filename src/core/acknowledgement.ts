// What enforcing services have not answered yet. A HOLD or FREEZE that nobody acknowledges within a while, or
// that is rejected, protects nobody: it is said a second time, the same to the byte, and counted until it is
// answered, released or over. Owns the commands that wait for an answer, which are part of their case's state,
// and when each is due. Time here is the wall clock: it is about services, not about accounts.
//
//   said ●──── patience ────● said again, alarm ────────● answered │ released │ expired: alarm over
//        └─ REJECTED ───────● at once
//
// Invariants:
//   AK1 a command is repeated at most once, with the same id and content
//   AK2 an answer given twice, or to a command nobody waits for, changes nothing

import type { Account } from "./account.ts";
import { caseIdOf, type CaseState } from "./case.ts";
import type { Ack } from "./decision.ts";
import type { Action, Command, Evidence, Mode, Scope, Targets } from "./output.ts";
import type { Duration, Instant } from "./time.ts";
import { WakeQueue } from "./wake-queue.ts";

/** The record of the same name in schemas/state/group.avsc: what its case does not know of the command. */
export interface Unanswered {
  readonly commandId: string;
  readonly action: Action;
  readonly scopes: readonly Scope[];
  readonly targets: Targets;
  readonly reasonCode: string;
  readonly ruleTitle: string;
  readonly ruleHash: string;
  readonly mode: Mode;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** Empty once it was repeated. */
  evidence: readonly Evidence[];
  readonly evidenceCount: number;
  /** When it was said, on the wall clock. */
  readonly saidAt: Instant;
  repeated: boolean;
}

/** What an acknowledgement answered. */
export interface Answered {
  readonly rule: string;
  readonly caseId: string;
  /** From the deciding event to its being in force; null: it is not. */
  readonly seconds: number | null;
}

const NOTHING: readonly Unanswered[] = [];
const NO_EVIDENCE: readonly Evidence[] = [];
/** Of one case; more are not waited for. */
const KEPT = 16;

export class Acknowledgements {
  readonly #patience: Duration;
  readonly #repeat: (account: Account, command: Command) => void;
  /** Accounts with commands not answered, by the wall clock at which something is to be done. */
  readonly #queue = new WakeQueue<Account>();
  readonly #waiting = new Set<Account>();

  /**
   * @param patience how long a service may take
   * @param repeat says a command once more; its account has changed
   */
  constructor(patience: Duration, repeat: (account: Account, command: Command) => void) {
    this.#patience = patience;
    this.#repeat = repeat;
  }

  /** The command was said, and should be answered. */
  expect(account: Account, current: CaseState, command: Command, saidAt: Instant): void {
    if (current.released || !needsAnswer(command) || current.unanswered.length >= KEPT) return;
    if (current.unanswered.some(({ commandId }) => commandId === command.commandId)) return;
    current.unanswered = [...current.unanswered, unanswered(command, saidAt)];
    this.watch(account);
  }

  /**
   * AK1: the log holds the command once more. A copy within the patience is a send's whose answer was lost; a later
   * one says that a previous owner repeated it. @returns whether that is news
   */
  heardAgain(account: Account, current: CaseState, of: { readonly commandId: string; readonly at: Instant }): boolean {
    const each = current.unanswered.find(({ commandId }) => commandId === of.commandId);
    if (each === undefined || each.repeated || of.at < each.saidAt + this.#patience) return false;
    noteRepeated(each);
    this.watch(account);
    return true;
  }

  /** Waits for what the account's cases have not been answered. */
  watch(account: Account): void {
    let due = Infinity;
    for (const { unanswered: all } of account.cases) {
      for (const each of all) due = Math.min(due, this.#dueAt(each));
    }
    if (due === Infinity) return;
    this.#waiting.add(account);
    this.#queue.schedule(account, due);
  }

  /** The account is gone. */
  forget(account: Account): void {
    this.#waiting.delete(account);
    this.#queue.forget(account);
  }

  /** AK2. @returns null: nobody waits for it */
  answer(account: Account, ack: Ack, now: Instant): Answered | null {
    for (const current of account.cases) {
      const each = current.unanswered.find(({ commandId }) => commandId === ack.commandId);
      if (each === undefined) continue;
      const caseId = caseIdOf(current, account.id);
      if (ack.status === "REJECTED") {
        this.#sayAgain(account, current, each);
        this.watch(account);
        return { rule: current.rule, caseId, seconds: null };
      }
      current.unanswered = without(current.unanswered, each);
      const isInForce = ack.status !== "EXPIRED";
      const at = Math.min(ack.appliedAt, now); // its clock may be ahead
      return { rule: current.rule, caseId, seconds: isInForce ? Math.max(0, at - each.issuedAt) / 1_000 : null };
    }
    return null;
  }

  /** Says again what was not answered in time; forgets what is over. @returns the accounts that changed */
  pass(now: Instant): readonly Account[] {
    const changed: Account[] = [];
    for (let account = this.#queue.take(now); account !== undefined; account = this.#queue.take(now)) {
      if (this.#passOne(account, now)) changed.push(account);
      this.watch(account);
    }
    return changed;
  }

  #passOne(account: Account, now: Instant): boolean {
    let changed = false;
    for (const current of account.cases) {
      for (const each of current.unanswered) {
        if (this.#dueAt(each) > now) continue;
        if (each.expiresAt <= now) current.unanswered = without(current.unanswered, each);
        else this.#sayAgain(account, current, each);
        changed = true;
      }
    }
    return changed;
  }

  /** The wall clock at which `pass` has something to do; undefined: never. */
  nextAt(): Instant | undefined {
    return this.#queue.next();
  }

  /** Commands that were said twice and are neither answered nor over. */
  overdue(): number {
    let count = 0;
    for (const account of this.#waiting) {
      let waits = false;
      for (const { unanswered: all } of account.cases) {
        for (const { repeated } of all) {
          waits = true;
          if (repeated) count++;
        }
      }
      if (!waits) this.forget(account);
    }
    return count;
  }

  /** AK1 */
  #sayAgain(account: Account, current: CaseState, each: Unanswered): void {
    if (each.repeated) return;
    const command = commandOf(each, { accountId: account.id, current });
    noteRepeated(each);
    this.#repeat(account, command);
  }

  #dueAt({ repeated, saidAt, expiresAt }: Unanswered): Instant {
    return repeated ? expiresAt : Math.min(saidAt + this.#patience, expiresAt);
  }
}

/** What is over of a case: nobody has to answer any more. */
export function stopWaiting(current: CaseState): void {
  current.unanswered = NOTHING;
}

function noteRepeated(each: Unanswered): void {
  each.repeated = true;
  each.evidence = NO_EVIDENCE;
}

function needsAnswer({ action, expiresAt }: Command): boolean {
  return (action === "HOLD" || action === "FREEZE") && expiresAt !== null;
}

function without(all: readonly Unanswered[], one: Unanswered): readonly Unanswered[] {
  return all.length === 1 ? NOTHING : all.filter((each) => each !== one);
}

function unanswered(command: Command, saidAt: Instant): Unanswered {
  const { commandId, action, scopes, targets, reasonCode, ruleTitle, ruleHash, mode, issuedAt } = command;
  const { expiresAt, evidence, evidenceCount } = command;
  return {
    commandId,
    action,
    scopes,
    targets,
    reasonCode,
    ruleTitle,
    ruleHash,
    mode,
    issuedAt,
    expiresAt: expiresAt ?? issuedAt,
    evidence,
    evidenceCount,
    saidAt,
    repeated: false,
  };
}

function commandOf(each: Unanswered, of: { readonly accountId: string; readonly current: CaseState }): Command {
  return {
    caseId: caseIdOf(of.current, of.accountId),
    commandId: each.commandId,
    accountId: of.accountId,
    action: each.action,
    scopes: each.scopes,
    targets: each.targets,
    reasonCode: each.reasonCode,
    ruleId: of.current.rule,
    ruleTitle: each.ruleTitle,
    ruleHash: each.ruleHash,
    mode: each.mode,
    issuedAt: each.issuedAt,
    effectiveAt: each.issuedAt,
    expiresAt: each.expiresAt,
    evidence: each.evidence,
    evidenceCount: each.evidenceCount,
  };
}
