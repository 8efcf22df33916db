// The assignor's wire format and the leader's part of a rebalance (join-metadata.ts); the decision itself
// is tested with runtime/assignment.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { assignMembers, decodeAssignment, encodeJoin } from "../../../src/adapters/kafka/join-metadata.ts";
import { kafkajs } from "../../../src/adapters/kafka/kafkajs.ts";

const TOPICS = ["auth", "keys", "state"];
const NOTHING = { generation: -1, tasks: [] };

function member(
  memberId: string,
  topics: readonly string[] = TOPICS,
  owned: { generation: number; tasks: readonly number[] } = NOTHING,
) {
  return { memberId, memberMetadata: encodeJoin(topics, owned) };
}

function tasksOf(assigned: ReturnType<typeof assignMembers>): Record<string, number[]> {
  return Object.fromEntries(
    assigned.map(({ memberId, memberAssignment }) => [memberId, decodeAssignment(memberAssignment)]),
  );
}

test("every member gets whole tasks: the same partitions of every topic (A1)", () => {
  const assigned = assignMembers([member("a"), member("b")], 5);
  for (const { memberAssignment } of assigned) {
    const { assignment } = kafkajs.MemberAssignment.decode(memberAssignment)!;
    assert.deepEqual(Object.keys(assignment).toSorted(), TOPICS);
    for (const topic of TOPICS) assert.deepEqual(assignment[topic], assignment["auth"]);
  }
  assert.deepEqual(Object.values(tasksOf(assigned)).flat().toSorted(), [0, 1, 2, 3, 4]);
});

test("what a member owned in the join metadata stays with it", () => {
  const assigned = assignMembers(
    [
      member("a", TOPICS, { generation: 7, tasks: [3, 4, 5] }),
      member("b", TOPICS, { generation: 7, tasks: [0, 1, 2] }),
    ],
    6,
  );
  assert.deepEqual(tasksOf(assigned), { a: [3, 4, 5], b: [0, 1, 2] });
});

test("an expelled member's claim yields to the later generation's", () => {
  const assigned = assignMembers(
    [member("a", TOPICS, { generation: 7, tasks: [0, 1] }), member("b", TOPICS, { generation: 8, tasks: [0, 1] })],
    2,
  );
  assert.equal(tasksOf(assigned)["b"]!.length, 1);
  assert.equal(tasksOf(assigned)["a"]!.length, 1);
});

test("who does not read the full set gets nothing, in whatever order topics are listed (A2)", () => {
  const assigned = assignMembers([member("old", ["auth", "keys"]), member("new", TOPICS.toReversed())], 4);
  assert.deepEqual(tasksOf(assigned), { old: [], new: [0, 1, 2, 3] });
});

test("of two sets that differ, the larger side has the tasks, and nobody is told to read what it does not", () => {
  const assigned = assignMembers(
    [member("a", ["auth", "x"]), member("b", ["auth", "y"]), member("c", ["auth", "y"])],
    2,
  );
  assert.deepEqual(tasksOf(assigned), { a: [], b: [0], c: [1] });
});

test("metadata of another assignor version counts as owning nothing", () => {
  const userData = Buffer.from([0, 0, 0, 99, 0, 0, 0, 1, 0, 0, 0, 0]);
  const strange = {
    memberId: "a",
    memberMetadata: kafkajs.MemberMetadata.encode({ version: 0, topics: TOPICS, userData }),
  };
  assert.deepEqual(tasksOf(assignMembers([strange], 2)), { a: [0, 1] });
});

test("owned tasks survive the wire", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(9), { maxLength: 10 }), fc.nat(1_000), (tasks, generation) => {
      const assigned = assignMembers([member("a", TOPICS, { generation, tasks }), member("b")], 10);
      const kept = tasksOf(assigned)["a"]!.filter((task) => tasks.includes(task));
      assert.equal(kept.length, Math.min(tasks.length, 5));
    }),
  );
});
