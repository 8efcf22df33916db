// What a type of event means to an account's profile: one table, so that "which events count as …" has one
// answer. Types not listed mean nothing to the profile (its time apart).

/** One operation of the account's own can have several traits. */
export interface Trait {
  /** A successful, authenticated operation: device, network and country of it become known. */
  readonly seen: boolean;
  /** Gives or moves power over money: what was presented for it is compared with what is enrolled. */
  readonly sensitive: boolean;
  /** Which "time since the last …" it moves. */
  readonly moves: "factorChanges" | "credentialChanges" | "contactChanges" | "riskNotices" | "apiKeys" | null;
  /** What it says of its `factor`. */
  readonly factor: "ENROLLED" | "REMOVED" | "OBSERVED" | null;
  /** It may change which factors are enrolled: it is compared with those just before it, whatever it lists. */
  readonly changesFactors: boolean;
  /** Its `address` was paid or listed; "listed": only when `addressListed` says so. */
  readonly address: "always" | "listed" | "never";
  /** Its amount was asked for, or has left. */
  readonly outflow: "requested" | "paid" | null;
}

const NONE: Trait = {
  seen: false,
  sensitive: false,
  moves: null,
  factor: null,
  changesFactors: false,
  address: "never",
  outflow: null,
};
const SEEN: Trait = { ...NONE, seen: true };
const SENSITIVE: Trait = { ...SEEN, sensitive: true };

/**
 * A challenge passed is part of an operation and whitens nothing: the log-in that follows is still the
 * first one of its device. Removals of addresses and keys take power away and are not sensitive.
 */
const TRAITS: ReadonlyMap<string, Trait> = new Map<string, Trait>([
  ["LOGIN_SUCCEEDED", SEEN],
  ["LOGOUT", SEEN],
  ["PASSWORD_CHANGED", { ...SENSITIVE, moves: "credentialChanges" }],
  ["RECOVERY_COMPLETED", { ...SENSITIVE, moves: "credentialChanges", changesFactors: true }],
  ["FACTOR_ENROLLED", { ...SENSITIVE, moves: "factorChanges", factor: "ENROLLED", changesFactors: true }],
  ["FACTOR_REMOVED", { ...SENSITIVE, moves: "factorChanges", factor: "REMOVED", changesFactors: true }],
  ["FACTOR_SWITCHED", { ...NONE, sensitive: true, factor: "OBSERVED", changesFactors: true }],
  ["CHALLENGE_PASSED", { ...NONE, factor: "OBSERVED" }],
  ["EMAIL_CHANGED", { ...SENSITIVE, moves: "contactChanges" }],
  ["PHONE_CHANGED", { ...SENSITIVE, moves: "contactChanges" }],
  ["ALLOWLIST_ONLY_DISABLED", SENSITIVE],
  ["RISK_NOTICE_SENT", { ...NONE, moves: "riskNotices" }],
  ["API_KEY_CREATED", { ...SENSITIVE, moves: "apiKeys" }],
  ["API_KEY_RIGHTS_CHANGED", { ...SENSITIVE, moves: "apiKeys" }],
  ["API_KEY_IP_LIST_CHANGED", { ...SENSITIVE, moves: "apiKeys" }],
  ["API_KEY_DELETED", SEEN],
  ["ADDRESS_ADDED", { ...SENSITIVE, address: "always" }],
  ["ADDRESS_REMOVED", SEEN],
  ["WITHDRAWAL_REQUESTED", { ...SENSITIVE, address: "listed", outflow: "requested" }],
  ["WITHDRAWAL_COMPLETED", { ...NONE, address: "always", outflow: "paid" }],
  ["WITHDRAWAL_CANCELLED", SEEN],
]);

export function traitOf(type: string): Trait {
  return TRAITS.get(type) ?? NONE;
}
