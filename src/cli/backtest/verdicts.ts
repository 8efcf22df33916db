// What people decided of the accounts meanwhile, and what it says of a case that a rule set would have
// opened. A verdict that names the case counts; else the first one about the account within a week, for
// people judge whether an account was taken over, whichever rule asked.

import type { Decision } from "../../core/decision.ts";
import { DAY } from "../../core/time.ts";
import type { Duration, Instant } from "../../core/time.ts";

export type Judgement = "confirmed" | "false";

/** How long after a case a verdict on its account is one on the case, too. */
const JUDGED_WITHIN: Duration = 7 * DAY;

interface Judged {
  readonly caseId: string | null;
  readonly at: Instant;
  readonly judgement: Judgement;
}

export class Verdicts {
  readonly #byAccount = new Map<string, Judged[]>();

  add({ accountId, caseId, verdict, decidedAt }: Decision): void {
    if (verdict !== "CONFIRMED_TAKEOVER" && verdict !== "FALSE_POSITIVE") return;
    const judgement = verdict === "FALSE_POSITIVE" ? "false" : "confirmed";
    const known = this.#byAccount.get(accountId) ?? [];
    known.push({ caseId, at: decidedAt, judgement });
    this.#byAccount.set(accountId, known);
  }

  /** null: nobody judged it. */
  of(about: { readonly caseId: string; readonly accountId: string | null; readonly at: Instant }): Judgement | null {
    const { caseId, accountId, at } = about;
    const known = accountId === null ? undefined : this.#byAccount.get(accountId);
    if (known === undefined) return null;
    // The latest word on the case itself, else the first on the account.
    const own = known.findLast((each) => each.caseId === caseId);
    if (own !== undefined) return own.judgement;
    const later = known.filter((each) => each.at >= at && each.at <= at + JUDGED_WITHIN);
    return later.toSorted((a, b) => a.at - b.at)[0]?.judgement ?? null;
  }

  /** How many accounts have such a verdict on what happened in that time. */
  accounts(judgement: Judgement, { from, to }: { readonly from: Instant; readonly to: Instant }): number {
    const isMeant = (each: Judged): boolean =>
      each.judgement === judgement && each.at >= from && each.at <= to + JUDGED_WITHIN;
    return this.#byAccount.values().reduce((count, known) => count + (known.some(isMeant) ? 1 : 0), 0);
  }
}
