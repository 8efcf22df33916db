// All files together: identities are unique, references lead somewhere, filters are applied, nothing is
// written that would never run. `loadRules` is the way in: texts → a rule set, or every problem at once.

import type { DetectionRule, RuleSet } from "../core/rule.ts";
import { DAY } from "../core/time.ts";
import type { Duration } from "../core/time.ts";
import { compileConditions, compileRules } from "./compile.ts";
import type { CheckedDocument, CheckedRule, DetectionDocument, RuleText } from "./document.ts";
import { typesOf } from "./type-bounds.ts";
import { applyFilters } from "./filter.ts";
import { claimNames, namesOf, tellApart } from "./names.ts";
import { Findings, compareText, quote, sortProblems } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { linkCorrelations } from "./references.ts";
import type { LinkedCorrelation, ReferenceScope } from "./references.ts";
import { readRuleFile } from "./rule-file.ts";
import type { WatchLists } from "./watch-list.ts";

/** The watch-list of accounts that no rule may touch; rules need not name it. */
const PROTECTED = "protected_accounts";

export interface LoadOptions {
  /** Rules over any JSON objects: any field exists, log sources are ignored, groups by any fields. */
  readonly plain?: boolean;
  /** What placeholders read, by name; the compiled rules read them as they are at each event. */
  readonly watchLists?: WatchLists;
}

export interface LoadedRules {
  /** null where there are problems: a rule set is loaded whole or not at all. */
  readonly rules: RuleSet | null;
  /** The rules without problems of their own, in the order of their files' paths, filters applied. */
  readonly documents: readonly CheckedRule[];
  readonly problems: readonly Problem[];
  /** What loads, but surely not as meant. */
  readonly warnings: readonly Problem[];
  /** What a detection asks of one event, condition by condition; for explanations. */
  readonly conditionsOf: (document: DetectionDocument) => Omit<DetectionRule, "index">[];
}

/** Never throws for what the texts hold. The result does not depend on the files' order. */
export function loadRules(files: readonly RuleText[], options: LoadOptions = {}): LoadedRules {
  const { plain = false, watchLists: lists = new Map() } = options;
  const findings = new Map<string, Findings>();
  const documents: CheckedDocument[] = [];
  const refused = new Set<string>();
  let incomplete = false;
  for (const file of files.toSorted((a, b) => compareText(a.path, b.path))) {
    const own = findings.get(file.path) ?? new Findings(file.path);
    findings.set(file.path, own);
    const read = readRuleFile(file, { findings: own, plain, lists });
    documents.push(...read.documents);
    for (const name of read.refused) refused.add(name);
    incomplete ||= read.incomplete;
  }
  const findingsOf = ({ file }: { readonly file: string }): Findings => findings.get(file) ?? new Findings(file);
  claimNames(documents, findingsOf);
  const written = tellApart(
    documents.filter((document) => document.kind !== "filter"),
    findingsOf,
  );
  const filters = documents.filter((document) => document.kind === "filter");
  const scope = (rules: readonly CheckedRule[]): ReferenceScope => {
    const names = namesOf(rules);
    // A rule whose document was refused is not an unknown rule.
    const isUnknown = (name: string): boolean => !incomplete && !names.has(name) && !refused.has(name);
    return { names, isUnknown, findingsOf, plain };
  };
  const rules = applyFilters(written, filters, scope(written));
  const linked = linkCorrelations(rules, scope(rules));
  const only = onlyInputs(linked);
  refuseIdleResponses(only, findingsOf);
  const sound = rules.filter((rule) => rule.sound);
  for (const rule of sound) warnOfNothing(rule, { plain, findings: findingsOf(rule) });
  const all = [...findings.values()];
  const problems = sortProblems(all.flatMap((own) => own.problems));
  const warnings = sortProblems(all.flatMap((own) => own.warnings));
  const protects = (accountId: string): boolean => lists.get(PROTECTED)?.has(accountId, true) ?? false;
  const compiled = problems.length > 0 ? null : { ...compileRules(rules, { linked, only, plain, lists }), protects };
  const conditionsOf: LoadedRules["conditionsOf"] = (document) => compileConditions(document, { plain, lists });
  return { rules: compiled, documents: sound, problems, warnings, conditionsOf };
}

type FindingsOf = ReferenceScope["findingsOf"];

/** Rules that correlations use and nothing makes open cases of their own. */
function onlyInputs(linked: readonly LinkedCorrelation[]): Set<CheckedRule> {
  const used = new Set<CheckedRule>();
  for (const { inputs } of linked) for (const input of inputs) used.add(input.document);
  for (const { document, inputs } of linked) {
    if (document.generate) for (const input of inputs) used.delete(input.document);
  }
  return used;
}

/** Beyond this a window outlives most of what its group's capped memory holds. */
const LONG_WINDOW: Duration = 30 * DAY;

/** What loads, and does nothing or little. */
function warnOfNothing(
  rule: CheckedRule,
  { plain, findings }: { readonly plain: boolean; readonly findings: Findings },
): void {
  // A value that its field never has was said already, and says why.
  if (rule.kind === "detection" && !plain && !rule.warned && typesOf(rule.expression, rule.service)?.size === 0)
    findings.warn(
      rule.at,
      `the rule ${quote(rule.title)} can never match`,
      "let its conditions hold for one event together",
    );
  if (rule.kind === "correlation" && rule.timespan > LONG_WINDOW) {
    const days = Math.floor(rule.timespan / DAY);
    findings.warn(
      rule.at,
      `a window of ${days} days: a group's memory is capped, and the oldest goes first`,
      `write at most ${LONG_WINDOW / DAY}d, or watch holdfast_evictions_total`,
    );
  }
}

function refuseIdleResponses(only: ReadonlySet<CheckedRule>, findingsOf: FindingsOf): void {
  for (const document of only) {
    if (document.respondAt === null) continue;
    findingsOf(document).refuse(
      document.respondAt,
      "a response of a rule that only correlations use",
      "write it in the correlation, or generate: true there",
    );
  }
}
