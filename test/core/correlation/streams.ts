// Streams of three groups and four detections, arriving shuffled, twice, over two topics, with ticks and
// restarts in between; and one rule of every kind and shape to run on them, with what brute force says.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { ExchangeEvent, Service } from "../../../src/core/event.ts";
import { handmadeRules, type HandmadeCorrelation } from "../../../src/core/rule-set.ts";
import type { Comparison, CorrelationCondition, InputExpression, RuleSet } from "../../../src/core/rule.ts";
import { event, openWorld, type World } from "../world.ts";
import { endsOf, type Happening } from "./oracle.ts";

export const GROUPS = ["g0", "g1", "g2"] as const;
const TIMESPAN = 10;
/** Events arrive up to this late; the rules' grace and lateness. */
export const GRACE = 4;

const TYPES = ["a", "b", "c", "d"];

const input = (at: number): InputExpression => ({ kind: "input", input: at });
const not = (of: InputExpression): InputExpression => ({ kind: "not", of });
const and = (...of: InputExpression[]): InputExpression => ({ kind: "and", of });
const or = (...of: InputExpression[]): InputExpression => ({ kind: "or", of });
const where = (expression: InputExpression): CorrelationCondition => ({ kind: "expression", expression });
const compare = (is: Partial<Record<Comparison["operator"], number>>, percentile?: number): CorrelationCondition => ({
  kind: "compare",
  comparisons: Object.entries(is).map(([operator, value]) => ({ operator: operator as Comparison["operator"], value })),
  percentile: percentile ?? null,
});

type Shape = readonly [
  steps: string,
  type: HandmadeCorrelation["type"],
  condition?: CorrelationCondition,
  fields?: string,
];

const SHAPES: Readonly<Record<string, Shape>> = {
  abcd: ["a b c d", "temporal_ordered"],
  ab: ["a b", "temporal_ordered"],
  aba: ["a b a", "temporal_ordered"],
  "a, not b, c": ["a b c", "temporal_ordered", where(and(input(0), not(input(1)), input(2)))],
  "not a, b": ["a b", "temporal_ordered", where(and(not(input(0)), input(1)))],
  "a, b, not c": ["a b c", "temporal_ordered", where(and(input(0), input(1), not(input(2))))],
  "not d, a, not b, c, not d": [
    "d a b c d",
    "temporal_ordered",
    where(and(not(input(0)), input(1), not(input(2)), input(3), not(input(4)))),
  ],
  "a, not b, b, not a, not c, d": [
    "a b b a c d",
    "temporal_ordered",
    where(and(input(0), not(input(1)), input(2), not(or(input(3), input(4))), input(5))),
  ],
  "a b c": ["a b c", "temporal"],
  "two of abcd": ["a b c d", "temporal", compare({ gte: 2 })],
  "just two of abc": ["a b c", "temporal", compare({ eq: 2 })],
  "at most two of abcd": ["a b c d", "temporal", compare({ gt: 1, lte: 2 })],
  "a and (b or c)": ["a b c", "temporal", where(and(input(0), or(input(1), input(2))))],
  "a and not b": ["a b", "temporal", where(and(input(0), not(input(1))))],
  "a and b and not (c or d)": ["a b c d", "temporal", where(and(input(0), input(1), not(or(input(2), input(3)))))],
  "(a and not b) or (c and not d)": [
    "a b c d",
    "temporal",
    where(or(and(input(0), not(input(1))), and(input(2), not(input(3))))),
  ],
  "(a and b) or (c and d and not a)": [
    "a b c d",
    "temporal",
    where(or(and(input(0), input(1)), and(input(2), input(3), not(input(0))))),
  ],
  "3 events": ["a b", "event_count", compare({ gte: 3 })],
  "more than 1, at most 2 events": ["a b", "event_count", compare({ gt: 1, lte: 2 })],
  "under 2 events": ["c", "event_count", compare({ lt: 2 })],
  "not 2 events": ["a c", "event_count", compare({ neq: 2 })],
  "2 devices": ["a b c", "value_count", compare({ gte: 2 }), "deviceId"],
  "one device": ["a b", "value_count", compare({ eq: 1 }), "deviceId"],
  "3 pairs": ["a b c d", "value_count", compare({ gte: 3 }), "deviceId country"],
  "sum of 12": ["a b", "value_sum", compare({ gte: 12 }), "amountUsdCents"],
  "sum under 4": ["c d", "value_sum", compare({ lt: 4 }), "amountUsdCents"],
  "mean over 5": ["a b c", "value_avg", compare({ gt: 5 }), "amountUsdCents"],
  "median at most 3": ["a b c", "value_percentile", compare({ lte: 3 }, 50), "amountUsdCents"],
  "90th over 6": ["a b c d", "value_percentile", compare({ gt: 6 }, 90), "amountUsdCents"],
  "ab, then c": ["ab c", "temporal_ordered"],
  "ab twice": ["ab", "event_count", compare({ gte: 2 })],
  "devices of ab": ["ab", "value_count", compare({ gte: 2 }), "deviceId"],
  "a without b, then c": ["a\u00a0and\u00a0not\u00a0b c", "temporal_ordered"],
  "d without (a without b)": ["d a\u00a0and\u00a0not\u00a0b", "temporal", where(and(input(0), not(input(1))))],
  "2 × 3 events, no d": ["3\u00a0events d", "temporal", where(and(input(0), not(input(1))))],
  "sum of ab, then c": ["ab,\u00a0then\u00a0c", "value_sum", compare({ gte: 9 }), "amountUsdCents"],
};

