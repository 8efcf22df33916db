// Laws and a table for the assignment of tasks.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assignTasks } from "../../src/runtime/assignment.ts";
import type { AssignmentMember } from "../../src/runtime/assignment.ts";

const members: fc.Arbitrary<AssignmentMember[]> = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 3 }),
    owned: fc.array(fc.integer({ min: -2, max: 25 }), { maxLength: 12 }),
    generation: fc.integer({ min: 0, max: 3 }),
  }),
  { selector: (member) => member.id, minLength: 1, maxLength: 6 },
);
const tasks = fc.integer({ min: 0, max: 20 });

/** How many tasks stay with a member that claims them. */
function kept(claims: readonly AssignmentMember[], assigned: Map<string, number[]>): number {
  const owned = new Map(claims.map((member) => [member.id, new Set(member.owned)]));
  return [...assigned].reduce((sum, [id, list]) => sum + list.filter((task) => owned.get(id)!.has(task)).length, 0);
}

test("every task has exactly one owner, and only members own (G1)", () => {
  fc.assert(
    fc.property(members, tasks, (list, count) => {
      const assigned = assignTasks({ members: list, tasks: count });
      assert.deepEqual([...assigned.keys()].sort(), list.map((member) => member.id).sort());
      const all = [...assigned.values()].flat().sort((a, b) => a - b);
      assert.deepEqual(
        all,
        Array.from({ length: count }, (_, task) => task),
      );
    }),
  );
});

test("counts differ by at most one (G2)", () => {
  fc.assert(
    fc.property(members, tasks, (list, count) => {
      const sizes = [...assignTasks({ members: list, tasks: count }).values()].map((owned) => owned.length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    }),
  );
});

test("no balanced assignment leaves more tasks where they are (G3)", () => {
  const few = fc.tuple(
    fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 }),
    fc.integer({ min: 0, max: 5 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 }),
  );
  fc.assert(
    fc.property(few, ([ids, count, holders]) => {
      const list = ids.map((id, index) => ({
        id,
        owned: holders.flatMap((holder, task) => (holder === index && task < count ? [task] : [])),
      }));
      const best = Math.max(...balanced(ids, count).map((assigned) => kept(list, assigned)));
      assert.equal(kept(list, assignTasks({ members: list, tasks: count })), best);
    }),
  );
});

/** Every balanced assignment, by trying all. */
function balanced(ids: readonly string[], count: number): Map<string, number[]>[] {
  const found: Map<string, number[]>[] = [];
  for (let code = 0; code < ids.length ** count; code += 1) {
    const assigned = new Map<string, number[]>(ids.map((id) => [id, []]));
    for (let task = 0, rest = code; task < count; task += 1, rest = Math.floor(rest / ids.length)) {
      assigned.get(ids[rest % ids.length]!)!.push(task);
    }
    const sizes = [...assigned.values()].map((list) => list.length);
    if (Math.max(...sizes) - Math.min(...sizes) <= 1) found.push(assigned);
  }
  return found;
}

test("the order in which members are listed does not matter (G4)", () => {
  fc.assert(
    fc.property(members, tasks, (list, count) => {
      const forward = assignTasks({ members: list, tasks: count });
      const backward = assignTasks({ members: list.toReversed(), tasks: count });
      for (const [id, owned] of forward) assert.deepEqual(backward.get(id), owned);
    }),
  );
});

test("a rebalance without a change of members moves nothing", () => {
  fc.assert(
    fc.property(members, tasks, (list, count) => {
      const first = assignTasks({ members: list, tasks: count });
      const again = assignTasks({ members: [...first].map(([id, owned]) => ({ id, owned })), tasks: count });
      for (const [id, owned] of first) assert.deepEqual(again.get(id), owned);
    }),
  );
});

const TABLE: readonly {
  readonly name: string;
  readonly members: readonly AssignmentMember[];
  readonly tasks: number;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}[] = [
  { name: "nobody", members: [], tasks: 3, expected: {} },
  {
    name: "first members",
    members: [
      { id: "b", owned: [] },
      { id: "a", owned: [] },
    ],
    tasks: 3,
    expected: { a: [0, 1], b: [2] },
  },
  {
    name: "one joins",
    members: [
      { id: "a", owned: [] },
      { id: "b", owned: [0, 1, 2, 3] },
    ],
    tasks: 4,
    expected: { a: [2, 3], b: [0, 1] },
  },
  { name: "one has left", members: [{ id: "b", owned: [2, 3] }], tasks: 4, expected: { b: [0, 1, 2, 3] } },
  {
    name: "more members than tasks",
    members: [
      { id: "a", owned: [] },
      { id: "b", owned: [0] },
    ],
    tasks: 1,
    expected: { a: [], b: [0] },
  },
  {
    name: "an expelled member comes back and claims what was taken over",
    members: [
      { id: "a", owned: [0, 1], generation: 4 },
      { id: "b", owned: [0, 1], generation: 5 },
    ],
    tasks: 2,
    expected: { a: [1], b: [0] },
  },
];

for (const { name, members: list, tasks: count, expected } of TABLE) {
  test(`assignment: ${name}`, () => {
    assert.deepEqual(Object.fromEntries(assignTasks({ members: list, tasks: count })), expected);
  });
}
