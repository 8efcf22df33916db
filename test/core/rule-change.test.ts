// Another rule set between two events (L8), and which detections an event is tried against.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { handmadeRules, type HandmadeCorrelation } from "../../src/core/rule-set.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { HOUR } from "../../src/core/time.ts";
import { drawnEvents, arrivalsOf, rules as everyKind, expected, GRACE } from "./correlation/streams.ts";
import { event, openWorld } from "./world.ts";

const ab = (more: Partial<HandmadeCorrelation> = {}, ...others: HandmadeCorrelation[]): RuleSet =>
  handmadeRules({
    detections: "abc".split("").map((name) => ({ name, matches: (each) => each.type === name })),
    correlations: [{ name: "ab", steps: ["a", "b"], timespan: HOUR, ...more }, ...others],
  });

test("replaced by the same rules between any two events, it goes on the same (L8)", () => {
  fc.assert(
    fc.property(drawnEvents, (drawn) => {
      const found = new Set<string>();
      const world = openWorld({ rules: everyKind, lateness: GRACE, grace: GRACE, services: ["auth", "api_key"] });
      for (const { event: each, topic, next } of arrivalsOf(drawn)) {
        world.apply(topic, each);
        if (next !== "") world.partition.replaceRules({ ...everyKind, hash: "again" });
      }
      world.finish();
      for (const { ruleId, group } of world.detections) found.add(`${ruleId} ${group["accountId"]}`);
      assert.deepEqual([...found].toSorted(), expected(drawn));
    }),
    { numRuns: 100 },
  );
});

test("a rule that means something else drops its partial matches, counted; others keep theirs, and all their cases (L8)", () => {
  const world = openWorld({ rules: ab({}, { name: "ac", steps: ["a", "c"], timespan: HOUR }) });
  world.apply("auth", event("a", 0, "a"));
  world.partition.replaceRules(
    ab({ matchHash: "other" }, { name: "ac", steps: ["a", "c"], timespan: HOUR, hash: "new text" }),
  );
  assert.deepEqual(world.partition.takeCounts().evictions, { rule: 1 });
  world.apply("auth", event("b", 1, "b"), event("c", 2, "c"));
  assert.deepEqual(
    world.detections.map(({ ruleId, ruleHash }) => [ruleId, ruleHash]),
    [["ac", "new text"]],
  );
  world.partition.replaceRules(ab({ matchHash: "other" }));
  world.partition.replaceRules(
    ab({ matchHash: "other" }, { name: "ac", steps: ["a", "c"], timespan: HOUR, matchHash: "third" }),
  );
  world.apply("auth", event("a2", 3, "a"), event("c2", 4, "c"));
  assert.equal(world.detections.length, 1, "the case is open still");
});

test("a rule that comes starts with what happens from then on; one that goes leaves nothing to wait for", () => {
  const world = openWorld({ rules: ab() });
  world.apply("auth", event("a", 0, "a"));
  world.partition.replaceRules(ab({ name: "new" }));
  world.apply("auth", event("b", 1, "b"));
  assert.deepEqual(world.said(), []);
  world.apply("auth", event("a2", 2, "a"), event("b2", 3, "b"));
  assert.equal(world.detections[0]!.ruleId, "new");
  world.finish();
  assert.equal(world.partition.wakeAt(), undefined);
});

test("an event is tried against the detections of its service and type only", () => {
  const tried: string[] = [];
  const one = (name: string, types: ReadonlySet<string> | null) =>
    ({
      name,
      types,
      standalone: true,
      matches: (each: { eventId: string }) => tried.push(`${name} ${each.eventId}`) < 0,
    }) as const;
  const rules = handmadeRules({
    detections: [
      one("x", new Set(["X"])),
      one("any", null),
      one("x or y", new Set(["X", "Y"])),
      { ...one("elsewhere", new Set(["X"])), service: "withdrawal" },
    ],
  });
  const world = openWorld({ rules });
  world.apply("auth", event("1", 0, "X"), event("2", 0, "Y"), event("3", 0, "Z"));
  assert.deepEqual(tried, ["x 1", "any 1", "x or y 1", "any 2", "x or y 2", "any 3"]);
});

test("matches of a correlation that only feeds another open no cases, and all of them are heard", () => {
  const world = openWorld({
    rules: ab(
      { standalone: false },
      {
        name: "twice",
        type: "event_count",
        steps: ["ab"],
        timespan: HOUR,
        condition: { kind: "compare", comparisons: [{ operator: "gte", value: 2 }], percentile: null },
      },
    ),
  });
  world.apply("auth", event("a", 0, "a"), event("b1", 1, "b"));
  assert.deepEqual(world.said(), []);
  world.apply("auth", event("b2", 2, "b"));
  assert.deepEqual(
    world.detections.map(({ ruleId, evidence }) => [ruleId, ...evidence.map((each) => `${each.rule} ${each.eventId}`)]),
    [["twice", "ab b1", "ab b2"]],
  );
});
