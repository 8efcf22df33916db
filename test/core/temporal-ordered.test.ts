import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Match, MAX_ENTRIES, type Memory, newMemory } from "../../src/core/correlation/correlation.ts";
import { correlationOf } from "../../src/core/correlation/kinds.ts";
import { type Entry, newEntry } from "../../src/core/entry.ts";
import { handmadeRules } from "../../src/core/rule-set.ts";
import type { CorrelationRule } from "../../src/core/rule.ts";
import { event, START } from "./world.ts";

const LATENESS = 10;

interface Seen {
  readonly id: number;
  readonly at: number;
  /** Bit i: matches step i. */
  readonly steps: number;
}

function ruleOf(steps: number, timespan: number): CorrelationRule {
  const names = Array.from({ length: steps }, (_, index) => `s${index}`);
  const detections = names.map((name) => ({ name, matches: () => false }));
  return handmadeRules({ detections, correlations: [{ name: "rule", steps: names, timespan }] }).correlations[0]!;
}

class Machine {
  readonly memory: Memory;
  readonly rule: CorrelationRule;
  evicted = 0;
  readonly #correlation;

  constructor(steps: number, timespan: number) {
    this.rule = ruleOf(steps, timespan);
    this.memory = newMemory(this.rule);
    this.#correlation = correlationOf(this.rule, {
      settings: {
        allowedLateness: LATENESS,
        absenceGrace: 1,
        maxEntries: MAX_ENTRIES,
        onLate: () => undefined,
        onEvicted: (count) => {
          this.evicted += count;
        },
      },
      inputs: this.rule.inputs.map((_, index) => ({ name: String(index), delay: 0 })),
    });
  }

  /** The match that ends first. */
  apply(seen: Seen, frontier = 0): Match | undefined {
    return this.applyAll(seen, frontier)[0];
  }

  applyAll(seen: Seen, frontier = 0): readonly Match[] {
    const arrival = { service: "auth", topic: "t", partition: 0, offset: seen.id, recordTimestamp: START } as const;
    const entry = newEntry(arrival, event(`e${String(seen.id).padStart(4, "0")}`, seen.at, "X"), seen.steps);
    return this.#correlation.apply(this.memory, entry, START + frontier);
  }

  release(frontier: number): boolean {
    return this.#correlation.release(this.memory, START + frontier);
  }

  wakeAt(): number | undefined {
    return this.#correlation.releasesAt(this.memory);
  }

  reduce(): number {
    return this.#correlation.reduce(this.memory);
  }
}

/** L1 by the letter: tries every choice of one event a step. */
function exists(seen: readonly Seen[], rule: CorrelationRule): boolean {
  const search = (step: number, first: number, from: number): boolean =>
    step === rule.inputs.length ||
    seen.some(
      (each) =>
        (each.steps & (1 << step)) !== 0 &&
        each.at >= from &&
        (step === 0 || each.at - first <= rule.timespan) &&
        search(step + 1, step === 0 ? each.at : first, each.at),
    );
  return search(0, 0, -Infinity);
}

const steps = fc.integer({ min: 1, max: 4 });
const seenEvents = (most: number) =>
  fc
    .array(fc.record({ at: fc.nat(20), steps: fc.integer({ min: 1, max: 15 }) }), { maxLength: most })
    .map((events): Seen[] => events.map((each, id) => ({ ...each, id })));

test("it fires exactly when the events that arrived hold such a sequence, at once (L1, L3)", () => {
  fc.assert(
    fc.property(steps, fc.nat(15), seenEvents(10), (count, timespan, events) => {
      const machine = new Machine(count, timespan);
      let before = false;
      events.forEach((each, index) => {
        const match = machine.apply(each);
        const now = exists(events.slice(0, index + 1), machine.rule);
        if (now && !before) assert.ok(match, "fires on the event that completes it");
        if (match !== undefined) assertSound(match, machine.rule, each);
        assert.ok(now || match === undefined, "fires only then");
        before = now;
      });
    }),
    { numRuns: 1_000 },
  );
});

