// Who shares something with others, and who must be held for it: the rules of test/chaos/rules/campaign.yml
// written a second time, naively, over the events of all accounts at once. Shares no code with the engine.
//
//   facts  a ─── b ───── c     a window that ends in b links a and b, one that ends in c links all three: which
//          ╰ b ╯╰── c ──╯      of the two a was told of depends on who came first

import type { Appended, Occurrence } from "./occurrence.ts";
import type { Expectation } from "./oracle.ts";

/** What an account must be told: that it shares something with others. */
export interface Link {
  /** Ids that the signal which tells it may have: each names one of the account's facts as the first. */
  readonly eventIds: readonly string[];
  readonly accountId: string;
  /** Event times it may carry: each is the last fact's of some match. */
  readonly at: readonly number[];
  /** When the last fact of the earliest match was appended. */
  readonly since: number;
}

interface Sharing {
  readonly rule: string;
  /** What an event shares with others'; null: nothing. */
  readonly shared: (event: Occurrence) => string | number | null | undefined;
  /** Accounts it takes. */
  readonly least: number;
}

interface Fact extends Appended {
  readonly accountId: string;
}

const HOUR = 3_600_000;

const weakly = (event: Occurrence, type: string): boolean =>
  event.type === type && (event.verifiedWith ?? []).includes("SMS");

const SHARINGS: readonly Sharing[] = [
  {
    rule: "chaos_shared_device",
    shared: (event) => (weakly(event, "LOGIN_SUCCEEDED") ? event.deviceId : null),
    least: 2,
  },
  {
    rule: "chaos_shared_network",
    shared: (event) => (weakly(event, "LOGIN_SUCCEEDED") ? event.asn : null),
    least: 5,
  },
  {
    rule: "chaos_shared_destination",
    shared: (event) => (weakly(event, "ADDRESS_ADDED") ? event.address : null),
    least: 2,
  },
];

/** Every link there must be. Events of one id stand once in their account. */
export function linksOf(accounts: ReadonlyMap<string, readonly Appended[]>): Link[] {
  return SHARINGS.flatMap(({ rule, shared, least }) => {
    const groups = new Map<string, Fact[]>();
    for (const [accountId, events] of accounts) {
      for (const each of events) {
        const value = shared(each.occurrence);
        if (value == null) continue;
        const facts = groups.get(String(value)) ?? [];
        groups.set(String(value), facts);
        facts.push({ ...each, accountId });
      }
    }
    return [...groups].flatMap(([value, facts]) => linksOfGroup(facts, { key: [rule, value], least }));
  });
}

function linksOfGroup(facts: readonly Fact[], of: { key: readonly string[]; least: number }): Link[] {
  const arrivals = facts.toSorted((a, b) => a.appendedAt - b.appendedAt);
  return [...new Set(facts.map(({ accountId }) => accountId))].flatMap((accountId): Link[] => {
    const at = matchesWith(accountId, facts, of.least);
    if (at.length === 0) return [];
    const last = arrivals.find(
      (_, index) => matchesWith(accountId, arrivals.slice(0, index + 1), of.least).length > 0,
    )!;
    const own = facts.filter((fact) => fact.accountId === accountId);
    const eventIds = own.map(({ occurrence }) =>
      [...of.key, accountId, occurrence.eventId].map(encodeURIComponent).join("/"),
    );
    return [{ eventIds, accountId, at, since: last.appendedAt }];
  });
}

/** Event times of the facts that end an hour with enough accounts in it, this one among them. */
function matchesWith(accountId: string, facts: readonly Fact[], least: number): number[] {
  const ends = facts.map(({ occurrence }) => occurrence.occurredAt);
  return ends.filter((end) => {
    const within = facts.filter(({ occurrence: { occurredAt: at } }) => at <= end && end - at <= HOUR);
    const accounts = new Set(within.map((fact) => fact.accountId));
    return accounts.size >= least && accounts.has(accountId);
  });
}

/** Who is linked and has taken a first step, within an hour: the rule `chaos_started`. */
export function startedOf(accounts: ReadonlyMap<string, readonly Appended[]>, links: readonly Link[]): Expectation[] {
  return [...Map.groupBy(links, ({ accountId }) => accountId)].flatMap(([accountId, own]): Expectation[] => {
    const steps = accounts.get(accountId)!.filter(({ occurrence }) => occurrence.type === "EMAIL_FLOOD_REPORTED");
    const deciders = new Set<string>();
    const times = new Map<string, number[]>();
    for (const { eventIds, at } of own) {
      for (const { occurrence: step } of steps) {
        const near = at.filter((linked) => Math.abs(linked - step.occurredAt) <= HOUR);
        if (near.some((linked) => linked <= step.occurredAt)) deciders.add(step.eventId);
        const later = near.filter((linked) => linked >= step.occurredAt);
        if (later.length === 0) continue;
        for (const eventId of eventIds) times.set(eventId, [...(times.get(eventId) ?? []), ...later]);
      }
    }
    for (const eventId of times.keys()) deciders.add(eventId);
    if (deciders.size === 0) return [];
    const sure = own.filter(({ at }) => at.every((linked) => isNear(linked, steps)));
    const stepSince = Math.min(...steps.map(({ appendedAt }) => appendedAt));
    const since = Math.min(...own.map((link) => Math.max(link.since, stepSince)));
    return [{ accountId, rule: "chaos_started", deciders: [...deciders], times, since, open: sure.length === 0 }];
  });
}

function isNear(linked: number, steps: readonly Appended[]): boolean {
  return steps.some(({ occurrence }) => Math.abs(linked - occurrence.occurredAt) <= HOUR);
}
