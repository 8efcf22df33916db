// The one table of what rules may read: each event field by service, each fact of the profile, its kind,
// its symbols where the set is closed, and how it is read. Checking, compiling, the timeline notation and
// the decoder's projection all go by it. schemas/events/ is the source of truth; a test compares.

import { SERVICES } from "../core/event.ts";
import type { ExchangeEvent, Service } from "../core/event.ts";
import type { ProfileFacts } from "../core/profile.ts";

/** `symbol`: text of a closed set. Instants are numbers. */
export type FieldKind = "text" | "symbol" | "number" | "boolean";

export interface Field {
  /** As rules write it: `rights`, `detail.reason`, `profile.newDevice`. */
  readonly path: string;
  readonly kind: FieldKind;
  /** An array: a comparison holds when it holds for any element. */
  readonly list: boolean;
  readonly services: readonly Service[];
  /** The closed set, empty where there is none. */
  readonly symbols: readonly string[];
  /** null and absent mean the same. */
  readonly read: (event: ExchangeEvent, profile: ProfileFacts) => unknown;
}

/** Event types by service. */
export const EVENT_TYPES: Readonly<Record<Service, readonly string[]>> = {
  auth: [
    "ACCOUNT_SNAPSHOT", "LOGIN_SUCCEEDED", "LOGIN_FAILED", "SESSION_USED", "LOGOUT", "PASSWORD_CHANGED",
    "RECOVERY_REQUESTED", "RECOVERY_COMPLETED", "FACTOR_ENROLLED", "FACTOR_REMOVED", "FACTOR_SWITCHED",
    "CHALLENGE_SENT", "CHALLENGE_PASSED", "CHALLENGE_FAILED", "EMAIL_CHANGED", "PHONE_CHANGED",
    "RISK_NOTICE_SENT", "SIM_SWAP_REPORTED", "PHONE_UNREACHABLE", "EMAIL_FLOOD_REPORTED",
    "ALLOWLIST_ONLY_DISABLED",
  ],
  api_key: ["API_KEY_CREATED", "API_KEY_RIGHTS_CHANGED", "API_KEY_IP_LIST_CHANGED", "API_KEY_DELETED"],
  withdrawal: [
    "ADDRESS_ADDED", "ADDRESS_REMOVED", "WITHDRAWAL_REQUESTED", "WITHDRAWAL_APPROVED", "WITHDRAWAL_COMPLETED",
    "WITHDRAWAL_CANCELLED", "WITHDRAWAL_REJECTED",
  ],
};

const SERVICE_OF_TYPE: ReadonlyMap<string, Service> = new Map(
  SERVICES.flatMap((service) => EVENT_TYPES[service].map((type) => [type, service] as const)),
);

/** The service whose topic carries events of this type; undefined for a type that does not exist. */
export function serviceOfType(type: string): Service | undefined {
  return SERVICE_OF_TYPE.get(type);
}

const FACTORS = [
  "EMAIL", "SMS", "VOICE", "TOTP", "PUSH", "PASSKEY", "HARDWARE_KEY", "RECOVERY_CODE", "PASSWORD", "UNKNOWN",
] as const;
const RIGHTS = ["READ", "TRADE", "WITHDRAW", "TRANSFER", "UNKNOWN"] as const;
const CHANNELS = ["SMS", "EMAIL", "PUSH", "ON_CHAIN", "INTERNAL", "P2P", "GIFT", "FIAT", "UNKNOWN"] as const;
const VIA = ["WEB", "APP", "API", "UNKNOWN"] as const;
const TYPES = [...SERVICES.flatMap((service) => EVENT_TYPES[service]), "UNKNOWN"];

type Row = Omit<Field, "path">;
type Read<T> = (source: T) => unknown;
const NO_SYMBOLS: readonly string[] = [];

function row(kind: FieldKind, services: readonly Service[], read: Read<ExchangeEvent>): Row {
  return { kind, list: false, services, symbols: NO_SYMBOLS, read };
}

function listRow(kind: FieldKind, services: readonly Service[], read: Read<ExchangeEvent>): Row {
  return { ...row(kind, services, read), list: true };
}

function closed(symbols: readonly string[], fieldRow: Row): Row {
  return { ...fieldRow, kind: "symbol", symbols };
}

const AUTH: readonly Service[] = ["auth"];
const API_KEY: readonly Service[] = ["api_key"];
const WITHDRAWAL: readonly Service[] = ["withdrawal"];

