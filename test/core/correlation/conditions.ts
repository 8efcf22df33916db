// Conditions of handmade correlations, as tests write them.

import type { Comparison, CorrelationCondition, InputExpression } from "../../../src/core/rule.ts";

export const input = (at: number): InputExpression => ({ kind: "input", input: at });

export const compare = (
  operator: Comparison["operator"],
  value: number,
  percentile: number | null = null,
): CorrelationCondition => ({
  kind: "compare",
  comparisons: [{ operator, value }],
  percentile,
});
