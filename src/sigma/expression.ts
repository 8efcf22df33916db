// A checked detection: what it asks of one event, as plain data. Made by detection.ts, turned into
// closures by matcher.ts, hashed as it is. A further modifier is a further kind of predicate.

import type { TimePart } from "./calendar.ts";
import type { Pattern } from "./pattern.ts";

export type OrderOperator = "lt" | "lte" | "gt" | "gte";

/** `flags` of `i`, `m`, `s`; found anywhere in the text unless the source is anchored. */
export interface Regex {
  readonly source: string;
  readonly flags: string;
}

/** One question to one field. A list field answers yes when any element does. null answers only `is-null`. */
type FieldPredicate =
  /** Absent, null or `[]`. */
  | { readonly kind: "is-null" }
  | { readonly kind: "one-of"; readonly literals: readonly string[]; readonly cased: boolean }
  | { readonly kind: "like"; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: "regex"; readonly regex: Regex }
  | { readonly kind: "equals"; readonly value: number | boolean }
  /** Text that writes a number is ordered as that number; other text has no order. */
  | { readonly kind: "order"; readonly operator: OrderOperator; readonly bound: number }
  /** Of an instant: its minute, hour …, in UTC. */
  | {
      readonly kind: "time-part";
      readonly part: TimePart;
      readonly operator: OrderOperator | "eq";
      readonly bound: number;
    }
  | { readonly kind: "in-network"; readonly network: string }
  /** Among the values of a watch-list. */
  | { readonly kind: "listed"; readonly list: string; readonly cased: boolean }
  /** Like what another field of the event holds; `before`, `after`: with anything before it, after it. */
  | {
      readonly kind: "refers";
      readonly to: string;
      readonly cased: boolean;
      readonly before: boolean;
      readonly after: boolean;
    };

export type Predicate =
  | (FieldPredicate & { readonly field: string })
  /** Somewhere in any text of the event itself. */
  | { readonly kind: "keyword"; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: "keyword-regex"; readonly regex: Regex };

/** `or` of nothing is false, `and` of nothing true. */
export type Expression =
  | Predicate
  | { readonly kind: "and"; readonly operands: readonly Expression[] }
  | { readonly kind: "or"; readonly operands: readonly Expression[] }
  | { readonly kind: "not"; readonly operand: Expression };

/** What keywords read. */
export const EVERY_FIELD = "*";

/** Every path the expression reads. */
export function pathsOf(expression: Expression, into: Set<string> = new Set()): Set<string> {
  switch (expression.kind) {
    case "and":
    case "or":
      for (const operand of expression.operands) pathsOf(operand, into);
      return into;
    case "not":
      return pathsOf(expression.operand, into);
    case "keyword":
    case "keyword-regex":
      return into.add(EVERY_FIELD);
    case "refers":
      return into.add(expression.field).add(expression.to);
    default:
      return into.add(expression.field);
  }
}
