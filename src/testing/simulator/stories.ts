// What one account does: short runs of events, drawn from a vocabulary in which the shipped rules find
// something often. Owns the vocabulary; when the events happen is scenario.ts's.

import type { ExchangeEvent, ExchangeService } from "../../core/event.ts";
import type { Random } from "../exchange/random.ts";

export interface StoryStep {
  readonly service: ExchangeService;
  readonly fields: Partial<ExchangeEvent> & Pick<ExchangeEvent, "type">;
}

interface Teller {
  readonly random: Random;
  /** Before each device's, address's and key's name: accounts with the same one share them. */
  readonly places: string;
}

type Draw = (teller: Teller) => StoryStep["fields"];

const VERIFIED = [["TOTP"], ["SMS"], ["PASSWORD", "TOTP"], []] as const satisfies ExchangeEvent["verifiedWith"][];
const DEVICES = ["d1", "d2", "d3"];
const ADDRESSES = ["TX1", "TX2", "TX3"];
const KEYS = ["k1", "k2"];

const VOCABULARY: Readonly<Record<ExchangeService, readonly Draw[]>> = {
  auth: [
    () => ({ type: "FACTOR_ENROLLED", factor: "TOTP" }),
    () => ({ type: "FACTOR_ENROLLED", factor: "SMS" }),
    () => ({ type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" }),
    () => ({ type: "SIM_SWAP_REPORTED" }),
    () => ({ type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS", verifiedWith: ["SMS"] }),
    ({ random }) => ({ type: "FACTOR_REMOVED", factor: "TOTP", verifiedWith: random.pick(VERIFIED) }),
    (teller) => ({
      type: "LOGIN_SUCCEEDED",
      deviceId: place(teller, DEVICES),
      verifiedWith: teller.random.pick(VERIFIED),
    }),
    () => ({ type: "LOGIN_FAILED" }),
    () => ({ type: "CHALLENGE_FAILED", factor: "TOTP" }),
    () => ({ type: "CHALLENGE_PASSED", factor: "TOTP" }),
    () => ({ type: "PASSWORD_CHANGED", verifiedWith: ["SMS"] }),
    () => ({ type: "EMAIL_CHANGED", verifiedWith: ["SMS"] }),
    () => ({ type: "RECOVERY_COMPLETED", verifiedWith: ["EMAIL"] }),
  ],
  api_key: [
    (teller) => ({ ...key(teller), type: "API_KEY_CREATED", rights: ["TRADE", "WITHDRAW"], verifiedWith: ["SMS"] }),
    (teller) => ({ ...key(teller), type: "API_KEY_CREATED", rights: ["TRADE"], verifiedWith: ["TOTP"] }),
    (teller) => ({ ...key(teller), type: "API_KEY_RIGHTS_CHANGED", rights: ["WITHDRAW"], verifiedWith: ["SMS"] }),
    (teller) => ({ ...key(teller), type: "API_KEY_IP_LIST_CHANGED", ipList: ["203.0.113.7"] }),
    (teller) => ({ ...key(teller), type: "API_KEY_DELETED" }),
  ],
  withdrawal: [
    (teller) => ({
      type: "ADDRESS_ADDED",
      address: place(teller, ADDRESSES),
      verifiedWith: teller.random.pick(VERIFIED),
    }),
    (teller) => ({ ...withdrawal(teller), type: "WITHDRAWAL_REQUESTED", verifiedWith: teller.random.pick(VERIFIED) }),
    (teller) => ({ ...withdrawal(teller), type: "WITHDRAWAL_REQUESTED", via: "API", keyId: place(teller, KEYS) }),
    (teller) => ({ ...withdrawal(teller), type: "WITHDRAWAL_COMPLETED" }),
  ],
  trade: [],
};

function place({ random, places }: Teller, choices: readonly string[]): string {
  return `${places}${random.pick(choices)}`;
}

function key(teller: Teller): Partial<ExchangeEvent> {
  return { keyId: place(teller, KEYS), deviceId: place(teller, DEVICES) };
}

function withdrawal(teller: Teller): Partial<ExchangeEvent> {
  const amountUsdCents = teller.random.pick([5_000, 300_000, 9_000_000]);
  const withdrawalId = `w${teller.random.integer(1, 3)}`;
  return { withdrawalId, channel: "ON_CHAIN", address: place(teller, ADDRESSES), amountUsdCents };
}

/** What the exchange knows of an account from before: only then is a device new to it. */
const SNAPSHOT: StoryStep = {
  service: "auth",
  fields: { type: "ACCOUNT_SNAPSHOT", knownDevices: ["home"], enrolledFactors: ["TOTP", "SMS"] },
};

/** June 2024: every account that meets these, in whatever order they arrive, is to be frozen. */
const TAKEOVER: readonly StoryStep[] = [
  { service: "auth", fields: { type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" } },
  { service: "auth", fields: { type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" } },
  {
    service: "api_key",
    fields: { type: "API_KEY_CREATED", keyId: "k1", rights: ["TRADE", "WITHDRAW"], verifiedWith: ["SMS"] },
  },
];

/** Two to nine steps in the services given; where all three are, half of the stories hold a whole takeover. */
export function drawStory(services: readonly ExchangeService[], teller: Teller): StoryStep[] {
  const { random } = teller;
  const steps = Array.from({ length: random.integer(2, 6) }, (): StoryStep => {
    const service = random.pick(services);
    return { service, fields: random.pick(VOCABULARY[service])(teller) };
  });
  if (teller.places === "") {
    const fields = { type: "LOGIN_SUCCEEDED", deviceId: place(teller, DEVICES), verifiedWith: ["SMS" as const] };
    steps.unshift(SNAPSHOT, { service: "auth", fields });
  }
  if (services.length < 3 || random.chance(0.5)) return steps;
  const cuts = TAKEOVER.map(() => random.integer(0, steps.length)).toSorted((a, b) => a - b);
  return cuts.reduceRight((woven, cut, index) => woven.toSpliced(cut, 0, TAKEOVER[index]!), steps);
}
