// What values ask of a field → predicates, by the field's kind: text and symbols as patterns, numbers and
// booleans as such. A value its field can never hold matches nothing, and is worth a warning.

import type { Service } from "../core/event.ts";
import type { Expression } from "./expression.ts";
import { symbolsOn } from "./fields.ts";
import type { Field } from "./fields.ts";
import { suggest } from "./nearest.ts";
import { compileLiterals, compilePattern, literalOf } from "./pattern.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { compileRegex } from "./regex.ts";
import { describe } from "./tree-reader.ts";
import { anywhere } from "./values.ts";
import type { Value } from "./values.ts";
import type { WatchLists } from "./watch-list.ts";

export interface ComparisonScope {
  readonly field: Field;
  /** Of the rule; null: any. */
  readonly service: Service | null;
  readonly lists: WatchLists;
  readonly findings: Findings;
  /** The field that fieldref names; null where that was refused. */
  readonly fieldOf: (value: Value, path: string) => Field | null;
}

const NEVER: Expression = { kind: "or", operands: [] };

/** What is to be linked by OR: one expression a value, but literals become one set. */
export function compareAny(values: readonly Value[], scope: ComparisonScope): Expression[] {
  const sets = new Map<boolean, string[]>();
  const expressions: Expression[] = [];
  for (const value of values) {
    const compared = compare(value, scope);
    const cased = value.kind === "text" && value.cased;
    if (typeof compared !== "string") expressions.push(compared);
    else {
      const set = sets.get(cased);
      if (set === undefined) sets.set(cased, [compared]);
      else set.push(compared);
    }
  }
  const joined = [...sets].map(([cased, literals]): Expression => ({
    kind: "one-of",
    field: scope.field.path,
    literals,
    cased,
  }));
  return [...joined, ...expressions];
}

/** A literal to compare text with, or an expression of its own. */
function compare(value: Value, scope: ComparisonScope): string | Expression {
  const { field, findings } = scope;
  const { path } = field;
  switch (value.kind) {
    case "null":
      return { kind: "is-null", field: path };
    case "exists": {
      const isNull: Expression = { kind: "is-null", field: path };
      return value.exists ? { kind: "not", operand: isNull } : isNull;
    }
    case "text":
      return compareText(value, scope);
    case "number":
      return compareTyped(value, value.number, scope);
    case "boolean":
      return compareTyped(value, value.boolean, scope);
    case "regex":
      return checkedRegex(value, findings) ? { kind: "regex", field: path, regex: regexOf(value) } : NEVER;
    case "network":
      return { kind: "in-network", field: path, network: value.network };
    case "order":
      if (value.part !== null) return partOf({ ...value, part: value.part }, scope);
      if (field.kind === "boolean" || field.kind === "symbol")
        findings.warn(value.at.at, `${value.operator} on ${path}, which has no order`, "compare it with a value");
      return { kind: "order", field: path, operator: value.operator, bound: value.bound };
    case "part":
      return partOf({ at: value.at, part: value.part, operator: "eq", bound: value.number }, scope);
    case "reference": {
      const to = scope.fieldOf(value, value.path);
      const { cased, before, after } = value;
      return to === null ? NEVER : { kind: "refers", field: path, to: to.path, cased, before, after };
    }
    case "placeholder":
      return listed(value, scope);
  }
}

function partOf(
  asked: Pick<Extract<Value, { kind: "part" }>, "at" | "part"> & {
    readonly operator: Extract<Expression, { kind: "time-part" }>["operator"];
    readonly bound: number;
  },
  { field, findings }: ComparisonScope,
): Expression {
  const { at, part, operator, bound } = asked;
  if (field.instant) return { kind: "time-part", field: field.path, part, operator, bound };
  findings.refuse(at.at, `${part} of ${quote(field.path)}, which is no instant`, "name a field such as occurredAt");
  return NEVER;
}

function listed(
  value: Extract<Value, { kind: "placeholder" }>,
  { field, lists, findings }: ComparisonScope,
): Expression {
  if (!lists.has(value.list)) {
    const known = lists.size === 0 ? `add watchlists/${value.list}.txt` : suggest(value.list, [...lists.keys()]);
    findings.refuse(value.at.at, `the placeholder %${value.list}%, for which there is no watch-list`, known);
    return NEVER;
  }
  return { kind: "listed", field: field.path, list: value.list, cased: value.cased };
}

