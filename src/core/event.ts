// What an exchange's event looks like to the core: the decoded Avro record, as it is, and where it
// arrived. Owns the vocabulary (services, types, factors and their strength). Leaves decoding to the
// codec and the account's history to profile.ts. The source of truth is schemas/events/.

import type { Instant } from "./time.ts";

/** One input topic of the exchange feeds each. */
export type ExchangeService = "auth" | "api_key" | "withdrawal" | "trade";

/** Sigma `logsource.service` of an event. `signal`: what Holdfast tells an account about others. */
export type Service = ExchangeService | "signal";

export const SERVICES: readonly ExchangeService[] = ["auth", "api_key", "withdrawal", "trade"];

export const RULE_SERVICES: readonly Service[] = [...SERVICES, "signal"];

export type Factor =
  | "EMAIL"
  | "SMS"
  | "VOICE"
  | "TOTP"
  | "PUSH"
  | "PASSKEY"
  | "HARDWARE_KEY"
  | "RECOVERY_CODE"
  | "PASSWORD"
  | "UNKNOWN";

/**
 * Strength of a factor, 0..3, after NIST SP 800-63B: SMS and voice are "restricted" and e-mail is no
 * out-of-band authenticator, so they count no more than a password.
 */
export const FACTOR_STRENGTH: Readonly<Record<Factor, number>> = {
  PASSWORD: 1,
  EMAIL: 1,
  SMS: 1,
  VOICE: 1,
  RECOVERY_CODE: 1,
  TOTP: 2,
  PUSH: 2,
  PASSKEY: 3,
  HARDWARE_KEY: 3,
  UNKNOWN: 0,
};

/**
 * One decoded input event. It is the Avro record itself (no copy): the fields of its own type are
 * present, the others absent; a field the reader schema projects away is absent too. `null` and absent
 * mean the same. Money is integer US cents, time is milliseconds since the epoch, UTC.
 */
export interface ExchangeEvent {
  readonly eventId: string;
  readonly accountId: string;
  readonly type: string;
  readonly occurredAt: Instant;
  readonly ip?: string | null;
  readonly country?: string | null;
  readonly asn?: number | null;
  readonly deviceId?: string | null;
  readonly sessionId?: string | null;
  readonly userAgent?: string | null;
  /** Factors presented for this operation; null: the channel asks for none; empty: none was presented. */
  readonly verifiedWith?: readonly Factor[] | null;
  readonly enrolledFactors?: readonly Factor[] | null;
  readonly detail?: Readonly<Record<string, string>> | null;

  // auth
  readonly createdAt?: Instant | null;
  readonly knownDevices?: readonly string[] | null;
  readonly knownCountries?: readonly string[] | null;
  readonly knownAsns?: readonly number[] | null;
  readonly knownAddresses?: readonly string[] | null;
  readonly issuedDeviceId?: string | null;
  readonly issuedAsn?: number | null;
  readonly issuedCountry?: string | null;
  readonly factor?: Factor | null;
  readonly toFactor?: Factor | null;

  /** RISK_NOTICE_SENT: SMS, EMAIL, PUSH. Withdrawals: ON_CHAIN, INTERNAL, P2P, GIFT, FIAT. */
  readonly channel?: string | null;

  // api_key
  readonly keyId?: string | null;
  readonly rights?: readonly string[] | null;
  readonly ipList?: readonly string[] | null;

  // withdrawal
  readonly withdrawalId?: string | null;
  readonly asset?: string | null;
  readonly network?: string | null;
  readonly amountUsdCents?: number | null;
  readonly balanceUsdCents?: number | null;
  readonly address?: string | null;
  readonly addressListed?: boolean | null;
  readonly via?: string | null;

  // trade
  readonly symbol?: string | null;
  readonly side?: string | null;
  readonly notionalUsdCents?: number | null;
  /** Basis points from the reference price; positive: to the account's loss. */
  readonly priceDeviationBps?: number | null;
  readonly symbolDailyVolumeUsdCents?: number | null;
  readonly counterpartyAccountId?: string | null;

  // signal
  /** What the accounts share, as the rule's group-by says: `deviceId=d1`. */
  readonly linkedBy?: string | null;
  /** How many accounts, this one among them. */
  readonly linkedCount?: number | null;
  /** Name, else id, of the rule that found the link. */
  readonly linkRule?: string | null;
}

/**
 * Where a record came from. The caller may reuse one object for each input topic and change `offset`
 * and `recordTimestamp` between calls: the core copies what it keeps.
 */
export interface Arrival {
  readonly service: Service;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The record's own timestamp (LogAppendTime), milliseconds since the epoch. */
  readonly recordTimestamp: Instant;
}

/** Why an event is not processed: closed list; codes of the dead letter's `holdfast-reason` header. */
export type RejectReason =
  | "UNDECODABLE"
  | "UNKNOWN_SCHEMA"
  | "TOO_LARGE"
  | "WRONG_KEY"
  | "MISSING_FIELD"
  | "INVALID_FIELD"
  | "FUTURE_TIME";

/** A bad event is a value. */
export interface Rejection {
  readonly reason: RejectReason;
  /** What was wrong, where, and what to do; no payload beyond field names and lengths. */
  readonly detail: string;
}
