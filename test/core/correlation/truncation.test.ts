// CR6 and L7 of what later events can undo: beside brute force, on floods and with little memory.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { correlationOf } from "../../../src/core/correlation/kinds.ts";
import { MAX_ENTRIES, MAX_PLAIN_ENTRIES, newMemory } from "../../../src/core/correlation/correlation.ts";
import { entryFor, newEntry } from "../../../src/core/entry.ts";
import { handmadeRules, type HandmadeCorrelation } from "../../../src/core/rule-set.ts";
import type { Comparison, CorrelationCondition, RuleSet } from "../../../src/core/rule.ts";
import { event } from "../world.ts";
import { input } from "./conditions.ts";
import { endsOf, type Happening } from "./oracle.ts";

const TIMESPAN = 10;
const GRACE = 4;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

type Bounds = Partial<Record<Comparison["operator"], number>>;

function rulesOf(type: HandmadeCorrelation["type"], bounds: Bounds, timespan: number = TIMESPAN): RuleSet {
  const condition: CorrelationCondition = {
    kind: "compare",
    comparisons: Object.entries(bounds).map(([operator, value]) => ({
      operator: operator as Comparison["operator"],
      value,
    })),
    percentile: type === "value_percentile" ? 50 : null,
  };
  const valueFields = type?.startsWith("value_") === true ? ["v"] : [];
  return handmadeRules({
    detections: ["a", "b", "c"].map((name) => ({ name, matches: () => false })),
    correlations: [{ name: "rule", steps: ["a", "b", "c"], timespan, type: type!, condition, valueFields }],
  });
}

/** Letters in order; after `!` what must not be there. */
function withAbsence(type: HandmadeCorrelation["type"], written: string): RuleSet {
  const steps = written.split(" ");
  const of = steps.map((step, at) => (step.startsWith("!") ? { kind: "not" as const, of: input(at) } : input(at)));
  return handmadeRules({
    detections: ["a", "b", "c"].map((name) => ({ name, matches: () => false })),
    correlations: [
      {
        name: "rule",
        steps: steps.map((step) => step.replace("!", "")),
        timespan: 10 * SECOND,
        type: type!,
        condition: { kind: "expression", expression: { kind: "and", of } },
      },
    ],
  });
}

interface Arriving extends Happening {
  readonly late: number;
}

/** Ids of the events that matches end in, and what was evicted; once all is decided. */
function run(
  rules: RuleSet,
  happenings: readonly Arriving[],
  by: {
    readonly maxEntries: number;
    readonly grace?: number;
    readonly lateness?: number;
    readonly reducedAfter?: string;
  },
): { readonly ends: string[]; readonly evicted: number } {
  const [rule] = rules.correlations;
  const { maxEntries, grace = GRACE, lateness = grace, reducedAfter } = by;
  let evicted = 0;
  const correlation = correlationOf(rule!, {
    settings: {
      allowedLateness: lateness,
      absenceGrace: grace,
      maxEntries,
      onEvicted: (count) => (evicted += count),
      onLate: () => assert.fail("nothing comes later than the grace"),
    },
    inputs: rule!.inputs.map((_, index) => ({ name: String(index), delay: 0 })),
  });
  const memory = newMemory(rule!, -Infinity);
  const ends: string[] = [];
  const pass = (frontier: number): void => {
    for (
      let at = correlation.decidesAt(memory);
      at !== undefined && at <= frontier;
      at = correlation.decidesAt(memory)
    ) {
      for (const { entries } of correlation.decide(memory, at)) ends.push(entries.at(-1)!.eventId);
    }
  };
  let frontier = -Infinity;
  for (const { id, at, detections, value, values } of happenings.toSorted((a, b) => a.at + a.late - b.at - b.late)) {
    const seen = event(id, at, "X");
    frontier = Math.max(frontier, seen.occurredAt);
    pass(frontier);
    const steps = rule!.inputs.reduce(
      (bits, { index }, at) => (detections.includes(index) ? bits | (1 << at) : bits),
      0,
    );
    const entry = entryFor(
      newEntry({ service: "auth", topic: "t", partition: 0, offset: 0, recordTimestamp: 0 }, seen, steps),
      steps,
      { value, values: values.filter((each) => each !== null), carried: [] },
    );
    for (const { entries } of correlation.apply(memory, entry, frontier)) ends.push(entries.at(-1)!.eventId);
    assert.ok(memory.entries.length <= maxEntries);
    if (id === reducedAfter) evicted += correlation.reduce(memory);
  }
  pass(Infinity);
  return { ends: ends.toSorted(), evicted };
}

const wanted = (rules: RuleSet, happenings: readonly Happening[]): string[] =>
  [...endsOf(rules, happenings)[0]!].map(({ id }) => id).toSorted();

