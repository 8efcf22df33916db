import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { PlainEngine, type PlainDetection } from "../../src/core/plain.ts";
import { handmadeRules, type HandmadeCorrelation } from "../../src/core/rule-set.ts";
import type { Comparison, RuleSet } from "../../src/core/rule.ts";
import { DAY, HOUR, MINUTE } from "../../src/core/time.ts";
import { arrivalsOf, drawnEvents, expected, expectedEnds, GRACE, rules } from "./correlation/streams.ts";

const A_NOT_B = {
  steps: ["A", "B"],
  type: "temporal",
  condition: {
    kind: "expression",
    expression: {
      kind: "and",
      of: [
        { kind: "input", input: 0 },
        { kind: "not", of: { kind: "input", input: 1 } },
      ],
    },
  },
} as const;

type Json = Readonly<Record<string, unknown>>;

/** Runs `[at, object]`s in minutes; ids are their places. */
function run(of: RuleSet, events: readonly (readonly [number, Json])[], quiet: number | null = null): PlainDetection[] {
  const found: PlainDetection[] = [];
  const engine = new PlainEngine({
    rules: of,
    allowedLateness: 10 * MINUTE,
    quiet,
    onDetection: (each) => found.push(each),
  });
  events.forEach(([at, object], index) => engine.apply(object, { id: String(index), at: at * MINUTE }));
  engine.finish();
  return found;
}

const of = (correlation: Omit<HandmadeCorrelation, "name">, ...more: HandmadeCorrelation[]): RuleSet =>
  handmadeRules({
    detections: ["A", "B"].map((name) => ({ name, matches: (each) => (each as unknown as Json)["is"] === name })),
    correlations: [{ name: "rule", ...correlation }, ...more],
  });

const told = (found: readonly PlainDetection[]): string[] =>
  found.map(({ ruleId, group, evidence }) => `${ruleId} ${JSON.stringify(group)} ${evidence.join(",")}`);

test("it fires for the groups that brute force finds, as a partition does (L1, L2, L4, L5)", () => {
  fc.assert(
    fc.property(drawnEvents, (drawn) => {
      const found = new Set<string>();
      const engine = new PlainEngine({
        rules,
        allowedLateness: GRACE,
        quiet: null,
        onDetection: ({ ruleId, group }) => found.add(`${ruleId} ${String(group["accountId"])}`),
      });
      for (const { event } of arrivalsOf(drawn)) engine.apply(event, { id: event.eventId, at: event.occurredAt });
      engine.finish();
      assert.deepEqual([...found].toSorted(), expected(drawn));
    }),
    { numRuns: 200 },
  );
});

test("every match ends in the event that brute force names, and has it as evidence, last (L2, L5)", () => {
  fc.assert(
    fc.property(drawnEvents, (drawn) => {
      const ends: string[] = [];
      const engine = new PlainEngine({
        rules,
        allowedLateness: GRACE,
        quiet: 0,
        onDetection: ({ ruleId, group, evidence }) =>
          ends.push(`${ruleId} ${String(group["accountId"])} ${evidence.at(-1)!}`),
      });
      for (const { event } of arrivalsOf(drawn)) engine.apply(event, { id: event.eventId, at: event.occurredAt });
      engine.finish();
      assert.deepEqual(ends.toSorted(), expectedEnds(drawn));
    }),
    { numRuns: 200 },
  );
});

test("groups are what group-by says: several fields, nested ones, other types; without one of them no group", () => {
  const twoA = of({ steps: ["A", "A"], timespan: MINUTE, groupBy: ["user", "host.name"] });
  const a = (user: unknown, host: unknown): Json => ({ is: "A", user, host });
  const events = [
    a(1, { name: "h" }),
    a("1", { name: "h" }),
    a(null, { name: "h" }),
    a(null, { name: "h" }),
    a(1, [{ name: "h" }]),
    a(1, { name: "h" }),
  ];
  assert.deepEqual(
    told(
      run(
        twoA,
        events.map((each) => [0, each]),
      ),
    ).slice(0, 1),
    ['rule {"user":1,"host.name":"h"} 0'],
  );
  const b = (user: string): Json => ({ is: "B", user });
  const ab = of({ steps: ["A", "B"], timespan: MINUTE, groupBy: ["user"] });
  assert.deepEqual(
    told(
      run(ab, [
        [0, { is: "A", user: "u" }],
        [1, b("v")],
        [1, b("u")],
      ]),
    ),
    ['rule {"user":"u"} 0,2'],
  );
});

