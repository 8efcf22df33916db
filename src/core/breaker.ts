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

export type BreakerKind = "freeze" | "linked" | "hold";

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

export class Breakers {
  readonly #settings: BreakerSettings;
  readonly #onChange: (change: BreakerChange) => void;
  #states: BreakerState[] = [];

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
    const one = this.#around(state, of.at) + 1;
    const { lets } = this.#step(state, one > this.bound(kind, of.active) ? "over" : "within", of.at, of.caseId);
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

  /** Closes what nothing was wanted of until `to`; forgets what no longer counts. */
  pass(to: Instant): void {
    const { window } = this.#settings;
    for (const state of this.#states) if (to - state.wantedAt > window) this.#step(state, "quiet", to);
    this.#states = this.#states.filter(({ phase, wantedAt }) => phase === "open" || to - wantedAt <= 4 * window);
  }

  /** The event time at which `pass` closes one; Infinity: none is open. */
  closesAt(): Instant {
    let at = Infinity;
    for (const { phase, wantedAt } of this.#states) {
      if (phase === "open") at = Math.min(at, wantedAt + this.#settings.window + 1);
    }
    return at;
  }

  /** BR3. @returns whether that opening is the one under way */
  close(id: string, at: Instant): boolean {
    const state = this.#states.find((each) => each.phase === "open" && idOf(each) === id);
    if (state === undefined) return false;
    this.#step(state, "word", at);
    state.tenths = [];
    return true;
  }

  open(): readonly { readonly rule: string; readonly kind: BreakerKind }[] {
    return this.#states.filter(({ phase }) => phase === "open");
  }

  states(): readonly BreakerState[] {
    return this.#states;
  }

  load(states: readonly BreakerState[]): void {
    this.#states = states.map((state) => ({ ...state, tenths: [...state.tenths] }));
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

function idOf({ openedBy, kind }: Pick<BreakerState, "openedBy" | "kind">): string {
  return `${openedBy}/breaker-${kind}`;
}
