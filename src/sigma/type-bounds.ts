// Which event types an expression can match: from what it says of the field `type`, and from the fields it
// compares, which events of other types do not have (null matches no comparison). Events of other types need
// not be tried. Conservative: what it does not understand can match any.

import { EVENT_TYPES } from "../core/event-fields.ts";
import { SERVICES } from "../core/event.ts";
import type { Service } from "../core/event.ts";
import { isToldOf } from "../core/profile-facts.ts";
import type { Expression } from "./expression.ts";
import { factOf, findField } from "./fields.ts";
import { compileLiterals, compilePattern } from "./pattern.ts";
import { compileRegex } from "./regex.ts";

/** Types for which it may hold, and for which it holds whatever else the event says. */
interface Bounds {
  readonly may: ReadonlySet<string>;
  readonly must: ReadonlySet<string>;
}

type Comparison = Exclude<Expression, { kind: "and" | "or" | "not" }>;

const NONE: ReadonlySet<string> = new Set();

/** null: any. Empty: it matches nothing. */
export function typesOf(expression: Expression, service: Service | null): ReadonlySet<string> | null {
  const all = new Set((service === null ? SERVICES : [service]).flatMap((each) => EVENT_TYPES[each]));
  const { may } = boundsOf(expression, all);
  return may.size === all.size ? null : may;
}

function boundsOf(expression: Expression, all: ReadonlySet<string>): Bounds {
  switch (expression.kind) {
    case "and": {
      const operands = expression.operands.map((operand) => boundsOf(operand, all));
      return {
        may: operands.reduce((set, { may }) => set.intersection(may), all),
        must: operands.reduce((set, { must }) => set.intersection(must), all),
      };
    }
    case "or": {
      const operands = expression.operands.map((operand) => boundsOf(operand, all));
      return {
        may: operands.reduce((set, { may }) => set.union(may), NONE),
        must: operands.reduce((set, { must }) => set.union(must), NONE),
      };
    }
    case "not": {
      const { may, must } = boundsOf(expression.operand, all);
      return { may: all.difference(must), must: all.difference(may) };
    }
    default: {
      const test = typeTest(expression);
      if (test === null) return { may: typesWith(expression, all), must: NONE };
      const accepted = new Set([...all].filter(test));
      return { may: accepted, must: accepted };
    }
  }
}

/** The types whose events can hold what the predicate compares. */
function typesWith(predicate: Comparison, all: ReadonlySet<string>): ReadonlySet<string> {
  if (!("field" in predicate) || predicate.kind === "is-null") return all;
  const fact = factOf(predicate.field);
  if (fact !== null) return new Set([...all].filter((type) => isToldOf(type, fact)));
  const services = findField(predicate.field)?.services ?? SERVICES;
  return all.intersection(new Set(services.flatMap((service) => EVENT_TYPES[service])));
}

function typeTest(predicate: Comparison): ((type: string) => boolean) | null {
  if (!("field" in predicate) || predicate.field !== "type") return null;
  switch (predicate.kind) {
    case "one-of":
      return compileLiterals(predicate.literals, predicate.cased);
    case "like":
      return compilePattern(predicate.pattern, predicate.cased);
    case "is-null":
      return () => false;
    case "regex": {
      const test = compileRegex(predicate.regex);
      return typeof test === "function" ? test : null;
    }
    default:
      return null;
  }
}