const LATE_FREE = /not|most|under|one|mean|median|th over|without|just|no d/;

export const rules: RuleSet = handmadeRules({
  detections: TYPES.map((name) => ({ name, matches: (each) => each.type.split("+").includes(name) })),
  correlations: Object.entries(SHAPES).map(([name, [steps, type, condition, fields]]) => ({
    name,
    steps: steps.split(" ").map((step) => step.replaceAll("\u00a0", " ")),
    timespan: TIMESPAN,
    ...(type === undefined ? {} : { type }),
    ...(condition === undefined ? {} : { condition }),
    valueFields: fields?.split(" ") ?? [],
  })),
});

/** Rules that fire on the completing event, however late within the lateness. */
export const isImmediate = (rule: string): boolean => !LATE_FREE.test(rule);

export interface Drawn {
  readonly group: number;
  readonly at: number;
  readonly types: readonly string[];
  readonly value: number | null;
  readonly device: string | null;
  readonly country: string;
  /** Of each arrival: how late, on which topic, what happens after it. */
  readonly arrivals: readonly {
    readonly late: number;
    readonly topic: number;
    readonly next: "" | "tick" | "restart";
  }[];
}

export const drawnEvents: fc.Arbitrary<Drawn[]> = fc.array(
  fc.record({
    group: fc.nat(GROUPS.length - 1),
    at: fc.nat(40),
    types: fc.subarray(TYPES, { minLength: 1, maxLength: 2 }),
    value: fc.option(fc.nat(9), { freq: 6 }),
    device: fc.option(fc.constantFrom("x", "y"), { freq: 6 }),
    country: fc.constantFrom("DE", "HK"),
    arrivals: fc.array(
      fc.record({
        late: fc.nat(GRACE),
        topic: fc.nat(1),
        next: fc.constantFrom("" as const, "" as const, "tick" as const, "restart" as const),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  { maxLength: 16 },
);

/** `rule group` of every rule and group that brute force finds. */
export function expected(drawn: readonly Drawn[]): string[] {
  return [...new Set(expectedEnds(drawn).map((end) => end.slice(0, end.lastIndexOf(" "))))].toSorted();
}

/** `rule group event` of every match that brute force finds, by the event it ends in. */
export function expectedEnds(drawn: readonly Drawn[]): string[] {
  return GROUPS.flatMap((group, index) => {
    const own = drawn.map(happening).filter((_, at) => drawn[at]!.group === index);
    return endsOf(rules, own).flatMap((ends, rule) =>
      [...ends].map(({ id }) => `${rules.correlations[rule]!.name} ${group} ${id}`),
    );
  }).toSorted();
}

function happening({ at, types, value, device, country }: Drawn, id: number): Happening {
  const values = [device, country];
  return { id: `e${id}`, at, detections: types.map((type) => TYPES.indexOf(type)), value, values };
}

interface ArrivedEvent {
  readonly event: ExchangeEvent;
  readonly topic: Service;
  readonly next: Drawn["arrivals"][number]["next"];
}

/** In the order of arrival. @param late scales how late events come */
export function arrivalsOf(drawn: readonly Drawn[], late = 1): ArrivedEvent[] {
  return drawn
    .flatMap((each, id) => each.arrivals.map((arrival) => ({ arrival, each, id, key: each.at + arrival.late * late })))
    .toSorted((a, b) => a.key - b.key || a.id - b.id)
    .map(({ arrival, each: { at, types, value, device, country, group }, id }) => {
      const fields = { accountId: GROUPS[group]!, amountUsdCents: value, deviceId: device, country };
      const topic = (["auth", "api_key"] as const)[arrival.topic]!;
      return { event: event(`e${id}`, at, types.join("+"), fields), topic, next: arrival.next };
    });
}

/** @param late scales lateness and what the engine allows: 1 for all rules, more for what never waits */
export function fired(drawn: readonly Drawn[], late = 1): string[] {
  const found = new Set<string>();
  const saved = new Map<string, Uint8Array>();
  let world = open(late);
  const take = (): void => {
    for (const { kind, ruleId, group } of world.detections.splice(0)) {
      if (kind === "OPENED") found.add(`${ruleId} ${group["accountId"]}`);
    }
  };
  for (const arrived of arrivalsOf(drawn, late)) {
    world.apply(arrived.topic, arrived.event);
    if (arrived.next === "tick") world.partition.tick();
    if (arrived.next === "restart") {
      take();
      world = restart(world, { late, saved });
    }
  }
  world.finish();
  take();
  if (late === 1) assert.equal(world.partition.takeCounts().lateContradictions, 0);
  return [...found].toSorted();
}

function open(late: number): World {
  return openWorld({ rules, lateness: GRACE * late, grace: GRACE, services: ["auth", "api_key"] });
}

function restart(world: World, { late, saved }: { late: number; saved: Map<string, Uint8Array> }): World {
  for (const { group, state } of world.partition.takeChanged()) saved.set(group, state!);
  const next = open(late);
  next.partition.loadPartition(world.partition.encode());
  for (const [group, state] of saved) next.partition.loadGroup(group, state);
  return next;
}
