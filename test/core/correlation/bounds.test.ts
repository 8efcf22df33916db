// L7 and CR3 for every kind: floods in order hide no match, memory and time stay bounded, nothing throws.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_ENTRIES } from "../../../src/core/correlation/correlation.ts";
import { handmadeRules, type HandmadeCorrelation } from "../../../src/core/rule-set.ts";
import type { CorrelationCondition, RuleSet } from "../../../src/core/rule.ts";
import { HOUR, MINUTE } from "../../../src/core/time.ts";
import { compare, input } from "./conditions.ts";
import { event, openWorld, type World } from "../world.ts";
import { rules as everyKind } from "./streams.ts";

const aNotB: CorrelationCondition = {
  kind: "expression",
  expression: { kind: "and", of: [input(0), { kind: "not", of: input(1) }] },
};

type Shape = Omit<HandmadeCorrelation, "name" | "timespan" | "steps"> & {
  readonly steps: string;
  readonly timespan?: number;
};

function worldOf({ steps, ...shape }: Shape): World {
  const rules: RuleSet = handmadeRules({
    detections: "abc".split("").map((name) => ({ name, matches: (each) => each.type === name })),
    correlations: [{ name: "rule", timespan: HOUR, ...shape, steps: steps.split("") }],
  });
  return openWorld({ rules });
}

/** `times` events of a type, a second apart. */
function flood(
  world: World,
  type: string,
  of: { from: number; times: number; device?: string; cents?: number },
): number {
  for (let count = 0; count < of.times; count++) {
    const fields = { deviceId: of.device ?? "d", amountUsdCents: of.cents ?? 1 };
    world.apply("auth", event(`${type}${of.from + count}`, (of.from + count) * 1_000, type, fields));
  }
  return of.from + of.times;
}

const opened = (world: World): number => world.detections.filter(({ kind }) => kind === "OPENED").length;

test("a flood of one value hides no other (value_count)", () => {
  const world = worldOf({ steps: "a", type: "value_count", condition: compare("gte", 3), valueFields: ["deviceId"] });
  let at = flood(world, "a", { from: 0, times: 1, device: "x" });
  at = flood(world, "a", { from: at, times: 1_000, device: "y" });
  assert.equal(opened(world), 0);
  flood(world, "a", { from: at, times: 1, device: "z" });
  assert.equal(opened(world), 1);
});

test("a flood of small amounts hides no large ones (value_sum)", () => {
  const world = worldOf({
    steps: "a",
    type: "value_sum",
    condition: compare("gte", 20_000),
    valueFields: ["amountUsdCents"],
  });
  let at = flood(world, "a", { from: 0, times: 1, cents: 10_000 });
  at = flood(world, "a", { from: at, times: 2_000 });
  assert.equal(opened(world), 0);
  flood(world, "a", { from: at, times: 1, cents: 10_000 });
  assert.equal(opened(world), 1);
});

test("a flood of one rule hides no other (temporal), nor the newest of its own (event_count)", () => {
  const both = worldOf({ steps: "abc", type: "temporal" });
  let at = flood(both, "a", { from: 0, times: 1 });
  at = flood(both, "b", { from: at, times: 1_000 });
  flood(both, "c", { from: at, times: 1 });
  assert.equal(opened(both), 1);
  for (const most of [
    compare("gte", MAX_ENTRIES),
    compare("gt", MAX_ENTRIES - 1),
    compare("eq", MAX_ENTRIES / 2 - 1),
  ]) {
    const many = worldOf({ steps: "a", type: "event_count", condition: most });
    const at = flood(many, "a", { from: 0, times: MAX_ENTRIES / 2 - 2 });
    assert.equal(opened(many), 0);
    flood(many, "a", { from: at, times: 1_000 });
    assert.equal(opened(many), 1);
  }
});

test("a flood neither feigns an absence nor hides one", () => {
  const contradicted = worldOf({ steps: "ab", type: "temporal", condition: aNotB, timespan: 2 * MINUTE });
  flood(contradicted, "a", { from: 0, times: 1 });
  for (let id = 0; id < 2_400; id++) contradicted.apply("auth", event(`b${id}`, 1_000 + id * 100, "b"));
  contradicted.finish();
  assert.equal(opened(contradicted), 0);
  const absent = worldOf({ steps: "ab", type: "temporal", condition: aNotB });
  const last = flood(absent, "a", { from: 0, times: 1_000 });
  // A contradiction of all but the first ones.
  absent.apply("auth", event("b", HOUR + 500, "b"));
  flood(absent, "c", { from: last, times: 1 });
  absent.finish();
  assert.equal(opened(absent), 1);
});

test("an account stays within its limit and time linear, whatever the kinds and however many events (AC3)", () => {
  const world = openWorld({ rules: everyKind, lateness: HOUR, grace: MINUTE });
  const apply = (from: number, to: number): number => {
    const started = performance.now();
    for (let id = from; id < to; id++) {
      const type = "abcd"[id % 4]!;
      const fields = { deviceId: `d${id}`.repeat(20), amountUsdCents: id, country: "DE", address: "a".repeat(100) };
      world.apply("auth", event(`${id}`.padStart(36, "e"), id % 7, type, fields));
    }
    return performance.now() - started;
  };
  apply(0, 1_000);
  const early = apply(1_000, 2_000);
  const late = apply(2_000, 3_000);
  assert.ok(late < 5 * early + 200, `${late} ms after ${early} ms`);
  const [group] = world.partition.takeChanged();
  assert.ok(group!.state!.length <= 65_536, `${group!.state!.length} bytes`);
});

test("any rule over any events: never an exception", () => {
  const operators = fc.constantFrom(
    "lt" as const,
    "lte" as const,
    "gt" as const,
    "gte" as const,
    "eq" as const,
    "neq" as const,
  );
  const comparisons = fc.array(
    fc.record({ operator: operators, value: fc.oneof(fc.integer({ min: -3, max: 9 }), fc.double({ noNaN: true })) }),
    { minLength: 1, maxLength: 3 },
  );
  const condition = comparisons.map((each): CorrelationCondition => ({
    kind: "compare",
    comparisons: each,
    percentile: 90,
  }));
  const types = fc.constantFrom(
    "event_count" as const,
    "value_count" as const,
    "value_sum" as const,
    "value_avg" as const,
    "value_percentile" as const,
    "temporal" as const,
  );
  const field = fc.constantFrom(
    "amountUsdCents",
    "deviceId",
    "rights",
    "detail.x",
    "profile.newDevice",
    "nothing.at.all",
    "__proto__",
  );
  const happening = fc.record({
    at: fc.oneof(fc.nat(20), fc.integer()),
    type: fc.constantFrom("a", "b"),
    amountUsdCents: fc.option(fc.double()),
    rights: fc.option(fc.array(fc.string())),
    detail: fc.dictionary(fc.string(), fc.string()),
  });
  fc.assert(
    fc.property(types, condition, field, fc.array(happening, { maxLength: 20 }), (type, given, path, happenings) => {
      const world = worldOf({ steps: "ab", type, condition: given, valueFields: [path] });
      happenings.forEach(({ at, type: is, ...fields }, id) => world.apply("auth", event(`e${id}`, at, is, fields)));
      world.finish();
    }),
    { numRuns: 300 },
  );
});
