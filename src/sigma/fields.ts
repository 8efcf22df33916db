// What rules may read: each event field, each fact of the profile, and how it is read from an event. The
// fields and their symbols are core/event-fields.ts's (which mirrors schemas/events/); the readers are
// here, and the compiler counts them. Checking, compiling and the decoder's projection go by this table.

import { EVENT_FIELDS, EVENT_TYPES } from "../core/event-fields.ts";
import type { FieldKind as EventFieldKind } from "../core/event-fields.ts";
import { RULE_SERVICES, SERVICES } from "../core/event.ts";
import type { ExchangeEvent, Service } from "../core/event.ts";
import { readerOf } from "../core/object-path.ts";
import type { ProfileFacts } from "../core/profile-facts.ts";

/** `symbol`: text of a closed set. Instants and money are numbers. `any`: whatever a JSON object holds. */
export type FieldKind = "text" | "symbol" | "number" | "boolean" | "any";

export interface Field {
  /** As rules write it: `rights`, `detail.reason`, `profile.newDevice`. */
  readonly path: string;
  readonly kind: FieldKind;
  /** An array: a comparison holds when it holds for any element. */
  readonly list: boolean;
  /** The services whose events have it. */
  readonly services: readonly Service[];
  /** Its numbers are milliseconds since the epoch; of `any`, they may be. */
  readonly instant: boolean;
  /** The closed set, on any of its services; empty where there is none. */
  readonly symbols: readonly string[];
  /** null and absent mean the same. */
  readonly read: Read;
}

type Read = (event: ExchangeEvent, profile: ProfileFacts) => unknown;

const SERVICE_OF_TYPE: ReadonlyMap<string, Service> = new Map(
  RULE_SERVICES.flatMap((service) =>
    EVENT_TYPES[service].filter((type) => type !== "UNKNOWN").map((type) => [type, service] as const),
  ),
);

/** The service whose topic carries events of this type; undefined for a type that does not exist. */
export function serviceOfType(type: string): Service | undefined {
  return SERVICE_OF_TYPE.get(type);
}

/** Every type, for suggestions. */
export const KNOWN_TYPES: readonly string[] = [...SERVICE_OF_TYPE.keys()];

// Each reader names its property: a property access per field keeps the engine's inline caches small,
// which one shared `event[name]` would not. The Record types make the compiler count the fields.
const EVENT_READERS: Readonly<Record<Exclude<keyof ExchangeEvent, "detail">, Read>> = {
  eventId: (e) => e.eventId,
  accountId: (e) => e.accountId,
  type: (e) => e.type,
  occurredAt: (e) => e.occurredAt,
  ip: (e) => e.ip,
  country: (e) => e.country,
  asn: (e) => e.asn,
  deviceId: (e) => e.deviceId,
  sessionId: (e) => e.sessionId,
  userAgent: (e) => e.userAgent,
  verifiedWith: (e) => e.verifiedWith,
  enrolledFactors: (e) => e.enrolledFactors,
  createdAt: (e) => e.createdAt,
  knownDevices: (e) => e.knownDevices,
  knownCountries: (e) => e.knownCountries,
  knownAsns: (e) => e.knownAsns,
  knownAddresses: (e) => e.knownAddresses,
  issuedDeviceId: (e) => e.issuedDeviceId,
  issuedAsn: (e) => e.issuedAsn,
  issuedCountry: (e) => e.issuedCountry,
  factor: (e) => e.factor,
  toFactor: (e) => e.toFactor,
  channel: (e) => e.channel,
  keyId: (e) => e.keyId,
  rights: (e) => e.rights,
  ipList: (e) => e.ipList,
  withdrawalId: (e) => e.withdrawalId,
  asset: (e) => e.asset,
  network: (e) => e.network,
  amountUsdCents: (e) => e.amountUsdCents,
  balanceUsdCents: (e) => e.balanceUsdCents,
  address: (e) => e.address,
  addressListed: (e) => e.addressListed,
  via: (e) => e.via,
  symbol: (e) => e.symbol,
  side: (e) => e.side,
  notionalUsdCents: (e) => e.notionalUsdCents,
  priceDeviationBps: (e) => e.priceDeviationBps,
  symbolDailyVolumeUsdCents: (e) => e.symbolDailyVolumeUsdCents,
  counterpartyAccountId: (e) => e.counterpartyAccountId,
  linkedBy: (e) => e.linkedBy,
  linkedCount: (e) => e.linkedCount,
  linkRule: (e) => e.linkRule,
};

