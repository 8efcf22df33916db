// What an account's past leaves behind: the profile of one account. Owns what is kept and how an event is
// learned. Leaves to profile-facts.ts what it says of an event, to trait.ts which event means what, to
// seen.ts, factor.ts, latest.ts and outflow.ts how each part is kept.
//
// An event is learned first and described afterwards, as of its own time: what happened later is left
// out, and a duplicate is described as the first one was.
//
// Nearly every event is routine: the device, country and network of the last one, within the hour, and the
// factors as enrolled. So that it touches one place in memory, a profile keeps at hand what makes an event
// routine (Shortcuts): derived from the rest, never written, forgotten when in doubt.
//
// Invariants:
//   PF1 a profile is a set: learning an event twice is learning it once
//   PF2 a routine event (a known device, within the hour) changes nothing
//   PF4 what a shortcut passes over would have changed nothing

import type { ExchangeEvent } from "./event.ts";
import { enrolledLast, type FactorMarks, listMask, NO_MARKS, recordFactor, recordList, standsFrom } from "./factor.ts";
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
  seeAgain,
  type SeenKind,
  type SeenList,
  SINCE_EVER,
} from "./seen.ts";
import { HOUR, type Instant, SECOND, toSecond } from "./time.ts";
import { type Trait, traitOf } from "./trait.ts";

/** What makes an event routine. Whole seconds and hours since the epoch: small integers need no box. */
export interface Shortcuts {
  /** Of the last event that was looked up: each null when it named none. */
  lastDevice: string | null;
  lastCountry: string | null;
  lastNetwork: number | null;
  /** From this second on, and until the end of this hour, a sighting of these three says nothing new. */
  routineFrom: number;
  routineHour: number;
  /** The factors enrolled after the last mark, as a bit mask; -1: not worked out. */
  enrolled: number;
  /** From this second on they are. */
  enrolledFrom: number;
}

/** The profile of one account; the record of the same name in schemas/state/group.avsc, and its shortcuts. */
export interface Profile extends Shortcuts {
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

const HOUR_SECONDS = HOUR / SECOND;

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

/** No event is routine before the first one was looked up. */
export const NO_SHORTCUTS: Readonly<Shortcuts> = {
  lastDevice: null,
  lastCountry: null,
  lastNetwork: null,
  routineFrom: 0,
  routineHour: -1,
  enrolled: -1,
  enrolledFrom: 0,
};

export function newProfile(firstEventAt: Instant): Profile {
  return {
    ...NO_SHORTCUTS,
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
  let changed = false;
  if (toSecond(event.occurredAt) < profile.firstEventSecond) {
    profile.firstEventSecond = toSecond(event.occurredAt);
    changed = true;
  }
  if (trait.seen && !isRoutine(profile, event) && sightAll(profile, event, onEvicted)) changed = true;
  if (trait.address === "always" || (trait.address === "listed" && event.addressListed === true)) {
    if (event.address != null && sight(profile, ADDRESS, event.address, event.occurredAt, onEvicted)) changed = true;
  }
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

/** PF4 */
function isRoutine(profile: Profile, event: ExchangeEvent): boolean {
  const second = toSecond(event.occurredAt);
  return (
    second >= profile.routineFrom &&
    second < (profile.routineHour + 1) * HOUR_SECONDS &&
    (event.deviceId ?? null) === profile.lastDevice &&
    (event.country ?? null) === profile.lastCountry &&
    (event.asn ?? null) === profile.lastNetwork
  );
}

/** Whether anything changed; the event's values are what is routine from here on. */
function sightAll(profile: Profile, event: ExchangeEvent, onEvicted: OnEvicted): boolean {
  const { occurredAt: at, deviceId = null, country = null, asn = null } = event;
  profile.routineFrom = 0;
  profile.routineHour = Math.floor(at / HOUR);
  let changed = false;
  if (deviceId !== null && sight(profile, DEVICE, deviceId, at, onEvicted)) changed = true;
  if (country !== null && sight(profile, COUNTRY, country, at, onEvicted)) changed = true;
  if (asn !== null && sight(profile, NETWORK, asn, at, onEvicted)) changed = true;
  // As the list has it: the event's own text would be one more to keep.
  if (deviceId !== profile.lastDevice) profile.lastDevice = keptText(profile.seen, DEVICE, deviceId);
  if (country !== profile.lastCountry) profile.lastCountry = keptText(profile.seen, COUNTRY, country);
  profile.lastNetwork = asn;
  return changed;
}

/**
 * One sighting, without allocating anything if the value is known; the routine is no wider than it (PF4).
 * Not options: called for many events.
 * @returns whether anything changed
 */
function sight(profile: Profile, kind: number, value: string | number, at: Instant, onEvicted: OnEvicted): boolean {
  const { seen } = profile;
  const index = indexOfSeen(seen, kind, value);
  if (index < 0) {
    profile.seen = see(seen, kind, { value, first: at, at, onEvicted });
    if (kind !== ADDRESS) profile.routineHour = -1; // another of its kind may have gone
    return profile.seen !== seen;
  }
  const changed = seeAgain(seen, index, at);
  if (kind === ADDRESS) return changed;
  profile.routineFrom = Math.max(profile.routineFrom, Math.ceil(firstSeenAt(seen, index) / SECOND));
  profile.routineHour = Math.min(profile.routineHour, lastSeenHour(seen, index));
  return changed;
}

function keptText(seen: SeenList, kind: number, text: string | null): string | null {
  const index = text === null ? -1 : indexOfSeen(seen, kind, text);
  return index < 0 ? text : (seen[index] as string);
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
  else profile.requests = addRequest(requests, { eventId, at, cents }, onEvicted);
  return profile.requests !== requests || profile.paid !== paid;
}

/** A list on the event is what is enrolled after it, and surer than what the type implies. */
function learnFactors(profile: Profile, event: ExchangeEvent, trait: Trait): boolean {
  const listed = event.enrolledFactors ?? null;
  const given = profile.given;
  if (trait.factor === null && listed !== null && (given & FACTORS_GIVEN) !== 0) {
    const isKnown = listMask(listed) === profile.enrolled && toSecond(event.occurredAt) >= profile.enrolledFrom;
    if (isKnown) return false; // PF4
  }
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
  profile.enrolled = enrolledLast(marks);
  profile.enrolledFrom = Math.ceil(standsFrom(marks) / SECOND);
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
  if (profile.seen !== seen) profile.routineHour = -1;
  if (event.createdAt != null) profile.createdSecond = Math.min(toSecond(event.createdAt), createdSecond ?? Infinity);
  return profile.seen !== seen || profile.given !== given || profile.createdSecond !== createdSecond;
}
