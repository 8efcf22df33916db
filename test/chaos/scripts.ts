// What accounts do in a chaos run: each script is played by one account of its own and makes one rule speak,
// or comes close to it. `says` is what its author meant; the oracle judges by the topics alone, and the test
// of the oracle compares the two.

import type { Random } from "../../src/testing/exchange/random.ts";
import type { Occurrence, Source } from "./occurrence.ts";
import type { RuleId } from "./oracle.ts";

export type Fields = Omit<Occurrence, "eventId" | "accountId" | "type" | "occurredAt">;

interface Step {
  readonly source: Source;
  readonly type: string;
  readonly fields: Fields;
  /** Event time, milliseconds after the script's beginning. */
  readonly at: number;
  /** Milliseconds after the beginning at which it is appended; never before it happened. */
  readonly appendAt: number;
}

export interface Script {
  readonly name: string;
  /** The rule that must speak once all of `steps` are there. */
  readonly says: RuleId | null;
  readonly steps: readonly Step[];
  /** It depends on the clock, or on a step that comes much later: its producer's clock must be right. */
  readonly timed: boolean;
  /** One more step, much later, that makes this rule speak: the state has to have kept all the others. */
  readonly later?: { readonly step: Omit<Step, "at" | "appendAt">; readonly says: RuleId };
}

const SOURCE: Readonly<Record<string, Source>> = {
  API_KEY_CREATED: "api_key",
  API_KEY_DELETED: "api_key",
  ADDRESS_ADDED: "withdrawal",
  WITHDRAWAL_REQUESTED: "withdrawal",
};

export type Told = readonly [type: string, fields?: Fields];

const NOTICE: Told = ["RISK_NOTICE_SENT"];
const SWITCH: Told = ["FACTOR_SWITCHED", { factor: "TOTP" }];
const KEY: Told = ["API_KEY_CREATED"];
const FAILED: Told = ["CHALLENGE_FAILED", { factor: "TOTP" }];
const ASKED: Told = ["WITHDRAWAL_REQUESTED", { amountUsdCents: 400_000 }];
const PHONE: Told = ["PHONE_CHANGED"];
const ADDRESS: Told = ["ADDRESS_ADDED"];
const DELETED: Told = ["API_KEY_DELETED"];
const SWAP: Told = ["SIM_SWAP_REPORTED"];
const OPENED: Told = ["ALLOWLIST_ONLY_DISABLED"];
const SNAPSHOT: Told = ["ACCOUNT_SNAPSHOT", { enrolledFactors: ["SMS", "TOTP"] }];
const failedOn = (deviceId: string): Told => ["LOGIN_FAILED", { deviceId }];
const password = (...verifiedWith: string[]): Told => ["PASSWORD_CHANGED", { verifiedWith }];

/** What a script is made from: its steps in event order, and the freedoms it takes. */
export interface Plan {
  readonly name: string;
  readonly says: RuleId | null;
  readonly told: readonly Told[];
  readonly later?: readonly [Told, RuleId];
  /** Appended in another order than it happened. */
  readonly shuffled?: true;
  /** It happened over so many seconds of the past, and is appended now. Otherwise steps happen as they are appended. */
  readonly past?: number;
  /** Milliseconds it takes at most. Default: drawn. */
  readonly within?: number;
}

