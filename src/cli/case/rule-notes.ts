// What a rule's own file says for people: why it exists, and what else may look like it. Without the files,
// or with broken ones, there are no notes: a case must be readable anywhere.

import { readRuleTexts } from "../../adapters/rule-files.ts";
import { loadRules } from "../../sigma/rule-set.ts";
import type { RuleNotes } from "./case-file.ts";

/** @returns by rule id */
export async function readRuleNotes(path: string): Promise<(ruleId: string) => RuleNotes | null> {
  const notes = new Map<string, RuleNotes>();
  try {
    const { documents } = loadRules(await readRuleTexts(path));
    for (const document of documents) {
      const { description, falsePositives } = document;
      notes.set(document.identity, { description, falsePositives });
    }
  } catch {
    return () => null;
  }
  return (ruleId) => notes.get(ruleId) ?? null;
}