export function checkedRegex(value: Extract<Value, { kind: "regex" }>, findings: Findings): boolean {
  const compiled = compileRegex(value);
  if (typeof compiled === "function") return true;
  findings.refuse(
    value.at.at,
    `the regular expression ${quote(value.source)}: ${compiled.fault}`,
    "write one in RE2's syntax: no look-around, no back-references",
  );
  return false;
}

function regexOf({ source, flags }: Extract<Value, { kind: "regex" }>): { source: string; flags: string } {
  return { source, flags };
}

/** A keyword: what any text of the event is searched for. */
export function keyword(value: Value, findings: Findings): Expression {
  switch (value.kind) {
    case "text":
      return { kind: "keyword", pattern: anywhere(value), cased: value.cased };
    case "number":
    case "boolean": {
      const text = {
        ...value,
        kind: "text",
        pattern: [String(value.at.value)],
        cased: false,
        placed: false,
        marked: false,
      } as const;
      return { kind: "keyword", pattern: anywhere(text), cased: false };
    }
    case "regex":
      return checkedRegex(value, findings) ? { kind: "keyword-regex", regex: regexOf(value) } : NEVER;
    case "null":
      findings.refuse(value.at.at, "null as a keyword", "write field: null");
      return NEVER;
    default:
      findings.refuse(
        value.at.at,
        `${describe(value.at)}: a modifier that compares a field, without one`,
        "write a field's name before it",
      );
      return NEVER;
  }
}

function compareText(value: Extract<Value, { kind: "text" }>, scope: ComparisonScope): string | Expression {
  const { field } = scope;
  const { pattern, cased } = value;
  const literal = literalOf(pattern);
  if (field.kind === "boolean" || field.kind === "number") {
    if (literal === null && field.kind === "number") return { kind: "like", field: field.path, pattern, cased };
    const typed = literal === null ? null : fromText(literal, field.kind);
    if (typed === null) return never(value, `it is a ${field.kind}`, scope);
    return { kind: "equals", field: field.path, value: typed };
  }
  if (field.kind === "symbol") warnUnlessSymbol(value, scope);
  return literal ?? { kind: "like", field: field.path, pattern, cased };
}

/** The number or boolean that this text is the text of. */
function fromText(literal: string, kind: "boolean" | "number"): number | boolean | null {
  if (kind === "number") return String(Number(literal)) === literal && literal !== "NaN" ? Number(literal) : null;
  const folded = literal.toLowerCase();
  return folded === "true" ? true : folded === "false" ? false : null;
}

/** A YAML number or boolean: as such for a field that may hold one, else by its text. */
function compareTyped(value: Value, typed: number | boolean, scope: ComparisonScope): string | Expression {
  const { field } = scope;
  if (field.kind === "any" || typeof typed === field.kind) return { kind: "equals", field: field.path, value: typed };
  if (field.kind === "number" || field.kind === "boolean") return never(value, `it is a ${field.kind}`, scope);
  const text = {
    ...value,
    kind: "text",
    pattern: [String(typed)],
    cased: false,
    placed: false,
    marked: false,
  } as const;
  if (field.kind === "symbol") warnUnlessSymbol(text, scope);
  return String(typed);
}

function warnUnlessSymbol({ at, pattern, cased }: Extract<Value, { kind: "text" }>, scope: ComparisonScope): void {
  const symbols = symbolsOn(scope.field, scope.service);
  const literal = literalOf(pattern);
  const test = literal === null ? compilePattern(pattern, cased) : compileLiterals([literal], cased);
  if (symbols.some(test)) return;
  scope.findings.warn(at.at, `${scope.field.path} is never ${describe(at)}`, suggest(at.text, symbols));
}

function never(value: Value, why: string, { field, findings }: ComparisonScope): Expression {
  findings.warn(value.at.at, `${field.path} is never ${describe(value.at)}`, why);
  return NEVER;
}
