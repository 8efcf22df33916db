// A rule set as the partition uses it: which detections an event of a service has to be tried against, which
// steps of which correlations each serves, and each rule's plan under the global mode. Built once a rule
// set; holds nothing that changes.

import type { CaseRule } from "./case.ts";
import type { Correlation } from "./correlation/correlation.ts";
import { temporalOrdered } from "./correlation/temporal-ordered.ts";
import { SERVICES } from "./event.ts";
import type { Mode } from "./output.ts";
import { planOf, type Rule } from "./response.ts";
import type { CorrelationRule, DetectionRule, RuleSet } from "./rule.ts";
import type { Duration } from "./time.ts";

/** A correlation with all that belongs to it. */
export interface TableRow {
  readonly correlation: Correlation;
  readonly caseRule: CaseRule;
}

export class RuleTable {
  /** For each service the detections worth trying, in the rule set's order. */
  readonly byService: ReadonlyMap<string, readonly DetectionRule[]>;
  /** For each detection (by index) its own cases; undefined: only correlations use it. */
  readonly standalone: readonly (CaseRule | undefined)[];
  readonly rows: readonly TableRow[];
  /** For each detection (by index) pairs (row, step bits), flat. */
  readonly uses: readonly (readonly number[])[];
  readonly #caseRules = new Map<string, CaseRule>();
  readonly #rows = new Map<string, TableRow>();

  constructor(
    rules: RuleSet,
    settings: { readonly mode: Mode; readonly allowedLateness: Duration; readonly onEvicted: (count: number) => void },
  ) {
    const nameOf = (index: number): string => rules.detections[index]!.name ?? rules.detections[index]!.id;
    const caseRule = (rule: Rule, timespan: Duration): CaseRule => {
      const made = { rule, plan: planOf(rule, settings.mode), remember: timespan + settings.allowedLateness, nameOf };
      this.#caseRules.set(rule.id, made);
      return made;
    };
    this.standalone = rules.detections.map((rule) => (rule.standalone ? caseRule(rule, 0) : undefined));
    this.rows = rules.correlations.map((rule) => ({
      correlation: correlationOf(rule, settings),
      caseRule: caseRule(rule, rule.timespan),
    }));
    for (const row of this.rows) this.#rows.set(row.correlation.rule.id, row);
    this.uses = rules.detections.map((_, index) => usesOf(rules.correlations, index));
    const tried = rules.detections.filter((rule) => rule.standalone || this.uses[rule.index]!.length > 0);
    this.byService = new Map(
      SERVICES.map((service) => [service, tried.filter((rule) => rule.service === null || rule.service === service)]),
    );
  }

  caseRule(id: string): CaseRule | undefined {
    return this.#caseRules.get(id);
  }

  row(id: string): TableRow | undefined {
    return this.#rows.get(id);
  }
}

function correlationOf(
  rule: CorrelationRule,
  settings: { readonly allowedLateness: Duration; readonly onEvicted: (count: number) => void },
): Correlation {
  if (rule.type === "temporal_ordered" && rule.condition.kind === "all") return temporalOrdered(rule, settings);
  throw new Error(`${rule.id}: no machine for a ${rule.type} with this condition`);
}

/** (row, step bits) of every correlation that has the detection among its steps. */
function usesOf(correlations: readonly CorrelationRule[], detection: number): number[] {
  return correlations.flatMap((rule, row) => {
    const bits = rule.inputs.reduce(
      (sum, input, index) => (input.kind === "detection" && input.index === detection ? sum | (1 << index) : sum),
      0,
    );
    return bits === 0 ? [] : [row, bits];
  });
}
