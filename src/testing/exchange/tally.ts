// Adds up the verdicts of many simulated exchanges, rule by rule.

import type { Action } from "../../core/output.ts";
import type { Verdict } from "./verdict.ts";

export interface RuleTally {
  readonly rule: string;
  /** Takeovers this rule has to recognise, and those it did in time with nothing lost. */
  readonly takeovers: number;
  readonly caught: number;
  /** Honest accounts that met this rule's FREEZE, HOLD or STEP_UP. */
  readonly frozen: number;
  readonly held: number;
  readonly asked: number;
}

export interface RecallSummary {
  readonly seeds: number;
  readonly takeovers: number;
  readonly caught: number;
  readonly honest: {
    readonly accounts: number;
    /** Without their snapshots. */
    readonly events: number;
    readonly frozen: number;
    readonly held: number;
    /** Held accounts whose story gave no reason to: routine, or a story no policy speaks of. */
    readonly heldWithoutReason: number;
  };
  readonly rules: readonly RuleTally[];
  /** The first misses and wrongs, one sentence each. */
  readonly notes: readonly string[];
}

export interface Tally {
  add(seed: number, verdict: Verdict): void;
  summary(): RecallSummary;
  /** The summary as a Markdown table. */
  table(): string;
}

const MOST_NOTES = 20;

/** `ids`: names of the rules that command something → their ids. */
export function makeTally(ids: ReadonlyMap<string, string>): Tally {
  const rules = new Map(
    [...ids].map(([rule, id]) => [id, { rule, takeovers: 0, caught: 0, frozen: 0, held: 0, asked: 0 }]),
  );
  const honest = { accounts: 0, events: 0, frozen: 0, held: 0, heldWithoutReason: 0 };
  const notes: string[] = [];
  let [seeds, takeovers, caught] = [0, 0, 0];
  const note = (text: string): void => void (notes.length < MOST_NOTES && notes.push(text));

  const addTakeovers = (seed: number, verdict: Verdict): void => {
    for (const each of verdict.takeovers) {
      const { story, account } = each.told;
      const row = rules.get(ids.get(story.rule) ?? "");
      takeovers++;
      caught += Number(each.caught);
      if (row !== undefined) row.takeovers++;
      if (row !== undefined) row.caught += Number(each.caught);
      if (each.caught) continue;
      const late = each.saidAt === null ? "said nothing" : `spoke ${(each.deadline - each.saidAt) / 1000} s before`;
      note(`seed ${seed}, ${story.name} (${account.id}): ${story.rule} ${late}, lost ${each.lostUsdCents} cents`);
    }
  };
  const addHonest = (seed: number, { honest: met, honestAccounts, honestEvents }: Verdict): void => {
    honest.accounts += honestAccounts;
    honest.events += honestEvents;
    for (const { accountId, story, mayHold, commands } of met) {
      const by = (action: Action): Set<string> =>
        new Set(commands.filter((command) => command.action === action).map(({ ruleId }) => ruleId));
      const [frozen, held] = [by("FREEZE"), by("HOLD")];
      for (const id of frozen) rules.get(id)!.frozen++;
      for (const id of held) rules.get(id)!.held++;
      for (const id of by("STEP_UP")) rules.get(id)!.asked++;
      honest.frozen += Number(frozen.size > 0);
      honest.held += Number(held.size > 0);
      honest.heldWithoutReason += Number(held.size > 0 && !mayHold);
      const what = (set: Set<string>): string => [...set].map((id) => rules.get(id)!.rule).join(", ");
      if (frozen.size > 0) note(`seed ${seed}, honest ${accountId} (${story ?? "routine"}) frozen by ${what(frozen)}`);
      if (held.size > 0 && !mayHold)
        note(`seed ${seed}, honest ${accountId} (${story ?? "routine"}) held by ${what(held)}`);
    }
  };
  const summary = (): RecallSummary => ({ seeds, takeovers, caught, honest, rules: [...rules.values()], notes });

  return {
    add(seed, verdict) {
      seeds++;
      addTakeovers(seed, verdict);
      addHonest(seed, verdict);
    },
    summary,
    table: () => tableOf(summary()),
  };
}

function tableOf({ seeds, takeovers, caught, honest, rules, notes }: RecallSummary): string {
  const per10k = (count: number): string => ((count / Math.max(1, honest.accounts)) * 10_000).toFixed(1);
  const rows = rules
    .toSorted((left, right) => left.rule.localeCompare(right.rule))
    .map(({ rule, ...of }) => {
      const recall = of.takeovers === 0 ? "" : (of.caught / of.takeovers).toFixed(4);
      return `| ${[rule, of.takeovers, of.caught, recall, of.frozen, per10k(of.held), per10k(of.asked)].join(" | ")} |`;
    });
  return [
    `${seeds} exchanges, ${takeovers} takeovers, ${caught} stopped by their rule before any money left;`,
    `${honest.accounts} honest accounts, ${honest.events} honest events: ${honest.frozen} accounts frozen, ${honest.held} held, ${honest.heldWithoutReason} of them without a reason in their story.`,
    "",
    "| rule | takeovers | stopped | recall | honest frozen | honest held per 10,000 | asked per 10,000 |",
    "|---|--:|--:|--:|--:|--:|--:|",
    ...rows,
    ...(notes.length === 0 ? [] : ["", ...notes.map((text) => `- ${text}`)]),
  ].join("\n");
}