test("a correlation over another one may group otherwise: by what the last event of the match says", () => {
  const twice = of(
    { steps: ["A", "A"], timespan: MINUTE, groupBy: ["user"], standalone: false },
    { name: "hosts", steps: ["rule", "B"], timespan: 5 * MINUTE, groupBy: ["host"] },
  );
  const a = (user: string, host: string): Json => ({ is: "A", user, host });
  const events: [number, Json][] = [
    [0, a("u", "h1")],
    [1, a("u", "h2")],
    [2, { is: "B", host: "h2" }],
  ];
  assert.deepEqual(told(run(twice, events)).at(-1), 'hosts {"host":"h2"} 1,2');
});

test("of events at one instant a chain hears the one that came, in whatever order (L2)", () => {
  const chain = of(
    {
      steps: ["A", "A"],
      type: "event_count",
      timespan: 10 * MINUTE,
      groupBy: ["host"],
      condition: { kind: "compare", comparisons: [{ operator: "gte", value: 2 }], percentile: null },
    },
    { name: "outer", steps: ["rule", "B"], type: "temporal", timespan: 10 * MINUTE, groupBy: ["user"] },
  );
  const [a, b, c, d] = [
    { at: 5, id: "a", is: "A", host: "h", user: "alice" },
    { at: 5, id: "b", is: "A", host: "h", user: "bob" },
    { at: 5, id: "c", is: "A", host: "h", user: "bob" },
    { at: 6, id: "d", is: "B", host: "h", user: "alice" },
  ];
  for (const order of [
    [a, b, c, d],
    [b, c, a, d],
    [d, c, b, a],
  ]) {
    const found: string[] = [];
    const engine = new PlainEngine({
      rules: chain,
      allowedLateness: 10 * MINUTE,
      quiet: 0,
      onDetection: ({ ruleId, evidence }) => found.push(`${ruleId} ${evidence.at(-1)!}`),
    });
    for (const { at, id, ...object } of order) engine.apply(object, { id, at: at * MINUTE });
    assert.deepEqual(found.toSorted(), ["outer d", "rule a", "rule b", "rule c"]);
  }
});

test("without quiet every completing event is a detection; with it one stands for those after it", () => {
  const ab = of({ steps: ["A", "B"], timespan: 10 * MINUTE, groupBy: [] });
  const events: [number, Json][] = [
    [0, { is: "A" }],
    [1, { is: "B" }],
    [2, { is: "B" }],
    [6, { is: "B" }],
  ];
  assert.deepEqual(told(run(ab, events, 0)), ["rule {} 0,1", "rule {} 0,2", "rule {} 0,3"]);
  assert.deepEqual(told(run(ab, events, 5 * MINUTE)), ["rule {} 0,1", "rule {} 0,3"]);
  assert.deepEqual(told(run(ab, events)), ["rule {} 0,1"]);
});

test("a detection rule of its own tells each event once", () => {
  const single = handmadeRules({ detections: [{ name: "x", standalone: true, matches: () => true }] });
  const found: string[] = [];
  const engine = new PlainEngine({
    rules: single,
    allowedLateness: MINUTE,
    quiet: null,
    onDetection: ({ evidence }) => found.push(...evidence),
  });
  for (const id of ["1", "2", "1"]) engine.apply({}, { id, at: 0 });
  assert.deepEqual(found, ["1", "2"]);
});

test("what was open at the end is decided as if time had passed", () => {
  const absence = of({ ...A_NOT_B, timespan: DAY, groupBy: ["u"] });
  assert.deepEqual(
    told(
      run(absence, [
        [0, { is: "A", u: 1 }],
        [0, { is: "A", u: 2 }],
        [5, { is: "B", u: 2 }],
      ]),
    ),
    ['rule {"u":1} 0'],
  );
});

