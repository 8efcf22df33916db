// What an account's past says about the event at hand: the facts rules read under `profile.`. Owns their
// meaning. Leaves to profile.ts what is kept, and to be called after the event was learned.
//
// Where knowledge is partial:
//   strongestFactor         just before an event that may change it, else as of the event: what that lists was
//                           enrolled before it, too; null until a list of the enrolled was given or a factor
//                           is known to be enrolled
//   presentedStrength       of a challenge passed its factor's, too
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
import { lastTime, type LatestTimes } from "./latest.ts";
import { largestPayment, requestedUntil } from "./outflow.ts";
import { FACTORS_GIVEN, newProfile, type Profile } from "./profile.ts";
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

const NO_EVENT: ExchangeEvent = { eventId: "", accountId: "", type: "", occurredAt: 0 };

/** Whether events of the type can have the fact at all; of others it is always null. */
export function isToldOf(type: string, fact: string): boolean {
  if (fact === "verifiedBelowStrongest") return traitOf(type).sensitive;
  return fact !== "weakerThanBefore" || traitOf(type).moves === "factorChanges";
}

/** Worked out when a rule reads them: most events are ruled out by their type before. */
export class Facts implements ProfileFacts {
  readonly #warmup: Duration;
  #profile: Profile = newProfile(0);
  #event: ExchangeEvent = NO_EVENT;
  /** What several rules ask of most events, once it was asked; undefined: not yet. */
  #newDevice: boolean | null | undefined = undefined;
  #newCountry: boolean | null | undefined = undefined;
  #newAsn: boolean | null | undefined = undefined;

  /** @param warmup history after which lists that were never given count as known */
  constructor(warmup: Duration) {
    this.#warmup = warmup;
  }

  /** From here on the facts are those of this event, which the profile has learned. */
  about(profile: Profile, event: ExchangeEvent): void {
    this.#profile = profile;
    this.#event = event;
    this.#newDevice = undefined;
    this.#newCountry = undefined;
    this.#newAsn = undefined;
  }

