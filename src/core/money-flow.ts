// Money as metrics tell it: what left, by exit, and what somebody tried to move while the account was closed to
// it, by the rule that had closed it. Counts, not state: what is delivered twice as paid counts twice.

import type { Account } from "./account.ts";
import type { CaseState } from "./case.ts";
import type { ExchangeEvent } from "./event.ts";
import type { Scope } from "./output.ts";
import type { Instant } from "./time.ts";

/** US cents since the last `take`. */
export interface MoneyCounts {
  /** By channel. */
  readonly withdrawnUsdCents: Readonly<Record<string, number>>;
  /** By rule id. */
  readonly protectedUsdCents: Readonly<Record<string, number>>;
}

/** What closes each exit. */
const SCOPE_OF: ReadonlyMap<string, Scope> = new Map([
  ["ON_CHAIN", "WITHDRAW"],
  ["FIAT", "WITHDRAW"],
  ["P2P", "P2P"],
  ["INTERNAL", "TRANSFER"],
  ["GIFT", "TRANSFER"],
]);

export class MoneyFlow {
  #withdrawn: Record<string, number> = {};
  #protected: Record<string, number> = {};

  /**
   * Takes a withdrawal event, before rules see it.
   * @param isNewRequest the profile did not know the request
   */
  observe(account: Account, event: ExchangeEvent, isNewRequest: boolean): void {
    const { type, channel, amountUsdCents: cents } = event;
    if (cents == null) return;
    if (type === "WITHDRAWAL_COMPLETED") add(this.#withdrawn, channel ?? "UNKNOWN", cents);
    if (type !== "WITHDRAWAL_REQUESTED" || !isNewRequest || account.cases.length === 0) return;
    const scope = SCOPE_OF.get(channel ?? "");
    const closing = scope && account.cases.find((each) => closes(each, { event, scope, at: event.occurredAt }));
    if (closing !== undefined) add(this.#protected, closing.rule, cents);
  }

  take(): MoneyCounts {
    const counts = { withdrawnUsdCents: this.#withdrawn, protectedUsdCents: this.#protected };
    this.#withdrawn = {};
    this.#protected = {};
    return counts;
  }
}

function closes(
  current: CaseState,
  of: { readonly event: ExchangeEvent; readonly scope: Scope; readonly at: Instant },
): boolean {
  const { event, scope, at } = of;
  if (current.released || at < current.openedAt) return false;
  return current.said.some(({ action, scopes, targets, until }) => {
    if ((action !== "HOLD" && action !== "FREEZE") || until <= at || !scopes.includes(scope)) return false;
    const { withdrawalIds, addresses, keyIds, sessionIds } = targets;
    if (keyIds.length > 0 || sessionIds.length > 0) return false; // of one way in: whether this is it is the enforcer's to say
    const narrowed = withdrawalIds.length > 0 || addresses.length > 0;
    return !narrowed || withdrawalIds.includes(event.withdrawalId ?? "") || addresses.includes(event.address ?? "");
  });
}

function add(counts: Record<string, number>, key: string, cents: number): void {
  counts[key] = (counts[key] ?? 0) + cents;
}
