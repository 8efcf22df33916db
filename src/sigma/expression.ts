// A checked detection: what it asks of one event, as plain data. Made by detection.ts, turned into
// closures by matcher.ts, hashed as it is. A further modifier is a further kind of predicate.

import type { Pattern } from "./pattern.ts";

export type OrderOperator = "lt" | "lte" | "gt" | "gte";

/** One question to one field. A list field answers yes when any element does. null answers only `is-null`. */
export type Predicate =
  /** Absent, null or `[]`. */
  | { readonly kind: "is-null"; readonly field: string }
  | { readonly kind: "one-of"; readonly field: string; readonly literals: readonly string[]; readonly cased: boolean }
  | { readonly kind: "like"; readonly field: string; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: "equals"; readonly field: string; readonly value: number | boolean }
  /** Text that writes a number is ordered as that number; other text has no order. */
  | { readonly kind: "order"; readonly field: string; readonly operator: OrderOperator; readonly bound: number }
  | { readonly kind: "in-network"; readonly field: string; readonly network: string };

/** `or` of nothing is false, `and` of nothing true. */
export type Expression =
  | Predicate
  | { readonly kind: "and"; readonly operands: readonly Expression[] }
  | { readonly kind: "or"; readonly operands: readonly Expression[] }
  | { readonly kind: "not"; readonly operand: Expression };

/** Every path the expression reads. */
export function pathsOf(expression: Expression, into: Set<string> = new Set()): Set<string> {
  switch (expression.kind) {
    case "and":
    case "or":
      for (const operand of expression.operands) pathsOf(operand, into);
      return into;
    case "not":
      return pathsOf(expression.operand, into);
    default:
      return into.add(expression.field);
  }
}