test("before 1970 an absence is decided as after it", () => {
  const events = (from: number): [number, Json][] => [
    [from, { is: "A" }],
    [from + 1, { is: "B" }],
    [from + 30, { is: "A" }],
  ];
  for (const from of [-100, -30, 0]) {
    assert.deepEqual(told(run(of({ ...A_NOT_B, timespan: 10 * MINUTE, groupBy: [] }), events(from))), ["rule {} 2"]);
  }
});

test("what an inner rule waits for is in time for the outer one, without lateness too", () => {
  const count = (steps: string, more: Comparison, timespan: number): HandmadeCorrelation => ({
    name: steps === "A" ? "rule" : "outer",
    steps: [steps],
    type: "event_count",
    timespan: timespan * MINUTE,
    groupBy: [],
    condition: { kind: "compare", comparisons: [more], percentile: null },
  });
  const chain = of(count("A", { operator: "eq", value: 2 }, 10), count("rule", { operator: "gte", value: 2 }, 5));
  const found: PlainDetection[] = [];
  const engine = new PlainEngine({
    rules: chain,
    allowedLateness: 0,
    quiet: 0,
    onDetection: (each) => found.push(each),
  });
  for (const at of [6, 15, 20, 73]) engine.apply({ is: at === 73 ? "C" : "A" }, { id: String(at), at: at * MINUTE });
  assert.deepEqual(told(found), ["rule {} 6,15", "rule {} 15,20", "outer {} 15,20"]);
});

test("a group is let go of with its last entry and detection, one that never had any at the next event (PL2)", () => {
  const condition = { kind: "compare", comparisons: [{ operator: "gte", value: 9 }], percentile: null } as const;
  const shape = { type: "value_sum", timespan: MINUTE, groupBy: ["user"], valueFields: ["n"] } as const;
  const summed = of({ steps: ["A"], condition, ...shape });
  const engine = new PlainEngine({ rules: summed, allowedLateness: MINUTE, quiet: HOUR, onDetection: () => {} });
  const groupsAfter = (at: number, object: Json): number => {
    engine.apply(object, { id: `${at}`, at: at * MINUTE });
    return engine.groups;
  };
  assert.equal(groupsAfter(0, { is: "A", user: "number", n: 1 }), 1);
  assert.equal(groupsAfter(1, { is: "A", user: "none", n: "none" }), 2);
  assert.equal(groupsAfter(60, { is: "A", user: "number", n: 9 }), 1);
  assert.equal(groupsAfter(2, { is: "A", user: "late", n: 1 }), 2);
  assert.equal(groupsAfter(70, {}), 1);
  assert.equal(groupsAfter(120, {}), 1);
  assert.equal(groupsAfter(121, {}), 0);
});

test("an event belongs to 64 groups at most; further ones are counted", () => {
  const single = of({ steps: ["A"], type: "temporal", timespan: MINUTE, groupBy: ["users", "hosts"] });
  const found: PlainDetection[] = [];
  const engine = new PlainEngine({
    rules: single,
    allowedLateness: 0,
    quiet: 0,
    onDetection: (each) => found.push(each),
  });
  const users = Array.from({ length: 10 }, (_, index) => index);
  engine.apply({ is: "A", users, hosts: users.slice(0, 7) }, { id: "0", at: 0 });
  assert.deepEqual([found.length, engine.counts.evicted], [64, 6]);
});

test("whatever an object holds, it is not an exception", () => {
  const sums = of(
    {
      steps: ["A", "B"],
      type: "value_sum",
      timespan: MINUTE,
      groupBy: ["u"],
      valueFields: ["v.w"],
      condition: { kind: "compare", comparisons: [{ operator: "gte", value: 3 }], percentile: null },
    },
    {
      name: "c",
      steps: ["A"],
      type: "value_count",
      timespan: MINUTE,
      groupBy: ["u.v"],
      valueFields: ["v", "u"],
      condition: { kind: "compare", comparisons: [{ operator: "lt", value: 3 }], percentile: null },
    },
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.nat(30), fc.record({ is: fc.constantFrom("A", "B"), u: fc.jsonValue(), v: fc.jsonValue() })),
        { maxLength: 10 },
      ),
      (events) => {
        run(sums, events);
      },
    ),
    { numRuns: 200 },
  );
});
