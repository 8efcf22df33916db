// Every kind as one-line timelines: `ab5` is an event at 5 that matches a and b, `!` one of another account's,
// `:14` the frontier that comes to 14, `@14` the clock that does while all topics are idle; after an arrow
// the events in which the matches end. The timespan is 10, the grace 4.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { handmadeRules, type HandmadeCorrelation } from "../../../src/core/rule-set.ts";
import type { CorrelationCondition, InputExpression } from "../../../src/core/rule.ts";
import { compare, input } from "./conditions.ts";
import { event, openWorld, START } from "../world.ts";

const where = (...of: InputExpression[]): CorrelationCondition => ({
  kind: "expression",
  expression: { kind: "and", of },
});
const not = (at: number): InputExpression => ({ kind: "not", of: input(at) });

type Shape = Pick<HandmadeCorrelation, "type" | "condition" | "valueFields"> & { readonly steps: string };

const ABC: Shape = { steps: "abc" };
const A_NOT_B: Shape = { steps: "ab", type: "temporal", condition: where(input(0), not(1)) };
const A_NO_B_C: Shape = { steps: "abc", condition: where(input(0), not(1), input(2)) };
const NO_A_B: Shape = { steps: "ab", condition: where(not(0), input(1)) };
const A_NO_B: Shape = { steps: "ab", condition: where(input(0), not(1)) };
const THREE: Shape = { steps: "ab", type: "event_count", condition: compare("gte", 3) };
const UNDER_TWO: Shape = { steps: "ab", type: "event_count", condition: compare("lt", 2) };
const TWO_DEVICES: Shape = { steps: "a", type: "value_count", condition: compare("gte", 2), valueFields: ["deviceId"] };
/** An event's amount is its time. */
const SUM: Shape = { steps: "a", type: "value_sum", condition: compare("gte", 10), valueFields: ["amountUsdCents"] };
const MEAN: Shape = { steps: "a", type: "value_avg", condition: compare("gt", 4), valueFields: ["amountUsdCents"] };
const MEDIAN: Shape = {
  steps: "a",
  type: "value_percentile",
  condition: compare("lte", 2, 50),
  valueFields: ["amountUsdCents"],
};

const ROWS: readonly (readonly [what: string, shape: Shape, timeline: string])[] = [
  ["the boundary of the timespan is inclusive", ABC, "a0 b10 c10→c10"],
  ["a moment later is outside", ABC, "a0 b10 c11"],
  ["equal timestamps count as ordered either way", ABC, "c5 b5 a5→c5"],
  ["A, C, B is another order", ABC, "a0 c1 b2"],
  ["one event serves two steps", ABC, "a0 bc5→bc5"],
  ["one event serves all", ABC, "abc5→abc5"],
  ["another account's step does not help", ABC, "a0 b5! c9"],
  ["a late event completes it at once, for every end", ABC, "a0 c8 c9 b5→c8,c9"],
  ["an event that came twice decides once", ABC, "a0 b1 c2→c2 c2 b1"],

  ["any order", { ...ABC, type: "temporal" }, "c0 a5 b10→b10"],
  ["any order, too far apart", { ...ABC, type: "temporal" }, "c0 a5 b11"],
  ["two of three", { ...ABC, type: "temporal", condition: compare("gte", 2) }, "a0 a5 c9→c9"],

  ["absence is decided when the span and the grace are past", A_NOT_B, "a0 :14 :15→a0"],
  ["a contradiction at the end of the span counts", A_NOT_B, "a0 b10 :30"],
  ["and one just after it does not", A_NOT_B, "a0 b11 :15→a0"],
  ["a late one within the grace counts", A_NOT_B, "a0 :14 b9 :30"],
  ["a later one undoes nothing", A_NOT_B, "a0 :15→a0 b9 :30"],
  ["one before the first event is no contradiction", A_NOT_B, "b0 a1 :16→a1"],
  ["another account's is none", A_NOT_B, "a0 b5! :15→a0"],
  ["an event that is its own contradiction", A_NOT_B, "ab0 :30"],
  ["when the topics are idle absence is decided on the clock", A_NOT_B, "a0 @14 @15→a0"],
  ["an event that comes after its span is decided at once", A_NOT_B, "x20 a2→a2"],

  ["absent between its neighbours", A_NO_B_C, "a0 c5 :9 :10→c5"],
  ["present between them", A_NO_B_C, "a0 b3 c5 :30"],
  ["present before and after them", A_NO_B_C, "b0 a1 c5 b6 :10→c5"],
  ["a later start avoids it", A_NO_B_C, "a0 b1 a2 c5 :10→c5"],
  ["at the same instant is between", A_NO_B_C, "a0 c5 b5 :30"],
  ["it was known late, within the grace", A_NO_B_C, "a0 c5 :9 b3 :30"],
  ["absent before the first, for a timespan", NO_A_B, "a0 b10 b11 :15 :16→b11"],
  ["absent after the last, until a timespan after the first", A_NO_B, "a0 :14 :15→a0"],
  ["present in it", A_NO_B, "a0 b10 :30"],

  ["a window slides, over all rules together", THREE, "a0 b9 a10→a10 a19→a19 a29"],
  ["an event of both counts once", THREE, "ab0 ab1"],
  ["a late event fills later windows too", THREE, "a4 a6 b1→a6"],
  ["an upper bound waits until the window is complete", UNDER_TWO, "a0 :4 :5→a0"],
  ["an event in it in time", UNDER_TWO, "a5 :8 a4 :30→a4"],
  ["values, not events", TWO_DEVICES, "a0 a2 a5→a5"],
  ["what sums up to the bound", SUM, "a1 a2 a8→a8 a9→a9"],
  ["what waits for the window: a mean", MEAN, "a3 a5 :7 :9 :10"],
  ["a mean that holds", MEAN, "a4 a6 :10 :11→a6"],
  ["a percentile is one of the numbers", MEDIAN, "a1 a2 a9→a1,a2 :13 :14→a9"],
];

/** The device is one for even times, another for odd ones. */
function play(shape: Shape, timeline: string): string {
  const letters = [...new Set(shape.steps)];
  const rules = handmadeRules({
    detections: letters.map((name) => ({ name, matches: (each) => each.type.includes(name) })),
    correlations: [{ name: "rule", ...shape, steps: shape.steps.split(""), timespan: 10, quiet: 0 }],
  });
  const world = openWorld({ rules, lateness: 60, grace: 4 });
  const told = timeline.split(" ").map((written) => {
    const token = written.replace(/→.*/u, "");
    const [, types = "", digits = ""] = /^([a-z:@]+)(\d+)!?$/u.exec(token)!;
    const at = Number(digits);
    if (types === ":") {
      world.pass(at);
    } else if (types === "@") {
      world.partition.setIdle("all", true);
      world.partition.tick(START + at);
    } else {
      const accountId = token.endsWith("!") ? "bob" : "alice";
      world.apply("auth", event(token, at, types, { accountId, amountUsdCents: at, deviceId: `d${at % 2}` }));
    }
    const ends = world.detections.splice(0).filter(({ kind }) => kind === "OPENED");
    return ends.length === 0 ? token : `${token}→${ends.map(({ decidedBy }) => decidedBy).join(",")}`;
  });
  return told.join(" ");
}

for (const [what, shape, timeline] of ROWS) {
  test(`${what} (${shape.type ?? "temporal_ordered"})`, () => assert.equal(play(shape, timeline), timeline));
}