const PLANS: readonly Plan[] = [
  { name: "sequence", says: "chaos_sequence", told: [NOTICE, SWITCH, KEY] },
  { name: "sequence, shuffled", says: "chaos_sequence", told: [NOTICE, SWITCH, KEY], shuffled: true },
  { name: "sequence with more", says: "chaos_sequence", told: [NOTICE, NOTICE, SWITCH, SWITCH, KEY] },
  { name: "sequence over five minutes", says: "chaos_sequence", told: [NOTICE, SWITCH, KEY], past: 300 },
  { name: "the key comes first", says: null, told: [KEY, NOTICE, SWITCH] },
  { name: "no notice, yet", says: null, told: [SWITCH, KEY] },
  { name: "no key, yet", says: null, told: [NOTICE, SWITCH], later: [KEY, "chaos_sequence"] },
  { name: "five failures", says: "chaos_count", told: [FAILED, FAILED, FAILED, FAILED, FAILED], shuffled: true },
  { name: "four failures", says: null, told: [FAILED, FAILED, FAILED, FAILED], later: [FAILED, "chaos_count"] },
  { name: "three failures", says: null, told: [FAILED, FAILED, FAILED] },
  { name: "three withdrawals", says: "chaos_sum", told: [ASKED, ASKED, ASKED], shuffled: true },
  { name: "two withdrawals", says: null, told: [ASKED, ASKED], later: [ASKED, "chaos_sum"] },
  { name: "three devices", says: "chaos_distinct", told: [failedOn("a"), failedOn("b"), failedOn("c")] },
  {
    name: "two devices",
    says: null,
    told: [failedOn("a"), failedOn("b"), failedOn("a"), failedOn("b")],
    later: [failedOn("c"), "chaos_distinct"],
  },
  { name: "together", says: "chaos_together", told: [PHONE, ADDRESS, DELETED], shuffled: true },
  { name: "not yet together", says: null, told: [DELETED, PHONE], later: [ADDRESS, "chaos_together"] },
  { name: "hardware key removed", says: "chaos_policy", told: [["FACTOR_REMOVED", { factor: "HARDWARE_KEY" }]] },
  { name: "message factor removed", says: null, told: [["FACTOR_REMOVED", { factor: "SMS" }]] },
  { name: "password by message", says: "chaos_profile", told: [SNAPSHOT, password("SMS")] },
  { name: "password by authenticator", says: null, told: [SNAPSHOT, password("PASSWORD", "TOTP")] },
  { name: "password later", says: null, told: [SNAPSHOT], later: [password("SMS"), "chaos_profile"] },
  { name: "unconfirmed", says: "chaos_absence", told: [SWAP, OPENED], within: 3_000 },
  { name: "confirmed", says: null, told: [SWAP, OPENED, ["LOGIN_SUCCEEDED"]], within: 3_000 },
  { name: "routine", says: null, told: [["LOGOUT"], ["CHALLENGE_PASSED", { factor: "TOTP" }], ["LOGOUT"]] },
];

export const SCRIPT_NAMES: readonly string[] = PLANS.map(({ name }) => name);

/** Milliseconds from a script's beginning to the last append of its steps, at most. */
export const LONGEST_SCRIPT_MS = 8_000;

/** One play of a script drawn at random, but none of those named. */
export function drawScript(random: Random, { without }: { readonly without: readonly string[] }): Script {
  return playScript(random, random.pick(PLANS.filter(({ name }) => !without.includes(name))).name);
}

/** One play of the script of that name. */
export function playScript(random: Random, name: string): Script {
  const plan = PLANS.find((each) => each.name === name);
  if (plan === undefined) throw new RangeError(`no script is called ${name}`);
  return playPlan(random, plan);
}

/** One play of it. */
export function playPlan(random: Random, plan: Plan): Script {
  const { told, later } = plan;
  const within = plan.within ?? random.integer(500, LONGEST_SCRIPT_MS);
  const appends = momentsWithin(random, { count: told.length, within });
  const steps = told.map((each, index): Step => {
    const at = plan.past === undefined ? appends[index]! : pastMoment(plan.past, index, told.length);
    return { ...stepOf(each), at, appendAt: appends[index]! };
  });
  return {
    name: plan.name,
    says: plan.says,
    timed: later !== undefined || plan.within !== undefined,
    steps: plan.shuffled === true ? shuffleAppends(random, steps) : steps,
    ...(later === undefined ? {} : { later: { step: stepOf(later[0]), says: later[1] } }),
  };
}

function stepOf([type, fields = {}]: Told): Omit<Step, "at" | "appendAt"> {
  return { source: SOURCE[type] ?? "auth", type, fields };
}

/** Ascending and all different, so that event times order the events. */
function momentsWithin(random: Random, { count, within }: { count: number; within: number }): number[] {
  const gaps = Array.from({ length: count }, () => random.integer(1, Math.floor(within / count)));
  let sum = 0;
  return gaps.map((gap) => (sum += gap));
}

/** Evenly from so many seconds ago until now. */
function pastMoment(seconds: number, index: number, count: number): number {
  const last = count - 1;
  return Math.round((index - last) * (seconds / Math.max(1, last)) * 1_000);
}

/** Every step is appended at the end, in another order: none before it happened. */
function shuffleAppends(random: Random, steps: readonly Step[]): Step[] {
  const end = steps.at(-1)!.at;
  const order = steps.map((step) => ({ step, lot: random.next() })).toSorted((a, b) => a.lot - b.lot);
  return order.map(({ step }, index) => ({ ...step, appendAt: end + index * random.integer(1, 400) }));
}
