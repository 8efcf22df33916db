// What honest customers do: the routine that fills the topics, and stories that look bad and are not.
// None of them may ever meet a FREEZE; some rightly meet a policy's HOLD (`mayHold`).

import { FACTOR_STRENGTH } from "../../core/event.ts";
import type { Account } from "./account.ts";
import type { Actor, Step, Story } from "./story.ts";

/** A story told of some accounts once. */
export interface HonestStory extends Story {
  /** A cooling-off hold is the policy's right answer to it. */
  readonly mayHold: boolean;
}

/** One thing customers do all the time. */
export interface Routine extends Story {
  /** How often, beside the others. */
  readonly weight: number;
}

const anybody = (): boolean => true;
const hasAuthenticator = (account: Account): boolean => account.factors[0] === "TOTP";
const hasAuthenticatorAndSms = (account: Account): boolean =>
  hasAuthenticator(account) && account.factors.includes("SMS");
const hasPaid = (account: Account): boolean => account.addresses.length > 0;
const trades = (account: Account): boolean => account.trader;

type Seconds = readonly [number, number];
const at: Seconds = [0, 0];

const logIn = (after: Seconds = at, by: Actor = "owner"): Step => ({
  after,
  service: "auth",
  type: "LOGIN_SUCCEEDED",
  by,
  fields: ({ account, strongest }) => ({
    verifiedWith: strongest === "PASSKEY" ? ["PASSKEY"] : ["PASSWORD", strongest],
    enrolledFactors: account.factors,
  }),
});

const failToLogIn = (after: Seconds): Step => ({
  after,
  service: "auth",
  type: "LOGIN_FAILED",
  by: "owner",
  fields: () => ({ verifiedWith: [] }),
});

const notice = (country: string, after: Seconds = at): Step => ({
  after,
  service: "auth",
  type: "RISK_NOTICE_SENT",
  by: "exchange",
  fields: () => ({ channel: "EMAIL", country }),
});

const withdraw = (after: Seconds, by: Actor = "owner"): Step => ({
  after,
  service: "withdrawal",
  type: "WITHDRAWAL_REQUESTED",
  by,
  fields: (cast) => ({
    channel: "ON_CHAIN",
    asset: "USDT",
    network: "ETHEREUM",
    amountUsdCents: cast.amountUsdCents,
    balanceUsdCents: cast.account.balanceUsdCents,
    address: cast.knownAddress,
    addressListed: true,
    via: "APP",
    verifiedWith: [cast.strongest],
  }),
});

const key = (
  type: "API_KEY_CREATED" | "API_KEY_DELETED",
  options: { after?: Seconds; label?: string; by?: Actor } = {},
): Step => ({
  after: options.after ?? at,
  service: "api_key",
  type,
  by: options.by ?? "owner",
  fields: (cast) => ({
    keyId: cast.keyId(options.label),
    rights: ["READ", "TRADE", "WITHDRAW"],
    ipList: [cast.account.places[0]!.ip],
    verifiedWith: [cast.strongest],
  }),
});

