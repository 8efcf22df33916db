// The single moves that variants and near misses are made of: who logs in, which factor is traded for
// which, by which exit money is asked for. Owns the fields of each; the stories own order and timing.

import type { ExchangeEvent, Factor } from "../../core/event.ts";
import type { Account } from "./account.ts";
import type { Script } from "./script.ts";
import type { Actor, Cast, Step } from "./story.ts";

export type Seconds = readonly [number, number];
type Fields = Step["fields"];
/** Factors presented: named, or read from the cast; null: the channel asks for none. */
export type Presented = readonly Factor[] | "strongest" | null;

/** On the watch-list of the shipped rules. */
export const WATCHED_ADDRESS = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96";

export const hasAuthenticatorAndSms = (account: Account): boolean =>
  account.factors[0] === "TOTP" && account.factors.includes("SMS") && isWorthIt(account);
export const hasOnlyMessages = (account: Account): boolean =>
  (account.factors[0] === "SMS" || account.factors[0] === "EMAIL") && isWorthIt(account);
/** Of somebody who takes the trouble: five thousand dollars. */
export const isWorthIt = (account: Account): boolean => account.balanceUsdCents >= 500_000;

const NONE: Fields = () => ({});

export function auth(type: string, by: Actor, after: Seconds, fields: Fields = NONE): Step {
  return { after, service: "auth", type, by, fields };
}

function presented(cast: Cast, factors: Presented): Pick<ExchangeEvent, "verifiedWith"> {
  return { verifiedWith: factors === "strongest" ? [cast.strongest] : factors };
}

/** The exchange, the network or a newsletter says or does something; no client acts. */
export function warning(type: string, after: Seconds, fields: Fields = NONE): Step {
  return auth(type, "exchange", after, fields);
}

export const riskNotice = (after: Seconds = [0, 0]): Step =>
  warning("RISK_NOTICE_SENT", after, ({ random }) => ({
    channel: random.pick(["SMS", "EMAIL", "PUSH"]),
    country: random.pick(["HK", "KH", "RO", "VN"]),
  }));

export function logIn(by: Actor, after: Seconds, factors: Presented): Step {
  return auth("LOGIN_SUCCEEDED", by, after, (cast) => ({
    verifiedWith: ["PASSWORD", ...(presented(cast, factors).verifiedWith ?? [])],
    enrolledFactors: cast.account.factors,
  }));
}

/** A sensitive operation of the auth service. */
export function change(type: string, by: Actor, given: { after: Seconds; factors: Presented; fields?: Fields }): Step {
  return auth(type, by, given.after, (cast) => ({ ...presented(cast, given.factors), ...given.fields?.(cast) }));
}

export const switchToMessage = (by: Actor, after: Seconds): Step =>
  auth("FACTOR_SWITCHED", by, after, ({ strongest, random, account }) => ({
    factor: strongest,
    toFactor: random.pick(account.factors.filter((factor) => factor === "SMS" || factor === "EMAIL")),
  }));

export const removeStrongest = (by: Actor, after: Seconds, factors: Presented): Step =>
  change("FACTOR_REMOVED", by, { after, factors, fields: ({ strongest }) => ({ factor: strongest }) });

export function makeKey(by: Actor, after: Seconds, factors: Presented, rights?: readonly string[]): Step {
  return {
    after,
    service: "api_key",
    type: "API_KEY_CREATED",
    by,
    fields: (cast) => ({
      ...presented(cast, factors),
      keyId: cast.keyId(),
      rights: rights ?? cast.random.pick([["TRADE"], ["READ", "WITHDRAW"], ["TRADE", "WITHDRAW"], ["TRANSFER"]]),
      ipList: [],
    }),
  };
}

/** A key of the owner's gets more rights. */
export function widenKey(by: Actor, after: Seconds, factors: Presented): Step {
  return { ...makeKey(by, after, factors), type: "API_KEY_RIGHTS_CHANGED" };
}

export function addAddress(by: Actor, after: Seconds, factors: Presented): Step {
  return {
    after,
    service: "withdrawal",
    type: "ADDRESS_ADDED",
    by,
    fields: (cast) => ({ ...presented(cast, factors), address: cast.newAddress, addressListed: true }),
  };
}

