// What people do to accounts, told once as data and played many times: a story is a script of steps, a
// play of it is the events its services append. Owns the timing (pace, lag between services, review of
// withdrawals) and who acts from where. Leaves to script.ts what a script leaves to chance, and the
// stories themselves to the tables: takeovers.ts, takeover-variants.ts, honest.ts, near-misses.ts.

import type { ExchangeEvent, Factor, ExchangeService } from "../../core/event.ts";
import type { Duration, Instant } from "../../core/time.ts";
import { SECOND } from "../../core/time.ts";
import type { Account, Place } from "./account.ts";
import { newAddress, placeAbroad, placeWithNewDevice, strongestFactor } from "./account.ts";
import type { Random } from "./random.ts";
import { isFixed, stepsOf } from "./script.ts";
import type { Script } from "./script.ts";

/**
 * Who causes a step, and so its ip, country, asn, device and session. The copy is of a device the owner
 * uses, the stolen session the owner's own, and the copied browser both. `exchange`: no client does.
 */
export type Actor =
  | "owner"
  | "owner's new phone"
  | "owner abroad"
  | "stranger"
  | "stranger's copy"
  | "stranger in a stolen session"
  | "stranger in a copied browser"
  | "exchange";

export interface Step {
  /** Seconds since the step before, drawn between the two; scaled by the play's pace. */
  readonly after: readonly [number, number];
  readonly service: ExchangeService;
  readonly type: string;
  readonly by: Actor;
  readonly fields: (cast: Cast) => Partial<ExchangeEvent>;
}

export interface Story {
  /** Kebab-case, unique among all stories. */
  readonly name: string;
  readonly title: string;
  readonly suits: (account: Account) => boolean;
  /** Its meaning lies in its real length: never paced, and anchored at its last step. */
  readonly slow?: true;
  readonly steps: Script;
}

/** A story in which somebody else takes the account's money. */
export interface Takeover extends Story {
  /** Name of the rule that has to recognise it, in time. */
  readonly rule: string;
  /** What that rule has to say. */
  readonly says: "FREEZE" | "HOLD";
}

/** The people and things of one play; the same label gives the same thing throughout it. */
export interface Cast {
  readonly account: Account;
  readonly strongest: Factor;
  /** A destination the account never paid. */
  readonly newAddress: string;
  /** One it did; `newAddress` where it never paid any. */
  readonly knownAddress: string;
  /** Mean and modest; takeovers take more. */
  readonly amountUsdCents: number;
  /** The luck of this play's amounts, channels and the like. */
  readonly random: Random;
  keyId(label?: string): string;
  /** Asks for a share, 0..1, of what earlier calls have left of the balance. */
  spend(share: number): Pick<ExchangeEvent, "amountUsdCents" | "balanceUsdCents">;
}

/** One event on its way: its service appends it at `at`. */
export interface Posting {
  readonly at: Instant;
  readonly service: ExchangeService;
  readonly event: ExchangeEvent;
  /**
   * The WITHDRAWAL_REQUESTED this one ends: `event` is then what happens when nothing closes the exit,
   * and who posts it asks the enforcer first (`rejected`).
   */
  readonly settles: ExchangeEvent | null;
}

export interface PlayOptions {
  readonly account: Account;
  readonly random: Random;
  /** When its first step happens; of a slow story, its last. */
  readonly at: Instant;
  /** Factor on every `after`: 1 is real life, 0.02 a demonstration. */
  readonly pace: number;
  /** A service appends up to this long after the fact, each service in order but not in step with the others. */
  readonly lag: Duration;
  /** From the append of a withdrawal request to its outcome. */
  readonly review: Duration;
}