export const HONEST_STORIES: readonly HonestStory[] = [
  {
    name: "new-phone",
    title: "a new phone, and then a withdrawal from it",
    suits: hasPaid,
    mayHold: true,
    steps: [logIn(at, "owner's new phone"), withdraw([60, 200], "owner's new phone")],
  },
  {
    name: "many-keys",
    title: "a trader making several keys, each passed with the strongest factor",
    suits: trades,
    mayHold: false,
    steps: [
      logIn(),
      ...["first", "second", "third"].map((label) => key("API_KEY_CREATED", { after: [20, 60], label })),
      key("API_KEY_DELETED", { after: [30, 90], label: "first" }),
    ],
  },
  {
    name: "hardening",
    title: "SMS removed while the authenticator stays",
    suits: (account) => hasPaid(account) && hasAuthenticatorAndSms(account),
    mayHold: false,
    steps: [
      logIn(),
      {
        after: [30, 90],
        service: "auth",
        type: "FACTOR_REMOVED",
        by: "owner",
        fields: ({ strongest }) => ({
          factor: "SMS",
          verifiedWith: [strongest],
          enrolledFactors: [strongest, "EMAIL"],
        }),
      },
      withdraw([60, 200]),
    ],
  },
  {
    name: "traveller",
    title: "a traveller: a warning of the log-in, nothing bypassed, a withdrawal home",
    suits: (account) => hasPaid(account) && hasAuthenticator(account),
    mayHold: false,
    steps: [notice("JP"), logIn([10, 40], "owner abroad"), withdraw([60, 200], "owner abroad")],
  },
  {
    name: "trader-abroad",
    title: "a trader abroad: a warning, then a key passed with the strongest factor",
    suits: trades,
    mayHold: false,
    steps: [
      notice("JP"),
      logIn([10, 40], "owner abroad"),
      key("API_KEY_CREATED", { after: [60, 200], by: "owner abroad" }),
    ],
  },
  {
    name: "read-only-key",
    title: "a warning, then a read-only key for a portfolio tracker passed with SMS",
    suits: hasAuthenticatorAndSms,
    mayHold: true,
    steps: [
      notice("SG"),
      logIn([10, 40]),
      {
        after: [40, 120],
        service: "api_key",
        type: "API_KEY_CREATED",
        by: "owner",
        fields: (cast) => ({ keyId: cast.keyId(), rights: ["READ"], ipList: [], verifiedWith: ["SMS"] }),
      },
    ],
  },
  {
    name: "forgotten-password",
    title: "a forgotten password, recovered",
    suits: anybody,
    mayHold: true,
    steps: [
      failToLogIn(at),
      failToLogIn([10, 30]),
      { after: [20, 60], service: "auth", type: "RECOVERY_REQUESTED", by: "owner", fields: () => ({}) },
      {
        after: [60, 120],
        service: "auth",
        type: "RECOVERY_COMPLETED",
        by: "owner",
        fields: ({ strongest }) => ({ verifiedWith: ["EMAIL", strongest] }),
      },
      {
        after: [5, 10],
        service: "auth",
        type: "PASSWORD_CHANGED",
        by: "owner",
        fields: ({ strongest }) => ({ verifiedWith: [strongest] }),
      },
    ],
  },
  {
    name: "slow-reset",
    title: "a lost authenticator reset over an hour: a warning, the factor removed, enrolled anew, a key",
    suits: (account) => trades(account) && hasAuthenticator(account),
    mayHold: true,
    slow: true,
    steps: [
      notice("VN"),
      {
        after: [20 * 60, 25 * 60],
        service: "auth",
        type: "FACTOR_REMOVED",
        by: "owner",
        fields: ({ strongest }) => ({ factor: strongest, verifiedWith: ["EMAIL", "RECOVERY_CODE"] }),
      },
      {
        after: [10 * 60, 15 * 60],
        service: "auth",
        type: "FACTOR_ENROLLED",
        by: "owner",
        fields: ({ strongest }) => ({ factor: strongest, verifiedWith: ["EMAIL"] }),
      },
      key("API_KEY_CREATED", { after: [25 * 60, 30 * 60] }),
    ],
  },
];

export const ROUTINES: readonly Routine[] = [
  { name: "log-in", title: "a log-in", suits: anybody, weight: 60, steps: [logIn()] },
  {
    name: "typo",
    title: "a mistyped password, then a log-in",
    suits: anybody,
    weight: 8,
    steps: [failToLogIn(at), logIn([5, 20])],
  },
  {
    name: "failures",
    title: "failed log-ins",
    suits: anybody,
    weight: 6,
    steps: [failToLogIn(at), failToLogIn([3, 9]), failToLogIn([3, 9])],
  },
  { name: "warning", title: "a warning and nothing else", suits: anybody, weight: 3, steps: [notice("HK")] },
  {
    name: "withdrawal",
    title: "a withdrawal to a known address",
    suits: hasPaid,
    weight: 14,
    steps: [logIn(), withdraw([30, 120])],
  },
  {
    name: "key-rotation",
    title: "a trader replacing a key",
    suits: (account) => trades(account) && FACTOR_STRENGTH[account.factors[0]!] >= 2,
    weight: 4,
    steps: [
      logIn(),
      key("API_KEY_CREATED", { after: [30, 90], label: "new" }),
      key("API_KEY_DELETED", { after: [10, 30], label: "old" }),
    ],
  },
  {
    name: "log-out",
    title: "a log-out",
    suits: anybody,
    weight: 5,
    steps: [{ after: at, service: "auth", type: "LOGOUT", by: "owner", fields: () => ({}) }],
  },
];
