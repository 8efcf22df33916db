// What an account's past says about the event at hand: the facts rules read under `profile.`. Owns their
// meaning. Leaves to profile.ts what is kept, and to be called after the event was learned.
//
// Where knowledge is partial:
//   strongestFactor         just before a factor event, else as of the event; null until a list of the
//                           enrolled was given or a factor is known to be enrolled
//   verifiedBelowStrongest  only on sensitive operations; null where nothing was asked or nothing is known
//   weakerThanBefore        only on FACTOR_ENROLLED and FACTOR_REMOVED. After a removal it is false when a
//                           factor known to remain is as strong as the removed one; without one it is
//                           true only if a full list was given once, else null: what remains is unknown.
//   amountRatio             null until the account has the warm-up of history: the largest of two days is
//                           no measure. For a late event, payments later in its own 30-day span count too
//   withdrawnUsdCents24h    only on withdrawals that say their amount, null where no request is known; past
//                           the cap of outflow.ts at least this much
//   sessionMoved            null where a comparison that decides lacks one of its sides
//   impossibleTravel        false only once the account was known before the previous clock hour; for a
//                           late event, a country also seen later may hide that it was seen then
//
// Invariants:
//   PF3 a fact is null until it is known: go-live holds nobody

import type { ExchangeEvent } from "./event.ts";
import { strengthOf, strongestEnrolled } from "./factor.ts";
import { lastTime } from "./latest.ts";
import { largestPayment, requestedUntil } from "./outflow.ts";
import { FACTORS_GIVEN, type Profile } from "./profile.ts";
import {
  ADDRESS,
  COUNTRY,
  DEVICE,
  firstSeenAt,
  indexOfSeen,
  latestFirstSeen,
  NETWORK,
  otherSeenLately,
  SINCE_EVER,
} from "./seen.ts";
import { type Duration, HOUR, type Instant, SECOND, toSecond } from "./time.ts";
import { traitOf } from "./trait.ts";

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
  balanceFraction: number | null;
  amountRatio: number | null;
  withdrawnUsdCents24h: number | null;
  sessionMoved: boolean | null;
  impossibleTravel: boolean | null;
  accountAgeSeconds: number | null;
}

/** Younger than this counts as new. */
const NEW_FOR: Duration = 24 * HOUR;

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
    balanceFraction: null,
    amountRatio: null,
    withdrawnUsdCents24h: null,
    sessionMoved: null,
    impossibleTravel: null,
    accountAgeSeconds: null,
  };
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
  facts.sessionMoved = isMoved(event);
  facts.impossibleTravel = isImpossible(profile, event);
  facts.accountAgeSeconds = Math.max(0, toSecond(at) - (profile.createdSecond ?? profile.firstEventSecond));
  describeFactors(profile, event, facts);
  describeOutflow(profile, event, facts, isWarm);
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

function describeOutflow(profile: Profile, event: ExchangeEvent, facts: ProfileFacts, isWarm: boolean): void {
  const amount = event.amountUsdCents ?? null;
  if (amount === null) {
    facts.balanceFraction = null;
    facts.amountRatio = null;
    facts.withdrawnUsdCents24h = null;
    return;
  }
  const balance = event.balanceUsdCents ?? null;
  const largest = isWarm ? largestPayment(profile.paid, event.occurredAt) : 0;
  const requested = requestedUntil(profile.requests, event.occurredAt);
  facts.balanceFraction = balance === null ? null : fraction(amount, balance);
  facts.amountRatio = largest === 0 ? null : amount / largest;
  facts.withdrawnUsdCents24h = requested === 0 ? null : requested;
}

/** Of nothing, everything; nothing of nothing says nothing. */
function fraction(amount: number, balance: number): number | null {
  if (balance > amount) return amount / balance;
  return amount > 0 ? 1 : null;
}

/** Whether a session is used elsewhere than it was issued to: from another device, or network and country. */
function isMoved(event: ExchangeEvent): boolean | null {
  const { issuedDeviceId, issuedAsn, issuedCountry } = event;
  if (issuedDeviceId == null && issuedAsn == null && issuedCountry == null) return null; // nearly every event
  const device = differs(issuedDeviceId, event.deviceId);
  if (device === true) return true;
  const network = differs(issuedAsn, event.asn);
  const country = differs(issuedCountry, event.country);
  if (network === true && country === true) return true;
  return device === false && (network === false || country === false) ? false : null;
}

function differs(issued: string | number | null | undefined, used: string | number | null | undefined): boolean | null {
  return issued == null || used == null ? null : issued !== used;
}

function isImpossible(profile: Profile, event: ExchangeEvent): boolean | null {
  if (event.country == null) return null;
  if (otherSeenLately(profile.seen, COUNTRY, event.country, event.occurredAt)) return true;
  const previousHour = (Math.floor(event.occurredAt / HOUR) - 1) * HOUR;
  return profile.firstEventSecond <= toSecond(previousHour) ? false : null;
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

function secondsSince(then: Instant | undefined, at: Instant): number | null {
  return then === undefined ? null : Math.floor((at - then) / SECOND);
}
