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
import { firstSeen, isKnown, latestFirstSeen, NOTHING_SEEN, see, type SeenList, SINCE_EVER } from "./seen.ts";
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
  devices: SeenList;
  countries: SeenList;
  networks: SeenList;
  addresses: SeenList;
  /** Which lists were given in full, GIVEN bits. */
  given: number;
  factors: FactorMarks;
  /** The earliest creation time a snapshot told. */
  createdAt: Instant | null;
  /** The earliest event. */
  firstEventAt: Instant;
  factorChanges: LatestTimes;
  credentialChanges: LatestTimes;
  contactChanges: LatestTimes;
  riskNotices: LatestTimes;
  apiKeys: LatestTimes;
}

/** Lists a snapshot (or, for factors, any event) gave in full; bits of `Profile.given`. */
export const GIVEN = { devices: 1, countries: 2, networks: 4, addresses: 8, factors: 16 } as const;

type SeenName = "devices" | "countries" | "networks" | "addresses";

const CAPACITY: Readonly<Record<SeenName, number>> = { devices: 32, countries: 32, networks: 32, addresses: 64 };

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
    devices: NOTHING_SEEN,
    countries: NOTHING_SEEN,
    networks: NOTHING_SEEN,
    addresses: NOTHING_SEEN,
    given: 0,
    factors: NO_MARKS,
    createdAt: null,
    firstEventAt,
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

/** Told which list dropped a value at its capacity. */
export type OnEvicted = (list: SeenName) => void;

/**
 * Takes the event into the profile, in place.
 * @returns whether anything changed that must be written
 */
export function learn(profile: Profile, event: ExchangeEvent, onEvicted: OnEvicted): boolean {
  const at = event.occurredAt;
  const trait = traitOf(event.type);
  let changed = false;
  if (at < profile.firstEventAt) {
    profile.firstEventAt = at;
    changed = true;
  }
  if (trait.seen) {
    if (event.deviceId != null && sight(profile, "devices", event.deviceId, at, at, onEvicted)) changed = true;
    if (event.country != null && sight(profile, "countries", event.country, at, at, onEvicted)) changed = true;
    if (event.asn != null && sight(profile, "networks", event.asn, at, at, onEvicted)) changed = true;
  }
  if (
    event.address != null &&
    (trait.address === "always" || (trait.address === "listed" && event.addressListed === true))
  ) {
    if (sight(profile, "addresses", event.address, at, at, onEvicted)) changed = true;
  }
  if (trait.moves !== null) {
    const times = addTime(profile[trait.moves], at);
    if (times !== profile[trait.moves]) {
      profile[trait.moves] = times;
      changed = true;
    }
  }
  if ((trait.factor !== null || event.enrolledFactors != null) && learnFactors(profile, event, trait)) changed = true;
  if (event.type === "ACCOUNT_SNAPSHOT" && learnSnapshot(profile, event, onEvicted)) changed = true;
  return changed;
}

function sight(
  profile: Profile,
  name: SeenName,
  value: string | number,
  first: Instant,
  at: Instant,
  onEvicted: OnEvicted,
): boolean {
  const list = profile[name];
  if (isKnown(list, value, first, at)) return false; // PF2: without allocating anything
  const next = see(list, value, { first, at, capacity: CAPACITY[name], onEvicted: () => onEvicted(name) });
  if (next === list) return false;
  profile[name] = next;
  return true;
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
    profile.given |= GIVEN.factors;
  }
  const changed = marks !== profile.factors || profile.given !== given;
  profile.factors = marks;
  return changed;
}

function learnSnapshot(profile: Profile, event: ExchangeEvent, onEvicted: OnEvicted): boolean {
  let changed = false;
  const given = profile.given;
  const list = (name: SeenName, values: readonly (string | number)[] | null | undefined): void => {
    if (values == null) return;
    profile.given |= GIVEN[name]; // an empty list is given as well
    for (const value of values) {
      if (sight(profile, name, value, SINCE_EVER, event.occurredAt, onEvicted)) changed = true;
    }
  };
  list("devices", event.knownDevices);
  list("countries", event.knownCountries);
  list("networks", event.knownAsns);
  list("addresses", event.knownAddresses);
  if (event.createdAt != null && (profile.createdAt === null || event.createdAt < profile.createdAt)) {
    profile.createdAt = event.createdAt;
    changed = true;
  }
  return changed || profile.given !== given;
}

/** Writes into `facts` what the profile, which has learned the event, says as of the event's time. */
export function describe(profile: Profile, event: ExchangeEvent, facts: ProfileFacts, warmup: Duration): void {
  const at = event.occurredAt;
  const known = at - profile.firstEventAt >= warmup ? ~0 : profile.given; // PF3
  facts.newDevice = isNew(profile.devices, event.deviceId, at, known & GIVEN.devices);
  facts.newCountry = isNew(profile.countries, event.country, at, known & GIVEN.countries);
  facts.newAsn = isNew(profile.networks, event.asn, at, known & GIVEN.networks);
  facts.newAddress = isNew(profile.addresses, event.address, at, known & GIVEN.addresses);
  facts.secondsSinceNewDevice =
    (known & GIVEN.devices) === 0 ? null : secondsSince(latestFirstSeen(profile.devices, at), at);
  facts.secondsSinceFactorChange = secondsSince(lastTime(profile.factorChanges, at), at);
  facts.secondsSinceCredentialChange = secondsSince(lastTime(profile.credentialChanges, at), at);
  facts.secondsSinceContactChange = secondsSince(lastTime(profile.contactChanges, at), at);
  facts.secondsSinceRiskNotice = secondsSince(lastTime(profile.riskNotices, at), at);
  facts.secondsSinceApiKey = secondsSince(lastTime(profile.apiKeys, at), at);
  facts.accountAgeSeconds = secondsSince(Math.min(profile.createdAt ?? profile.firstEventAt, at), at);
  describeFactors(profile, event, facts);
}

function describeFactors(profile: Profile, event: ExchangeEvent, facts: ProfileFacts): void {
  const trait = traitOf(event.type);
  const listGiven = (profile.given & GIVEN.factors) !== 0;
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
  return (profile.given & GIVEN.factors) !== 0 ? true : null;
}

function isNew(list: SeenList, value: string | number | null | undefined, at: Instant, given: number): boolean | null {
  if (given === 0 || value == null) return null;
  const first = firstSeen(list, value);
  return first === undefined || (first !== SINCE_EVER && first > at - NEW_FOR);
}

function secondsSince(then: Instant | undefined, at: Instant): number | null {
  return then === undefined ? null : Math.floor((at - then) / SECOND);
}
