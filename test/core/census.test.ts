// Open sequences: what a round over the accounts counts.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { SequenceCount } from "../../src/core/census.ts";
import { handmadeRules } from "../../src/core/rule-set.ts";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import { event, openWorld } from "./world.ts";
import type { World } from "./world.ts";

function rulesOf(...names: readonly string[]) {
  return handmadeRules({
    detections: ["a", "b", "c"].map((name) => ({ name, matches: (each) => each.type === name })),
    correlations: [
      ...names.map((name) => ({ name, type: "temporal_ordered" as const, timespan: HOUR, steps: ["a", "b", "c"] })),
      {
        name: "many",
        type: "event_count",
        timespan: HOUR,
        steps: ["a"],
        condition: { kind: "compare", comparisons: [{ operator: "gte", value: 9 }], percentile: null },
      },
    ],
  });
}

const rules = rulesOf("rule");

function tell(world: World, accountId: string, at: number, types: string): void {
  for (const [index, type] of types.split("").entries())
    world.apply("auth", event(`${accountId}-${index}`, at + index, type, { accountId }));
}

/** Of the next round that ends. */
function round(world: World): readonly SequenceCount[] {
  for (let calls = 0; calls < 100; calls++) {
    const { sequences } = world.partition.takeCounts();
    if (sequences.length > 0) return sequences;
  }
  throw new Error("no round ended");
}

const stages = (counts: readonly SequenceCount[]): string[] =>
  counts.map(({ rule, stage, accounts }) => `${rule} ${stage}: ${accounts}`);

test("accounts are counted by how many of the steps they have seen, while these count", () => {
  const world = openWorld({ rules });
  assert.deepEqual(stages(round(world)), ["rule 1: 0", "rule 2: 0"]);
  tell(world, "alice", 0, "a");
  tell(world, "bob", 0, "aab");
  tell(world, "carol", 0, "b");
  tell(world, "dave", 0, "abc");
  tell(world, "erin", 0, "x");
  assert.deepEqual(stages(round(world)), ["rule 1: 2", "rule 2: 1"]);
  world.pass(2 * HOUR);
  world.pass(2 * HOUR + 20 * MINUTE);
  assert.deepEqual(stages(round(world)), ["rule 1: 0", "rule 2: 0"]);
});

test("a round over many accounts takes several calls, and tells nothing before it is over", () => {
  const world = openWorld({ rules });
  for (let index = 0; index < 5_000; index++) tell(world, `account ${index}`, index, "a");
  const told = Array.from({ length: 6 }, () => stages(world.partition.takeCounts().sequences));
  assert.deepEqual(
    told.filter((each) => each.length > 0),
    [
      ["rule 1: 5000", "rule 2: 0"],
      ["rule 1: 5000", "rule 2: 0"],
    ],
  );
  assert.ok(told[0]!.length === 0);
});

test("a rule that is gone is told of once more, at nothing", () => {
  const world = openWorld({ rules });
  tell(world, "alice", 0, "a");
  round(world);
  world.partition.replaceRules(rulesOf("other"));
  assert.deepEqual(stages(round(world)), ["other 1: 0", "other 2: 0", "rule 1: 0"]);
  assert.deepEqual(stages(round(world)), ["other 1: 0", "other 2: 0"]);
});
