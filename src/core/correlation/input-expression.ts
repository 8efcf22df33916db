// Boolean expressions over a correlation's inputs (SEP 198): which inputs they ask for, which they forbid,
// and whether they hold. A match has a first and a last event, and both have to be part of what makes the
// expression true: of `(a and not b) or c` an unrelated c is not the first event of an a.

import type { CorrelationRule, InputExpression } from "../rule.ts";

/** `not` stands only before inputs. */
export type Literals =
  | { readonly kind: "input" | "absent"; readonly input: number }
  | { readonly kind: "and" | "or"; readonly of: readonly Literals[] };

/** The rule's condition as literals; undefined: it compares counts. */
export function literalsOf(rule: CorrelationRule): Literals | undefined {
  if (rule.condition.kind === "compare") return undefined;
  if (rule.condition.kind === "expression") return pushNot(rule.condition.expression, false);
  return { kind: "and", of: rule.inputs.map((_, input) => ({ kind: "input", input })) };
}

function pushNot(expression: InputExpression, negated: boolean): Literals {
  switch (expression.kind) {
    case "input":
      return { kind: negated ? "absent" : "input", input: expression.input };
    case "not":
      return pushNot(expression.of, !negated);
    default: {
      const kind = (expression.kind === "and") === negated ? "or" : "and";
      return { kind, of: expression.of.map((each) => pushNot(each, negated)) };
    }
  }
}

/** Bits of the inputs it asks for, or of those it forbids. */
export function bitsOf(literals: Literals, kind: "input" | "absent"): number {
  if (literals.kind === "and" || literals.kind === "or") {
    return literals.of.reduce((bits, each) => bits | bitsOf(each, kind), 0);
  }
  return literals.kind === kind ? 1 << literals.input : 0;
}

/** What is there: bits of inputs. */
export interface Presence {
  /** Inputs with an event. */
  readonly present: number;
  /** Forbidden inputs without one. */
  readonly absent: number;
  /** Inputs that the match's first event may serve, and its last one. */
  readonly first: number;
  readonly last: number;
  /** The last event may itself be the first. */
  readonly isOne: boolean;
}

/** Whether it holds in a way that makes use of the first and of the last event. */
export function holdsFor(literals: Literals, presence: Presence): boolean {
  return (waysOf(literals, presence) & 8) !== 0;
}

/**
 * The ways in which it can hold, one bit each: using neither end (1), the first (2), the last (4), both (8).
 * Alternatives add ways, conjunctions combine them.
 */
function waysOf(literals: Literals, presence: Presence): number {
  switch (literals.kind) {
    case "input": {
      const bit = 1 << literals.input;
      if ((presence.present & bit) === 0) return 0;
      // One event for each input: the first, the last, or any other.
      return 1 | ((presence.first & bit) === 0 ? 0 : 2) | ((presence.last & bit) === 0 ? 0 : presence.isOne ? 8 : 4);
    }
    case "absent":
      return (presence.absent & (1 << literals.input)) === 0 ? 0 : 1;
    case "or":
      return literals.of.reduce((ways, each) => ways | waysOf(each, presence), 0);
    case "and":
      return literals.of.reduce((ways, each) => (ways === 0 ? 0 : combine(ways, waysOf(each, presence))), 1);
  }
}

function combine(some: number, others: number): number {
  let ways = 0;
  for (let a = 0; a < 4; a++) {
    if ((some & (1 << a)) === 0) continue;
    for (let b = 0; b < 4; b++) if ((others & (1 << b)) !== 0) ways |= 1 << (a | b);
  }
  return ways;
}
