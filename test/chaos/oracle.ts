// What must be said about an account, from the events in the input topics: the rules of test/chaos/rules
// written a second time, naively, over all of an account's events at once. Shares no code with the engine:
// what both got wrong in the same way would have to be thought twice.

import type { Appended, Occurrence } from "./occurrence.ts";

export type RuleId =
  | "chaos_sequence"
  | "chaos_count"
  | "chaos_sum"
  | "chaos_distinct"
  | "chaos_together"
  | "chaos_policy"
  | "chaos_profile"
  | "chaos_absence"
  | "chaos_started";

interface Expecting {
  readonly action: "HOLD" | "FREEZE";
  readonly scopes: readonly string[];
  /**
   * Ids of the events that may be named as deciding: each is the last one, in event time, of some match.
   * Given in the order of their arrival, which only what is known of an account's past depends on.
   */
  readonly deciders: (events: readonly Occurrence[]) => string[];
}

export interface Expectation {
  readonly accountId: string;
  readonly rule: RuleId;
  readonly deciders: readonly string[];
  /** Event times of deciders that no input topic holds. */
  readonly times?: ReadonlyMap<string, readonly number[]>;
  /** When the last event of the earliest match was appended: from then on it can be said. */
  readonly since: number;
  /** Nothing is wrong whether it is said or not: what would forbid it came too late to count on. */
  readonly open: boolean;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Every protection of these rules lasts as long. */
export const LASTS_MS: number = 24 * 60 * MINUTE;
/** The span of the absence: nothing of it is decided before. */
export const ABSENCE_MS: number = 10 * SECOND;
/** A confirmation appended later than this after it happened may come too late. */
const CONFIRMED_WITHIN_MS = 2 * SECOND;

export const EXPECTING: Readonly<Record<RuleId, Expecting>> = {
  chaos_sequence: {
    action: "FREEZE",
    scopes: ["WITHDRAW", "P2P"],
    deciders: (events) =>
      of(events, "API_KEY_CREATED")
        .filter((key) =>
          of(events, "FACTOR_SWITCHED").some((step) =>
            of(events, "RISK_NOTICE_SENT").some(
              (notice) =>
                notice.occurredAt <= step.occurredAt &&
                step.occurredAt <= key.occurredAt &&
                key.occurredAt - notice.occurredAt <= 15 * MINUTE,
            ),
          ),
        )
        .map(idOf),
  },
  chaos_count: {
    action: "HOLD",
    scopes: ["WITHDRAW"],
    deciders: (events) => windows(of(events, "CHALLENGE_FAILED"), 10 * MINUTE, (seen) => seen.length >= 5),
  },
  chaos_sum: {
    action: "FREEZE",
    scopes: ["WITHDRAW"],
    deciders: (events) =>
      windows(
        of(events, "WITHDRAWAL_REQUESTED"),
        30 * MINUTE,
        (seen) => seen.reduce((sum, { amountUsdCents }) => sum + (amountUsdCents ?? 0), 0) >= 1_000_000,
      ),
  },
  chaos_distinct: {
    action: "HOLD",
    scopes: ["SESSIONS"],
    deciders: (events) =>
      windows(
        of(events, "LOGIN_FAILED"),
        10 * MINUTE,
        (seen) => new Set(seen.map(({ deviceId }) => deviceId)).size >= 3,
      ),
  },
  chaos_together: {
    action: "FREEZE",
    scopes: ["WITHDRAW", "ADDRESS_BOOK"],
    deciders: (events) => {
      const phones = of(events, "PHONE_CHANGED");
      const addresses = of(events, "ADDRESS_ADDED");
      const keys = of(events, "API_KEY_DELETED");
      const triples = phones.flatMap((phone) =>
        addresses.flatMap((address) => keys.map((key) => byTime([phone, address, key]))),
      );
      const near = triples.filter((three) => three[2]!.occurredAt - three[0]!.occurredAt <= 10 * MINUTE);
      return distinct(near.map((three) => three[2]!.eventId));
    },
  },
  chaos_policy: {
    action: "HOLD",
    scopes: ["WITHDRAW", "TRANSFER"],
    deciders: (events) =>
      of(events, "FACTOR_REMOVED")
        .filter(({ factor }) => factor === "HARDWARE_KEY")
        .map(idOf),
  },
  chaos_profile: {
    action: "HOLD",
    scopes: ["WITHDRAW", "P2P"],
    deciders: (events) => {
      const weaker = of(events, "PASSWORD_CHANGED").filter((change) => {
        const known = of(events.slice(0, events.indexOf(change)), "ACCOUNT_SNAPSHOT");
        const before = known.filter(({ occurredAt }) => occurredAt <= change.occurredAt);
        const enrolled = before.flatMap(({ enrolledFactors }) => enrolledFactors ?? []);
        return change.verifiedWith != null && strongest(change.verifiedWith) < strongest(enrolled);
      });
      return weaker.map(idOf);
    },
  },
  chaos_absence: {
    action: "HOLD",
    scopes: ["WITHDRAW"],
    deciders: (events) =>
      distinct(
        swapsLeftOpen(events)
          .filter((pair) => !confirmations(events, pair).length)
          .map((pair) => pair[1].eventId),
      ),
  },
  chaos_started: {
    action: "HOLD",
    scopes: ["WITHDRAW", "P2P", "TRANSFER"],
    // Of all accounts together: links.ts.
    deciders: () => [],
  },
};

/** Everything that must, or may, be said about one account. Events of one id count once. */
export function expectationsOf(accountId: string, appended: readonly Appended[]): Expectation[] {
  const arrivals = appended.toSorted((a, b) => a.appendedAt - b.appendedAt);
  const events = arrivals.map(({ occurrence }) => occurrence);
  return (Object.keys(EXPECTING) as RuleId[]).flatMap((rule): Expectation[] => {
    const { deciders } = EXPECTING[rule];
    const open = rule === "chaos_absence" && isOpen(arrivals);
    const found = deciders(open ? events.filter(({ type }) => type !== "LOGIN_SUCCEEDED") : events);
    if (found.length === 0) return [];
    const needed = arrivals.findIndex((_, last) => deciders(events.slice(0, last + 1)).length > 0);
    const since = arrivals[needed]?.appendedAt ?? arrivals.at(-1)!.appendedAt;
    return [{ accountId, rule, deciders: found, since, open }];
  });
}

function isOpen(arrivals: readonly Appended[]): boolean {
  const events = arrivals.map(({ occurrence }) => occurrence);
  const late = arrivals.filter(
    ({ occurrence, appendedAt }) => appendedAt - occurrence.occurredAt > CONFIRMED_WITHIN_MS,
  );
  const lateOnes = late.map(({ occurrence }) => occurrence);
  return swapsLeftOpen(events).some((pair) => confirmations(lateOnes, pair).length > 0);
}

/** A swap and an opened allow-list close to each other, in event order. */
function swapsLeftOpen(events: readonly Occurrence[]): [Occurrence, Occurrence][] {
  const pairs = of(events, "SIM_SWAP_REPORTED").flatMap((swap) =>
    of(events, "ALLOWLIST_ONLY_DISABLED").map((opened) => byTime([swap, opened]) as [Occurrence, Occurrence]),
  );
  return pairs.filter(([first, last]) => last.occurredAt - first.occurredAt <= ABSENCE_MS);
}

function confirmations(events: readonly Occurrence[], [first]: [Occurrence, Occurrence]): Occurrence[] {
  return of(events, "LOGIN_SUCCEEDED").filter(
    ({ occurredAt }) => occurredAt >= first.occurredAt && occurredAt <= first.occurredAt + ABSENCE_MS,
  );
}

/** Last events of the windows of this length, one ending at each event, that are full. */
function windows(
  events: readonly Occurrence[],
  length: number,
  isFull: (seen: readonly Occurrence[]) => boolean,
): string[] {
  const full = events.filter((last) =>
    isFull(events.filter(({ occurredAt }) => occurredAt <= last.occurredAt && last.occurredAt - occurredAt <= length)),
  );
  return full.map(idOf);
}

const STRENGTH: Readonly<Record<string, number>> = { PASSWORD: 1, EMAIL: 1, SMS: 1, TOTP: 2, HARDWARE_KEY: 3 };

function strongest(factors: readonly string[]): number {
  return Math.max(0, ...factors.map((factor) => STRENGTH[factor] ?? 0));
}

function of(events: readonly Occurrence[], type: string): Occurrence[] {
  return events.filter((event) => event.type === type);
}

function byTime(events: readonly Occurrence[]): Occurrence[] {
  return events.toSorted((a, b) => a.occurredAt - b.occurredAt);
}

function idOf({ eventId }: Occurrence): string {
  return eventId;
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
