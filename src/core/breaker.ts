// The circuit breaker: what keeps a bad rule, or a load made to look like takeovers, from closing a whole
// exchange. Accounts are hashed over partitions, so each partition is a fair sample and judges alone. Owns how
// many accounts each rule has protected lately, and whether one more may be. Leaves to responder.ts what is
// said instead.
//
//   frozen within `window` │▁▂▄▆█ bound ────────────────────────────
//                  closed ─┤     open: HOLD for `hold` + REVIEW ├─ closed again: nothing wanted for `window`
//
// Three bounds a rule, each a breaker of its own: FREEZE of any account, FREEZE of accounts that share a link
// with others, and HOLD. Time is event time; what was frozen is counted in tenths of the window, of which those
// that only touch the window count too.
//
// Invariants:
//   BR1 within any `window` of event time no more accounts are protected than the bound allows, in whatever
//       order their events came
//   BR2 a transition is a cell of TRANSITIONS; an opening and a closing are said, once each
//   BR3 an open breaker closes when nothing was wanted of it for `window`, or by a person's word about this opening
//   BR4 what a person has closed does not open again under the same id. A word that is read before its opening
//       (the owner that opened died, its events are still to be read again) waits until event time has come to
//       it, and closes what is open of the rule then

import type { Duration, Instant } from "./time.ts";

export interface BreakerSettings {
  /** Share of the accounts active in the last hour that one rule may freeze within the window. Default 0.005. */
  readonly fraction: number;
  /** The same of accounts that share a device, an address or a key's address with others. Default 0.05. */
  readonly linkedFraction: number;
  /** The same of HOLD. Default 0.05. */
  readonly holdFraction: number;
  /** So many accounts may be frozen whatever the share. Default 5. */
  readonly floor: number;
  /** So many accounts may be held whatever the share. Default 50. */
  readonly holdFloor: number;
  /** Default 10 min. */
  readonly window: Duration;
  /** How long the HOLD lasts that takes the place of what is not allowed. Default 1 h. */
  readonly hold: Duration;
}

const KINDS = ["freeze", "linked", "hold"] as const;
export type BreakerKind = (typeof KINDS)[number];

export type BreakerPhase = "closed" | "open";

/**
 * `within`, `over`: one more account is to be protected, and with it the bound is kept or not. `quiet`: nothing
 * was wanted for a window. `word`: a person closes it.
 */
export type BreakerEvent = "within" | "over" | "quiet" | "word";

interface BreakerStep {
  readonly to: BreakerPhase;
  /** What is asked for goes out as written. */
  readonly lets: boolean;
}

/** BR2. A word also forgets what was frozen: the wave was real, and as many again may be. */
export const TRANSITIONS: Readonly<Record<BreakerPhase, Readonly<Record<BreakerEvent, BreakerStep>>>> = {
  closed: {
    within: { to: "closed", lets: true },
    over: { to: "open", lets: false },
    quiet: { to: "closed", lets: false },
    word: { to: "closed", lets: false },
  },
  open: {
    within: { to: "open", lets: false },
    over: { to: "open", lets: false },
    quiet: { to: "closed", lets: false },
    word: { to: "closed", lets: false },
  },
};

/** The record of the same name in schemas/state/partition.avsc. */
export interface BreakerState {
  readonly rule: string;
  readonly kind: BreakerKind;
  phase: BreakerPhase;
  /** The case whose match opened it; "" while closed. */
  openedBy: string;
  /** The latest event time at which something was wanted. */
  wantedAt: Instant;
  /** Accounts protected, by tenth of the window: `[tenth, accounts, tenth, …]`, ascending. */
  tenths: number[];
}

/** A person's word about an opening; the record of the same name in schemas/state/partition.avsc. */
export interface BreakerWord {
  /** The opening's id. */
  readonly id: string;
  readonly at: Instant;
  /** BR4: until event time has come to `at`. */
  waits: boolean;
}

/** What became of one breaker. */
export interface BreakerChange {
  readonly phase: BreakerPhase;
  readonly rule: string;
  readonly kind: BreakerKind;
  /** Names the opening: `<case>/breaker-<kind>`. */
  readonly id: string;
  readonly at: Instant;
}

