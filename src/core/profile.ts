// The profile of one account: what is kept of its past. Owns how events are taken into it. Leaves to facts.ts
// what is told of it, to trait.ts which event means what, and to seen.ts, factor.ts and latest.ts how each
// part is kept.
//
// Invariants:
//   PF1 a profile is a set: learning an event twice is learning it once
//   PF2 a routine event (a known device, within the hour) changes nothing

import type { ExchangeEvent } from "./event.ts";
import { type FactorMarks, NO_MARKS, recordFactor, recordList } from "./factor.ts";
import { addTime, type LatestTimes, NO_TIMES } from "./latest.ts";
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
import { HOUR, type Instant, SECOND } from "./time.ts";
import { type Trait, traitOf } from "./trait.ts";

/**
 * The facts rules read under `profile.`; null until known. One object is reused for every event of a
 * partition: read it during the call, never keep it. Facts are worked out when they are read.
 */
export interface ProfileFacts {
  newDevice: boolean | null;
  newCountry: boolean | null;
  newAsn: boolean | null;
  newAddress: boolean | null;
  strongestFactor: number | null;
  presentedStrength: number | null;
  verifiedBelowStrongest: boolean | null;
  weakerThanBefore: boolean | null;
  secondsSinceNewDevice: number | null;
  secondsSinceFactorChange: number | null;
  secondsSinceCredentialChange: number | null;
  secondsSinceContactChange: number | null;
  secondsSinceRiskNotice: number | null;
  secondsSinceApiKey: number | null;
  accountAgeSeconds: number | null;
}

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
}

/** Bit of `Profile.given`: a snapshot or another event listed the enrolled factors. */
export const FACTORS_GIVEN = 16;

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
  };
}

/** Told of what kind a value was dropped at the capacity. */
export type OnEvicted = (kind: SeenKind) => void;

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
  const at = event.occurredAt;
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

function toSecond(at: Instant): number {
  return Math.floor(at / SECOND);
}
