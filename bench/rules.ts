// What the benches share: the shipped rules, and whether the right accounts were frozen.

import { readRules } from "../src/adapters/rule-files.ts";
import type { RuleSet } from "../src/core/rule.ts";
import { formatProblem } from "../src/sigma/problem.ts";

/** @throws Error when a rule does not load */
export async function rulesAt(path: string): Promise<RuleSet> {
  const { rules, problems } = await readRules(path);
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

/** Prints what is missing and what is wrong. @returns whether exactly the accounts taken over were frozen */
export function verdict(frozen: ReadonlySet<string>, takenOver: ReadonlySet<string>): boolean {
  const missing = takenOver.difference(frozen);
  const wrong = frozen.difference(takenOver);
  if (missing.size + wrong.size === 0) return true;
  console.error(`missing ${[...missing].slice(0, 5).join(" ")}; wrong ${[...wrong].slice(0, 5).join(" ")}`);
  return false;
}