// Each `read` names its property: a property access per field keeps the engine's inline caches small,
// which one shared `event[name]` would not. The Record type makes the compiler count the fields.
const EVENT_ROWS: Readonly<Record<Exclude<keyof ExchangeEvent, "detail">, Row>> = {
  eventId: row("text", SERVICES, (e) => e.eventId),
  accountId: row("text", SERVICES, (e) => e.accountId),
  type: closed(TYPES, row("symbol", SERVICES, (e) => e.type)),
  occurredAt: row("number", SERVICES, (e) => e.occurredAt),
  ip: row("text", SERVICES, (e) => e.ip),
  country: row("text", SERVICES, (e) => e.country),
  asn: row("number", SERVICES, (e) => e.asn),
  deviceId: row("text", SERVICES, (e) => e.deviceId),
  sessionId: row("text", SERVICES, (e) => e.sessionId),
  userAgent: row("text", SERVICES, (e) => e.userAgent),
  verifiedWith: closed(FACTORS, listRow("symbol", SERVICES, (e) => e.verifiedWith)),
  enrolledFactors: closed(FACTORS, listRow("symbol", SERVICES, (e) => e.enrolledFactors)),
  createdAt: row("number", AUTH, (e) => e.createdAt),
  knownDevices: listRow("text", AUTH, (e) => e.knownDevices),
  knownCountries: listRow("text", AUTH, (e) => e.knownCountries),
  knownAsns: listRow("number", AUTH, (e) => e.knownAsns),
  knownAddresses: listRow("text", AUTH, (e) => e.knownAddresses),
  issuedDeviceId: row("text", AUTH, (e) => e.issuedDeviceId),
  issuedAsn: row("number", AUTH, (e) => e.issuedAsn),
  issuedCountry: row("text", AUTH, (e) => e.issuedCountry),
  factor: closed(FACTORS, row("symbol", AUTH, (e) => e.factor)),
  toFactor: closed(FACTORS, row("symbol", AUTH, (e) => e.toFactor)),
  channel: closed(CHANNELS, row("symbol", ["auth", "withdrawal"], (e) => e.channel)),
  keyId: row("text", ["api_key", "withdrawal"], (e) => e.keyId),
  rights: closed(RIGHTS, listRow("symbol", API_KEY, (e) => e.rights)),
  ipList: listRow("text", API_KEY, (e) => e.ipList),
  withdrawalId: row("text", WITHDRAWAL, (e) => e.withdrawalId),
  asset: row("text", WITHDRAWAL, (e) => e.asset),
  network: row("text", WITHDRAWAL, (e) => e.network),
  amountUsdCents: row("number", WITHDRAWAL, (e) => e.amountUsdCents),
  balanceUsdCents: row("number", WITHDRAWAL, (e) => e.balanceUsdCents),
  address: row("text", WITHDRAWAL, (e) => e.address),
  addressListed: row("boolean", WITHDRAWAL, (e) => e.addressListed),
  via: closed(VIA, row("symbol", WITHDRAWAL, (e) => e.via)),
};

const PROFILE_ROWS: Readonly<Record<keyof ProfileFacts, Row>> = {
  newDevice: fact("boolean", (p) => p.newDevice),
  newCountry: fact("boolean", (p) => p.newCountry),
  newAsn: fact("boolean", (p) => p.newAsn),
  newAddress: fact("boolean", (p) => p.newAddress),
  strongestFactor: fact("number", (p) => p.strongestFactor),
  presentedStrength: fact("number", (p) => p.presentedStrength),
  verifiedBelowStrongest: fact("boolean", (p) => p.verifiedBelowStrongest),
  weakerThanBefore: fact("boolean", (p) => p.weakerThanBefore),
  secondsSinceNewDevice: fact("number", (p) => p.secondsSinceNewDevice),
  secondsSinceFactorChange: fact("number", (p) => p.secondsSinceFactorChange),
  secondsSinceCredentialChange: fact("number", (p) => p.secondsSinceCredentialChange),
  secondsSinceContactChange: fact("number", (p) => p.secondsSinceContactChange),
  secondsSinceRiskNotice: fact("number", (p) => p.secondsSinceRiskNotice),
  secondsSinceApiKey: fact("number", (p) => p.secondsSinceApiKey),
  accountAgeSeconds: fact("number", (p) => p.accountAgeSeconds),
};

function fact(kind: FieldKind, read: Read<ProfileFacts>): Row {
  return { kind, list: false, services: SERVICES, symbols: NO_SYMBOLS, read: (_event, profile) => read(profile) };
}

const FIELDS: ReadonlyMap<string, Field> = new Map(
  [
    ...Object.entries(EVENT_ROWS),
    ...Object.entries(PROFILE_ROWS).map(([name, rest]) => [`profile.${name}`, rest] as const),
  ].map(([path, rest]) => [path, { path, ...rest }]),
);

const DETAIL = "detail.";

/** The field of that path on any service, or null. `detail.` takes any name: it is a map of text. */
export function findField(path: string): Field | null {
  if (path.startsWith(DETAIL) && path.length > DETAIL.length) return detailField(path);
  return FIELDS.get(path) ?? null;
}

function detailField(path: string): Field {
  const name = path.slice(DETAIL.length);
  return {
    path,
    kind: "text",
    list: false,
    services: SERVICES,
    symbols: NO_SYMBOLS,
    read: (event) => {
      const { detail } = event;
      // hasOwn: `detail.constructor` is no field of the event.
      return detail !== null && typeof detail === "object" && Object.hasOwn(detail, name) ? detail[name] : null;
    },
  };
}

/** Every path a rule on that service may read (null: on all), for suggestions. */
export function fieldPaths(service: Service | null): string[] {
  const paths: string[] = [];
  for (const field of FIELDS.values()) {
    if (service === null || field.services.includes(service)) paths.push(field.path);
  }
  return paths;
}

/** What the decoder must deliver for this path: null for a fact of the profile. */
export function eventFieldOf(path: string): string | null {
  if (path.startsWith("profile.")) return null;
  return path.startsWith(DETAIL) ? "detail" : path;
}
