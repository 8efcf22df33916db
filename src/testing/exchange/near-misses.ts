// Honest stories that come close to a takeover rule and must not meet its FREEZE: one step is missing, the
// order is another, the time is up, or the strongest factor was there. Some rightly meet a policy's HOLD.

import { FACTOR_STRENGTH } from "../../core/event.ts";
import type { Account } from "./account.ts";
import type { HonestStory } from "./honest.ts";
import {
  addAddress,
  auth,
  change,
  fill,
  logIn,
  makeKey,
  removeStrongest,
  riskNotice,
  switchToMessage,
  useSession,
  warning,
  withdraw,
  withdrawByKey,
} from "./moves.ts";
import type { Script } from "./script.ts";

const anybody = (): boolean => true;
const hasPaid = (account: Account): boolean => account.addresses.length > 0;
const hasAuthenticator = (account: Account): boolean => FACTOR_STRENGTH[account.factors[0]!] >= 2;
const hasAuthenticatorAndSms = (account: Account): boolean =>
  account.factors[0] === "TOTP" && account.factors.includes("SMS");
const hasOnlyMessages = (account: Account): boolean => !hasAuthenticator(account);

const mistypedCodes = (times: readonly [number, number]): Script => [
  {
    repeat: [auth("CHALLENGE_FAILED", "owner", [5, 20], ({ strongest }) => ({ factor: strongest }))],
    times,
  },
  auth("CHALLENGE_PASSED", "owner", [5, 20], ({ strongest }) => ({ factor: strongest })),
];

