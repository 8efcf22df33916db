// The customers of the simulated exchange: who they are and what they usually do. An account's habits
// are what its ACCOUNT_SNAPSHOT tells Holdfast; what happens to it is told by stories and traffic.

import type { ExchangeEvent, Factor } from "../../core/event.ts";
import { FACTOR_STRENGTH } from "../../core/event.ts";
import type { Instant } from "../../core/time.ts";
import { DAY } from "../../core/time.ts";
import type { Random } from "./random.ts";

/** Where a person sits and with what: the context fields of the events they cause. */
export interface Place {
  readonly ip: string;
  readonly country: string;
  readonly asn: number;
  readonly deviceId: string;
  readonly userAgent: string;
}

export interface Account {
  readonly id: string;
  readonly createdAt: Instant;
  /** Strongest first. */
  readonly factors: readonly Factor[];
  /** Where the owner usually is, on the devices they usually use. */
  readonly places: readonly Place[];
  /** Destinations paid before. */
  readonly addresses: readonly string[];
  readonly balanceUsdCents: number;
  /** Has trading software, and so makes and drops API keys. */
  readonly trader: boolean;
}

interface Network {
  readonly country: string;
  readonly asn: number;
}

/** Access networks the exchange's customers use. */
const NETWORKS: readonly Network[] = [
  { country: "DE", asn: 3320 },
  { country: "GB", asn: 2856 },
  { country: "FR", asn: 3215 },
  { country: "SG", asn: 9506 },
  { country: "JP", asn: 2516 },
  { country: "KR", asn: 4766 },
  { country: "BR", asn: 28573 },
  { country: "TR", asn: 9121 },
  { country: "AE", asn: 5384 },
  { country: "VN", asn: 45899 },
  { country: "IN", asn: 55836 },
  { country: "US", asn: 7922 },
];

/** Networks nobody calls home here: travellers and thieves. */
const FOREIGN: readonly Network[] = [
  { country: "HK", asn: 4760 },
  { country: "HK", asn: 9304 },
  { country: "KH", asn: 38623 },
  { country: "RO", asn: 9009 },
];

const DEVICES = [
  { userAgent: "Exchange/6.71 (iPhone; iOS 17.5)", weight: 4 },
  { userAgent: "Exchange/6.71 (Android 14)", weight: 4 },
  { userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/125.0", weight: 3 },
  { userAgent: "Mozilla/5.0 (Macintosh) Safari/17.5", weight: 2 },
];

const ENROLMENTS: readonly { readonly factors: readonly Factor[]; readonly weight: number }[] = [
  { factors: ["TOTP", "SMS", "EMAIL"], weight: 50 },
  { factors: ["TOTP", "EMAIL"], weight: 15 },
  { factors: ["SMS", "EMAIL"], weight: 20 },
  { factors: ["PASSKEY", "TOTP", "EMAIL"], weight: 8 },
  { factors: ["EMAIL"], weight: 7 },
];

/** Account number `index`; `now` is when Holdfast starts to watch. */
export function makeAccount(index: number, options: { random: Random; now: Instant }): Account {
  const { random, now } = options;
  const factors = random.weighted(ENROLMENTS).factors;
  const networks = [random.pick(NETWORKS)];
  if (random.chance(0.4)) networks.push({ country: networks[0]!.country, asn: random.integer(60_000, 64_000) });
  const devices = Array.from({ length: random.integer(1, 3) }, () => newDevice(random));
  return {
    id: `acct-${String(index).padStart(6, "0")}`,
    createdAt: now - random.integer(30, 2_500) * DAY,
    factors,
    places: networks.flatMap((network) => devices.map((device) => place(network, device, random))),
    addresses: Array.from({ length: random.integer(0, 4) }, () => newAddress(random)),
    balanceUsdCents: Math.round(10 ** random.between(4.5, 8)),
    trader: FACTOR_STRENGTH[factors[0]!] >= 2 && random.chance(0.2),
  };
}

/** A place the account was never at: `device` known where the owner travels, or the thief copied it. */
export function placeAbroad(random: Random, device?: Place): Place {
  return place(random.pick(FOREIGN), device ?? newDevice(random), random);
}

/** The owner's own network, a device bought today. */
export function placeWithNewDevice(account: Account, random: Random): Place {
  return { ...account.places[0]!, ...newDevice(random) };
}

export function newAddress(random: Random): string {
  return `0x${random.hex(40)}`;
}

export function strongestFactor(account: Account): Factor {
  return account.factors[0]!;
}

/** What the exchange knows of the account when Holdfast starts to watch it. */
export function snapshotOf(account: Account, at: Instant): ExchangeEvent {
  return {
    eventId: `snapshot-${account.id}`,
    accountId: account.id,
    type: "ACCOUNT_SNAPSHOT",
    occurredAt: at,
    createdAt: account.createdAt,
    enrolledFactors: account.factors,
    knownDevices: [...new Set(account.places.map((each) => each.deviceId))],
    knownCountries: [...new Set(account.places.map((each) => each.country))],
    knownAsns: [...new Set(account.places.map((each) => each.asn))],
    knownAddresses: account.addresses,
  };
}

function place(network: Network, device: Pick<Place, "deviceId" | "userAgent">, random: Random): Place {
  return {
    // 198.18.0.0/15 is set aside for tests (RFC 2544): no customer of anybody's.
    ip: `198.${random.integer(18, 19)}.${random.integer(0, 255)}.${random.integer(1, 254)}`,
    country: network.country,
    asn: network.asn,
    deviceId: device.deviceId,
    userAgent: device.userAgent,
  };
}

function newDevice(random: Random): Pick<Place, "deviceId" | "userAgent"> {
  return { deviceId: `dev-${random.hex(12)}`, userAgent: random.weighted(DEVICES).userAgent };
}
