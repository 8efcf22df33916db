// Boolean conditions of temporal correlations (SEP 198): an expression over rule names, which may also stand for
// the list of rules. Refused is what has no order in a sequence, what no event could decide, and what never holds.

import type { CorrelationCondition, InputExpression } from "../core/rule.ts";
import { parseCondition } from "./condition.ts";
import type { Condition } from "./condition.ts";
import type { ConditionScope, ConditionedRules } from "./correlation-condition.ts";
import type { Placed } from "./document.ts";
import { referenceOf } from "./names.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";
import { positionIn } from "./tree-reader.ts";
import type { YamlScalar } from "./yaml-tree.ts";

const ALL: CorrelationCondition = { kind: "all" };

/** Every rule of the list is named, and the other way round. */
export function checkBooleanCondition(text: YamlScalar, scope: ConditionScope): ConditionedRules {
  const { type, findings } = scope;
  const parsed = parseCondition(String(text.value));
  if ("fault" in parsed) {
    findings.refuse(positionIn(text, parsed.fault.offset), parsed.fault.found, parsed.fault.instead);
    return { rules: scope.rules ?? [], valueFields: [], condition: ALL };
  }
  const before = findings.problems.length;
  const named = namesOf(parsed.condition, { text, findings });
  const rules = scope.rules ?? [...named].map(([name, at]): Placed => ({ text: name, at }));
  const unjudged = { rules, valueFields: [], condition: ALL };
  if (findings.problems.length > before) return unjudged;
  const inputs = new Map(rules.map((rule, index) => [rule.text, index]));
  for (const [name, at] of named) {
    if (!inputs.has(name))
      findings.refuse(at, `${quote(name)}, which is not in rules`, suggest(name, [...inputs.keys()]));
  }
  for (const rule of rules) {
    if (!named.has(rule.text))
      findings.refuse(
        rule.at,
        `the rule ${quote(rule.text)}, which the condition leaves out`,
        "name it in the condition, or remove it",
      );
  }
  if (findings.problems.length > before) return unjudged;
  const written = toInputs(parsed.condition, inputs);
  const expression = type === "temporal_ordered" ? checkSequence(written, { at: text.at, findings }) : written;
  if (isTrueOf(expression, 0))
    findings.refuse(text.at, "a condition that is true of nothing", "name a rule that has to match: a and not b");
  else if (isNeverTrue(expression, rules.length))
    findings.refuse(text.at, "a condition that is never true", "remove the rule that contradicts another");
  return { rules, valueFields: [], condition: isAll(expression) ? ALL : { kind: "expression", expression } };
}

/** Rule names, as they are compared, in the order of their first appearance, and where. */
function namesOf(
  condition: Condition,
  source: { readonly text: YamlScalar; readonly findings: Findings },
  into: Map<string, Position> = new Map(),
): Map<string, Position> {
  switch (condition.kind) {
    case "name": {
      const name = referenceOf(condition.name);
      if (!into.has(name)) into.set(name, positionIn(source.text, condition.offset));
      return into;
    }
    case "of":
      source.findings.refuse(
        positionIn(source.text, condition.offset),
        "a pattern of rule names",
        "write the names, joined by and, or",
      );
      return into;
    case "not":
      return namesOf(condition.operand, source, into);
    default:
      for (const operand of condition.operands) namesOf(operand, source, into);
      return into;
  }
}

function toInputs(condition: Condition, inputs: ReadonlyMap<string, number>): InputExpression {
  switch (condition.kind) {
    case "name":
      return { kind: "input", input: inputs.get(referenceOf(condition.name)) ?? 0 };
    case "not":
      return { kind: "not", of: toInputs(condition.operand, inputs) };
    case "of":
      throw new Error("patterns are refused before");
    default:
      return { kind: condition.kind, of: condition.operands.map((operand) => toInputs(operand, inputs)) };
  }
}

/** A sequence asks for each of its rules, or for its absence: comes out as one conjunction of these. */
function checkSequence(
  expression: InputExpression,
  refusal: { readonly at: Position; readonly findings: Findings },
): InputExpression {
  const asked = conjuncts(expression, false);
  if (asked === null) {
    const found = "an alternative in a temporal_ordered, which has no order";
    refusal.findings.refuse(refusal.at, found, "write one correlation for each alternative, or type: temporal");
    return expression;
  }
  const inputs = asked
    .map((each) => (each.kind === "not" ? each.of : each))
    .map((each) => (each.kind === "input" ? each.input : -1));
  if (new Set(inputs).size < inputs.length)
    refusal.findings.refuse(refusal.at, "a rule twice in a temporal_ordered", "name each rule once");
  const [only] = asked;
  return asked.length === 1 && only !== undefined ? only : { kind: "and", of: asked };
}

/** null: it is no conjunction. */
function conjuncts(expression: InputExpression, negated: boolean): InputExpression[] | null {
  if (expression.kind === "input") return [negated ? { kind: "not", of: expression } : expression];
  if (expression.kind === "not") return conjuncts(expression.of, !negated);
  if ((expression.kind === "or") !== negated) return null;
  const parts = expression.of.map((operand) => conjuncts(operand, negated));
  return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
}

/** Whether it holds when just these inputs match: bit i, input i. */
function isTrueOf(expression: InputExpression, matching: number): boolean {
  switch (expression.kind) {
    case "input":
      return (matching & (1 << expression.input)) !== 0;
    case "not":
      return !isTrueOf(expression.of, matching);
    case "and":
      return expression.of.every((operand) => isTrueOf(operand, matching));
    case "or":
      return expression.of.some((operand) => isTrueOf(operand, matching));
  }
}

/** Tried out; beyond ten inputs it would take too long. */
function isNeverTrue(expression: InputExpression, inputs: number): boolean {
  if (inputs > 10) return false;
  return !Array.from({ length: 1 << inputs }, (_, matching) => matching).some((each) => isTrueOf(expression, each));
}

function isAll(expression: InputExpression): boolean {
  return expression.kind === "input" || (expression.kind === "and" && expression.of.every(isAll));
}
