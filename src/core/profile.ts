// What an account's past leaves behind: the profile of one account. Owns what is kept and how an event is
// learned. Leaves to profile-facts.ts what it says of an event, to trait.ts which event means what, to
// seen.ts, factor.ts, latest.ts and outflow.ts how each part is kept.
//
// An event is learned first and described afterwards, as of its own time: what happened later is left
// out, and a duplicate is described as the first one was.
//
// Invariants:
//   PF1 a profile is a set: learning an event twice is learning it once
//   PF2 a routine event (a known device, within the hour) changes nothing

import type { ExchangeEvent } from "./event.ts";
import { type FactorMarks, NO_MARKS, recordFactor, recordList } from "./factor.ts";
import { addTime, type LatestTimes, NO_TIMES } from "./latest.ts";
import { addPayment, addRequest, NO_PAYMENTS, NO_REQUESTS, type PaidList, type RequestList } from "./outflow.ts";
import {
  ADDRESS,
  COUNTRY,
  DEVICE,
  firstSeenAt,
  indexOfSeen,
  lastSeenHour,
  NETWORK,
  NOTHING_SEEN,
  see,
  type SeenKind,
  type SeenList,
  SINCE_EVER,
} from "./seen.ts";
import { HOUR, type Instant, toSecond } from "./time.ts";
import { type Trait, traitOf } from "./trait.ts";

/** The profile of one account; the record of the same name in schemas/state/group.avsc. */
export interface Profile {
  /** Devices, countries, networks and addresses. */
  seen: SeenList;
  factors: FactorMarks;
  /** What was given in full: bit `1 << kind` of each kind of SeenList, FACTORS_GIVEN. */
  given: number;
  /** The earliest event, in seconds since the epoch: small integers need no box of their own. */
  firstEventSecond: number;
  /** The earliest creation time a snapshot told, likewise. */
  createdSecond: number | null;
  factorChanges: LatestTimes;
  credentialChanges: LatestTimes;
  contactChanges: LatestTimes;
  riskNotices: LatestTimes;
  apiKeys: LatestTimes;
  /** Withdrawals requested. */
  requests: RequestList;
  /** The largest withdrawals completed. */
  paid: PaidList;
}

/** Bit of `Profile.given`: a snapshot or another event listed the enrolled factors. */
export const FACTORS_GIVEN = 16;

/** Event fields the profile reads, whatever the rules do: the decoder must not project them away. */
export const PROFILE_READS: ReadonlySet<string> = new Set([
  "accountId",
  "type",
  "occurredAt",
  "country",
  "asn",
  "deviceId",
  "verifiedWith",
  "enrolledFactors",
  "factor",
  "createdAt",
  "knownDevices",
  "knownCountries",
  "knownAsns",
  "knownAddresses",
  "issuedDeviceId",
  "issuedAsn",
  "issuedCountry",
  "amountUsdCents",
  "balanceUsdCents",
  "address",
  "addressListed",
]);

export function newProfile(firstEventAt: Instant): Profile {
  return {
    seen: NOTHING_SEEN,
    factors: NO_MARKS,
    given: 0,
    firstEventSecond: toSecond(firstEventAt),
    createdSecond: null,
    factorChanges: NO_TIMES,
    credentialChanges: NO_TIMES,
    contactChanges: NO_TIMES,
    riskNotices: NO_TIMES,
    apiKeys: NO_TIMES,
    requests: NO_REQUESTS,
    paid: NO_PAYMENTS,
  };
}

/** Told of what kind something was dropped at its capacity. */
export type OnEvicted = (kind: SeenKind | "requests") => void;

/**
 * Takes the event into the profile, in place.
 * @returns whether anything changed that must be written
 */
