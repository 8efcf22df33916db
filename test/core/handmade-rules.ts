// Rule sets written by hand: what src/sigma compiles from text, made from plain functions instead. Every
// part has a default, ids are the names.

import type { CorrelationRule, DetectionRule, Matcher, ResponseAction, RuleSet } from "../../src/core/rule.ts";
import { DAY, type Duration } from "../../src/core/time.ts";

export interface HandmadeDetection extends Partial<Omit<DetectionRule, "kind" | "index" | "matches" | "id" | "name">> {
  readonly name: string;
  readonly matches: Matcher;
}

export interface HandmadeCorrelation extends Partial<Omit<CorrelationRule, "kind" | "type" | "steps" | "id" | "name">> {
  readonly name: string;
  /** Names of detections, in order. */
  readonly steps: readonly string[];
  readonly timespan: Duration;
}

/** @throws Error for a step that names no detection */
export function handmadeRules(of: {
  readonly detections: readonly HandmadeDetection[];
  readonly correlations?: readonly HandmadeCorrelation[];
}): RuleSet {
  const detections = of.detections.map((rule, index): DetectionRule => ({
    ...identity(rule.name),
    service: null,
    standalone: false,
    quiet: 0,
    ...rule,
    kind: "detection",
    index,
  }));
  const correlations = (of.correlations ?? []).map((rule): CorrelationRule => ({
    ...identity(rule.name),
    quiet: rule.timespan,
    groupBy: ["accountId"],
    ...rule,
    kind: "correlation",
    type: "temporal_ordered",
    steps: rule.steps.map((step) => indexOf(detections, step)),
  }));
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
): Omit<DetectionRule, "kind" | "index" | "service" | "matches" | "standalone" | "quiet"> {
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

function indexOf(detections: readonly DetectionRule[], name: string): number {
  const found = detections.findIndex((rule) => rule.name === name);
  if (found < 0) throw new Error(`no detection is named ${name}`);
  return found;
}