interface Withdrawal {
  readonly after: Seconds;
  readonly factors: Presented;
  /** Of what is left, drawn between the two. */
  readonly share: readonly [number, number];
  readonly to?: "new" | "known" | "watched";
}

/** By hand: `channel` says which exit. Only money sent on chain needs an address. */
export function withdraw(
  channel: "ON_CHAIN" | "P2P" | "INTERNAL" | "GIFT" | "FIAT",
  by: Actor,
  given: Withdrawal,
): Step {
  const { after, factors, share, to = "new" } = given;
  return {
    after,
    service: "withdrawal",
    type: "WITHDRAWAL_REQUESTED",
    by,
    fields: (cast) => ({
      ...presented(cast, factors),
      ...cast.spend(cast.random.between(...share)),
      channel,
      asset: "USDT",
      via: cast.random.pick(["WEB", "APP"]),
      ...(channel === "ON_CHAIN" && {
        network: cast.random.pick(["TRON", "ETHEREUM"]),
        address: to === "watched" ? WATCHED_ADDRESS : to === "known" ? cast.knownAddress : cast.newAddress,
        addressListed: to === "known",
      }),
    }),
  };
}

/** By the key: an API call is asked for no factor. */
export function withdrawByKey(by: Actor, given: Omit<Withdrawal, "factors">): Step {
  const step = withdraw("ON_CHAIN", by, { ...given, factors: null });
  return { ...step, fields: (cast) => ({ ...step.fields(cast), via: "API", keyId: cast.keyId() }) };
}

/** Any exit that a hand can take, to somebody the account never paid. */
export function anyExit(by: Actor, given: Withdrawal): Script {
  const channels = ["ON_CHAIN", "P2P", "INTERNAL", "GIFT", "FIAT"] as const;
  return [{ oneOf: channels.map((channel) => [withdraw(channel, by, given)]) }];
}

/** An order by hand. `offPrice`: far off the reference price in a thin market, else near it in a deep one. */
export function fill(by: Actor, after: Seconds, given: { offPrice: boolean }): Step {
  const { offPrice } = given;
  return {
    after,
    service: "trade",
    type: "TRADE_FILLED",
    by,
    fields: ({ random, account }) => ({
      symbol: random.pick(offPrice ? ["QTUM-BTC", "DASH-BTC", "PYR-BTC"] : ["BTC-USDT", "ETH-USDT"]),
      side: random.pick(["BUY", "SELL"]),
      notionalUsdCents: Math.max(100_000, Math.round(account.balanceUsdCents * random.between(0.05, 0.3))),
      priceDeviationBps: offPrice ? random.integer(500, 4_000) : random.integer(-20, 60),
      symbolDailyVolumeUsdCents: offPrice ? random.integer(1_000_000, 90_000_000) : random.integer(1e10, 1e12),
      via: random.pick(["WEB", "APP"]),
    }),
  };
}

/** The session's token on another device than it was issued to. */
export function useSession(by: Actor, after: Seconds): Step {
  return auth("SESSION_USED", by, after, ({ account: { places } }) => ({
    issuedDeviceId: places[0]!.deviceId,
    issuedAsn: places[0]!.asn,
    issuedCountry: places[0]!.country,
  }));
}

/** What also happens meanwhile and means nothing. */
export const decoy: Script = [
  {
    maybe: [
      {
        oneOf: [
          [auth("LOGIN_FAILED", "stranger", [2, 15], () => ({ verifiedWith: [] }))],
          [auth("LOGIN_SUCCEEDED", "owner", [2, 15], ({ strongest }) => ({ verifiedWith: ["PASSWORD", strongest] }))],
          [auth("LOGOUT", "owner", [2, 15])],
          [warning("CHALLENGE_SENT", [2, 15], () => ({ factor: "SMS" }))],
          [auth("CHALLENGE_FAILED", "stranger", [2, 15], () => ({ factor: "SMS" }))],
          [riskNotice([2, 15])],
        ],
      },
    ],
  },
];
