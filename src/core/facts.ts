// What an account's past says about the event at hand: the facts rules read under `profile.`. An event is
// learned first and described afterwards, as of its own time: what happened later is left out, and a
// duplicate is described as the first one was. Each fact is worked out when a rule reads it, since most
// events are ruled out by their type before.
//
// Where knowledge is partial:
//   strongestFactor         just before a factor event, else as of the event; null until a list of the
//                           enrolled was given or a factor is known to be enrolled
//   verifiedBelowStrongest  only on sensitive operations; null where nothing was asked or nothing is known
//   weakerThanBefore        only on FACTOR_ENROLLED and FACTOR_REMOVED. After a removal it is false when a
//                           factor known to remain is as strong as the removed one; without one it is
//                           true only if a full list was given once, else null: what remains is unknown
//
// Invariants:
//   FA1 a fact is null until it is known: go-live holds nobody

import type { ExchangeEvent } from "./event.ts";
import { strengthOf, strongestEnrolled } from "./factor.ts";
import { lastTime, type LatestTimes } from "./latest.ts";
import { FACTORS_GIVEN, newProfile, type Profile, type ProfileFacts } from "./profile.ts";
import { ADDRESS, COUNTRY, DEVICE, firstSeenAt, indexOfSeen, latestFirstSeen, NETWORK, SINCE_EVER } from "./seen.ts";
import { type Duration, HOUR, type Instant, SECOND } from "./time.ts";
import { traitOf } from "./trait.ts";

/** Younger than this counts as new. */
const NEW_FOR: Duration = 24 * HOUR;

const NO_EVENT: ExchangeEvent = { eventId: "", accountId: "", type: "", occurredAt: 0 };

export class Facts implements ProfileFacts {
  readonly #warmup: Duration;
  #profile: Profile = newProfile(0);
  #event: ExchangeEvent = NO_EVENT;

  /** @param warmup history after which lists that were never given count as known */
  constructor(warmup: Duration) {
    this.#warmup = warmup;
  }

  /** From here on the facts are those of this event, which the profile has learned. */
  about(profile: Profile, event: ExchangeEvent): void {
    this.#profile = profile;
    this.#event = event;
  }

  get newDevice(): boolean | null {
    return this.#isNew(DEVICE, this.#event.deviceId);
  }

  get newCountry(): boolean | null {
    return this.#isNew(COUNTRY, this.#event.country);
  }

  get newAsn(): boolean | null {
    return this.#isNew(NETWORK, this.#event.asn);
  }

  get newAddress(): boolean | null {
    return this.#isNew(ADDRESS, this.#event.address);
  }

  get strongestFactor(): number | null {
    const side = traitOf(this.#event.type).factor === null ? "after" : "before";
    const enrolled = strongestEnrolled(this.#profile.factors, this.#event.occurredAt, side);
    if (enrolled >= 0) return enrolled;
    return this.#factorsGiven() ? 0 : null;
  }

  get presentedStrength(): number | null {
    return this.#event.verifiedWith == null ? null : strengthOf(this.#event.verifiedWith);
  }

  get verifiedBelowStrongest(): boolean | null {
    if (this.#event.verifiedWith == null || !traitOf(this.#event.type).sensitive) return null;
    const strongest = this.strongestFactor;
    return strongest === null ? null : strengthOf(this.#event.verifiedWith) < strongest;
  }

  get weakerThanBefore(): boolean | null {
    const event = this.#event;
    if (traitOf(event.type).moves !== "factorChanges") return null;
    if (event.factor == null && event.enrolledFactors == null) return null;
    const after = Math.max(0, strongestEnrolled(this.#profile.factors, event.occurredAt, "after"));
    if (after >= (this.strongestFactor ?? 0)) return false;
    return this.#factorsGiven() ? true : null;
  }

  get secondsSinceNewDevice(): number | null {
    if (!this.#isKnown(DEVICE)) return null;
    return this.#secondsSince(latestFirstSeen(this.#profile.seen, DEVICE, this.#event.occurredAt));
  }

  get secondsSinceFactorChange(): number | null {
    return this.#secondsSinceLast(this.#profile.factorChanges);
  }

  get secondsSinceCredentialChange(): number | null {
    return this.#secondsSinceLast(this.#profile.credentialChanges);
  }

  get secondsSinceContactChange(): number | null {
    return this.#secondsSinceLast(this.#profile.contactChanges);
  }

  get secondsSinceRiskNotice(): number | null {
    return this.#secondsSinceLast(this.#profile.riskNotices);
  }

  get secondsSinceApiKey(): number | null {
    return this.#secondsSinceLast(this.#profile.apiKeys);
  }

  get accountAgeSeconds(): number | null {
    const since = this.#profile.createdSecond ?? this.#profile.firstEventSecond;
    return Math.max(0, Math.floor(this.#event.occurredAt / SECOND) - since);
  }

  #isNew(kind: number, value: string | number | null | undefined): boolean | null {
    if (value == null || !this.#isKnown(kind)) return null;
    const { seen } = this.#profile;
    const index = indexOfSeen(seen, kind, value);
    if (index < 0) return true;
    const first = firstSeenAt(seen, index);
    return first !== SINCE_EVER && first > this.#event.occurredAt - NEW_FOR;
  }

  /** FA1: the kind's list was given, or there has been time enough to learn it. */
  #isKnown(kind: number): boolean {
    const { given, firstEventSecond } = this.#profile;
    if ((given & (1 << kind)) !== 0) return true;
    return Math.floor(this.#event.occurredAt / SECOND) - firstEventSecond >= this.#warmup / SECOND;
  }

  #factorsGiven(): boolean {
    return (this.#profile.given & FACTORS_GIVEN) !== 0;
  }

  #secondsSinceLast(times: LatestTimes): number | null {
    return this.#secondsSince(lastTime(times, this.#event.occurredAt));
  }

  #secondsSince(then: Instant | undefined): number | null {
    return then === undefined ? null : Math.floor((this.#event.occurredAt - then) / SECOND);
  }
}
