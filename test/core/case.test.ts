import { strict as assert } from "node:assert";
import { test } from "node:test";
import { addEvidence, EVIDENCE_KEPT, keepTelling, newCase } from "../../src/core/case.ts";
import type { Evidence } from "../../src/core/output.ts";
import { FREEZE, handmadeRules, HOLD } from "../../src/core/rule-set.ts";
import type { ResponseAction, RuleSet } from "../../src/core/rule.ts";
import { DAY, HOUR, MINUTE } from "../../src/core/time.ts";
import { event, openWorld, sequence, START, stateOf, type World } from "./world.ts";

const freeze: ResponseAction = { ...FREEZE, scopes: ["WITHDRAW"], for: 4 * HOUR };

/** A rule of its own over events of type X. */
function single(respond: readonly ResponseAction[], more: { quiet?: number; mode?: "observe" } = {}): RuleSet {
  return handmadeRules({
    detections: [{ name: "x", standalone: true, matches: (each) => each.type === "X", respond, ...more }],
  });
}

function at(world: World, ...events: readonly (readonly [id: string, at: number])[]): string[] {
  for (const [id, time] of events) world.apply("auth", event(id, time, "X"));
  return world.said();
}

test("a match opens a case with one detection and the rule's commands (L6)", () => {
  const world = openWorld({ rules: sequence("AB", { respond: [freeze, HOLD] }) });
  world.apply("auth", event("a", 0, "A"), event("b", MINUTE, "B"));
  assert.deepEqual(world.said(), [
    "OPENED alice/sequence/b",
    "FREEZE WITHDRAW alice/sequence/b/b/0",
    "HOLD WITHDRAW alice/sequence/b/b/1",
  ]);
  const [detection] = world.detections;
  assert.partialDeepStrictEqual(detection, {
    decidedBy: "b",
    firstAt: START,
    lastAt: START + MINUTE,
    group: { accountId: "alice" },
    evidenceCount: 2,
  });
  assert.deepEqual(
    detection!.evidence.map(({ eventId, rule, offset }) => [eventId, rule, offset]),
    [
      ["a", "A", 0],
      ["b", "B", 1],
    ],
  );
  assert.partialDeepStrictEqual(world.commands[0], {
    issuedAt: START + MINUTE,
    effectiveAt: START + MINUTE,
    expiresAt: START + MINUTE + 4 * HOUR,
    evidenceCount: 2,
  });
});

test("the deciding event is the last in event time, not the last to arrive", () => {
  const world = openWorld({ rules: sequence("ABC", { respond: [freeze] }) });
  world.apply("auth", event("c", 2, "C"), event("a", 0, "A"), event("b", 1, "B"));
  assert.deepEqual(world.said(), ["OPENED alice/sequence/c", "FREEZE WITHDRAW alice/sequence/c/c/0"]);
});

test("while it is open a further match adds evidence and says only the difference (L6)", () => {
  const world = openWorld({ rules: single([freeze, { ...HOLD, for: 2 * HOUR }]) });
  const opened = ["OPENED alice/x/1", "FREEZE WITHDRAW alice/x/1/1/0", "HOLD WITHDRAW alice/x/1/1/1"];
  assert.deepEqual(at(world, ["1", 0]), opened);
  assert.deepEqual(at(world, ["2", HOUR]), opened, "three quarters are left");
  assert.deepEqual(
    at(world, ["3", HOUR + 1]),
    [...opened, "FREEZE WITHDRAW alice/x/1/3/0"],
    "a freeze is prolonged, a hold is not",
  );
  assert.equal(world.commands.at(-1)!.evidenceCount, 3);
  assert.equal(world.commands.at(-1)!.expiresAt, START + HOUR + 1 + 4 * HOUR);
  assert.deepEqual(
    at(world, ["4", 2 * HOUR]).slice(opened.length + 1),
    ["HOLD WITHDRAW alice/x/1/4/1"],
    "what is over is in force no more, though the freeze keeps the case open",
  );
});

test("a match at or after the expiry opens a new case; one before it, however late, does not", () => {
  const world = openWorld({ rules: single([{ ...HOLD, for: HOUR }]) });
  at(world, ["1", 0], ["2", HOUR - 1], ["3", HOUR], ["4", HOUR - 2]);
  assert.deepEqual(world.said().slice(0, 2), ["OPENED alice/x/1", "OPENED alice/x/3"]);
  assert.equal(world.commands.length, 2);
});

test("without protection a case stays open for its quiet time; with none every match opens one", () => {
  const quiet = openWorld({ rules: single([{ ...HOLD, action: "REVIEW", for: DAY }], { quiet: 30 * MINUTE }) });
  at(quiet, ["1", 0], ["2", 30 * MINUTE - 1], ["3", 30 * MINUTE]);
  assert.deepEqual(
    quiet.detections.map((each) => each.decidedBy),
    ["1", "3"],
  );
  const none = openWorld({ rules: single([]) });
  at(none, ["1", 0], ["2", 0], ["1", 0]);
  assert.deepEqual(
    none.detections.map((each) => each.decidedBy),
    ["1", "2"],
  );
});

