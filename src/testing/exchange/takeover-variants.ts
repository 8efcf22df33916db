// Takeovers with the freedom thieves have: other warnings, other orders, other exits, decoys in between; at
// least one script for every shipped rule. Each has to be recognised by `rule` before its first request for
// money is decided, whatever chance made of it. Delays are real life's.

import type { Story, Takeover } from "./story.ts";
import {
  addAddress,
  anyExit,
  auth,
  change,
  decoy,
  fill,
  hasAuthenticatorAndSms,
  hasOnlyMessages,
  isWorthIt,
  logIn,
  makeKey,
  removeStrongest,
  riskNotice,
  switchToMessage,
  useSession,
  warning,
  widenKey,
  withdraw,
  withdrawByKey,
} from "./moves.ts";
import type { Script } from "./script.ts";

const THIEF = "stranger";
const COPY = "stranger's copy";
const HIJACKER = "stranger in a stolen session";
const BROWSER = "stranger in a copied browser";

const hasAuthenticator: Story["suits"] = (account) =>
  (account.factors[0] === "TOTP" || account.factors[0] === "PASSKEY") && isWorthIt(account);

const anyWarning: Script = [
  {
    oneOf: [
      [riskNotice()],
      [warning("SIM_SWAP_REPORTED", [0, 0])],
      [warning("PHONE_UNREACHABLE", [0, 0])],
      [warning("EMAIL_FLOOD_REPORTED", [0, 0])],
    ],
  },
];

const anyWeakening = (by: typeof THIEF | typeof COPY): Script => [
  { oneOf: [[switchToMessage(by, [10, 150])], [removeStrongest(by, [10, 150], ["SMS"])]] },
];

const tradeAway = (by: typeof HIJACKER | typeof BROWSER): Script => [
  useSession(by, [0, 0]),
  ...decoy,
  { repeat: [fill(by, [5, 200], { offPrice: true })], times: [3, 6] },
  ...decoy,
  // Said when the frontier has passed the third bad fill by the grace: the rest is saved.
  { repeat: [fill(by, [200, 300], { offPrice: true })], times: [1, 4] },
];

const anyKey = (by: typeof THIEF | typeof COPY): Script => [
  { oneOf: [[makeKey(by, [10, 150], ["SMS"])], [widenKey(by, [10, 150], ["SMS"])], [makeKey(by, [10, 150], null)]] },
];

/** Ten to thirty prompts: the owner gives in, or the code is guessed. */
const bombing: Script = [
  {
    repeat: [
      {
        oneOf: [
          [warning("CHALLENGE_SENT", [4, 25], ({ strongest }) => ({ factor: strongest }))],
          [auth("CHALLENGE_FAILED", COPY, [4, 25], ({ strongest }) => ({ factor: strongest }))],
        ],
      },
    ],
    times: [10, 30],
  },
  auth("CHALLENGE_PASSED", COPY, [4, 60], ({ strongest }) => ({ factor: strongest })),
];

