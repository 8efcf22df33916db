// The shipped rules, for timelines.

import { fileURLToPath } from "node:url";
import { readRules } from "../../src/adapters/rule-files.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import type { RuleSet } from "../../src/core/rule.ts";

export async function shippedRules(): Promise<RuleSet> {
  const { rules, problems } = await readRules(fileURLToPath(new URL("../../rules", import.meta.url)));
  if (rules === null) throw new Error(problems.map(formatProblem).join("\n"));
  return rules;
}
