// All files together: identities are unique, references lead somewhere, nothing is written that would
// never run. `loadRules` is the way in: texts → a rule set, or every problem at once.

import type { RuleSet } from "../core/rule.ts";
import { compileRules } from "./compile.ts";
import type { CheckedDocument, CorrelationDocument, RuleText } from "./document.ts";
import { suggest } from "./nearest.ts";
import { Findings, compareText, quote, sortProblems } from "./problem.ts";
import type { Position, Problem } from "./problem.ts";
import { readRuleFile } from "./rule-file.ts";

export interface LoadedRules {
  /** null where there are problems: a rule set is loaded whole or not at all. */
  readonly rules: RuleSet | null;
  /** The documents without problems, in the order of their files' paths. */
  readonly documents: readonly CheckedDocument[];
  readonly problems: readonly Problem[];
  /** What loads, but surely not as meant. */
  readonly warnings: readonly Problem[];
}

/** Never throws for what the texts hold. The result does not depend on the files' order. */
export function loadRules(files: readonly RuleText[]): LoadedRules {
  const findings = new Map<string, Findings>();
  const documents: CheckedDocument[] = [];
  for (const file of files.toSorted((a, b) => compareText(a.path, b.path))) {
    const own = findings.get(file.path) ?? new Findings(file.path);
    findings.set(file.path, own);
    documents.push(...readRuleFile(file, own));
  }
  const broken = [...findings.values()].some((own) => own.problems.length > 0);
  const names = indexDocuments(documents, findings);
  // A rule whose document is broken is not an unknown rule: say so only of references in whole sets.
  checkReferences(documents, { names, findings, broken });
  const all = [...findings.values()];
  const problems = sortProblems(all.flatMap((own) => own.problems));
  const warnings = sortProblems(all.flatMap((own) => own.warnings));
  return { rules: problems.length > 0 ? null : compileRules(documents), documents, problems, warnings };
}

type Names = ReadonlyMap<string, CheckedDocument>;

interface ReferenceScope {
  readonly names: Names;
  readonly findings: ReadonlyMap<string, Findings>;
  readonly broken: boolean;
}

/** Documents by each id and name they go by; a second claim on one is refused. */
function indexDocuments(documents: readonly CheckedDocument[], findings: ReadonlyMap<string, Findings>): Names {
  const names = new Map<string, CheckedDocument>();
  for (const document of documents) {
    const claims = new Set([document.id, document.name].filter((claim) => claim !== null));
    if (claims.size === 0) claims.add(document.title);
    for (const claim of claims) {
      const holder = names.get(claim);
      if (holder === undefined) {
        names.set(claim, document);
        continue;
      }
      const place = `${holder.file}:${holder.at.line}`;
      findings
        .get(document.file)
        ?.refuse(
          document.at,
          `the rule ${quote(claim)}, which ${place} is already`,
          "give it an id and a name of its own",
        );
    }
  }
  return names;
}

function checkReferences(documents: readonly CheckedDocument[], scope: ReferenceScope): void {
  const used = new Map<CheckedDocument, boolean>();
  for (const document of documents) {
    if (document.kind !== "correlation") continue;
    for (const rule of document.rules) {
      const target = checkReference(document, rule, scope);
      if (target !== null) used.set(target, (used.get(target) ?? false) || document.generate);
    }
  }
  for (const [document, standalone] of used) {
    if (standalone || document.respondAt === null) continue;
    scope.findings
      .get(document.file)
      ?.refuse(
        document.respondAt,
        "a response of a rule that only correlations use",
        "write it in the correlation, or generate: true there",
      );
  }
}

function checkReference(
  from: CorrelationDocument,
  rule: { text: string; at: Position },
  scope: ReferenceScope,
): CheckedDocument | null {
  const target = scope.names.get(rule.text);
  const findings = scope.findings.get(from.file);
  if (target === undefined) {
    if (!scope.broken)
      findings?.refuse(
        rule.at,
        `the unknown rule ${quote(rule.text)}`,
        suggest(rule.text, referableNames(scope.names)),
      );
    return null;
  }
  if (target.kind === "correlation") {
    const found =
      target === from
        ? "a correlation over itself"
        : `the correlation ${quote(rule.text)} in a correlation, which is not supported`;
    findings?.refuse(rule.at, found, "name detection rules");
    return null;
  }
  return target;
}

function referableNames(names: Names): string[] {
  return [...names].flatMap(([name, document]) =>
    document.kind === "detection" && name === (document.name ?? name) ? [name] : [],
  );
}
