// What the rules make of many simulated campaigns, the policies only watching: how many accounts are held
// before their third step, and which customers beside them are.

import type { RuleSet } from "../../core/rule.ts";
import type { Instant } from "../../core/time.ts";
import { makeCampaign, USUAL_CAMPAIGN } from "./campaign.ts";
import { SHARED_THINGS } from "./shared-thing.ts";
import type { SharedThing } from "./shared-thing.ts";
import { judgeExchange } from "./verdict.ts";

export interface CampaignRow {
  readonly shares: SharedThing;
  readonly campaigns: number;
  readonly victims: number;
  /** Held before their third step, nothing lost. */
  readonly held: number;
  /** Took their third step before enough of the others had begun for the campaign to be seen. */
  readonly first: number;
  readonly bystanders: number;
  /** Bystanders that met a command; without a reason: their story gave none. */
  readonly met: number;
  readonly unreasoned: number;
}

/** Rules about single events are the policies: they hold most accounts of a campaign on their own. */
export function withoutPolicies(rules: RuleSet): RuleSet {
  return { ...rules, detections: rules.detections.map((rule) => ({ ...rule, mode: "observe" })) };
}

export function judgeCampaigns(
  given: RuleSet,
  of: { readonly first: number; readonly seeds: number; readonly from: Instant },
): CampaignRow[] {
  const rules = withoutPolicies(given);
  const ids = new Map([...rules.detections, ...rules.correlations].map(({ name, id }) => [name ?? id, id]));
  return SHARED_THINGS.map((shares) => {
    const row = { shares, campaigns: of.seeds, victims: 0, held: 0, first: 0, bystanders: 0, met: 0, unreasoned: 0 };
    for (let seed = of.first; seed < of.first + of.seeds; seed++) {
      const campaign = makeCampaign({ ...USUAL_CAMPAIGN, seed, shares, from: of.from });
      const { takeovers, honest } = judgeExchange(campaign, { rules, ids });
      row.victims += takeovers.length;
      row.bystanders += campaign.bystanders.length;
      const seenAt = Math.min(...takeovers.map(({ saidAt }) => saidAt ?? Infinity));
      for (const { told, saidAt, lostUsdCents } of takeovers) {
        const thirdAt = campaign.thirdStepOf(told);
        row.held += Number(saidAt !== null && saidAt < thirdAt && lostUsdCents === 0);
        row.first += Number(thirdAt < seenAt);
      }
      const met = honest.filter(({ commands }) => commands.length > 0);
      row.met += met.length;
      row.unreasoned += met.filter(({ mayHold }) => !mayHold).length;
    }
    return row;
  });
}

export function campaignTable(rows: readonly CampaignRow[]): string {
  return [
    "| shared | campaigns | accounts taken over | held before the third step | were the first | customers beside them | held | without a reason |",
    "|---|--:|--:|--:|--:|--:|--:|--:|",
    ...rows.map(
      ({ shares, campaigns, victims, held, first, bystanders, met, unreasoned }) =>
        `| ${[shares, campaigns, victims, held, first, bystanders, met, unreasoned].join(" | ")} |`,
    ),
  ].join("\n");
}