/** The match is such a sequence and has the event that completed it. */
function assertSound(match: Match, rule: CorrelationRule, completing: Seen): void {
  const seen = match.entries.map((entry): Seen => ({ id: entry.offset, at: entry.occurredAt, steps: entry.steps }));
  assert.ok(exists(seen, rule));
  assert.ok(seen.some((each) => each.id === completing.id));
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a.at - b.at),
  );
  assert.equal(match.rules.length, seen.length);
  match.rules.forEach((step, index) => assert.ok((seen[index]!.steps & (1 << Number(step))) !== 0));
}

test("whether it fires does not depend on order or repetition (L2, CR1, CR2)", () => {
  const shuffled = seenEvents(10).chain((events) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: 0 })),
  );
  fc.assert(
    fc.property(steps, fc.nat(15), shuffled, (count, timespan, [events, more]) => {
      const [one, other] = [new Machine(count, timespan), new Machine(count, timespan)];
      const fired = events.map((each) => one.apply(each)).some(Boolean);
      const firedToo = [...more, ...events].map((each) => other.apply(each)).some(Boolean);
      assert.equal(fired, firedToo);
      assert.deepEqual(other.memory.entries.map(essence), one.memory.entries.map(essence));
    }),
    { numRuns: 500 },
  );
});

const essence = (entry: Entry): unknown[] => [entry.eventId, entry.occurredAt, entry.steps];

test("a duplicate decides nothing; the same event with one more step may (CR1)", () => {
  const machine = new Machine(2, 10);
  machine.apply({ id: 1, at: 0, steps: 1 });
  assert.ok(machine.apply({ id: 2, at: 5, steps: 2 }));
  assert.equal(machine.apply({ id: 2, at: 5, steps: 2 }), undefined);
  machine.apply({ id: 3, at: 6, steps: 1 });
  assert.ok(machine.apply({ id: 3, at: 6, steps: 3 }));
});

test("the span counts inclusively, equal times either way, and one event serves several steps", () => {
  const rows: readonly (readonly [
    what: string,
    events: readonly (readonly [at: number, steps: number])[],
    fires: boolean,
  ])[] = [
    [
      "just within",
      [
        [0, 1],
        [5, 2],
        [10, 4],
      ],
      true,
    ],
    [
      "just outside",
      [
        [0, 1],
        [5, 2],
        [11, 4],
      ],
      false,
    ],
    [
      "wrong order",
      [
        [5, 1],
        [0, 2],
        [10, 4],
      ],
      false,
    ],
    [
      "equal times, last step first",
      [
        [3, 4],
        [3, 2],
        [3, 1],
      ],
      true,
    ],
    ["one event for all", [[3, 7]], true],
    [
      "one event for two",
      [
        [3, 1],
        [9, 6],
      ],
      true,
    ],
    [
      "the later start saves it",
      [
        [0, 1],
        [2, 2],
        [4, 1],
        [6, 2],
        [13, 4],
      ],
      true,
    ],
    [
      "a late middle",
      [
        [0, 1],
        [10, 4],
        [4, 2],
      ],
      true,
    ],
    [
      "a middle out of place",
      [
        [0, 1],
        [10, 4],
        [11, 2],
      ],
      false,
    ],
  ];
  for (const [what, events, fires] of rows) {
    const machine = new Machine(3, 10);
    const matches = events.map(([at, each], id) => machine.apply({ id, at, steps: each }));
    assert.equal(matches.at(-1) !== undefined, fires, what);
  }
});

test("of the sequences that end in an event it tells the shortest; each end is told once, in order", () => {
  const machine = new Machine(2, 10);
  const offsets = (seen: Seen): number[][] =>
    machine.applyAll(seen).map((match) => match.entries.map((entry) => entry.offset));
  for (const [id, at] of [12, 11].entries()) machine.apply({ id, at, steps: 2 });
  assert.deepEqual(offsets({ id: 2, at: 2, steps: 1 }), [
    [2, 1],
    [2, 0],
  ]);
  assert.deepEqual(offsets({ id: 3, at: 4, steps: 1 }), []);
  assert.deepEqual(offsets({ id: 4, at: 9, steps: 2 }), [[3, 4]]);
});

