// Expressions as a reader of rules would say them: `type: LOGOUT and not country: HK`. For explanations; nothing
// reads it back.

import type { Expression } from "./expression.ts";
import type { Pattern } from "./pattern.ts";

const MOST_LITERALS = 4;
const SIGNS = { lt: "<", lte: "<=", gt: ">", gte: ">=", eq: "=" } as const;

export function textOfExpression(expression: Expression): string {
  switch (expression.kind) {
    case "and":
    case "or": {
      const { kind, operands } = expression;
      if (operands.length === 0) return kind === "and" ? "anything" : "nothing";
      const texts = operands.map(textOfExpression);
      return operands.length === 1 ? texts[0]! : `(${texts.join(` ${kind} `)})`;
    }
    case "not":
      return `not ${textOfExpression(expression.operand)}`;
    case "keyword":
      return `any text like ${textOfPattern(expression.pattern)}`;
    case "keyword-regex":
      return `any text like /${expression.regex.source}/${expression.regex.flags}`;
    case "is-null":
      return `${expression.field} is null`;
    case "one-of": {
      const { field, literals } = expression;
      const more = literals.length - MOST_LITERALS;
      return `${field}: ${literals.slice(0, MOST_LITERALS).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    }
    case "like":
      return `${expression.field}: ${textOfPattern(expression.pattern)}`;
    case "regex":
      return `${expression.field}: /${expression.regex.source}/${expression.regex.flags}`;
    case "equals":
      return `${expression.field}: ${String(expression.value)}`;
    case "order":
      return `${expression.field} ${SIGNS[expression.operator]} ${expression.bound}`;
    case "time-part":
      return `${expression.part} of ${expression.field} ${SIGNS[expression.operator]} ${expression.bound}`;
    case "in-network":
      return `${expression.field} in ${expression.network}`;
    case "listed":
      return `${expression.field} in %${expression.list}%`;
    case "refers": {
      const { field, to, before, after } = expression;
      return `${field}: ${before ? "*" : ""}{${to}}${after ? "*" : ""}`;
    }
  }
}

function textOfPattern(pattern: Pattern): string {
  return pattern.map((part) => (typeof part === "string" ? part : part.wildcard)).join("");
}