  get newDevice(): boolean | null {
    if (this.#newDevice === undefined)
      this.#newDevice = this.#isNewLast(DEVICE, this.#event.deviceId, this.#profile.lastDevice);
    return this.#newDevice;
  }

  get newCountry(): boolean | null {
    if (this.#newCountry === undefined)
      this.#newCountry = this.#isNewLast(COUNTRY, this.#event.country, this.#profile.lastCountry);
    return this.#newCountry;
  }

  get newAsn(): boolean | null {
    if (this.#newAsn === undefined) this.#newAsn = this.#isNewLast(NETWORK, this.#event.asn, this.#profile.lastNetwork);
    return this.#newAsn;
  }

  get newAddress(): boolean | null {
    return this.#isNew(ADDRESS, this.#event.address);
  }

  get strongestFactor(): number | null {
    const { factors, given } = this.#profile;
    const { type, occurredAt } = this.#event;
    const enrolled = strongestEnrolled(factors, occurredAt, traitOf(type).changesFactors ? "before" : "after");
    if (enrolled >= 0) return enrolled;
    return (given & FACTORS_GIVEN) !== 0 ? 0 : null;
  }

  get presentedStrength(): number | null {
    const { type, factor, verifiedWith } = this.#event;
    const challenged = type === "CHALLENGE_PASSED" && factor != null ? strengthOf([factor]) : null;
    if (verifiedWith == null) return challenged;
    return Math.max(strengthOf(verifiedWith), challenged ?? 0);
  }

  get verifiedBelowStrongest(): boolean | null {
    if (this.#event.verifiedWith == null || !traitOf(this.#event.type).sensitive) return null;
    const strongest = this.strongestFactor;
    return strongest === null ? null : strengthOf(this.#event.verifiedWith) < strongest;
  }

  get weakerThanBefore(): boolean | null {
    if (traitOf(this.#event.type).moves !== "factorChanges") return null;
    return isWeaker(this.#profile, this.#event, this.strongestFactor ?? 0);
  }

  get secondsSinceNewDevice(): number | null {
    if (!this.#isKnown(DEVICE)) return null;
    const at = this.#event.occurredAt;
    return secondsSince(latestFirstSeen(this.#profile.seen, DEVICE, at), at);
  }

  get secondsSinceFactorChange(): number | null {
    return this.#secondsSince(this.#profile.factorChanges);
  }

  get secondsSinceCredentialChange(): number | null {
    return this.#secondsSince(this.#profile.credentialChanges);
  }

  get secondsSinceContactChange(): number | null {
    return this.#secondsSince(this.#profile.contactChanges);
  }

  get secondsSinceRiskNotice(): number | null {
    return this.#secondsSince(this.#profile.riskNotices);
  }

  get secondsSinceApiKey(): number | null {
    return this.#secondsSince(this.#profile.apiKeys);
  }

  get balanceFraction(): number | null {
    const { amountUsdCents, balanceUsdCents } = this.#event;
    return amountUsdCents == null || balanceUsdCents == null ? null : fraction(amountUsdCents, balanceUsdCents);
  }

  get amountRatio(): number | null {
    const { amountUsdCents, occurredAt } = this.#event;
    if (amountUsdCents == null || !this.#isWarm()) return null;
    const largest = largestPayment(this.#profile.paid, occurredAt);
    return largest === 0 ? null : amountUsdCents / largest;
  }

  get withdrawnUsdCents24h(): number | null {
    if (this.#event.amountUsdCents == null) return null;
    const requested = requestedUntil(this.#profile.requests, this.#event.occurredAt);
    return requested === 0 ? null : requested;
  }

  get sessionMoved(): boolean | null {
    return isMoved(this.#event);
  }

  get impossibleTravel(): boolean | null {
    return isImpossible(this.#profile, this.#event);
  }

  get accountAgeSeconds(): number | null {
    const { createdSecond, firstEventSecond } = this.#profile;
    return Math.max(0, toSecond(this.#event.occurredAt) - (createdSecond ?? firstEventSecond));
  }

  #isWarm(): boolean {
    return toSecond(this.#event.occurredAt) - this.#profile.firstEventSecond >= this.#warmup / SECOND;
  }

  /** PF3 */
  #isKnown(kind: number): boolean {
    return (this.#profile.given & (1 << kind)) !== 0 || this.#isWarm();
  }

  /** Of the device, country or network that nearly every event names. PF4 */
  #isNewLast(kind: number, value: string | number | null | undefined, last: string | number | null): boolean | null {
    const { routineHour, routineFrom } = this.#profile;
    const isOld = routineHour >= 0 && value === last && routineFrom * SECOND <= this.#event.occurredAt - NEW_FOR;
    if (!isOld || value == null) return this.#isNew(kind, value);
    return this.#isKnown(kind) ? false : null;
  }

  #isNew(kind: number, value: string | number | null | undefined): boolean | null {
    if (value == null || !this.#isKnown(kind)) return null;
    const index = indexOfSeen(this.#profile.seen, kind, value);
    if (index < 0) return true;
    const first = firstSeenAt(this.#profile.seen, index);
    return first !== SINCE_EVER && first > this.#event.occurredAt - NEW_FOR;
  }

  #secondsSince(times: LatestTimes): number | null {
    const at = this.#event.occurredAt;
    return secondsSince(lastTime(times, at), at);
  }
}

function isWeaker(profile: Profile, event: ExchangeEvent, before: number): boolean | null {
  if (event.factor == null && event.enrolledFactors == null) return null;
  const after = Math.max(0, strongestEnrolled(profile.factors, event.occurredAt, "after"));
  if (after >= before) return false;
  return (profile.given & FACTORS_GIVEN) !== 0 ? true : null;
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

function secondsSince(then: Instant | undefined, at: Instant): number | null {
  return then === undefined ? null : Math.floor((at - then) / SECOND);
}
