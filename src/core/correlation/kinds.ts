// Which file runs which kind of correlation.

import type { CorrelationRule } from "../rule.ts";
import type { Correlation, CorrelationSettings, InputFacts, Kind } from "./correlation.ts";
import { eventCount } from "./event-count.ts";
import { bitsOf, literalsOf } from "./input-expression.ts";
import { machineOf } from "./machine.ts";
import { temporal } from "./temporal.ts";
import { orderedWithAbsence } from "./temporal-ordered-absence.ts";
import { MAX_STEPS, temporalOrdered } from "./temporal-ordered.ts";
import { valueAvg } from "./value-avg.ts";
import { valueCount } from "./value-count.ts";
import { valuePercentile } from "./value-percentile.ts";
import { valueSum } from "./value-sum.ts";

/** @throws Error for what the compiler lets through by mistake */
export function correlationOf(
  rule: CorrelationRule,
  of: { readonly settings: CorrelationSettings; readonly inputs: readonly InputFacts[] },
): Correlation {
  const count = rule.inputs.length;
  if (count === 0 || count > MAX_STEPS) throw new Error(`${rule.id}: ${count} inputs, not 1 to ${MAX_STEPS}`);
  return machineOf(rule, kindOf(rule, of.settings), of);
}

function kindOf(rule: CorrelationRule, settings: CorrelationSettings): Kind {
  switch (rule.type) {
    case "event_count":
      return eventCount(rule, settings);
    case "value_count":
      return valueCount(rule, settings);
    case "value_sum":
      return valueSum(rule, settings);
    case "value_avg":
      return valueAvg(rule, settings);
    case "value_percentile":
      return valuePercentile(rule, settings);
    case "temporal":
      return temporal(rule, settings);
    case "temporal_ordered": {
      const literals = literalsOf(rule);
      if (literals === undefined) throw new Error(`${rule.id}: a temporal_ordered counts no rules`);
      return bitsOf(literals, "absent") === 0 ? temporalOrdered(rule, settings) : orderedWithAbsence(rule, settings);
    }
  }
}