const FACTS: Readonly<Record<keyof ProfileFacts, readonly [kind: FieldKind, read: Read]>> = {
  newDevice: ["boolean", (_, p) => p.newDevice],
  newCountry: ["boolean", (_, p) => p.newCountry],
  newAsn: ["boolean", (_, p) => p.newAsn],
  newAddress: ["boolean", (_, p) => p.newAddress],
  strongestFactor: ["number", (_, p) => p.strongestFactor],
  presentedStrength: ["number", (_, p) => p.presentedStrength],
  verifiedBelowStrongest: ["boolean", (_, p) => p.verifiedBelowStrongest],
  weakerThanBefore: ["boolean", (_, p) => p.weakerThanBefore],
  secondsSinceNewDevice: ["number", (_, p) => p.secondsSinceNewDevice],
  secondsSinceFactorChange: ["number", (_, p) => p.secondsSinceFactorChange],
  secondsSinceCredentialChange: ["number", (_, p) => p.secondsSinceCredentialChange],
  secondsSinceContactChange: ["number", (_, p) => p.secondsSinceContactChange],
  secondsSinceRiskNotice: ["number", (_, p) => p.secondsSinceRiskNotice],
  secondsSinceApiKey: ["number", (_, p) => p.secondsSinceApiKey],
  balanceFraction: ["number", (_, p) => p.balanceFraction],
  amountRatio: ["number", (_, p) => p.amountRatio],
  withdrawnUsdCents24h: ["number", (_, p) => p.withdrawnUsdCents24h],
  sessionMoved: ["boolean", (_, p) => p.sessionMoved],
  impossibleTravel: ["boolean", (_, p) => p.impossibleTravel],
  accountAgeSeconds: ["number", (_, p) => p.accountAgeSeconds],
};

const PROFILE = "profile.";
const DETAIL = "detail.";

const FIELDS: ReadonlyMap<string, Field> = new Map(
  [
    ...Object.entries(EVENT_READERS).map(([name, read]) => eventField(name, read)),
    ...Object.entries(FACTS).map(([name, [kind, read]]): Field => ({
      path: PROFILE + name,
      kind,
      list: false,
      services: SERVICES,
      instant: false,
      symbols: [],
      read,
    })),
  ].map((field) => [field.path, field]),
);

function eventField(path: string, read: Read): Field {
  const services = RULE_SERVICES.filter((service) => EVENT_FIELDS[service].has(path));
  const held = services.flatMap((service) => EVENT_FIELDS[service].get(path) ?? []);
  const symbols = [...new Set(held.flatMap((field) => ("symbols" in field ? field.symbols : [])))];
  return { path, ...shapeOf(held[0]), services, instant: held[0]?.kind === "instant", symbols, read };
}

function shapeOf(field: EventFieldKind | undefined): { kind: FieldKind; list: boolean } {
  switch (field?.kind) {
    case "texts":
      return { kind: "text", list: true };
    case "symbol":
      return { kind: "symbol", list: false };
    case "symbols":
      return { kind: "symbol", list: true };
    case "instant":
    case "cents":
    case "asn":
    case "int":
      return { kind: "number", list: false };
    case "asns":
      return { kind: "number", list: true };
    case "flag":
      return { kind: "boolean", list: false };
    default:
      return { kind: "text", list: false };
  }
}

/** The field of that path on any service, or null. `detail.` takes any name: it is a map of text. */
export function findField(path: string): Field | null {
  if (path.startsWith(DETAIL) && path.length > DETAIL.length) return detailField(path);
  return FIELDS.get(path) ?? null;
}

function detailField(path: string): Field {
  const read = readerOf(path.slice(DETAIL.length));
  return {
    path,
    kind: "text",
    list: false,
    services: SERVICES,
    instant: false,
    symbols: [],
    read: ({ detail }) => read(detail),
  };
}

/** Any path into any JSON object, which stands in the event's place. */
export function plainField(path: string): Field {
  const read = readerOf(path);
  return {
    path,
    kind: "any",
    list: false,
    services: SERVICES,
    instant: true,
    symbols: [],
    read: (event) => read(event),
  };
}

/** The symbols a rule on that service (null: on any) can meet in the field. */
export function symbolsOn(field: Field, service: Service | null): readonly string[] {
  const held = service === null ? undefined : EVENT_FIELDS[service].get(field.path);
  return held !== undefined && "symbols" in held ? held.symbols : field.symbols;
}

/** Every path a rule on that service (null: on any) may read, for suggestions. */
export function fieldPaths(service: Service | null): string[] {
  const paths: string[] = [];
  for (const field of FIELDS.values()) {
    if (service === null || field.services.includes(service)) paths.push(field.path);
  }
  return paths;
}

/** What of an event must be decoded to read this path: null for a fact of the profile. */
export function eventFieldOf(path: string): string | null {
  if (path.startsWith(PROFILE)) return null;
  return path.startsWith(DETAIL) ? "detail" : path;
}

/** The name of the fact that this path reads, null for a field of the event. */
export function factOf(path: string): string | null {
  return path.startsWith(PROFILE) ? path.slice(PROFILE.length) : null;
}
