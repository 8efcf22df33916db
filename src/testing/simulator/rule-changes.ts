// Rule sets that take the place of the one a world began with, in the middle of it: what of them must come to the
// same, and which rules' own doings need not. Owns their making from the texts of the rules.

import { basename, dirname } from "node:path";
import type { RuleSet } from "../../core/rule.ts";
import type { RuleText } from "../../sigma/document.ts";
import { formatProblem } from "../../sigma/problem.ts";
import { loadRules } from "../../sigma/rule-set.ts";
import type { LoadOptions } from "../../sigma/rule-set.ts";

export const RULE_CHANGES = ["reordered", "one more", "one detection fewer", "one correlation fewer"] as const;
export type RuleChange = (typeof RULE_CHANGES)[number];

export interface ChangedRules {
  readonly rules: RuleSet;
  /** Ids of the rules that not all of a world's sets have: what they say and remember is not compared. */
  readonly apart: readonly string[];
}

/** Stands before all others and has detections of theirs among its own, so that all have other places. */
const ADDED: RuleText = {
  path: "added.yml",
  text: `
title: Something that may mean something
id: 0b8c7dcb-44a7-4b18-8cc4-8b6ae9d2a3f1
name: added_thing
logsource: { product: exchange, service: auth }
detection:
    selection: { type: [LOGIN_FAILED, CHALLENGE_FAILED, RISK_NOTICE_SENT, LOGIN_SUCCEEDED] }
    condition: selection
level: low
---
title: Things of a kind
id: 5a1f8d06-5c2f-4a0e-9d0e-6d3f0e9be5aa
name: added_count
correlation:
    type: event_count
    rules: [added_thing, takeover_notice]
    group-by: [accountId]
    timespan: 1h
    condition: { gte: 1 }
level: low
holdfast:
    respond:
        - hold: [WITHDRAW]
          for: 24h
          reason: ADDED_COUNT
    mode: enforce
`,
};
export const ADDED_REASON = "ADDED_COUNT";

/** @throws Error when a set does not load */
export function changedRules(
  texts: readonly RuleText[],
  options: LoadOptions,
): Readonly<Record<RuleChange, ChangedRules>> {
  const first: RuleText = { ...ADDED, path: `${dirname(texts[0]!.path)}/0-${ADDED.path}` };
  // The order of the paths is that of the rules.
  const reversed = texts.map((text, index) => ({ ...text, path: `${1_000 - index}-${basename(text.path)}` }));
  const all = loadedRules(texts, options);
  const against = (changed: readonly RuleText[]): ChangedRules => {
    const rules = loadedRules(changed, options);
    const [before, after] = [idsOf(all), idsOf(rules)];
    return { rules, apart: [...before.symmetricDifference(after)] };
  };
  const without = (name: string): ChangedRules => against(texts.filter(({ path }) => basename(path) !== name));
  return {
    reordered: against(reversed),
    "one more": against([first, ...texts]),
    "one detection fewer": without("identity_anchor_changed.yml"),
    "one correlation fewer": without("challenge_bombing.yml"),
  };
}

/** @throws Error when they do not load */
export function loadedRules(texts: readonly RuleText[], options: LoadOptions): RuleSet {
  const { rules, problems } = loadRules(texts, options);
  if (rules === null) throw new Error(problems.map(formatProblem).join("\n"));
  return rules;
}

function idsOf({ detections, correlations }: RuleSet): ReadonlySet<string> {
  return new Set([...detections, ...correlations].map(({ id }) => id));
}