/** Tenths kept: for events twice the window late. */
const TENTHS_KEPT = 40;
/** The latest of all rules; an id is at most 8 KiB long. */
const WORDS_KEPT = 32;

export class Breakers {
  readonly #settings: BreakerSettings;
  readonly #onChange: (change: BreakerChange) => void;
  #states: BreakerState[] = [];
  #words: BreakerWord[] = [];

  constructor(settings: BreakerSettings, onChange: (change: BreakerChange) => void) {
    this.#settings = settings;
    this.#onChange = onChange;
  }

  /**
   * Whether one more account may be protected by this rule; counted if so.
   * @param of.caseId the case that asks
   * @param of.active accounts active in the last hour
   */
  ask(
    rule: string,
    kind: BreakerKind,
    of: { readonly at: Instant; readonly caseId: string; readonly active: number },
  ): boolean {
    const state = this.#stateOf(rule, kind);
    if (state.phase === "open" && of.at - state.wantedAt > this.#settings.window) this.#step(state, "quiet", of.at); // BR3
    state.wantedAt = Math.max(state.wantedAt, of.at);
    const isOver = this.#around(state, of.at) + 1 > this.bound(kind, of.active);
    if (isOver && state.phase === "closed" && this.#isEnded(of.caseId, kind)) return false; // BR4
    const { lets } = this.#step(state, isOver ? "over" : "within", of.at, of.caseId);
    if (lets) this.#count(state, of.at);
    return lets;
  }

  /** Accounts that one rule may protect within a window. */
  bound(kind: BreakerKind, active: number): number {
    const { fraction, linkedFraction, holdFraction, floor, holdFloor } = this.#settings;
    switch (kind) {
      case "freeze":
        return Math.max(floor, Math.floor(fraction * active));
      case "linked":
        return Math.max(floor, Math.floor(linkedFraction * active));
      case "hold":
        return Math.max(holdFloor, Math.floor(holdFraction * active));
    }
  }

  /** An account was protected, as is found in the log: counted whatever the bound. */
  adopt(rule: string, kind: BreakerKind, at: Instant): void {
    const state = this.#stateOf(rule, kind);
    state.wantedAt = Math.max(state.wantedAt, at);
    this.#count(state, at);
  }

  /** Closes what nothing was wanted of until `to`, or a word waited for; forgets what no longer counts. */
  pass(to: Instant): void {
    const { window } = this.#settings;
    for (const word of this.#words) if (word.waits && word.at <= to) this.#take(word);
    for (const state of this.#states) if (to - state.wantedAt > window) this.#step(state, "quiet", to);
    this.#states = this.#states.filter(({ phase, wantedAt }) => phase === "open" || to - wantedAt <= 4 * window);
  }

  /** The event time at which `pass` closes one; Infinity: none is open. */
  closesAt(): Instant {
    let at = Infinity;
    for (const { phase, wantedAt } of this.#states) {
      if (phase === "open") at = Math.min(at, wantedAt + this.#settings.window + 1);
    }
    for (const word of this.#words) if (word.waits) at = Math.min(at, word.at);
    return at;
  }

  /**
   * A person's word: BR3, BR4. The closing of an opening that is not known is told as well, by `pass` if it waits.
   * @returns whether it is news: the opening is under way, or nobody has spoken of it
   */
  close(id: string, at: Instant): boolean {
    const breaker = breakerOf(id);
    if (breaker === null) return false;
    const open = this.#states.find((each) => each.phase === "open" && isSame(each, breaker));
    const isUnderWay = open !== undefined && idOf(open) === id;
    let word = this.#words.find((each) => each.id === id);
    if (word !== undefined && !isUnderWay) return false;
    if (word === undefined) {
      word = { id, at, waits: false };
      this.#words = [...this.#words, word].slice(-WORDS_KEPT);
    }
    if (isUnderWay) {
      word.waits = false;
      this.#end(open, at);
    } else if (open === undefined) word.waits = true;
    else this.#onChange({ phase: "closed", ...breaker, id, at }); // another opening takes a word of its own
    return true;
  }

  /** BR4. Nothing may be open: what opened the breaker need not do so again. */
  #take(word: BreakerWord): void {
    const { id, at } = word;
    word.waits = false;
    const breaker = breakerOf(id)!;
    const state = this.#states.find((each) => isSame(each, breaker));
    if (state === undefined || idOf(state) !== id) this.#onChange({ phase: "closed", ...breaker, id, at });
    if (state !== undefined) this.#end(state, at);
  }

  #end(state: BreakerState, at: Instant): void {
    this.#step(state, "word", at);
    state.tenths = [];
  }

  #isEnded(caseId: string, kind: BreakerKind): boolean {
    const id = idOf({ openedBy: caseId, kind });
    return this.#words.some((word) => word.id === id && !word.waits);
  }

  open(): readonly { readonly rule: string; readonly kind: BreakerKind }[] {
    return this.#states.filter(({ phase }) => phase === "open");
  }

  states(): readonly BreakerState[] {
    return this.#states;
  }

  words(): readonly BreakerWord[] {
    return this.#words;
  }

  load(states: readonly BreakerState[], words: readonly BreakerWord[]): void {
    this.#states = states.map((state) => ({ ...state, tenths: [...state.tenths] }));
    this.#words = words.map((word) => ({ ...word }));
  }

  #stateOf(rule: string, kind: BreakerKind): BreakerState {
    const found = this.#states.find((each) => each.rule === rule && each.kind === kind);
    if (found !== undefined) return found;
    const made: BreakerState = { rule, kind, phase: "closed", openedBy: "", wantedAt: 0, tenths: [] };
    this.#states.push(made);
    return made;
  }

  #step(state: BreakerState, event: BreakerEvent, at: Instant, caseId = ""): BreakerStep {
    const step = TRANSITIONS[state.phase][event]; // BR2
    if (step.to === state.phase) return step;
    if (step.to === "open") state.openedBy = caseId;
    state.phase = step.to;
    const { phase, rule, kind } = state;
    this.#onChange({ phase, rule, kind, id: idOf(state), at });
    if (phase === "closed") state.openedBy = "";
    return step;
  }

  /** BR1: protected within a window on either side, so that no order of arrival evades it. */
  #around({ tenths }: BreakerState, at: Instant): number {
    const tenth = this.#settings.window / 10;
    const first = Math.floor((at - this.#settings.window) / tenth);
    const last = Math.floor((at + this.#settings.window) / tenth);
    let count = 0;
    for (let index = 0; index < tenths.length; index += 2) {
      if (tenths[index]! >= first && tenths[index]! <= last) count += tenths[index + 1]!;
    }
    return count;
  }

  #count(state: BreakerState, at: Instant): void {
    const tenth = Math.floor(at / (this.#settings.window / 10));
    const { tenths } = state;
    let place = 0;
    while (place < tenths.length && tenths[place]! < tenth) place += 2;
    if (tenths[place] === tenth) tenths[place + 1]!++;
    else tenths.splice(place, 0, tenth, 1);
    if (tenths.length > 2 * TENTHS_KEPT) tenths.splice(0, 2);
  }
}

/** Whether this names an opening: a case has three parts. */
export function isOpening(caseId: string): boolean {
  return caseId.split("/").length === 4;
}

/** Whose opening the id names; null: no breaker's. */
function breakerOf(id: string): Pick<BreakerState, "rule" | "kind"> | null {
  const [, rule = "", , breaker] = id.split("/");
  const kind = KINDS.find((each) => breaker === `breaker-${each}`);
  return kind === undefined ? null : { rule: decodeURIComponent(rule), kind };
}

function isSame(a: Pick<BreakerState, "rule" | "kind">, b: Pick<BreakerState, "rule" | "kind">): boolean {
  return a.rule === b.rule && a.kind === b.kind;
}

function idOf({ openedBy, kind }: Pick<BreakerState, "openedBy" | "kind">): string {
  return `${openedBy}/breaker-${kind}`;
}