export const NEAR_MISSES: readonly HonestStory[] = [
  {
    name: "warned-and-confirmed",
    title: "a warning, a log-in abroad and a new payee, all with the strongest factor (notice_bypass_withdrawal)",
    suits: hasAuthenticator,
    mayHold: false,
    steps: [
      riskNotice(),
      logIn("owner abroad", [10, 60], "strongest"),
      addAddress("owner abroad", [30, 200], "strongest"),
      withdraw("ON_CHAIN", "owner abroad", { after: [30, 200], factors: "strongest", share: [0.0001, 0.02] }),
    ],
  },
  {
    name: "bypass-then-a-long-wait",
    title: "a warning, SMS chosen as the authenticator is not at hand; a key a good while later (notice_bypass_key)",
    suits: hasAuthenticatorAndSms,
    mayHold: false,
    steps: [
      riskNotice(),
      switchToMessage("owner", [10, 60]),
      logIn("owner", [5, 30], "strongest"),
      makeKey("owner", [16 * 60, 30 * 60], "strongest"),
    ],
  },
  {
    name: "key-then-warning",
    title: "a weaker factor and a key, the warning only afterwards (notice_bypass_key)",
    suits: hasAuthenticatorAndSms,
    mayHold: true,
    steps: [
      switchToMessage("owner", [0, 0]),
      makeKey("owner", [10, 60], ["SMS"]),
      riskNotice([60, 200]),
      logIn("owner", [5, 60], "strongest"),
    ],
  },
  {
    name: "factor-lost-without-warning",
    title: "an authenticator lost and removed, nobody warned, a withdrawal home (notice_bypass_withdrawal)",
    suits: (account) => hasPaid(account) && hasAuthenticatorAndSms(account),
    mayHold: true,
    steps: [
      removeStrongest("owner", [0, 0], ["SMS"]),
      withdraw("ON_CHAIN", "owner", { after: [60, 600], factors: ["SMS"], share: [0.01, 0.1], to: "known" }),
    ],
  },
  {
    name: "key-at-home",
    title: "messages only, a key from the usual device for trading software (weak_context_key)",
    suits: hasOnlyMessages,
    mayHold: false,
    steps: [logIn("owner", [0, 0], "strongest"), makeKey("owner", [30, 300], "strongest")],
  },
  {
    name: "new-phone-then-key-later",
    title: "messages only, a new phone, a key half an hour later (weak_context_key)",
    suits: hasOnlyMessages,
    mayHold: true,
    steps: [
      logIn("owner's new phone", [0, 0], "strongest"),
      makeKey("owner's new phone", [16 * 60, 30 * 60], "strongest"),
    ],
  },
  {
    name: "lost-phone",
    title: "a lost phone: unreachable, the account recovered on a new one, money sent home (recovery_drain)",
    suits: hasPaid,
    mayHold: true,
    steps: [
      warning("PHONE_UNREACHABLE", [0, 0]),
      auth("RECOVERY_REQUESTED", "owner's new phone", [60, 900]),
      change("RECOVERY_COMPLETED", "owner's new phone", { after: [60, 300], factors: ["EMAIL"] }),
      logIn("owner's new phone", [5, 60], ["EMAIL"]),
      withdraw("ON_CHAIN", "owner's new phone", {
        after: [60, 600],
        factors: ["EMAIL"],
        share: [0.05, 0.5],
        to: "known",
      }),
    ],
  },
  {
    name: "recovered-at-home",
    title: "a swapped SIM, an account recovered and used on the old device (recovery_drain)",
    suits: anybody,
    mayHold: true,
    steps: [
      warning("SIM_SWAP_REPORTED", [0, 0]),
      auth("RECOVERY_REQUESTED", "owner", [60, 900]),
      change("RECOVERY_COMPLETED", "owner", { after: [60, 300], factors: "strongest" }),
      logIn("owner", [5, 60], "strongest"),
      withdraw("P2P", "owner", { after: [20 * 60, 30 * 60], factors: "strongest", share: [0.01, 0.1] }),
    ],
  },
  {
    name: "flooded-and-trading",
    title: "a flooded mailbox, trades, a small payment (email_flood_drain)",
    suits: hasAuthenticator,
    mayHold: false,
    steps: [
      warning("EMAIL_FLOOD_REPORTED", [0, 0]),
      logIn("owner", [10, 60], "strongest"),
      { repeat: [fill("owner", [10, 200], { offPrice: false })], times: [1, 6] },
      withdraw("P2P", "owner", { after: [10, 600], factors: "strongest", share: [0.01, 0.3] }),
    ],
  },
  {
    name: "trading-server",
    title: "a key from a new server, a good part of the balance by API (key_drain)",
    suits: hasAuthenticator,
    mayHold: true,
    steps: [
      makeKey("owner abroad", [0, 0], "strongest", ["READ", "WITHDRAW"]),
      {
        repeat: [withdrawByKey("owner abroad", { after: [30, 400], share: [0.05, 0.18] })],
        times: [1, 4],
      },
    ],
  },
  {
    name: "journey-with-an-open-session",
    title: "an open session abroad, signed in anew there, thin coins sold in a hurry (session_hijack_trades)",
    suits: hasAuthenticator,
    mayHold: false,
    steps: [
      useSession("owner abroad", [0, 0]),
      logIn("owner abroad", [10, 60], "strongest"),
      { repeat: [fill("owner abroad", [30, 200], { offPrice: true })], times: [3, 6] },
    ],
  },
  {
    name: "moved-and-traded-well",
    title: "an open session abroad, never signed in anew, trades at fair prices (session_hijack_trades)",
    suits: anybody,
    mayHold: false,
    steps: [
      useSession("owner abroad", [0, 0]),
      { repeat: [fill("owner abroad", [30, 200], { offPrice: false })], times: [3, 8] },
      fill("owner abroad", [30, 200], { offPrice: true }),
    ],
  },
  {
    name: "new-number",
    title: "a new phone number and a new e-mail address, then money home (identity_anchor_changed)",
    suits: hasPaid,
    mayHold: true,
    steps: [
      logIn("owner", [0, 0], "strongest"),
      change("PHONE_CHANGED", "owner", { after: [30, 200], factors: "strongest" }),
      { maybe: [change("EMAIL_CHANGED", "owner", { after: [30, 200], factors: "strongest" })] },
      withdraw("ON_CHAIN", "owner", { after: [60, 600], factors: "strongest", share: [0.01, 0.1], to: "known" }),
    ],
  },
  {
    name: "wrong-clock",
    title: "a wrong clock: ten codes and more fail, one passes, money home (challenge_bombing)",
    suits: (account) => hasPaid(account) && hasAuthenticator(account),
    mayHold: false,
    steps: [
      ...mistypedCodes([10, 20]),
      logIn("owner", [5, 20], "strongest"),
      withdraw("ON_CHAIN", "owner", { after: [60, 600], factors: "strongest", share: [0.01, 0.1], to: "known" }),
    ],
  },
  {
    name: "clumsy-fingers",
    title: "a few codes fail, one passes, a key is made (challenge_bombing)",
    suits: hasAuthenticator,
    mayHold: false,
    steps: [...mistypedCodes([2, 8]), makeKey("owner", [30, 600], "strongest")],
  },
  {
    name: "warned-by-mistake",
    title: "a warning, a new payee where no factor is asked, confirmed a little later (unconfirmed_new_login)",
    suits: hasAuthenticator,
    mayHold: false,
    steps: [riskNotice(), addAddress("owner", [60, 600], null), logIn("owner", [60, 900], "strongest")],
  },
];