test("the same match again changes nothing and says nothing (CS1)", () => {
  const world = openWorld({ rules: sequence("AB", { respond: [freeze] }) });
  world.apply("auth", event("a", 0, "A"), event("b", 5, "B"));
  const [state, said] = [stateOf(world), world.said()];
  world.apply("auth", event("b", 5, "B"), event("a", 0, "A"));
  assert.equal(stateOf(world), state);
  assert.deepEqual(world.said(), said);
});

test("time closes a case once, then forgets it (CS2)", () => {
  const world = openWorld({ rules: sequence("AB", { respond: [freeze] }), lateness: MINUTE });
  world.apply("auth", event("a", 0, "A"), event("b", 0, "B"));
  world.pass(4 * HOUR - 1);
  assert.equal(world.detections.length, 1);
  assert.equal(world.partition.wakeAt(), START + 4 * HOUR);
  world.pass(4 * HOUR);
  world.pass(4 * HOUR + 1);
  assert.deepEqual(
    world.detections.map((each) => each.kind),
    ["OPENED", "CLOSED"],
  );
  assert.deepEqual(world.detections[1]!.evidence, world.detections[0]!.evidence);
  assert.equal(world.partition.wakeAt(), START + 4 * HOUR + 16 * MINUTE + 1, "timespan and lateness after its expiry");
  world.pass(4 * HOUR + 16 * MINUTE + 1);
  assert.equal(world.partition.wakeAt(), undefined);
});

test("a late match that prolongs a closed case closes it once more", () => {
  const world = openWorld({ rules: single([freeze]) });
  at(world, ["1", 0]);
  world.pass(4 * HOUR);
  at(world, ["2", 4 * HOUR - 1]);
  world.pass(8 * HOUR);
  assert.deepEqual(world.said(), [
    "OPENED alice/x/1",
    "CLOSED alice/x/1",
    "CLOSED alice/x/1",
    "FREEZE WITHDRAW alice/x/1/1/0",
    "FREEZE WITHDRAW alice/x/1/2/0",
  ]);
});

test("another target is more than what is in force", () => {
  const narrowed: ResponseAction = { ...HOLD, targets: ["withdrawalId"] };
  const world = openWorld({ rules: single([narrowed]) });
  const ask = (id: string, withdrawalId: string | null): void =>
    world.apply("withdrawal", event(id, Number(id), "X", { withdrawalId }));
  for (const [id, withdrawalId] of [
    ["1", "w1"],
    ["2", "w1"],
    ["3", "w2"],
    ["4", null],
    ["5", "w3"],
  ] as const)
    ask(id, withdrawalId);
  assert.deepEqual(
    world.commands.map((each) => [each.commandId, each.targets.withdrawalIds]),
    [
      ["alice/x/1/1/0", ["w1"]],
      ["alice/x/1/3/0", ["w2"]],
      ["alice/x/1/4/0", []],
    ],
  );
});

test("an observing case says its commands when a further match finds it enforced", () => {
  const observing = openWorld({ rules: single([freeze], { mode: "observe", quiet: HOUR }) });
  at(observing, ["1", 0]);
  assert.deepEqual(observing.said(), ["OPENED alice/x/1"]);
  const enforcing = openWorld({ rules: single([freeze], { quiet: HOUR }) });
  for (const { group, state } of observing.partition.takeChanged()) enforcing.partition.loadGroup(group, state);
  assert.deepEqual(at(enforcing, ["2", MINUTE]), ["FREEZE WITHDRAW alice/x/1/2/0"]);
});

test("evidence keeps the first, the deciding and the latest, and the count (CS3)", () => {
  const evidence = (id: number): Evidence => ({
    eventId: `e${id}`,
    type: "X",
    topic: "t",
    partition: 0,
    offset: id,
    occurredAt: id,
    rule: "x",
    summary: "X",
  });
  const made = newCase("x", { decidedBy: "e5", openedAt: 5, expiresAt: 10, remember: 0 });
  for (let id = 0; id < 100; id++) addEvidence(made, evidence(id));
  const ids = made.evidence.map((each) => each.offset);
  assert.deepEqual(ids, [0, 5, ...Array.from({ length: EVIDENCE_KEPT - 2 }, (_, index) => 70 + index)]);
  assert.equal(made.evidenceCount, 100);
  const before = structuredClone(made);
  for (let id = 0; id < 100; id++) addEvidence(made, evidence(id));
  assert.deepEqual(made, before);
  keepTelling(made, 3);
  assert.deepEqual(
    made.evidence.map((each) => each.offset),
    [0, 5, 99],
  );
});

test("of one rule a few cases are remembered, the others are counted", () => {
  const world = openWorld({ rules: single([]) });
  for (let id = 0; id < 20; id++) at(world, [String(id), id]);
  assert.equal(world.partition.takeCounts().evictions["cases"], 12);
});
