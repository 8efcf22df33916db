// What every kind of correlation means, by the letter and by brute force: all events are there at once, every
// choice is tried. Gives the events in which matches of a rule end. Exponential; for short streams only.

import type {
  Comparison,
  CorrelationInput,
  CorrelationRule,
  InputExpression,
  RuleSet,
} from "../../../src/core/rule.ts";

/** One event of one group. */
export interface Happening {
  readonly id: string;
  readonly at: number;
  /** Indexes of the detections it matches. */
  readonly detections: readonly number[];
  readonly value: number | null;
  /** What value_count counts: of its fields the first ones. */
  readonly values: readonly (string | null)[];
}

interface Heard {
  readonly of: Happening;
  readonly inputs: ReadonlySet<number>;
}

/** For each correlation the events that its matches end in. */
export function endsOf(rules: RuleSet, happenings: readonly Happening[]): Set<Happening>[] {
  const ends: Set<Happening>[] = [];
  for (const rule of rules.correlations) {
    const hears = (input: CorrelationInput, each: Happening): boolean =>
      input.kind === "detection" ? each.detections.includes(input.index) : ends[input.index]!.has(each);
    const heard = happenings
      .map((of): Heard => ({ of, inputs: new Set(rule.inputs.flatMap((input, at) => (hears(input, of) ? [at] : []))) }))
      .filter(({ inputs }) => inputs.size > 0);
    ends.push(new Set(heard.filter((end) => endsIn(rule, heard, end)).map(({ of }) => of)));
  }
  return ends;
}

function endsIn(rule: CorrelationRule, heard: readonly Heard[], end: Heard): boolean {
  const window = heard.filter(({ of }) => of.at <= end.of.at && of.at >= end.of.at - rule.timespan);
  const { condition } = rule;
  const compares = (number: number): boolean =>
    condition.kind === "compare" && condition.comparisons.every((each) => holds(each, number));
  const numbers = window.flatMap(({ of }) => (of.value === null ? [] : [of.value]));
  switch (rule.type) {
    case "event_count":
      return compares(window.length);
    case "value_count": {
      const fields = rule.inputs[0]!.valueFields.length;
      const tuple = ({ of }: Heard): string[] => {
        const values = of.values.slice(0, fields);
        return values.includes(null) ? [] : [values.join("|")];
      };
      return tuple(end).length > 0 && compares(new Set(window.flatMap(tuple)).size);
    }
    case "value_sum":
      return end.of.value !== null && compares(sum(numbers));
    case "value_avg":
      return end.of.value !== null && compares(sum(numbers) / numbers.length);
    case "value_percentile": {
      const sorted = numbers.toSorted((a, b) => a - b);
      const percentile = condition.kind === "compare" ? condition.percentile! : 0;
      return end.of.value !== null && compares(sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)]!);
    }
    case "temporal":
      if (condition.kind === "compare") return compares(new Set(window.flatMap(({ inputs }) => [...inputs])).size);
      return alternatives(expressionOf(rule)).some((alternative) => isTogether(rule, alternative, { heard, end }));
    case "temporal_ordered":
      return isInOrder(rule, alternatives(expressionOf(rule))[0]!, { heard, end });
  }
}

function holds({ operator, value }: Comparison, number: number): boolean {
  const all = { lt: number < value, lte: number <= value, gt: number > value, gte: number >= value };
  return { ...all, eq: number === value, neq: number !== value }[operator];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function expressionOf({ condition, inputs }: CorrelationRule): InputExpression {
  if (condition.kind === "expression") return condition.expression;
  return { kind: "and", of: inputs.map((_, input) => ({ kind: "input", input })) };
}

interface Alternative {
  readonly wanted: readonly number[];
  readonly forbidden: readonly number[];
}

/** The disjunctive normal form. */
function alternatives(expression: InputExpression, negated = false): Alternative[] {
  switch (expression.kind) {
    case "input":
      return [negated ? { wanted: [], forbidden: [expression.input] } : { wanted: [expression.input], forbidden: [] }];
    case "not":
      return alternatives(expression.of, !negated);
    default: {
      const parts = expression.of.map((each) => alternatives(each, negated));
      if ((expression.kind === "or") !== negated) return parts.flat();
      return parts.reduce((some, more) =>
        some.flatMap((a) =>
          more.map((b) => ({ wanted: [...a.wanted, ...b.wanted], forbidden: [...a.forbidden, ...b.forbidden] })),
        ),
      );
    }
  }
}

interface Stage {
  readonly heard: readonly Heard[];
  readonly end: Heard;
}

/** Every choice of one event for each wanted input, `end` among them and none later. */
function isTogether({ timespan }: CorrelationRule, { wanted, forbidden }: Alternative, { heard, end }: Stage): boolean {
  const search = (rest: readonly number[], first: number, usesEnd: boolean): boolean => {
    const [input, ...others] = rest;
    if (input === undefined) {
      const until = first + timespan;
      const contradicts = (each: Heard): boolean =>
        forbidden.some((not) => each.inputs.has(not)) && each.of.at >= first && each.of.at <= until;
      return usesEnd && end.of.at <= until && !heard.some(contradicts);
    }
    return heard.some(
      (each) =>
        each.inputs.has(input) &&
        each.of.at <= end.of.at &&
        search(others, Math.min(first, each.of.at), usesEnd || each === end),
    );
  };
  return search(wanted, Infinity, false);
}

/** Every choice of one event for each wanted input in order, the last one `end`. */
function isInOrder(rule: CorrelationRule, { forbidden }: Alternative, { heard, end }: Stage): boolean {
  const { timespan } = rule;
  const last = rule.inputs.findLastIndex((_, input) => !forbidden.includes(input));
  const isClear = (input: number, from: number, to: number): boolean =>
    !heard.some((each) => each.inputs.has(input) && each.of.at >= from && each.of.at <= to);
  const search = (input: number, chosen: readonly Heard[], open: readonly number[]): boolean => {
    const first = chosen[0]?.of.at;
    const before = chosen.at(-1)?.of.at;
    if (input === rule.inputs.length) return open.every((not) => isClear(not, before!, first! + timespan));
    if (forbidden.includes(input)) return search(input + 1, chosen, [...open, input]);
    return heard.some(
      (each) =>
        each.inputs.has(input) &&
        (input !== last || each === end) &&
        each.of.at >= (before ?? -Infinity) &&
        each.of.at - (first ?? each.of.at) <= timespan &&
        open.every((not) => isClear(not, before ?? each.of.at - timespan, each.of.at)) &&
        search(input + 1, [...chosen, each], []),
    );
  };
  return search(0, [], []);
}
