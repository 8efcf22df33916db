// Expressions → closures. All that can be decided at load time is: which field, how it is read, in which
// case. A closure allocates nothing for ASCII text and never throws, whatever the event holds.

import type { Matcher } from "../core/rule.ts";
import type { Service } from "../core/event.ts";
import { writtenNumber } from "../core/written-number.ts";
import { parseInstant, partOf } from "./calendar.ts";
import { compileNetwork } from "./cidr.ts";
import type { Expression, OrderOperator, Predicate, Regex } from "./expression.ts";
import { fold } from "./fold.ts";
import { findField, plainField } from "./fields.ts";
import type { Field } from "./fields.ts";
import { anyText, ownText } from "./keyword.ts";
import { compileLiterals, compilePattern } from "./pattern.ts";
import type { TextTest } from "./pattern.ts";
import { compileRegex } from "./regex.ts";
import type { WatchLists } from "./watch-list.ts";

type ValueTest = (value: unknown) => boolean;

export interface MatcherScope {
  /** null: every service. */
  readonly service: Service | null;
  /** Events are any JSON objects. */
  readonly plain: boolean;
  readonly lists: WatchLists;
}

export function compileExpression(expression: Expression, scope: MatcherScope): Matcher {
  const compile = (operand: Expression): Matcher => compileExpression(operand, scope);
  switch (expression.kind) {
    case "and":
      return all(expression.operands.toSorted(byCost).map(compile));
    case "or":
      return any(expression.operands.toSorted(byCost).map(compile));
    case "not": {
      const operand = compile(expression.operand);
      return (event, profile) => !operand(event, profile);
    }
    default:
      return compilePredicate(expression, scope);
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
    case "refers":
    case "time-part":
      return 6;
    case "regex":
      return 7;
    case "keyword":
    case "keyword-regex":
      return 8;
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

function compilePredicate(predicate: Predicate, scope: MatcherScope): Matcher {
  if (predicate.kind === "keyword" || predicate.kind === "keyword-regex") {
    const test =
      predicate.kind === "keyword" ? compilePattern(predicate.pattern, predicate.cased) : regexTest(predicate.regex);
    return scope.plain ? anyText(test) : ownText(test, scope.service);
  }
  const field = fieldOf(predicate.field, scope);
  const { read } = field;
  if (predicate.kind === "is-null") return (event, profile) => isNull(read(event, profile));
  if (predicate.kind === "refers") return compileReference(predicate, { field, to: fieldOf(predicate.to, scope) });
  const test = compileTest(predicate, field, scope);
  // Asked of every event by nearly every rule: one call less.
  if (field.path === "type" && !scope.plain) return (event) => test(event.type);
  if (field.kind === "any") return overWhatever(read, test);
  return field.list ? overElements(field, test) : (event, profile) => test(read(event, profile));
}

function fieldOf(path: string, { plain }: MatcherScope): Field {
  const field = plain ? plainField(path) : findField(path);
  if (field === null) throw new Error(`checked documents name known fields only, not ${path}`);
  return field;
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

/** Arrays by their elements, all else as it is. */
function overWhatever(read: Field["read"], test: ValueTest): Matcher {
  return (event, profile) => {
    const value = read(event, profile);
    return Array.isArray(value) ? value.some(test) : test(value);
  };
}

function compileTest(
  predicate: Exclude<Predicate, { kind: "is-null" | "refers" | "keyword" | "keyword-regex" }>,
  field: Field,
  scope: MatcherScope,
): ValueTest {
  switch (predicate.kind) {
    case "one-of": {
      const test = compileLiterals(predicate.literals, predicate.cased);
      if (field.kind === "symbol") return oneOf(field.symbols.filter(test));
      return field.kind === "any" ? asText(test) : (value) => typeof value === "string" && test(value);
    }
    case "like": {
      const test = compilePattern(predicate.pattern, predicate.cased);
      return field.kind === "symbol" ? oneOf(field.symbols.filter(test)) : asText(test);
    }
    case "regex": {
      const test = regexTest(predicate.regex);
      return field.kind === "symbol" ? oneOf(field.symbols.filter(test)) : asText(test);
    }
    case "equals":
      return field.kind === "any" ? equalsWhatever(predicate.value) : (value) => value === predicate.value;
    case "order":
      return compileOrder(predicate.operator, predicate.bound, numberOf);
    case "time-part": {
      const { part, operator, bound } = predicate;
      const read = (value: unknown): number => {
        const instant = typeof value === "string" ? parseInstant(value) : value;
        return typeof instant === "number" ? partOf(instant, part) : Number.NaN;
      };
      return operator === "eq" ? (value) => read(value) === bound : compileOrder(operator, bound, read);
    }
    case "in-network": {
      const test = compileNetwork(predicate.network);
      if (test === null) throw new Error(`checked documents hold valid networks only, not ${predicate.network}`);
      return (value) => typeof value === "string" && test(value);
    }
    case "listed": {
      const list = scope.lists.get(predicate.list);
      if (list === undefined) throw new Error(`checked documents name known lists only, not ${predicate.list}`);
      const { cased } = predicate;
      return asText((text) => list.has(text, cased));
    }
  }
}

function regexTest(regex: Regex): TextTest {
  const test = compileRegex(regex);
  if (typeof test !== "function") throw new Error(`checked documents hold sound expressions only: ${test.fault}`);
  return test;
}

/** Numbers and booleans by the text that writes them. */
function asText(test: TextTest): ValueTest {
  return (value) => {
    if (typeof value === "string") return test(value);
    return (typeof value === "number" || typeof value === "boolean") && test(String(value));
  };
}

/** As such where the value is of the same kind, else by the text. */
function equalsWhatever(wanted: number | boolean): ValueTest {
  const text = compileLiterals([String(wanted)], false);
  return (value) => value === wanted || (typeof value === "string" && text(value));
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

/** NaN, which no comparison holds for, where the value is not a number or the text of one. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" ? writtenNumber(value) : Number.NaN;
}

function compileOrder(operator: OrderOperator, bound: number, read: (value: unknown) => number): ValueTest {
  switch (operator) {
    case "lt":
      return (value) => read(value) < bound;
    case "lte":
      return (value) => read(value) <= bound;
    case "gt":
      return (value) => read(value) > bound;
    case "gte":
      return (value) => read(value) >= bound;
  }
}

/** Any element of the one like any element of the other. */
function compileReference(
  { cased, before, after }: Extract<Predicate, { kind: "refers" }>,
  { field, to }: { readonly field: Field; readonly to: Field },
): Matcher {
  const isLike = (value: unknown, other: unknown): boolean => {
    // Most that are alike are spelled alike, too: nothing to fold.
    if (typeof value === "string" && value === other) return true;
    if (typeof value === "number" && typeof other === "number" && !before && !after) return value === other;
    const [text, part] = [textOf(value, cased), textOf(other, cased)];
    if (text === null || part === null) return false;
    if (before && after) return text.includes(part);
    if (before) return text.endsWith(part);
    return after ? text.startsWith(part) : text === part;
  };
  return (event, profile) => {
    const values = field.read(event, profile);
    const others = to.read(event, profile);
    if (!Array.isArray(values) && !Array.isArray(others)) return isLike(values, others);
    const all = Array.isArray(others) ? others : [others];
    return (Array.isArray(values) ? values : [values]).some((value) => all.some((other) => isLike(value, other)));
  };
}

function textOf(value: unknown, cased: boolean): string | null {
  if (typeof value === "string") return cased ? value : fold(value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}
