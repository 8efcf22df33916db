// What one account does: short runs of events, drawn from a vocabulary in which the shipped rules find
// something often. Owns the vocabulary; when the events happen is scenario.ts's.

import type { ExchangeEvent, ExchangeService } from "../../core/event.ts";
import type { Random } from "../exchange/random.ts";

export interface StoryStep {
  readonly service: ExchangeService;
  readonly fields: Partial<ExchangeEvent> & Pick<ExchangeEvent, "type">;
}

type Draw = (random: Random) => StoryStep["fields"];

const VERIFIED = [["TOTP"], ["SMS"], ["PASSWORD", "TOTP"], []] as const satisfies ExchangeEvent["verifiedWith"][];
const DEVICES = ["d1", "d2", "d3"];
const ADDRESSES = ["TX1", "TX2", "TX3"];

const VOCABULARY: Readonly<Record<ExchangeService, readonly Draw[]>> = {
  auth: [
    () => ({ type: "FACTOR_ENROLLED", factor: "TOTP" }),
    () => ({ type: "FACTOR_ENROLLED", factor: "SMS" }),
    () => ({ type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" }),
    () => ({ type: "SIM_SWAP_REPORTED" }),
    () => ({ type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS", verifiedWith: ["SMS"] }),
    (random) => ({ type: "FACTOR_REMOVED", factor: "TOTP", verifiedWith: random.pick(VERIFIED) }),
    (random) => ({ type: "LOGIN_SUCCEEDED", deviceId: random.pick(DEVICES), verifiedWith: random.pick(VERIFIED) }),
    () => ({ type: "LOGIN_FAILED" }),
    () => ({ type: "CHALLENGE_FAILED", factor: "TOTP" }),
    () => ({ type: "CHALLENGE_PASSED", factor: "TOTP" }),
    () => ({ type: "PASSWORD_CHANGED", verifiedWith: ["SMS"] }),
    () => ({ type: "EMAIL_CHANGED", verifiedWith: ["SMS"] }),
    () => ({ type: "RECOVERY_COMPLETED", verifiedWith: ["EMAIL"] }),
  ],
  api_key: [
    (random) => ({ ...key(random), type: "API_KEY_CREATED", rights: ["TRADE", "WITHDRAW"], verifiedWith: ["SMS"] }),
    (random) => ({ ...key(random), type: "API_KEY_CREATED", rights: ["TRADE"], verifiedWith: ["TOTP"] }),
    (random) => ({ ...key(random), type: "API_KEY_RIGHTS_CHANGED", rights: ["WITHDRAW"], verifiedWith: ["SMS"] }),
    (random) => ({ ...key(random), type: "API_KEY_IP_LIST_CHANGED", ipList: ["203.0.113.7"] }),
    (random) => ({ ...key(random), type: "API_KEY_DELETED" }),
  ],
  withdrawal: [
    (random) => ({ type: "ADDRESS_ADDED", address: random.pick(ADDRESSES), verifiedWith: random.pick(VERIFIED) }),
    (random) => ({ ...withdrawal(random), type: "WITHDRAWAL_REQUESTED", verifiedWith: random.pick(VERIFIED) }),
    (random) => ({ ...withdrawal(random), type: "WITHDRAWAL_REQUESTED", via: "API", keyId: random.pick(["k1", "k2"]) }),
    (random) => ({ ...withdrawal(random), type: "WITHDRAWAL_COMPLETED" }),
  ],
  trade: [],
};

function key(random: Random): Partial<ExchangeEvent> {
  return { keyId: random.pick(["k1", "k2"]), deviceId: random.pick(DEVICES) };
}

function withdrawal(random: Random): Partial<ExchangeEvent> {
  const amountUsdCents = random.pick([5_000, 300_000, 9_000_000]);
  const withdrawalId = `w${random.integer(1, 3)}`;
  return { withdrawalId, channel: "ON_CHAIN", address: random.pick(ADDRESSES), amountUsdCents };
}

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
export function drawStory(services: readonly ExchangeService[], random: Random): StoryStep[] {
  const steps = Array.from({ length: random.integer(2, 6) }, (): StoryStep => {
    const service = random.pick(services);
    return { service, fields: random.pick(VOCABULARY[service])(random) };
  });
  if (services.length < 3 || random.chance(0.5)) return steps;
  const cuts = TAKEOVER.map(() => random.integer(0, steps.length)).toSorted((a, b) => a - b);
  return cuts.reduceRight((woven, cut, index) => woven.toSpliced(cut, 0, TAKEOVER[index]!), steps);
}
