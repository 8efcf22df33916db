import assert from "node:assert/strict";
import { test } from "node:test";

import {
  checkpointMetadata,
  extendLineage,
  largestMetadata,
  METADATA_BYTES,
  parseCheckpoint,
} from "../../src/runtime/checkpoint.ts";
import type { Checkpoint, LineageRange } from "../../src/runtime/checkpoint.ts";
import { nextTaskState, TASK_TRANSITIONS } from "../../src/runtime/lifecycle.ts";
import type { TaskEvent, TaskState } from "../../src/runtime/lifecycle.ts";

const CHECKPOINT: Checkpoint = {
  writer: "w1",
  n: 7,
  base: 10,
  head: 20,
  lineage: [
    ["w0", 10, 15],
    ["w1", 16, 20],
  ],
  positions: { "auth-events": 100, "holdfast.commands": 3 },
  marks: { "auth-events": ["PLfgBe7HQMqZmX1fTpJ2Nw", 7], "holdfast.commands": ["aaaaBe7HQMqZmX1fTpJ2Nw", -1] },
  partitions: 12,
  group: "holdfast",
};

test("a checkpoint reads back from its metadata", () => {
  assert.deepEqual(parseCheckpoint(checkpointMetadata(CHECKPOINT)), CHECKPOINT);
});

test("metadata of a release that kept no marks are read without", () => {
  const { marks, ...older } = CHECKPOINT;
  assert.equal(Object.keys(marks).length, 2);
  assert.deepEqual(parseCheckpoint(JSON.stringify({ v: 1, ...older })), { ...older, marks: {} });
});

test("metadata stays below the broker's 4,096 bytes whatever lineage and names; what is long is left to the marker", () => {
  const lineage = Array.from({ length: 32 }, (_, i): LineageRange => [
    `writer-${i}-0123456789`,
    i * 1e12,
    (i + 1) * 1e12,
  ]);
  const topics = ["auth", "api-key", "withdrawal", "trade", "decisions", "acks", "signals", "commands"];
  const committed = (nameLength: number, ranges: readonly LineageRange[]): readonly LineageRange[] | null => {
    const named = topics.map((topic) => topic.padEnd(nameLength, "x"));
    const positions = Object.fromEntries(named.map((topic) => [topic, 1e12]));
    const marks = Object.fromEntries(named.map((topic) => [topic, CHECKPOINT.marks["auth-events"]!]));
    const metadata = checkpointMetadata({ ...CHECKPOINT, positions, marks, lineage: ranges });
    const most = largestMetadata(named, CHECKPOINT.group);
    assert.ok(metadata.length < METADATA_BYTES, `${metadata.length} bytes, names of ${nameLength}`);
    if (ranges.length === 0) assert.ok(metadata.length < most && most < METADATA_BYTES, `up to ${most} bytes`);
    const parsed = parseCheckpoint(metadata);
    if ("problem" in parsed) assert.fail(parsed.problem);
    return parsed.lineage;
  };
  assert.deepEqual(committed(30, lineage), lineage);
  assert.equal(committed(30, [...lineage, ["w", 1, 2]]), null);
  assert.equal(committed(160, lineage), null);
  assert.deepEqual(committed(160, lineage.slice(0, 2)), lineage.slice(0, 2));
  assert.deepEqual(committed(200, []), [], "there is no marker yet");
});

for (const [what, metadata, problem] of [
  ["text of another tool", "committed by hand", "is not JSON"],
  ["a future version", '{"v":2}', "has version 2; this release reads version 1"],
  ["missing numbers", '{"v":1,"writer":"w","group":"g"}', "lacks n, base, head or partitions"],
  ["a base above its head", JSON.stringify({ v: 1, ...CHECKPOINT, base: 21 }), "has base 21 above head 20"],
  ["a broken lineage", JSON.stringify({ v: 1, ...CHECKPOINT, lineage: [["w", -1, 2]] }), "has no valid lineage"],
  ["a broken mark", JSON.stringify({ v: 1, ...CHECKPOINT, marks: { a: ["id"] } }), "has no valid marks"],
  ["a broken position", JSON.stringify({ v: 1, ...CHECKPOINT, positions: { a: 1.5 } }), "has no valid positions"],
] as const) {
  test(`metadata with ${what} is refused with the reason`, () => {
    assert.deepEqual(parseCheckpoint(metadata), { problem });
  });
}

test("a writer's range grows; another writer's begins a new one", () => {
  const one = extendLineage([], "a", { from: 3, to: 5 });
  assert.deepEqual(one, [["a", 3, 5]]);
  assert.deepEqual(extendLineage(one, "a", { from: 6, to: 9 }), [["a", 3, 9]]);
  assert.deepEqual(extendLineage(one, "b", { from: 6, to: 9 }), [
    ["a", 3, 5],
    ["b", 6, 9],
  ]);
});

test("a task runs only after its state is restored and what was said is adopted (T3)", () => {
  const walk = (events: TaskEvent[]): TaskState => events.reduce<TaskState>(nextTaskState, "opening");
  assert.equal(walk(["found", "restored", "adopted"]), "running");
  assert.equal(walk(["found", "restored", "adopted", "drain", "lost"]), "closed");
  assert.throws(() => walk(["restored"]), /cannot be "restored" while opening/);
});

test("every state of the task table reaches closed, and closed is final", () => {
  for (const [state, row] of Object.entries(TASK_TRANSITIONS)) {
    assert.equal(row.lost, "closed", state);
    for (const next of Object.values(row)) if (state === "closed") assert.ok(next === null || next === "closed");
  }
});
