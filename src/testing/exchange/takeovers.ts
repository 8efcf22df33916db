// Takeovers as they went in June 2024 and after, one row each. Every one ends in money asked for, and
// every one must meet a FREEZE of a takeover rule at or before that request. Delays are real life's
// (some ten minutes from warning to withdrawal); a demonstration paces them down.

import type { Account } from "./account.ts";
import type { Cast, Step, Takeover } from "./story.ts";

const hasAuthenticatorAndSms = (account: Account): boolean =>
  account.factors[0] === "TOTP" && account.factors.includes("SMS") && isWorthIt(account);
const hasOnlySms = (account: Account): boolean => account.factors[0] === "SMS" && isWorthIt(account);

function isWorthIt(account: Account): boolean {
  return account.balanceUsdCents >= 500_000;
}

const notice: Step = {
  after: [0, 0],
  service: "auth",
  type: "RISK_NOTICE_SENT",
  by: "exchange",
  fields: () => ({ channel: "SMS", country: "HK" }),
};

/** The copy of a known device is why "new device" alone is no defence. */
const logIn = (by: "stranger" | "stranger's copy"): Step => ({
  after: [20, 90],
  service: "auth",
  type: "LOGIN_SUCCEEDED",
  by,
  fields: ({ account }) => ({ verifiedWith: ["PASSWORD", "SMS"], enrolledFactors: account.factors }),
});

/** The client asked for SMS in place of the authenticator, and got it: the bypass itself. */
const switchFactor = (by: "stranger" | "stranger's copy"): Step => ({
  after: [40, 120],
  service: "auth",
  type: "FACTOR_SWITCHED",
  by,
  fields: ({ strongest }) => ({ factor: strongest, toFactor: "SMS" }),
});

const createKey = (by: "stranger" | "stranger's copy", verifiedWith: readonly ["SMS"] | null = ["SMS"]): Step => ({
  after: [40, 120],
  service: "api_key",
  type: "API_KEY_CREATED",
  by,
  fields: (cast) => ({ keyId: cast.keyId(), rights: ["TRADE", "WITHDRAW"], ipList: [], verifiedWith }),
});

/** An API call: nobody asks it for a factor. */
const withdrawByKey = (share: number): Step => ({
  after: [30, 100],
  service: "withdrawal",
  type: "WITHDRAWAL_REQUESTED",
  by: "stranger",
  fields: (cast) => ({
    ...drain(cast, share),
    channel: "ON_CHAIN",
    address: cast.newAddress,
    via: "API",
    keyId: cast.keyId(),
  }),
});

const addAddress: Step = {
  after: [30, 90],
  service: "withdrawal",
  type: "ADDRESS_ADDED",
  by: "stranger",
  fields: (cast) => ({ address: cast.newAddress, addressListed: true, verifiedWith: ["SMS"] }),
};

const withdrawOnTheWeb = (channel: "ON_CHAIN" | "P2P"): Step => ({
  after: [30, 100],
  service: "withdrawal",
  type: "WITHDRAWAL_REQUESTED",
  by: "stranger",
  fields: (cast) => ({
    ...drain(cast, 0.9),
    channel,
    address: cast.newAddress,
    addressListed: true,
    via: "WEB",
    verifiedWith: ["SMS"],
  }),
});

function drain({ account }: Cast, share: number): object {
  return {
    asset: "USDT",
    network: "TRON",
    amountUsdCents: Math.round(account.balanceUsdCents * share),
    balanceUsdCents: account.balanceUsdCents,
  };
}

export const TAKEOVERS: readonly Takeover[] = [
  {
    name: "switch-then-key",
    title: "warning from abroad, authenticator switched to SMS, key that can withdraw",
    rule: "notice_bypass_key",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [notice, logIn("stranger"), switchFactor("stranger"), createKey("stranger"), withdrawByKey(0.9)],
  },
  {
    name: "weak-key",
    title: "warning from abroad, key passed with SMS though an authenticator is enrolled",
    rule: "notice_bypass_key",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [notice, logIn("stranger"), createKey("stranger"), withdrawByKey(0.6), withdrawByKey(0.3)],
  },
  {
    name: "factor-removed-then-key",
    title: "warning from abroad, authenticator removed, key that can withdraw",
    rule: "notice_bypass_key",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [
      notice,
      logIn("stranger"),
      {
        after: [40, 120],
        service: "auth",
        type: "FACTOR_REMOVED",
        by: "stranger",
        fields: ({ strongest }) => ({ factor: strongest, verifiedWith: ["SMS"] }),
      },
      createKey("stranger"),
      withdrawByKey(0.9),
    ],
  },
  {
    name: "no-policy-hold",
    title: "copied device, factor only switched, key made where no factor is asked: no policy hold on its way",
    rule: "notice_bypass_key",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [
      notice,
      logIn("stranger's copy"),
      switchFactor("stranger's copy"),
      createKey("stranger's copy", null),
      withdrawByKey(0.9),
    ],
  },
  {
    name: "new-address",
    title: "warning from abroad, authenticator switched to SMS, new address, withdrawal on the web",
    rule: "notice_bypass_withdrawal",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [notice, logIn("stranger"), switchFactor("stranger"), addAddress, withdrawOnTheWeb("ON_CHAIN")],
  },
  {
    name: "p2p-exit",
    title: "warning from abroad, authenticator switched to SMS, sold to a new payee by P2P",
    rule: "notice_bypass_withdrawal",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [notice, logIn("stranger"), switchFactor("stranger"), addAddress, withdrawOnTheWeb("P2P")],
  },
  {
    name: "sms-only",
    title: "no warning and no authenticator: log-in from a new network on a copied device, key passed with SMS",
    rule: "weak_context_key",
    says: "FREEZE",
    suits: hasOnlySms,
    steps: [{ ...logIn("stranger's copy"), after: [0, 0] }, createKey("stranger's copy"), withdrawByKey(0.9)],
  },
];
