// How far one rule came on a stream of events. The production engine runs with a rule set in which each rule
// that the asked one builds on, however deep, opens cases of its own, commands nothing, and keeps no case
// open: so every match of every step is reported, with its evidence.

import type { Arrival, ExchangeEvent } from "../core/event.ts";
import type { Detection, Evidence, Outputs } from "../core/output.ts";
import type { CorrelationRule, DetectionRule, RuleSet } from "../core/rule.ts";
import type { Signal } from "../core/signal.ts";
import { openDriver } from "./driver.ts";
import type { DriverOptions } from "./driver.ts";

export type AnyRule = DetectionRule | CorrelationRule;

/** What one input of the rule found in one group. */
export interface StepProgress {
  readonly rule: AnyRule;
  readonly matches: number;
  /** The deciding event of the latest match. */
  readonly latest: Evidence | null;
}

export interface GroupProgress {
  readonly group: string;
  /** Matches of the rule itself, in the order they were decided; the first few. */
  readonly fired: readonly Detection[];
  readonly firings: number;
  /** The rule's inputs in its order; of a detection its conditions. */
  readonly steps: readonly StepProgress[];
  /** Of a detection that did not fire: the event that met most of its conditions, and those it did not meet. */
  readonly closest: Closest | null;
}

interface Closest {
  readonly evidence: Evidence;
  readonly missed: readonly AnyRule[];
}

const MOST_FIRINGS = 3;

/** By id, name or title; null: no rule is called so. */
export function findRule(rules: RuleSet, called: string): AnyRule | null {
  const all: readonly AnyRule[] = [...rules.correlations, ...rules.detections];
  return all.find(({ id, name, title }) => [id, name, title].includes(called)) ?? null;
}

export interface ExplanationOptions extends DriverOptions {
  /** Of a detection: what it asks of one event, condition by condition. */
  readonly conditions: readonly Omit<DetectionRule, "index">[];
}

interface Progress {
  fired: Detection[];
  firings: number;
  steps: { matches: number; latest: Evidence | null }[];
  closest: Closest | null;
}

export class Explanation {
  readonly #rule: AnyRule;
  readonly #inputs: readonly AnyRule[];
  readonly #isShared: boolean;
  readonly #driver: ReturnType<typeof openDriver>;
  readonly #groups = new Map<string, Progress>();

  constructor(rule: AnyRule, { conditions, ...options }: ExplanationOptions) {
    const { rules } = options;
    const added = conditions.map((condition, index) => ({ ...condition, index: rules.detections.length + index }));
    this.#rule = rule;
    this.#isShared = rule.kind === "correlation" && isShared(rule);
    this.#inputs =
      rule.kind === "detection"
        ? added
        : rule.inputs.map(({ kind, index }) =>
            kind === "detection" ? rules.detections[index]! : rules.correlations[index]!,
          );
    const detections = [...rules.detections, ...(rule.kind === "detection" ? added : [])];
    this.#driver = openDriver({ ...options, rules: reporting({ ...rules, detections }, [rule, ...this.#inputs]) });
  }

  apply(arrival: Arrival, event: ExchangeEvent): void {
    this.#note(this.#driver.apply(arrival, event));
  }

  /** The groups in which any step matched, those that fired first, then those that came furthest. */
  finish(): GroupProgress[] {
    this.#note(this.#driver.finish());
    const groups = [...this.#groups].map(([group, { steps, ...progress }]) => ({
      group,
      ...progress,
      steps: steps.map((step, index) => ({ rule: this.#inputs[index]!, ...step })),
    }));
    const matched = ({ steps }: GroupProgress): number => steps.filter(({ matches }) => matches > 0).length;
    return groups.toSorted((a, b) => b.firings - a.firings || matched(b) - matched(a) || (a.group < b.group ? -1 : 1));
  }

  #note(decided: readonly Outputs[]): void {
    const met = new Set<AnyRule>();
    for (const signal of decided.flatMap((outputs) => outputs.signals)) this.#noteFact(signal);
    for (const detection of decided.flatMap((outputs) => outputs.detections)) {
      if (detection.kind !== "OPENED") continue;
      const isOwn = detection.ruleId === this.#rule.id;
      const input = this.#isShared ? -1 : this.#inputs.findIndex(({ id }) => id === detection.ruleId);
      if (!isOwn && input < 0) continue;
      const progress = this.#progress(Object.values(detection.group).join(" "));
      if (isOwn) {
        progress.firings += 1;
        if (progress.fired.length < MOST_FIRINGS) progress.fired.push(detection);
      } else {
        const step = progress.steps[input]!;
        step.matches += 1;
        step.latest = detection.evidence.at(-1) ?? step.latest;
        met.add(this.#inputs[input]!);
        if (this.#rule.kind === "detection") this.#noteClosest(progress, met, detection.evidence.at(-1));
      }
    }
  }

  /** Of a rule whose groups are no accounts: what its groups heard. */
  #noteFact({ ruleId, group, accountId, eventId, occurredAt, fact }: Signal): void {
    if (fact === null || ruleId !== this.#rule.id) return;
    const { type, topic, partition, offset, summary } = fact;
    const { steps } = this.#progress(Object.values(group).join(" "));
    steps.forEach((step, input) => {
      if ((fact.steps & (1 << input)) === 0) return;
      const rule = this.#inputs[input]!;
      step.matches += 1;
      step.latest = {
        eventId,
        type,
        topic,
        partition,
        offset,
        occurredAt,
        rule: rule.name ?? rule.id,
        summary: `${accountId} ${summary}`,
      };
    });
  }

  /** All conditions of one event are noted together: they were all asked by one apply. */
  #noteClosest(progress: Progress, met: ReadonlySet<AnyRule>, evidence: Evidence | undefined): void {
    const missed = this.#inputs.filter((input) => !met.has(input));
    if (evidence !== undefined && missed.length < (progress.closest?.missed.length ?? Infinity))
      progress.closest = { evidence, missed };
  }

  #progress(group: string): Progress {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const steps = this.#inputs.map(() => ({ matches: 0, latest: null }));
    const made = { fired: [], firings: 0, steps, closest: null };
    this.#groups.set(group, made);
    return made;
  }
}

/** Only what the asked rules need says anything, and says all of it. */
function reporting(rules: RuleSet, asked: readonly AnyRule[]): RuleSet {
  const needed = new Set<AnyRule>(asked);
  const waiting: AnyRule[] = [...asked];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.kind === "detection") continue;
    for (const { kind, index } of next.inputs) {
      const input = kind === "detection" ? rules.detections[index]! : rules.correlations[index]!;
      if (!needed.has(input)) waiting.push(input);
      needed.add(input);
    }
  }
  const silent = { respond: [], quiet: 0 } as const;
  return {
    ...rules,
    detections: rules.detections.map((each) => ({ ...each, ...silent, standalone: needed.has(each) })),
    correlations: rules.correlations.map((each) => ({
      ...each,
      ...silent,
      // What links accounts goes on doing so: the asked rule may read its links.
      standalone: needed.has(each) || (each.standalone && isShared(each)),
    })),
  };
}

/** Its groups are no accounts. */
function isShared({ inputs }: CorrelationRule): boolean {
  return inputs.some(({ groupFields }) => groupFields.length !== 1 || groupFields[0] !== "accountId");
}
