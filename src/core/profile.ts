// What an account's past says about the event at hand. Owns the profile of one account (what is kept) and
// the facts rules read under `profile.` (what is told). Leaves to trait.ts which event means what, to
// seen.ts, factor.ts and latest.ts how each part is kept.
//
// An event is learned first and described afterwards, as of its own time: what happened later is left
// out, and a duplicate is described as the first one was.
//
// Where knowledge is partial:
//   strongestFactor         just before a factor event, else as of the event; null until a list of the
//                           enrolled was given or a factor is known to be enrolled
//   verifiedBelowStrongest  only on sensitive operations; null where nothing was asked or nothing is known
//   weakerThanBefore        only on FACTOR_ENROLLED and FACTOR_REMOVED. After a removal it is false when a
//                           factor known to remain is as strong as the removed one; without one it is
//                           true only if a full list was given once, else null: what remains is unknown.
//
// Invariants:
//   PF1 a profile is a set: learning an event twice is learning it once
//   PF2 a routine event (a known device, within the hour) changes nothing
//   PF3 a fact is null until it is known: go-live holds nobody

import type { ExchangeEvent } from "./event.ts";
import { type FactorMarks, NO_MARKS, recordFactor, recordList, strengthOf, strongestEnrolled } from "./factor.ts";
import { addTime, lastTime, type LatestTimes, NO_TIMES } from "./latest.ts";
import {
  ADDRESS,
  COUNTRY,
  DEVICE,
  firstSeenAt,
  indexOfSeen,
  lastSeenHour,
  latestFirstSeen,
  NETWORK,
  NOTHING_SEEN,
  see,
  type SeenKind,
  type SeenList,
  SINCE_EVER,
} from "./seen.ts";
import { type Duration, HOUR, type Instant, SECOND } from "./time.ts";
import { type Trait, traitOf } from "./trait.ts";

/**
 * The facts rules read under `profile.`; null until known. One object is reused for every event of a
 * partition: read it during the call, never keep it.
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
const FACTORS_GIVEN = 16;

/** Younger than this counts as new. */
const NEW_FOR: Duration = 24 * HOUR;

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
  };
}

export function newFacts(): ProfileFacts {
  return {
    newDevice: null,
    newCountry: null,
    newAsn: null,
    newAddress: null,
    strongestFactor: null,
    presentedStrength: null,
    verifiedBelowStrongest: null,
    weakerThanBefore: null,
    secondsSinceNewDevice: null,
    secondsSinceFactorChange: null,
    secondsSinceCredentialChange: null,
    secondsSinceContactChange: null,
    secondsSinceRiskNotice: null,
    secondsSinceApiKey: null,
    accountAgeSeconds: null,
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

/** Writes into `facts` what the profile, which has learned the event, says as of the event's time. */
export function describe(profile: Profile, event: ExchangeEvent, facts: ProfileFacts, warmup: Duration): void {
  const at = event.occurredAt;
  const isWarm = toSecond(at) - profile.firstEventSecond >= warmup / SECOND;
  const known = isWarm ? ~0 : profile.given; // PF3
  facts.newDevice = isNew(profile, DEVICE, event.deviceId, at, known);
  facts.newCountry = isNew(profile, COUNTRY, event.country, at, known);
  facts.newAsn = isNew(profile, NETWORK, event.asn, at, known);
  facts.newAddress = isNew(profile, ADDRESS, event.address, at, known);
  facts.secondsSinceNewDevice =
    (known & (1 << DEVICE)) === 0 ? null : secondsSince(latestFirstSeen(profile.seen, DEVICE, at), at);
  facts.secondsSinceFactorChange = secondsSince(lastTime(profile.factorChanges, at), at);
  facts.secondsSinceCredentialChange = secondsSince(lastTime(profile.credentialChanges, at), at);
  facts.secondsSinceContactChange = secondsSince(lastTime(profile.contactChanges, at), at);
  facts.secondsSinceRiskNotice = secondsSince(lastTime(profile.riskNotices, at), at);
  facts.secondsSinceApiKey = secondsSince(lastTime(profile.apiKeys, at), at);
  facts.accountAgeSeconds = Math.max(0, toSecond(at) - (profile.createdSecond ?? profile.firstEventSecond));
  describeFactors(profile, event, facts);
}

function describeFactors(profile: Profile, event: ExchangeEvent, facts: ProfileFacts): void {
  const trait = traitOf(event.type);
  const listGiven = (profile.given & FACTORS_GIVEN) !== 0;
  const enrolled = strongestEnrolled(profile.factors, event.occurredAt, trait.factor === null ? "after" : "before");
  const strongest = enrolled >= 0 ? enrolled : listGiven ? 0 : null;
  const presented = event.verifiedWith == null ? null : strengthOf(event.verifiedWith);
  facts.strongestFactor = strongest;
  facts.presentedStrength = presented;
  facts.verifiedBelowStrongest =
    trait.sensitive && strongest !== null && presented !== null ? presented < strongest : null;
  facts.weakerThanBefore = trait.moves === "factorChanges" ? isWeaker(profile, event, strongest ?? 0) : null;
}

function isWeaker(profile: Profile, event: ExchangeEvent, before: number): boolean | null {
  if (event.factor == null && event.enrolledFactors == null) return null;
  const after = Math.max(0, strongestEnrolled(profile.factors, event.occurredAt, "after"));
  if (after >= before) return false;
  return (profile.given & FACTORS_GIVEN) !== 0 ? true : null;
}

function isNew(
  profile: Profile,
  kind: number,
  value: string | number | null | undefined,
  at: Instant,
  known: number,
): boolean | null {
  if (value == null || (known & (1 << kind)) === 0) return null;
  const index = indexOfSeen(profile.seen, kind, value);
  if (index < 0) return true;
  const first = firstSeenAt(profile.seen, index);
  return first !== SINCE_EVER && first > at - NEW_FOR;
}

function toSecond(at: Instant): number {
  return Math.floor(at / SECOND);
}

function secondsSince(then: Instant | undefined, at: Instant): number | null {
  return then === undefined ? null : Math.floor((at - then) / SECOND);
}