const numbered = (each: Omit<Arriving, "id">, index: number): Arriving => ({
  ...each,
  id: `e${String(index).padStart(4, "0")}`,
});

/** One a `gap`. */
function flood(of: { from: number; times: number; gap: number; value?: number }): Omit<Arriving, "id">[] {
  return Array.from({ length: of.times }, (_, index) => ({
    at: of.from + index * of.gap,
    detections: [0],
    value: of.value ?? 1,
    values: [String(of.value ?? 1)],
    late: 0,
  }));
}

const SHAPES: readonly (readonly [HandmadeCorrelation["type"], Bounds])[] = [
  ["event_count", { eq: 1 }],
  ["event_count", { gte: 3, lte: 5 }],
  ["event_count", { neq: 2 }],
  ["value_count", { eq: 1 }],
  ["value_count", { gt: 1, lt: 3 }],
  ["value_count", { neq: 3 }],
  ["temporal", { eq: 2 }],
  ["temporal", { lt: 3 }],
  ["value_sum", { lt: 9 }],
  ["value_sum", { gt: 20, lte: 30 }],
  ["value_avg", { gt: 3 }],
  ["value_percentile", { lte: 2 }],
];

const stretches = fc
  .array(
    fc.record({
      pause: fc.nat(15),
      gap: fc.constantFrom(0, 0, 0.5, 1),
      times: fc.constantFrom(1, 1, 2, 3, 80),
      step: fc.nat(2),
      value: fc.nat(5),
      vary: fc.nat(3),
      late: fc.nat(GRACE),
    }),
    { maxLength: 8 },
  )
  .map((drawn) => {
    let at = 0;
    return drawn
      .flatMap(({ pause, gap, times, step, value, vary, late }) => {
        at += pause;
        return Array.from({ length: times }, (_, index): Omit<Arriving, "id"> => {
          at += gap;
          const own = value + (vary === 0 ? 0 : index % (vary + 1));
          return { at, detections: [(step + (vary === 3 ? index : 0)) % 3], value: own, values: [String(own)], late };
        });
      })
      .map(numbered);
  });

test("with enough memory every match is found, in floods too; with too little none is made up, and what may be missed is counted (CR6, L7)", () => {
  for (const [type, bounds] of SHAPES) {
    const rules = rulesOf(type, bounds);
    fc.assert(
      fc.property(stretches, fc.constantFrom(12, 40, 100, MAX_PLAIN_ENTRIES), (happenings, maxEntries) => {
        const { ends, evicted } = run(rules, happenings, { maxEntries });
        const all = wanted(rules, happenings);
        if (evicted === 0) assert.deepEqual(ends, all);
        else
          assert.deepEqual(
            ends.filter((id) => !all.includes(id)),
            [],
          );
        assert.ok(evicted === 0 || maxEntries < MAX_PLAIN_ENTRIES);
      }),
      { numRuns: 60 },
    );
  }
});

/** As many at each instant. */
const atOnce = (of: { from: number; times: number; gap: number; each: number }): Omit<Arriving, "id">[] =>
  flood(of).flatMap((one) => Array.from({ length: of.each }, () => one));

test("a flood in order makes no match of a count that it exceeds, and hides none (L5, L7)", () => {
  for (const maxEntries of [MAX_ENTRIES, MAX_PLAIN_ENTRIES]) {
    const never = atOnce({ from: 0, times: 2_000, gap: 1, each: 3 }).map(numbered);
    assert.deepEqual(run(rulesOf("event_count", { eq: 1 }), never, { maxEntries }), { ends: [], evicted: 0 });
    const early = [...flood({ from: 0, times: 1, gap: 0 }), ...flood({ from: 1, times: 3, gap: 0 })];
    const once = [...early, ...atOnce({ from: 20, times: 100, gap: 1, each: 10 })].map(numbered);
    const few = run(rulesOf("event_count", { gte: 3, lte: 5 }), once, { maxEntries });
    assert.deepEqual(few, { ends: ["e0001", "e0002", "e0003"], evicted: 0 });
    const values = run(rulesOf("value_count", { eq: 2 }), once, { maxEntries });
    assert.deepEqual(values, { ends: [], evicted: 0 });
  }
});

