// The shipped rules, for benches.

import { readRules } from "../src/adapters/rule-files.ts";
import type { RuleSet } from "../src/core/rule.ts";
import { formatProblem } from "../src/sigma/problem.ts";

/** @throws Error when a shipped rule does not load */
export async function shippedRules(): Promise<RuleSet> {
  const { rules, problems } = await readRules("rules");
  if (rules === null) throw new Error(problems.map(formatProblem).join("\n"));
  return rules;
}

/** Ids of the rules that freeze. */
export function takeoverRuleIds(rules: RuleSet): ReadonlySet<string> {
  const freezing = [...rules.detections, ...rules.correlations].filter(({ respond }) =>
    respond.some(({ action }) => action === "FREEZE"),
  );
  return new Set(freezing.map(({ id }) => id));
}
