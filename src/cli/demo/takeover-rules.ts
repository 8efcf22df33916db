// Which rules' FREEZE counts as having recognised a takeover: those whose files lie in a folder named
// `takeover`, as in rules/takeover/. A hold or freeze of any other rule is a policy's word.

import type { CheckedDocument } from "../../sigma/document.ts";

/** Ids as commands name them. */
export function takeoverRuleIds(documents: readonly CheckedDocument[]): Set<string> {
  const takeovers = documents.filter(({ file }) => file.split(/[\\/]/u).slice(0, -1).includes("takeover"));
  return new Set(takeovers.map(({ id, name, title }) => id ?? name ?? title));
}
