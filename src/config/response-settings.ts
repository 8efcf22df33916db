// The settings of what goes out and what has to come back: the breaker, acknowledgements. Rows of the table in
// config.ts, and what the core is told by them.

import type { Setting } from "../config.ts";
import type { CoreSettings } from "../core/partition.ts";
import { type Duration, HOUR, MINUTE, SECOND } from "../core/time.ts";
import { fraction, integer, milliseconds } from "./setting-kinds.ts";

export interface ResponseSettings {
  readonly breakerFraction: number;
  readonly breakerLinkedFraction: number;
  readonly breakerHoldFraction: number;
  readonly breakerFloor: number;
  readonly breakerHoldFloor: number;
  readonly breakerWindowMs: Duration;
  readonly breakerHoldMs: Duration;
  readonly ackTimeoutMs: Duration;
}

const SECTION = "Responding";
const FLOOR = integer({ unit: "accounts", min: 1, max: 1_000_000 });

export const RESPONSE_SETTINGS: { readonly [K in keyof ResponseSettings]: Setting<ResponseSettings[K]> } = {
  breakerFraction: {
    section: SECTION,
    kind: fraction(),
    default: 0.005,
    doc: "Share of the accounts active in the last hour that one rule may freeze in a partition within the window. Beyond, its breaker opens: freezes become short holds and reviews until nothing was wanted for a window, or a person decides RELEASE of the opening. 1 switches all breakers off.",
  },
  breakerLinkedFraction: {
    section: SECTION,
    kind: fraction(),
    default: 0.05,
    doc: "The same for accounts that share a device, an address or a key's address with others: a campaign is no bad rule.",
  },
  breakerHoldFraction: {
    section: SECTION,
    kind: fraction(),
    default: 0.05,
    doc: "The same for holds, which policies ask for far more often. Beyond, they are short.",
  },
  breakerFloor: {
    section: SECTION,
    kind: FLOOR,
    default: 5,
    doc: "Accounts that one rule may freeze in a partition within the window, however few are active.",
  },
  breakerHoldFloor: {
    section: SECTION,
    kind: FLOOR,
    default: 50,
    doc: "Accounts that one rule may hold in a partition within the window, however few are active.",
  },
  breakerWindowMs: {
    section: SECTION,
    kind: milliseconds(MINUTE, HOUR),
    default: 10 * MINUTE,
    doc: "Event time over which frozen and held accounts are counted.",
  },
  breakerHoldMs: {
    section: SECTION,
    kind: milliseconds(MINUTE, 24 * HOUR),
    default: HOUR,
    doc: "How long a hold lasts that takes the place of a freeze the breaker did not let out. People have to look within it.",
  },
  ackTimeoutMs: {
    section: SECTION,
    kind: milliseconds(0, HOUR),
    default: 30 * SECOND,
    doc: "How long an enforcing service may take to acknowledge a hold or freeze before it is said once more and the alarm is raised. 0: no service acknowledges anything.",
  },
};

export function responseSettingsOf(settings: ResponseSettings): Pick<CoreSettings, "breaker" | "ackTimeout"> {
  const { ackTimeoutMs: ackTimeout, breakerFraction } = settings;
  const breaker = {
    fraction: breakerFraction,
    linkedFraction: settings.breakerLinkedFraction,
    holdFraction: settings.breakerHoldFraction,
    floor: settings.breakerFloor,
    holdFloor: settings.breakerHoldFloor,
    window: settings.breakerWindowMs,
    hold: settings.breakerHoldMs,
  };
  return { ...(breakerFraction < 1 && { breaker }), ...(ackTimeout > 0 && { ackTimeout }) };
}