export function learn(profile: Profile, event: ExchangeEvent, onEvicted: OnEvicted): boolean {
  const trait = traitOf(event.type);
  const seen = profile.seen;
  let changed = false;
  if (toSecond(event.occurredAt) < profile.firstEventSecond) {
    profile.firstEventSecond = toSecond(event.occurredAt);
    changed = true;
  }
  if (trait.seen) {
    if (event.deviceId != null) sight(profile, DEVICE, event.deviceId, event.occurredAt, onEvicted);
    if (event.country != null) sight(profile, COUNTRY, event.country, event.occurredAt, onEvicted);
    if (event.asn != null) sight(profile, NETWORK, event.asn, event.occurredAt, onEvicted);
  }
  if (trait.address === "always" || (trait.address === "listed" && event.addressListed === true)) {
    if (event.address != null) sight(profile, ADDRESS, event.address, event.occurredAt, onEvicted);
  }
  if (profile.seen !== seen) changed = true;
  if (trait.moves !== null) {
    const times = addTime(profile[trait.moves], event.occurredAt);
    if (times !== profile[trait.moves]) {
      profile[trait.moves] = times;
      changed = true;
    }
  }
  if (trait.outflow !== null && learnOutflow(profile, event, trait.outflow, onEvicted)) changed = true;
  if ((trait.factor !== null || event.enrolledFactors != null) && learnFactors(profile, event, trait)) changed = true;
  if (event.type === "ACCOUNT_SNAPSHOT" && learnSnapshot(profile, event, onEvicted)) changed = true;
  return changed;
}

/** PF2: of a known value, within the hour, without allocating anything. Not options: called for every event. */
function sight(profile: Profile, kind: number, value: string | number, at: Instant, onEvicted: OnEvicted): void {
  const { seen } = profile;
  const index = indexOfSeen(seen, kind, value);
  if (index >= 0 && at >= firstSeenAt(seen, index) && at < (lastSeenHour(seen, index) + 1) * HOUR) return;
  profile.seen = see(seen, kind, { value, first: at, at, onEvicted });
}

/** Without an amount there is nothing to add up; that the event happened is the rules' business. */
function learnOutflow(
  profile: Profile,
  event: ExchangeEvent,
  outflow: "requested" | "paid",
  onEvicted: OnEvicted,
): boolean {
  const { requests, paid } = profile;
  const { eventId, occurredAt: at, amountUsdCents: cents } = event;
  if (cents == null || cents === 0) return false;
  if (outflow === "paid") profile.paid = addPayment(paid, at, cents);
  else profile.requests = addRequest(requests, { eventId, at, cents }, () => onEvicted("requests"));
  return profile.requests !== requests || profile.paid !== paid;
}

/** A list on the event is what is enrolled after it, and surer than what the type implies. */
function learnFactors(profile: Profile, event: ExchangeEvent, trait: Trait): boolean {
  const listed = event.enrolledFactors ?? null;
  const given = profile.given;
  let marks = profile.factors;
  if (trait.factor !== null && event.factor != null) {
    const remains = trait.factor === "REMOVED" && listed !== null && listed.includes(event.factor);
    if (!remains) marks = recordFactor(marks, event.factor, trait.factor, event.occurredAt);
  }
  if (listed !== null) {
    marks = recordList(marks, listed, event.occurredAt);
    profile.given |= FACTORS_GIVEN;
  }
  const changed = marks !== profile.factors || profile.given !== given;
  profile.factors = marks;
  return changed;
}

function learnSnapshot(profile: Profile, event: ExchangeEvent, onEvicted: OnEvicted): boolean {
  const { seen, given, createdSecond } = profile;
  // Known since ever is not seen just now: two countries on one list are no journey.
  const at = SINCE_EVER;
  const list = (kind: number, values: readonly (string | number)[] | null | undefined): void => {
    if (values == null) return;
    profile.given |= 1 << kind; // an empty list is given as well
    for (const value of values) profile.seen = see(profile.seen, kind, { value, first: SINCE_EVER, at, onEvicted });
  };
  list(DEVICE, event.knownDevices);
  list(COUNTRY, event.knownCountries);
  list(NETWORK, event.knownAsns);
  list(ADDRESS, event.knownAddresses);
  if (event.createdAt != null) profile.createdSecond = Math.min(toSecond(event.createdAt), createdSecond ?? Infinity);
  return profile.seen !== seen || profile.given !== given || profile.createdSecond !== createdSecond;
}
