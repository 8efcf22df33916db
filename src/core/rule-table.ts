// A rule set as the engines use it: which detections an event has to be tried against, which inputs of which
// correlations each feeds, and each rule's plan under the global mode. Built once a rule set; holds nothing
// that changes.

import type { CaseRule } from "./case.ts";
import type { Correlation, CorrelationSettings, InputFacts } from "./correlation/correlation.ts";
import { correlationOf } from "./correlation/kinds.ts";
import { type Reads, readsOf } from "./correlation/reads.ts";
import { RULE_SERVICES } from "./event.ts";
import type { Mode } from "./output.ts";
import { planOf, type Rule } from "./response.ts";
import type { CorrelationInput, CorrelationRule, DetectionRule, RuleSet } from "./rule.ts";
import type { Duration } from "./time.ts";

/** A correlation with all that belongs to it. */
export interface TableRow {
  readonly index: number;
  readonly correlation: Correlation;
  readonly reads: Reads;
  readonly caseRule: CaseRule;
  /** Its matches open cases; false when only other correlations use them. */
  readonly isJudged: boolean;
  /** Its groups are accounts; those of others live elsewhere, and are told of what feeds them. */
  readonly isOfAccount: boolean;
  /** Pairs (row, input bits) of the correlations over it, flat. */
  readonly uses: readonly number[];
  /** Told how many groups of one event are too many. */
  readonly onEvicted: (groups: number) => void;
}

export interface TableSettings extends CorrelationSettings {
  readonly mode: Mode;
  readonly isOfAccount: (rule: CorrelationRule) => boolean;
}

const NO_DETECTIONS: readonly DetectionRule[] = [];

export class RuleTable {
  /** For each detection (by index) its own cases; undefined: only correlations use it. */
  readonly standalone: readonly (CaseRule | undefined)[];
  readonly rows: readonly TableRow[];
  /** For each detection (by index) pairs (row, input bits), flat. */
  readonly uses: readonly (readonly number[])[];
  /** Detections worth trying, in the rule set's order. */
  readonly tried: readonly DetectionRule[];
  readonly #dispatch: ReadonlyMap<string, Dispatch>;
  readonly #caseRules = new Map<string, CaseRule>();
  readonly #rows = new Map<string, TableRow>();

  constructor(rules: RuleSet, settings: TableSettings) {
    const caseRule = (rule: Rule, remember: Duration): CaseRule => {
      const made = { rule, plan: planOf(rule, settings.mode), remember: remember + settings.allowedLateness };
      this.#caseRules.set(rule.id, made);
      return made;
    };
    this.standalone = rules.detections.map((rule) => (rule.standalone ? caseRule(rule, 0) : undefined));
    const reads = readsOf(rules);
    const rows: TableRow[] = [];
    rules.correlations.forEach((rule, index) => {
      const inputs = rule.inputs.map((input) => factsOf(input, rules, rows));
      const correlation = correlationOf(rule, { settings, inputs });
      rows.push({
        index,
        correlation,
        reads: reads[index]!,
        isJudged: rule.standalone,
        isOfAccount: settings.isOfAccount(rule),
        caseRule: caseRule(rule, rule.timespan + correlation.delay),
        uses: usesOf(rules.correlations, { kind: "correlation", index }),
        onEvicted: settings.onEvicted,
      });
    });
    this.rows = rows;
    for (const row of rows) this.#rows.set(row.correlation.rule.id, row);
    this.uses = rules.detections.map(({ index }) => usesOf(rules.correlations, { kind: "detection", index }));
    this.tried = rules.detections.filter((rule) => rule.standalone || this.uses[rule.index]!.length > 0);
    this.#dispatch = new Map(RULE_SERVICES.map((service) => [service, new Dispatch(this.tried, service)]));
  }

  /** The detections that an event of this service and type could match, in the rule set's order. */
  detectionsFor(service: string, type: string): readonly DetectionRule[] {
    return this.#dispatch.get(service)?.of(type) ?? NO_DETECTIONS;
  }

  caseRule(id: string): CaseRule | undefined {
    return this.#caseRules.get(id);
  }

  row(id: string): TableRow | undefined {
    return this.#rows.get(id);
  }
}

/** The detections of one service, by event type. */
class Dispatch {
  readonly #byType: ReadonlyMap<string, readonly DetectionRule[]>;
  /** For types that no detection names. */
  readonly #others: readonly DetectionRule[];

  constructor(detections: readonly DetectionRule[], service: string) {
    // A rule without a service reads the exchange's topics: what Holdfast tells itself has to be asked for.
    const own = detections.filter((rule) => (rule.service === null ? service !== "signal" : rule.service === service));
    const types = new Set(own.flatMap((rule) => [...(rule.types ?? [])]));
    this.#byType = new Map(
      [...types].map((type) => [type, own.filter((rule) => rule.types === null || rule.types.has(type))]),
    );
    this.#others = own.filter((rule) => rule.types === null);
  }

  of(type: string): readonly DetectionRule[] {
    return this.#byType.get(type) ?? this.#others;
  }
}

function factsOf(input: CorrelationInput, rules: RuleSet, rows: readonly TableRow[]): InputFacts {
  const rule = input.kind === "detection" ? rules.detections[input.index]! : rules.correlations[input.index]!;
  const delay = input.kind === "detection" ? 0 : rows[input.index]!.correlation.delay;
  return { name: rule.name ?? rule.id, delay };
}

/** (row, input bits) of every correlation that has it among its inputs. */
function usesOf(correlations: readonly CorrelationRule[], of: Pick<CorrelationInput, "kind" | "index">): number[] {
  return correlations.flatMap((rule) => {
    const bits = rule.inputs.reduce(
      (sum, input, position) => (input.kind === of.kind && input.index === of.index ? sum | (1 << position) : sum),
      0,
    );
    return bits === 0 ? [] : [rule.index, bits];
  });
}
