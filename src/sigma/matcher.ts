// Expressions → closures. All that can be decided at load time is: which field, how it is read, in which
// case. A closure allocates nothing for ASCII text and never throws, whatever the event holds.

import type { Matcher } from "../core/rule.ts";
import { compileNetwork } from "./cidr.ts";
import type { Expression, OrderOperator, Predicate } from "./expression.ts";
import { findField } from "./fields.ts";
import type { Field } from "./fields.ts";
import { compileLiterals, compilePattern } from "./pattern.ts";

type ValueTest = (value: unknown) => boolean;

export function compileExpression(expression: Expression): Matcher {
  switch (expression.kind) {
    case "and":
      return all(expression.operands.toSorted(byCost).map(compileExpression));
    case "or":
      return any(expression.operands.toSorted(byCost).map(compileExpression));
    case "not": {
      const operand = compileExpression(expression.operand);
      return (event, profile) => !operand(event, profile);
    }
    default:
      return compilePredicate(expression);
  }
}

/** The event's type tells most events apart, so it is asked first; patterns and ranges last. */
function byCost(a: Expression, b: Expression): number {
  return costOf(a) - costOf(b);
}

function costOf(expression: Expression): number {
  switch (expression.kind) {
    case "and":
      // Its first question decides most often.
      return 1 + expression.operands.reduce((least, operand) => Math.min(least, costOf(operand)), 8);
    case "or":
      return 1 + expression.operands.reduce((most, operand) => Math.max(most, costOf(operand)), 0);
    case "not":
      return 1 + costOf(expression.operand);
    case "like":
    case "in-network":
      return 6;
    default:
      return expression.field === "type" ? 0 : 2;
  }
}

function all(operands: readonly Matcher[]): Matcher {
  const [first, second] = operands;
  if (first !== undefined && operands.length === 1) return first;
  if (first !== undefined && second !== undefined && operands.length === 2) {
    return (event, profile) => first(event, profile) && second(event, profile);
  }
  return (event, profile) => {
    for (let index = 0; index < operands.length; index++) {
      if (!(operands[index] as Matcher)(event, profile)) return false;
    }
    return true;
  };
}

function any(operands: readonly Matcher[]): Matcher {
  const [first, second] = operands;
  if (first !== undefined && operands.length === 1) return first;
  if (first !== undefined && second !== undefined && operands.length === 2) {
    return (event, profile) => first(event, profile) || second(event, profile);
  }
  return (event, profile) => {
    for (let index = 0; index < operands.length; index++) {
      if ((operands[index] as Matcher)(event, profile)) return true;
    }
    return false;
  };
}

function compilePredicate(predicate: Predicate): Matcher {
  const field = findField(predicate.field);
  if (field === null) throw new Error(`checked documents name known fields only, not ${predicate.field}`);
  const { read } = field;
  if (predicate.kind === "is-null") return (event, profile) => isNull(read(event, profile));
  const test = compileTest(predicate, field);
  // Asked of every event by nearly every rule: one call less.
  if (field.path === "type") return (event) => test(event.type);
  return field.list ? overElements(field, test) : (event, profile) => test(read(event, profile));
}

function isNull(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

function overElements(field: Field, test: ValueTest): Matcher {
  const { read } = field;
  return (event, profile) => {
    const values = read(event, profile);
    if (!Array.isArray(values)) return false;
    for (let index = 0; index < values.length; index++) {
      if (test(values[index])) return true;
    }
    return false;
  };
}

function compileTest(predicate: Exclude<Predicate, { kind: "is-null" }>, field: Field): ValueTest {
  switch (predicate.kind) {
    case "one-of": {
      const test = compileLiterals(predicate.literals, predicate.cased);
      if (field.kind === "symbol") return oneOf(field.symbols.filter(test));
      return (value) => typeof value === "string" && test(value);
    }
    case "like": {
      const test = compilePattern(predicate.pattern, predicate.cased);
      if (field.kind === "symbol") return oneOf(field.symbols.filter(test));
      return (value) => (typeof value === "string" ? test(value) : typeof value === "number" && test(String(value)));
    }
    case "equals": {
      const { value: wanted } = predicate;
      return (value) => value === wanted;
    }
    case "order":
      return compileOrder(predicate.operator, predicate.bound);
    case "in-network": {
      const test = compileNetwork(predicate.network);
      if (test === null) throw new Error(`checked documents hold valid networks only, not ${predicate.network}`);
      return (value) => typeof value === "string" && test(value);
    }
  }
}

/** A field of a closed set holds nothing but its symbols, so which of them match is known beforehand. */
function oneOf(symbols: readonly string[]): ValueTest {
  const [first, second, third] = symbols;
  if (symbols.length === 1) return (value) => value === first;
  if (symbols.length === 2) return (value) => value === first || value === second;
  if (symbols.length === 3) return (value) => value === first || value === second || value === third;
  const accepted: ReadonlySet<unknown> = new Set(symbols);
  return (value) => accepted.has(value);
}

const DECIMAL = /^-?\d{1,15}(?:\.\d{1,15})?$/u;

/** NaN, which no comparison holds for, where the value is not a number or the text of one. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && DECIMAL.test(value) ? Number(value) : Number.NaN;
}

function compileOrder(operator: OrderOperator, bound: number): ValueTest {
  switch (operator) {
    case "lt":
      return (value) => numberOf(value) < bound;
    case "lte":
      return (value) => numberOf(value) <= bound;
    case "gt":
      return (value) => numberOf(value) > bound;
    case "gte":
      return (value) => numberOf(value) >= bound;
  }
}