export const TAKEOVER_VARIANTS: readonly Takeover[] = [
  {
    name: "any-bypass-then-key",
    title: "any warning, log-in and weakening in any order, any key with power over money; withdrawn or traded away",
    rule: "notice_bypass_key",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [
      ...anyWarning,
      ...decoy,
      { anyOrder: [[logIn(COPY, [10, 120], ["SMS"])], anyWeakening(COPY)] },
      ...decoy,
      ...anyKey(COPY),
      {
        oneOf: [
          [{ repeat: [withdrawByKey(THIEF, { after: [5, 100], share: [0.3, 0.9] })], times: [1, 3] }],
          [{ repeat: [fill(THIEF, [40, 100], { offPrice: true })], times: [1, 4] }],
        ],
      },
    ],
  },
  {
    name: "any-bypass-then-exit",
    title: "any warning, log-in and weakening in any order, money by any exit",
    rule: "notice_bypass_withdrawal",
    says: "FREEZE",
    suits: hasAuthenticatorAndSms,
    steps: [
      ...anyWarning,
      ...decoy,
      { anyOrder: [[logIn(THIEF, [10, 120], ["SMS"])], anyWeakening(THIEF)] },
      { maybe: [addAddress(THIEF, [10, 150], ["SMS"])] },
      ...decoy,
      ...anyExit(THIEF, { after: [5, 150], factors: ["SMS"], share: [0.2, 0.98] }),
    ],
  },
  {
    name: "weak-context",
    title: "no authenticator, no warning: a log-in from somewhere new, a key passed with a message, any exit",
    rule: "weak_context_key",
    says: "FREEZE",
    suits: hasOnlyMessages,
    steps: [
      { oneOf: [[logIn(COPY, [0, 0], ["EMAIL"])], [logIn(THIEF, [0, 0], ["SMS"])]] },
      ...decoy,
      {
        oneOf: [
          [makeKey(COPY, [5, 600], ["SMS"])],
          [widenKey(THIEF, [5, 600], ["EMAIL"])],
          [makeKey(THIEF, [5, 600], [])],
        ],
      },
      {
        oneOf: [
          [withdrawByKey(THIEF, { after: [5, 300], share: [0.3, 0.98] })],
          anyExit(THIEF, { after: [5, 300], factors: ["SMS"], share: [0.3, 0.98] }),
        ],
      },
    ],
  },
  {
    name: "recovered-and-drained",
    title: "phone cut off, account recovered, a new device, any exit",
    rule: "recovery_drain",
    says: "FREEZE",
    suits: isWorthIt,
    steps: [
      { oneOf: [[warning("SIM_SWAP_REPORTED", [0, 0])], [warning("PHONE_UNREACHABLE", [0, 0])]] },
      { maybe: [auth("LOGIN_FAILED", THIEF, [10, 300], () => ({ verifiedWith: [] }))] },
      auth("RECOVERY_REQUESTED", THIEF, [30, 900]),
      change("RECOVERY_COMPLETED", THIEF, { after: [30, 300], factors: ["SMS"] }),
      { maybe: [change("PASSWORD_CHANGED", THIEF, { after: [5, 60], factors: ["SMS"] })] },
      logIn(THIEF, [10, 300], ["SMS"]),
      ...decoy,
      { maybe: [addAddress(THIEF, [10, 150], ["SMS"])] },
      ...anyExit(THIEF, { after: [10, 600], factors: ["SMS"], share: [0.3, 0.98] }),
    ],
  },
  {
    name: "bombed",
    title: "challenges until one passes, then power over money with the strongest factor",
    rule: "challenge_bombing",
    says: "FREEZE",
    suits: hasAuthenticator,
    steps: [
      ...bombing,
      { maybe: [logIn(COPY, [5, 60], "strongest")] },
      ...decoy,
      {
        oneOf: [
          [makeKey(COPY, [10, 600], "strongest"), withdrawByKey(THIEF, { after: [5, 300], share: [0.3, 0.95] })],
          [
            addAddress(COPY, [10, 600], "strongest"),
            withdraw("ON_CHAIN", COPY, { after: [5, 300], factors: "strongest", share: [0.3, 0.95] }),
          ],
          anyExit(COPY, { after: [10, 600], factors: "strongest", share: [0.3, 0.95] }),
        ],
      },
    ],
  },
  {
    name: "unconfirmed",
    title: "a warning, then an operation where no factor is asked, a long wait, any exit",
    rule: "unconfirmed_new_login",
    says: "HOLD",
    suits: hasAuthenticator,
    steps: [
      riskNotice(),
      ...decoyWithoutOwner(),
      {
        oneOf: [
          [addAddress(COPY, [10, 600], null)],
          [change("ALLOWLIST_ONLY_DISABLED", COPY, { after: [10, 600], factors: null })],
        ],
      },
      ...anyExit(COPY, { after: [35 * 60, 55 * 60], factors: null, share: [0.3, 0.7] }),
    ],
  },
  {
    name: "drained-by-key",
    title: "nothing bypassed: a key from a new network, then the balance in several withdrawals",
    rule: "key_drain",
    says: "FREEZE",
    suits: hasAuthenticator,
    steps: [
      logIn(COPY, [0, 0], "strongest"),
      ...decoy,
      makeKey(COPY, [10, 300], "strongest", ["READ", "WITHDRAW"]),
      {
        oneOf: [
          [{ repeat: [withdrawByKey(COPY, { after: [5, 120], share: [0.3, 0.5] })], times: [3, 6] }],
          [withdrawByKey(COPY, { after: [5, 300], share: [0.81, 0.98] })],
          [{ repeat: [withdrawByKey(COPY, { after: [5, 60], share: [0.16, 0.25] })], times: [6, 12] }],
        ],
      },
    ],
  },
  {
    name: "flooded-and-drained",
    title: "a flooded mailbox, holdings traded, most of the balance by any exit",
    rule: "email_flood_drain",
    says: "FREEZE",
    suits: hasAuthenticator,
    steps: [
      warning("EMAIL_FLOOD_REPORTED", [0, 0]),
      { maybe: [logIn(COPY, [10, 300], "strongest")] },
      { repeat: [fill(COPY, [10, 400], { offPrice: false })], times: [1, 4] },
      ...decoy,
      ...anyExit(COPY, { after: [10, 900], factors: "strongest", share: [0.5, 0.98] }),
    ],
  },
  {
    name: "traded-away",
    title: "a stolen session trades the balance away at bad prices; the owner may log in at home meanwhile",
    rule: "session_hijack_trades",
    says: "FREEZE",
    suits: isWorthIt,
    steps: tradeAway(HIJACKER),
  },
  {
    name: "traded-away-from-elsewhere",
    title: "a copied browser trades the balance away from abroad; the owner may log in at home meanwhile",
    rule: "session_hijack_trades_elsewhere",
    says: "FREEZE",
    suits: isWorthIt,
    steps: tradeAway(BROWSER),
  },
  {
    name: "watched-destination",
    title: "nothing else to see: money to an address that investigators follow",
    rule: "watched_address",
    says: "FREEZE",
    suits: hasAuthenticator,
    steps: [
      ...decoy,
      withdraw("ON_CHAIN", COPY, { after: [10, 60], factors: "strongest", share: [0.05, 0.4], to: "watched" }),
    ],
  },
  {
    name: "weakened-and-waited",
    title: "no warning: the strongest factor removed, a wait, any exit",
    rule: "factor_weakened",
    says: "HOLD",
    suits: hasAuthenticatorAndSms,
    steps: [
      removeStrongest(COPY, [0, 0], ["SMS"]),
      ...decoy,
      ...anyExit(COPY, { after: [16 * 60, 50 * 60], factors: ["SMS"], share: [0.3, 0.98] }),
    ],
  },
  {
    name: "credentials-changed",
    title: "a new password passed with the strongest factor, or a new device, then any exit",
    rule: "credential_changed",
    says: "HOLD",
    suits: hasAuthenticator,
    steps: [
      {
        oneOf: [
          [change("PASSWORD_CHANGED", COPY, { after: [0, 0], factors: "strongest" })],
          [logIn(THIEF, [0, 0], "strongest")],
        ],
      },
      ...decoy,
      ...anyExit(COPY, { after: [60, 30 * 60], factors: "strongest", share: [0.1, 0.98] }),
    ],
  },
  {
    name: "identity-moved",
    title: "a new e-mail address or phone number passed with the strongest factor, then any exit",
    rule: "identity_anchor_changed",
    says: "HOLD",
    suits: hasAuthenticator,
    steps: [
      {
        oneOf: [
          [change("EMAIL_CHANGED", COPY, { after: [0, 0], factors: "strongest" })],
          [change("PHONE_CHANGED", COPY, { after: [0, 0], factors: "strongest" })],
        ],
      },
      ...decoy,
      ...anyExit(COPY, { after: [60, 50 * 60], factors: "strongest", share: [0.1, 0.98] }),
    ],
  },
  {
    name: "all-to-a-new-address",
    title: "nothing else to see: nearly all of the balance to an address never paid",
    rule: "new_address_very_large",
    says: "HOLD",
    suits: hasAuthenticator,
    steps: [
      logIn(COPY, [0, 0], "strongest"),
      ...decoy,
      { maybe: [addAddress(COPY, [10, 150], "strongest")] },
      withdraw("ON_CHAIN", COPY, { after: [10, 600], factors: "strongest", share: [0.81, 0.98] }),
    ],
  },
];

/** Nobody confirms anything meanwhile. */
function decoyWithoutOwner(): Script {
  return [{ maybe: [auth("LOGIN_FAILED", THIEF, [2, 15], () => ({ verifiedWith: [] }))] }];
}
