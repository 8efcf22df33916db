// The fields of each input topic's events, what each may hold, and the closed vocabularies: the rows that
// eventFromJson and the schema tests read. The schemas under schemas/events/ say the same in Avro; a test
// compares the two in both directions. Leaves limits to validation.ts.

import type { Service } from "./event.ts";

/** Every vocabulary ends in UNKNOWN: what a reader makes of a symbol newer than itself. */
export const EVENT_TYPES: Readonly<Record<Service, readonly string[]>> = {
  auth: [
    "ACCOUNT_SNAPSHOT",
    "LOGIN_SUCCEEDED",
    "LOGIN_FAILED",
    "SESSION_USED",
    "LOGOUT",
    "PASSWORD_CHANGED",
    "RECOVERY_REQUESTED",
    "RECOVERY_COMPLETED",
    "FACTOR_ENROLLED",
    "FACTOR_REMOVED",
    "FACTOR_SWITCHED",
    "CHALLENGE_SENT",
    "CHALLENGE_PASSED",
    "CHALLENGE_FAILED",
    "EMAIL_CHANGED",
    "PHONE_CHANGED",
    "RISK_NOTICE_SENT",
    "SIM_SWAP_REPORTED",
    "PHONE_UNREACHABLE",
    "EMAIL_FLOOD_REPORTED",
    "ALLOWLIST_ONLY_DISABLED",
    "UNKNOWN",
  ],
  api_key: ["API_KEY_CREATED", "API_KEY_RIGHTS_CHANGED", "API_KEY_IP_LIST_CHANGED", "API_KEY_DELETED", "UNKNOWN"],
  withdrawal: [
    "ADDRESS_ADDED",
    "ADDRESS_REMOVED",
    "WITHDRAWAL_REQUESTED",
    "WITHDRAWAL_APPROVED",
    "WITHDRAWAL_COMPLETED",
    "WITHDRAWAL_CANCELLED",
    "WITHDRAWAL_REJECTED",
    "UNKNOWN",
  ],
  trade: ["TRADE_FILLED", "UNKNOWN"],
  signal: ["LINKED", "UNKNOWN"],
};

const FACTORS: readonly string[] = [
  "EMAIL",
  "SMS",
  "VOICE",
  "TOTP",
  "PUSH",
  "PASSKEY",
  "HARDWARE_KEY",
  "RECOVERY_CODE",
  "PASSWORD",
  "UNKNOWN",
];

/**
 * What a field may hold. `id`: a non-empty string; `text`: a string; `instant`: epoch milliseconds;
 * `cents`: US cents, 0 to 2^53 - 1; `asn`: 0 to 2^32 - 1; `int`: an integer of 32 bits; `map`: string to
 * string; `…s`: an array of it.
 */
export type FieldKind =
  | { readonly kind: "id" | "text" | "instant" | "cents" | "asn" | "int" | "flag" | "texts" | "asns" | "map" }
  | { readonly kind: "symbol" | "symbols"; readonly symbols: readonly string[] };

const TEXT: FieldKind = { kind: "text" };
const TEXTS: FieldKind = { kind: "texts" };
const INSTANT: FieldKind = { kind: "instant" };
const CENTS: FieldKind = { kind: "cents" };
const ASN: FieldKind = { kind: "asn" };
const VIA: FieldKind = { kind: "symbol", symbols: ["WEB", "APP", "API", "UNKNOWN"] };
const FACTOR: FieldKind = { kind: "symbol", symbols: FACTORS };
const FACTOR_LIST: FieldKind = { kind: "symbols", symbols: FACTORS };

/** Of a link; what the exchange knows of an operation it has not. */
const LINK_FIELDS: Readonly<Record<string, FieldKind>> = {
  eventId: { kind: "id" },
  accountId: { kind: "id" },
  type: { kind: "symbol", symbols: EVENT_TYPES.signal },
  occurredAt: INSTANT,
  linkedBy: TEXT,
  linkedCount: { kind: "int" },
  linkRule: TEXT,
};

/** Fields no event may lack. */
export const REQUIRED_FIELDS: readonly string[] = ["eventId", "accountId", "type", "occurredAt"];

function fieldsOf(service: Service, own: Record<string, FieldKind>): ReadonlyMap<string, FieldKind> {
  return new Map<string, FieldKind>(
    Object.entries({
      eventId: { kind: "id" },
      accountId: { kind: "id" },
      type: { kind: "symbol", symbols: EVENT_TYPES[service] },
      occurredAt: INSTANT,
      ip: TEXT,
      country: TEXT,
      asn: ASN,
      deviceId: TEXT,
      sessionId: TEXT,
      userAgent: TEXT,
      verifiedWith: FACTOR_LIST,
      enrolledFactors: FACTOR_LIST,
      detail: { kind: "map" },
      ...own,
    }),
  );
}

/** Field name → what it holds, for each input service; the order is the schema's. */
export const EVENT_FIELDS: Readonly<Record<Service, ReadonlyMap<string, FieldKind>>> = {
  auth: fieldsOf("auth", {
    createdAt: INSTANT,
    knownDevices: TEXTS,
    knownCountries: TEXTS,
    knownAsns: { kind: "asns" },
    knownAddresses: TEXTS,
    issuedDeviceId: TEXT,
    issuedAsn: ASN,
    issuedCountry: TEXT,
    factor: FACTOR,
    toFactor: FACTOR,
    channel: { kind: "symbol", symbols: ["SMS", "EMAIL", "PUSH", "UNKNOWN"] },
  }),
  api_key: fieldsOf("api_key", {
    keyId: TEXT,
    rights: { kind: "symbols", symbols: ["READ", "TRADE", "WITHDRAW", "TRANSFER", "UNKNOWN"] },
    ipList: TEXTS,
  }),
  withdrawal: fieldsOf("withdrawal", {
    withdrawalId: TEXT,
    channel: { kind: "symbol", symbols: ["ON_CHAIN", "INTERNAL", "P2P", "GIFT", "FIAT", "UNKNOWN"] },
    asset: TEXT,
    network: TEXT,
    amountUsdCents: CENTS,
    balanceUsdCents: CENTS,
    address: TEXT,
    addressListed: { kind: "flag" },
    via: VIA,
    keyId: TEXT,
  }),
  trade: fieldsOf("trade", {
    symbol: TEXT,
    side: { kind: "symbol", symbols: ["BUY", "SELL", "UNKNOWN"] },
    notionalUsdCents: CENTS,
    priceDeviationBps: { kind: "int" },
    symbolDailyVolumeUsdCents: CENTS,
    counterpartyAccountId: TEXT,
    via: VIA,
    keyId: TEXT,
  }),
  signal: new Map(Object.entries(LINK_FIELDS)),
};