test("where it can it tells another event for each step, and fires all the same where it cannot", () => {
  const both = { id: 2, at: 10, steps: 6 };
  const told = (...events: readonly Seen[]): number[] | undefined => {
    const machine = new Machine(3, 10);
    const matches = events.map((each) => machine.apply(each));
    return matches.at(-1)?.entries.map((entry) => entry.offset);
  };
  assert.deepEqual(told({ id: 0, at: 0, steps: 1 }, { id: 1, at: 5, steps: 2 }, both), [0, 1, 2]);
  assert.deepEqual(told({ id: 1, at: 0, steps: 2 }, { id: 0, at: 5, steps: 1 }, both), [0, 2]);
  assert.deepEqual(told({ id: 0, at: 5, steps: 3 }, both), [0, 2]);
});

test("for events in order a flood of any step hides no sequence (L7), and memory is bounded (CR3)", () => {
  const flood = fc.record({
    count: steps,
    timespan: fc.integer({ min: 50, max: 400 }),
    events: fc.array(
      fc.record({ gap: fc.integer({ min: 1, max: 3 }), step: fc.nat(3), times: fc.constantFrom(1, 1, 1, 40) }),
      {
        maxLength: 14,
      },
    ),
  });
  fc.assert(
    fc.property(flood, ({ count, timespan, events }) => {
      const machine = new Machine(count, timespan);
      const arrived: Seen[] = [];
      let at = 0;
      for (const each of events) {
        for (let time = 0; time < each.times; time++) {
          at += each.gap;
          const seen = { id: arrived.length, at, steps: 1 << (each.step % count) };
          arrived.push(seen);
          const match = machine.apply(seen);
          assert.equal(match !== undefined, completes(arrived, machine.rule), `event ${seen.id}`);
          assert.ok(machine.memory.entries.length <= 16 * count);
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** Whether the last event is part of a sequence; for events in order, without trying every choice. */
function completes(arrived: readonly Seen[], rule: CorrelationRule): boolean {
  const last = arrived.at(-1)!;
  return rule.inputs.some((_, step) => {
    if ((last.steps & (1 << step)) === 0) return false;
    let start = last.at;
    for (let wanted = step - 1; wanted >= 0; wanted--) {
      start = Math.max(
        ...arrived.filter((each) => (each.steps & (1 << wanted)) !== 0 && each.at <= start).map((each) => each.at),
      );
    }
    let end = last.at;
    for (let wanted = step + 1; wanted < rule.inputs.length; wanted++) {
      end = Math.min(
        ...arrived.filter((each) => (each.steps & (1 << wanted)) !== 0 && each.at >= end).map((each) => each.at),
      );
    }
    return end - start <= rule.timespan;
  });
}

test("what is evicted is counted (CR3), and a reduced memory still has its best prefix", () => {
  const machine = new Machine(3, 1_000);
  machine.apply({ id: 0, at: 0, steps: 1 });
  machine.apply({ id: 1, at: 1, steps: 2 });
  for (let id = 2; id < 102; id++) machine.apply({ id, at: id, steps: 1 });
  assert.equal(machine.evicted, 101 - 16);
  assert.equal(machine.memory.entries.length, 17);
  assert.equal(machine.reduce(), 14);
  assert.deepEqual(
    machine.memory.entries.map((entry) => entry.offset),
    [0, 1, 101],
  );
  assert.ok(machine.apply({ id: 200, at: 200, steps: 4 }));
});

test("what the frontier has passed by timespan and lateness is gone, tick or not (CR4)", () => {
  for (const ticks of [true, false]) {
    for (const [frontier, fires] of [
      [20, true],
      [21, false],
    ] as const) {
      const machine = new Machine(2, 10);
      machine.apply({ id: 0, at: 0, steps: 1 });
      assert.equal(machine.wakeAt(), START + 21);
      if (ticks) assert.equal(machine.release(frontier), !fires);
      assert.equal(machine.apply({ id: 1, at: 10, steps: 2 }, frontier) !== undefined, fires);
    }
  }
  assert.equal(new Machine(1, 1).wakeAt(), undefined);
});

test("a rule with more steps than bits is a mistake of the program", () => {
  assert.throws(() => new Machine(31, 1), /31 inputs/);
  assert.throws(() => new Machine(0, 1), /0 inputs/);
});
