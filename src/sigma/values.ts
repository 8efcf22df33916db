// A field's values → predicates, by the field's kind: text and symbols as patterns, numbers and booleans as
// such. A value its field can never hold matches nothing, and is worth a warning.

import type { Service } from "../core/event.ts";
import type { Expression } from "./expression.ts";
import { symbolsOn } from "./fields.ts";
import type { Field } from "./fields.ts";
import type { Modifiers } from "./modifiers.ts";
import { suggest } from "./nearest.ts";
import { compileLiterals, compilePattern, literalOf, parsePattern, widen } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { describe } from "./tree-reader.ts";
import type { YamlScalar } from "./yaml-tree.ts";

export interface ValueScope {
  readonly field: Field;
  /** Of the rule; null: any. */
  readonly service: Service | null;
  readonly modifiers: Modifiers;
  readonly findings: Findings;
}

const NEVER: Expression = { kind: "or", operands: [] };

/** Plain comparison, contains, startswith, endswith, cased. Literals that are linked by OR become one set. */
export function textExpression(values: readonly YamlScalar[], scope: ValueScope): Expression[] {
  const { field, modifiers } = scope;
  const literals: string[] = [];
  const expressions: Expression[] = [];
  for (const value of values) {
    const compared = compare(value, scope);
    if (typeof compared !== "string") expressions.push(compared);
    else if (modifiers.all)
      expressions.push({ kind: "one-of", field: field.path, literals: [compared], cased: modifiers.cased });
    else literals.push(compared);
  }
  if (literals.length > 0) expressions.unshift({ kind: "one-of", field: field.path, literals, cased: modifiers.cased });
  return expressions;
}

/** A literal to compare text with, or an expression of its own. */
function compare(value: YamlScalar, scope: ValueScope): string | Expression {
  const { field, modifiers, findings } = scope;
  const wide = modifiers.before || modifiers.after;
  if (value.value === null) {
    if (wide || modifiers.cased) findings.refuse(value.at, "null with a modifier for text", "write null without it");
    return { kind: "is-null", field: field.path };
  }
  if (typeof value.value !== "string") {
    if (wide || modifiers.cased) {
      findings.refuse(value.at, `${describe(value)} with a modifier for text`, `quote it: '${value.text}'`);
      return NEVER;
    }
    return compareTyped(value, value.value, scope);
  }
  if (!value.quoted && isReadDifferently(value.value)) {
    findings.refuse(
      value.at,
      `${quote(value.text)}, which YAML 1.1 readers (pySigma) read as something else`,
      `quote it: '${value.text}'`,
    );
    return NEVER;
  }
  const pattern = widen(parsePattern(value.value), { before: modifiers.before, after: modifiers.after });
  return comparePattern(pattern, value, scope);
}

/** YAML 1.1: `no` is false, `010` is 8, `1_000` a number, `12:30` 750. */
function isReadDifferently(text: string): boolean {
  return (
    /^(?:yes|no|on|off)$/iu.test(text) ||
    /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/u.test(text) ||
    /^[-+]?\d+_[\d_]*$/u.test(text)
  );
}

function comparePattern(pattern: Pattern, value: YamlScalar, scope: ValueScope): string | Expression {
  const { field, modifiers } = scope;
  const literal = literalOf(pattern);
  if (field.kind === "boolean" || field.kind === "number") {
    if (literal === null && field.kind === "number")
      return { kind: "like", field: field.path, pattern, cased: modifiers.cased };
    const typed = literal === null ? null : fromText(literal, field.kind);
    if (typed === null) return never(value, scope, `it is a ${field.kind}`);
    return { kind: "equals", field: field.path, value: typed };
  }
  if (field.kind === "symbol") warnUnlessSymbol(pattern, value, scope);
  return literal ?? { kind: "like", field: field.path, pattern, cased: modifiers.cased };
}

/** The number or boolean that this text is the text of. */
function fromText(literal: string, kind: "boolean" | "number"): number | boolean | null {
  if (kind === "number") return String(Number(literal)) === literal && literal !== "NaN" ? Number(literal) : null;
  const folded = literal.toLowerCase();
  return folded === "true" ? true : folded === "false" ? false : null;
}

/** A YAML number or boolean: as such for a field of its kind, else by its text. */
function compareTyped(value: YamlScalar, typed: number | boolean, scope: ValueScope): string | Expression {
  const { field, findings } = scope;
  if (
    typeof typed === "number" &&
    (!Number.isFinite(typed) || (Number.isInteger(typed) && !Number.isSafeInteger(typed)))
  ) {
    findings.refuse(
      value.at,
      `the number ${quote(value.text)}, which cannot be held exactly`,
      `quote it: '${value.text}'`,
    );
    return NEVER;
  }
  if (typeof typed === "number" && /^[-+]?(?:0[\do]|\d+e)/iu.test(value.text)) {
    findings.refuse(
      value.at,
      `${quote(value.text)}, which YAML 1.1 readers (pySigma) read as something else`,
      `quote it, or write ${typed}`,
    );
    return NEVER;
  }
  if (field.kind === "number" || field.kind === "boolean") {
    if (typeof typed === field.kind) return { kind: "equals", field: field.path, value: typed };
    return never(value, scope, `it is a ${field.kind}`);
  }
  if (field.kind === "symbol") warnUnlessSymbol([String(typed)], value, scope);
  return String(typed);
}

function warnUnlessSymbol(pattern: Pattern, value: YamlScalar, scope: ValueScope): void {
  const symbols = symbolsOn(scope.field, scope.service);
  const literal = literalOf(pattern);
  const cased = scope.modifiers.cased;
  const test = literal === null ? compilePattern(pattern, cased) : compileLiterals([literal], cased);
  if (symbols.some(test)) return;
  scope.findings.warn(value.at, `${scope.field.path} is never ${describe(value)}`, suggest(value.text, symbols));
}

function never(value: YamlScalar, scope: ValueScope, why: string): Expression {
  scope.findings.warn(value.at, `${scope.field.path} is never ${describe(value)}`, why);
  return NEVER;
}
