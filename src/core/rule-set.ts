// Rule sets written by hand: what src/sigma compiles from text, made from plain functions instead. For
// benchmarks and tests of the core; every part has a default, ids are the names.

import type { CorrelationInput, CorrelationRule, DetectionRule, Matcher, ResponseAction, RuleSet } from "./rule.ts";
import { DAY, type Duration } from "./time.ts";

export interface HandmadeDetection extends Partial<Omit<DetectionRule, "kind" | "index" | "matches" | "id" | "name">> {
  readonly name: string;
  readonly matches: Matcher;
}

export interface HandmadeCorrelation extends Partial<
  Omit<CorrelationRule, "kind" | "index" | "inputs" | "id" | "name">
> {
  readonly name: string;
  /** Names of detections, and of correlations before this one, in order. */
  readonly steps: readonly string[];
  readonly timespan: Duration;
  /** The same for every input. */
  readonly valueFields?: readonly string[];
}

/** Type temporal_ordered and grouped by account unless written. @throws Error for a step that names nothing */
export function handmadeRules(of: {
  readonly detections: readonly HandmadeDetection[];
  readonly correlations?: readonly HandmadeCorrelation[];
}): RuleSet {
  const detections = of.detections.map((rule, index): DetectionRule => ({
    ...identity(rule.name),
    service: null,
    types: null,
    standalone: false,
    quiet: 0,
    ...rule,
    kind: "detection",
    index,
  }));
  const correlations: CorrelationRule[] = [];
  for (const { steps, valueFields = [], ...rule } of of.correlations ?? []) {
    const groupBy = rule.groupBy ?? ["accountId"];
    const named = { detections, correlations: correlations.slice() };
    const inputs = steps.map((step) => ({ ...inputOf(named, step), groupFields: groupBy, valueFields }));
    correlations.push({
      ...identity(rule.name),
      quiet: rule.timespan,
      type: "temporal_ordered",
      condition: { kind: "all" },
      standalone: true,
      ...rule,
      kind: "correlation",
      index: correlations.length,
      groupBy,
      inputs,
    });
  }
  return { detections, correlations, fields: new Set(), profileFields: new Set(), hash: "handmade" };
}

/** A FREEZE of everything that moves money, for a day. */
export const FREEZE: ResponseAction = {
  action: "FREEZE",
  scopes: ["WITHDRAW", "P2P", "TRANSFER", "API_KEYS"],
  for: DAY,
  reason: "TAKEOVER",
  extend: false,
  targets: [],
};

/** A HOLD of withdrawals, for a day. */
export const HOLD: ResponseAction = { ...FREEZE, action: "HOLD", scopes: ["WITHDRAW"], reason: "COOLING_OFF" };

function identity(
  name: string,
): Omit<DetectionRule, "kind" | "index" | "service" | "types" | "matches" | "standalone" | "quiet"> {
  return {
    id: name,
    name,
    title: name,
    level: "high",
    tags: [],
    hash: name,
    matchHash: name,
    respond: [],
    mode: "enforce",
  };
}

function inputOf(
  { detections, correlations }: Pick<RuleSet, "detections" | "correlations">,
  name: string,
): Pick<CorrelationInput, "kind" | "index"> {
  const detection = detections.findIndex((rule) => rule.name === name);
  if (detection >= 0) return { kind: "detection", index: detection };
  const correlation = correlations.findIndex((rule) => rule.name === name);
  if (correlation < 0) throw new Error(`no detection or correlation is named ${name}`);
  return { kind: "correlation", index: correlation };
}
