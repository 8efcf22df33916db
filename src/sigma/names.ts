// What rules are called. Ids, and the names of rules, are what others refer to: each belongs to one document.
// A title is for people and may be another's too; it keys a rule's cases only where there is nothing better.

import type { CheckedDocument, CheckedRule } from "./document.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";

type FindingsOf = (document: { readonly file: string }) => Findings;

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/iu;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** An id or a name as it is compared: a UUID is the same in capitals, other text is not. */
export function referenceOf(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}

/** A second claim on an id or a name is refused. */
export function claimNames(documents: readonly CheckedDocument[], findingsOf: FindingsOf): void {
  const holders = new Map<string, CheckedDocument>();
  for (const document of documents) {
    for (const claim of claimsOf(document)) {
      const holder = holders.get(claim);
      if (holder === undefined) {
        holders.set(claim, document);
        continue;
      }
      findingsOf(document).refuse(
        document.at,
        `the rule ${quote(claim)}, which ${holder.file}:${holder.at.line} is already`,
        "give it an id and a name of its own",
      );
    }
  }
}

/** Nothing refers to a filter, so that its name is no one's business. */
function claimsOf({ kind, id, name }: CheckedDocument): ReadonlySet<string> {
  const claims = [id, kind === "filter" ? null : name].filter((claim) => claim !== null);
  return new Set(claims.map(referenceOf));
}

/** Rules by id and name; a rule without either cannot be referred to. */
export function namesOf(rules: readonly CheckedRule[]): Map<string, CheckedRule> {
  const names = new Map<string, CheckedRule>();
  for (const rule of rules) for (const claim of claimsOf(rule)) if (!names.has(claim)) names.set(claim, rule);
  return names;
}

/**
 * Gives rules that have neither id nor name, and share a title, identities that differ: the title, then
 * `title (2)`, `title (3)` in the rules' order. That order is all there is to tell them apart by: one more rule
 * of that title changes whose cases are whose, hence the warning.
 */
export function tellApart(rules: readonly CheckedRule[], findingsOf: FindingsOf): CheckedRule[] {
  const taken = new Set(namesOf(rules).keys());
  return rules.map((rule) => {
    // One without title was refused for that.
    if (rule.id !== null || rule.name !== null || rule.title === "") return rule;
    let identity = rule.title;
    for (let count = 2; taken.has(identity); count++) identity = `${rule.title} (${count})`;
    taken.add(identity);
    if (identity !== rule.title)
      findingsOf(rule).warn(
        rule.at,
        `a rule without id and name, whose title ${quote(rule.title)} another rule goes by`,
        `give it an id: without, its cases are kept as ${quote(identity)}, which other files may change`,
      );
    return { ...rule, identity };
  });
}