test("a measure of more than the memory holds is not taken for that of the rest (CR6), and plain mode holds more", () => {
  const hour = 3_600_000;
  const low = flood({ from: 0, times: 100, gap: 1_000, value: 0 });
  const mixed = [...low, ...flood({ from: 100_000, times: 256, gap: 1_000, value: 501 })].map(numbered);
  const tens = flood({ from: 0, times: 300, gap: 1_000, value: 10 }).map(numbered);
  const together = flood({ from: 0, times: 300, gap: 0, value: 10 }).map(numbered);
  const rows: readonly (readonly [RuleSet, readonly Arriving[], partition: number, plain: number])[] = [
    [rulesOf("value_avg", { gt: 500 }, hour), mixed, 0, 0],
    [rulesOf("value_percentile", { gt: 500 }, hour), mixed, 56, 156],
    [rulesOf("value_sum", { gte: 2_560, lt: 2_600 }, hour), together, 0, 0],
    [rulesOf("value_sum", { gte: 3_000 }, hour), tens, 0, 1],
  ];
  for (const [rules, happenings, partition, plain] of rows) {
    const found = run(rules, happenings, { maxEntries: MAX_ENTRIES });
    assert.equal(found.ends.length, partition);
    assert.ok(found.evicted > 0);
    const all = run(rules, happenings, { maxEntries: MAX_PLAIN_ENTRIES });
    assert.deepEqual([all.ends.length, all.evicted], [plain, 0]);
    assert.deepEqual(all.ends, wanted(rules, happenings));
  }
});

test("where entries were cut, what comes late is not judged by the rest, until windows are whole again (CR6)", () => {
  const rules = rulesOf("value_sum", { lt: 9 });
  const full = flood({ from: 0, times: 40, gap: 0.1 });
  const late = flood({ from: 0.5, times: 1, gap: 0 }).map((each) => ({ ...each, late: 3.5 }));
  const calm = flood({ from: 20, times: 1, gap: 0 });
  const happenings = [...full, ...late, ...calm].map(numbered);
  for (const by of [{ maxEntries: 12 }, { maxEntries: 100, reducedAfter: "e0039" }]) {
    assert.deepEqual(run(rules, happenings, by).ends, ["e0041"]);
  }
});

test("what comes after its window was released is not judged by the rest (CR6)", () => {
  const rules = rulesOf("event_count", { lt: 2 });
  const before = flood({ from: 0, times: 2, gap: 0 });
  const far = flood({ from: 16, times: 2, gap: 0 });
  const late = flood({ from: 5, times: 1, gap: 0 }).map((each) => ({ ...each, late: 11.5 }));
  assert.deepEqual(run(rules, [...before, ...far, ...late].map(numbered), { maxEntries: 100 }).ends, []);
});

test("a flood too dense to be held until it is decided hides not all of its matches (L7)", () => {
  const rules = rulesOf("value_count", { eq: 1 });
  const { ends, evicted } = run(rules, flood({ from: 0, times: 400, gap: 0.01 }).map(numbered), { maxEntries: 100 });
  assert.ok(ends.length > 0 && evicted > 0);
});

/** `aa` and two instants in seconds: floods of twenty; else one event. */
function timeline(written: string): Arriving[] {
  return written
    .split(" ")
    .flatMap((token) => {
      const [, letters = "", from = "", to = from] = /^([a-c]+)([\d.]+)(?:-([\d.]+))?$/u.exec(token)!;
      const times = letters.length > 1 ? 20 : 1;
      return Array.from({ length: times }, (_, index) => ({
        at: Math.round(SECOND * (Number(from) + ((Number(to) - Number(from)) * index) / Math.max(1, times - 1))),
        detections: ["abc".indexOf(letters[0]!)],
        value: null,
        values: [],
        late: 0,
      }));
    })
    .map(numbered);
}

test("a flood hides no match with an absence that an event a sixteenth of the time away would make too (L7)", () => {
  const decided = Array.from({ length: 17 }, (_, at) => `a${at} c${at}.5`).join(" ");
  const rows: readonly (readonly [HandmadeCorrelation["type"], rule: string, timeline: string])[] = [
    ["temporal_ordered", "a b !c", "a0 a20 aa28-28.95 b29.5 c31"],
    ["temporal_ordered", "a b !c", "a0 a20 a21.1 aa28-28.95 aa29-29.2 b30.5 c32"],
    ["temporal_ordered", "a b !c", "a0 a4 b5 aa11-11.9 c12"],
    ["temporal_ordered", "!c a b", "c0.45 aa10.1-10.5 c11 aa11.1-12 aa12.1-13 b15"],
    ["temporal", "a !b", "aa0-0.9 b1 aa1.1-9 aa9.1-10 b11.15"],
    ["temporal_ordered", "a b !c", `${decided} aa20-28 aa28.1-29 b30.3 c30.95`],
  ];
  for (const [type, rule, written] of rows) {
    const rules = withAbsence(type, rule);
    const happenings = timeline(written);
    const { ends, evicted } = run(rules, happenings, { maxEntries: MAX_ENTRIES, grace: SECOND, lateness: MINUTE });
    assert.ok(ends.length > 0 && evicted > 0, written);
    assert.deepEqual(
      ends,
      ends.filter((id) => wanted(rules, happenings).includes(id)),
    );
  }
});