/** The events of one play, in the order they happen (not that of `at`), each withdrawal with its outcome. */
export function play(story: Story, options: PlayOptions): Posting[] {
  const { account, random, at, lag, review } = options;
  const cast = castOf(account, random);
  const places = placesOf(account, random);
  const pace = story.slow === true ? 1 : options.pace;
  const steps = isFixed(story.steps) ? story.steps : stepsOf(story.steps, random.fork("script"));
  const delays = steps.map((step) => random.between(...step.after) * SECOND * pace);
  const appended = new Map<ExchangeService, Instant>();
  let occurred = story.slow === true ? at - delays.reduce((sum, delay) => sum + delay, 0) : at;
  return steps.flatMap((step, index) => {
    occurred += delays[index]!;
    const event: ExchangeEvent = {
      eventId: `evt-${random.hex(16)}`,
      accountId: account.id,
      type: step.type,
      occurredAt: Math.round(occurred),
      ...places(step.by),
      ...(step.type === "WITHDRAWAL_REQUESTED" && { withdrawalId: `wd-${random.hex(10)}` }),
      ...step.fields(cast),
    };
    const arrival = Math.max(
      event.occurredAt + Math.round(random.between(0, lag)),
      (appended.get(step.service) ?? 0) + 1,
    );
    appended.set(step.service, arrival);
    const posting: Posting = { at: arrival, service: step.service, event, settles: null };
    if (step.type !== "WITHDRAWAL_REQUESTED") return [posting];
    return [posting, outcome(event, { at: arrival + review, eventId: `evt-${random.hex(16)}` })];
  });
}

/** The same outcome where the exit was closed: the money stays. */
export function rejected(posting: Posting): Posting {
  return { ...posting, event: { ...posting.event, type: "WITHDRAWAL_REJECTED" } };
}

/** The exchange itself decides: nobody's client, and no factor asked for. */
const NO_CLIENT = {
  ip: null,
  country: null,
  asn: null,
  deviceId: null,
  sessionId: null,
  userAgent: null,
  verifiedWith: null,
} as const;

function outcome(request: ExchangeEvent, { at, eventId }: { at: Instant; eventId: string }): Posting {
  const event = { ...request, ...NO_CLIENT, eventId, type: "WITHDRAWAL_COMPLETED", occurredAt: at };
  return { at, service: "withdrawal", event, settles: request };
}

function castOf(account: Account, random: Random): Cast {
  const keys = new Map<string, string>();
  let left = account.balanceUsdCents;
  // Routine draws none, and there is much of it.
  let luck: Random | undefined;
  const unpaid = newAddress(random);
  return {
    account,
    strongest: strongestFactor(account),
    newAddress: unpaid,
    knownAddress: account.addresses.length === 0 ? unpaid : random.pick(account.addresses),
    amountUsdCents: Math.max(1_000, Math.round(account.balanceUsdCents * random.between(0.01, 0.2))),
    get random() {
      return (luck ??= random.fork("cast"));
    },
    keyId(label = "key") {
      let id = keys.get(label);
      if (id === undefined) keys.set(label, (id = `key-${random.hex(10)}`));
      return id;
    },
    spend(share) {
      const spent = { amountUsdCents: Math.round(left * share), balanceUsdCents: left };
      left -= spent.amountUsdCents;
      return spent;
    },
  };
}

type Context = (Place & { readonly sessionId: string }) | Record<string, never>;

/** Where each actor of one play acts from: decided once, at the actor's first step. */
function placesOf(account: Account, random: Random): (by: Actor) => Context {
  const known = new Map<Actor, Context>();
  const choose = (by: Exclude<Actor, "exchange">): Place & { readonly sessionId?: string } => {
    if (by === "owner") return random.pick(account.places);
    if (by === "owner's new phone") return placeWithNewDevice(account, random);
    if (by === "stranger in a stolen session")
      return { ...placeAbroad(random), sessionId: actsFrom("owner").sessionId };
    if (by === "stranger in a copied browser")
      return { ...placeAbroad(random, account.places[0]), sessionId: actsFrom("owner").sessionId };
    return placeAbroad(random, by === "stranger" ? undefined : random.pick(account.places));
  };
  const actsFrom = (by: Actor): Context => {
    if (by === "exchange") return {};
    let context = known.get(by);
    if (context === undefined) {
      const { sessionId, ...place } = choose(by);
      known.set(by, (context = { ...place, sessionId: sessionId ?? `ses-${random.hex(12)}` }));
    }
    return context;
  };
  return actsFrom;
}
