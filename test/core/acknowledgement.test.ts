import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { Ack, AckStatus, Decision } from "../../src/core/decision.ts";
import type { Command } from "../../src/core/output.ts";
import { FREEZE, handmadeRules, HOLD } from "../../src/core/rule-set.ts";
import type { ResponseAction } from "../../src/core/rule.ts";
import { DAY, type Duration, HOUR, MINUTE } from "../../src/core/time.ts";
import { event, openWorld, START, stateOf, type World } from "./world.ts";

const PATIENCE = 30_000;

/** A world whose wall clock stands `at` after START when events are applied. */
function opened(respond: readonly ResponseAction[] = [FREEZE], at: Duration = 0): World {
  const rules = handmadeRules({
    detections: [{ name: "x", standalone: true, matches: (each) => each.type === "X", respond }],
  });
  return openWorld({ rules, ackTimeout: PATIENCE, now: START + at });
}

function ack(commandId: string, at: Duration, status: AckStatus = "APPLIED"): Ack {
  return { commandId, accountId: "alice", status, appliedAt: START + at, service: "gate" };
}

function answer(
  world: World,
  at: Duration,
  status: AckStatus = "APPLIED",
  commandId: string = "alice/x/1/1/0",
): unknown {
  return world.partition.acknowledge(ack(commandId, at, status), START + at);
}

function wait(world: World, until: Duration): void {
  world.partition.repeat(START + until);
}

function overdue(world: World): number {
  return world.partition.takeCounts().unacknowledged;
}

function froze(respond?: readonly ResponseAction[], at: Duration = 0): World {
  const world = opened(respond, at);
  world.apply("auth", event("1", 0, "X", { deviceId: "d1" }));
  return world;
}

test("what nobody acknowledges in time is said again, once and the same, and counted until it is answered (AK1)", () => {
  const world = froze();
  assert.equal(world.partition.repeatsAt(), START + PATIENCE);
  wait(world, PATIENCE - 1);
  assert.equal(world.commands.length, 1);
  world.apply("auth", event("2", MINUTE, "X"));
  wait(world, PATIENCE);
  wait(world, HOUR);
  assert.deepEqual(world.commands[1], world.commands[0], "evidence that came since is not part of it");
  assert.equal(world.commands.length, 2);
  assert.equal(overdue(world), 1);
  assert.deepEqual(answer(world, HOUR), { rule: "x", caseId: "alice/x/1", seconds: HOUR / 1_000 });
  assert.equal(overdue(world), 0);
});

test("an answer in time is the time from the deciding event to its being in force", () => {
  const world = froze();
  assert.deepEqual(answer(world, 1_500, "ALREADY_APPLIED"), { rule: "x", caseId: "alice/x/1", seconds: 1.5 });
  wait(world, DAY);
  assert.deepEqual([world.commands.length, world.partition.repeatsAt()], [1, undefined]);
});

test("a service's clock that is ahead makes nothing slower than it was, one behind nothing faster than at once", () => {
  const ahead = froze();
  const answered = ahead.partition.acknowledge(ack("alice/x/1/1/0", HOUR), START + 1_000);
  assert.equal(answered?.seconds, 1);
  const behind = froze();
  assert.equal(behind.partition.acknowledge(ack("alice/x/1/1/0", -HOUR), START + 1_000)?.seconds, 0);
});

test("a rejection is said again at once, and is an alarm until something else is answered", () => {
  const world = froze();
  assert.deepEqual(answer(world, 100, "REJECTED"), { rule: "x", caseId: "alice/x/1", seconds: null });
  assert.equal(world.commands.length, 2);
  answer(world, 200, "REJECTED");
  wait(world, MINUTE);
  assert.equal(world.commands.length, 2);
  assert.equal(overdue(world), 1);
  answer(world, 300);
  assert.equal(overdue(world), 0);
});

test("an answer given twice, or to a command nobody waits for, changes nothing (AK2)", () => {
  const world = froze();
  answer(world, 100);
  assert.notEqual(stateOf(world), "");
  for (const id of ["alice/x/1/1/0", "alice/x/1/1/7", "bob/x/1/1/0"])
    assert.equal(answer(world, 200, "APPLIED", id), null);
  assert.equal(world.partition.acknowledge({ ...ack("c", 0), accountId: "nobody" }, START), null);
  assert.equal(stateOf(world), "");
  assert.equal(world.partition.groups, 1);
});

test("holds and freezes are waited for, step-ups, reviews and releases are not", () => {
  const world = froze([FREEZE, HOLD, { ...HOLD, action: "STEP_UP" }, { ...HOLD, action: "REVIEW" }]);
  const release: Decision = {
    decisionId: "d",
    accountId: "alice",
    caseId: "alice/x/1",
    verdict: "RELEASE",
    until: null,
    decidedBy: "ann",
    decidedAt: START,
    note: null,
  };
  wait(world, PATIENCE);
  assert.deepEqual(
    world.commands.slice(4).map(({ action }) => action),
    ["FREEZE", "HOLD"],
  );
  assert.equal(overdue(world), 2);
  world.partition.decide(release, START + MINUTE);
  assert.equal(overdue(world), 0, "nobody has to protect a released case");
  wait(world, DAY);
  assert.equal(world.commands.length, 7);
});

test("what is over by itself is neither said again nor alarming", () => {
  const short = froze([{ ...FREEZE, for: 10_000 }]);
  wait(short, PATIENCE);
  assert.equal(short.commands.length, 1);
  const long = froze([{ ...FREEZE, for: HOUR }]);
  wait(long, MINUTE);
  assert.equal(overdue(long), 1);
  wait(long, HOUR);
  assert.equal(overdue(long), 0);
  assert.equal(answer(long, 2 * HOUR, "EXPIRED"), null);
});

test("what was not said, because it was over, is not waited for", () => {
  const world = froze([FREEZE], 2 * DAY);
  assert.deepEqual([world.commands.length, world.partition.repeatsAt()], [0, undefined]);
});

test("an extension by a person is waited for as well", () => {
  const world = froze();
  answer(world, 100);
  const until = START + 9 * DAY;
  const word = { decisionId: "d", accountId: "alice", caseId: null, verdict: "EXTEND", until } as const;
  world.partition.decide({ ...word, decidedBy: "ann", decidedAt: START + HOUR, note: null }, START + HOUR);
  wait(world, HOUR + PATIENCE);
  assert.deepEqual(
    world.commands.map(({ commandId }) => commandId),
    ["alice/x/1/1/0", "alice/x/1/extend/d", "alice/x/1/extend/d"],
  );
});

test("a restart forgets neither what waits nor that it was said twice", () => {
  const before = froze();
  const restarted = before.restarted();
  wait(restarted, PATIENCE);
  assert.deepEqual(JSON.parse(JSON.stringify(restarted.commands)), JSON.parse(JSON.stringify(before.commands)));
  const again = restarted.restarted();
  wait(again, DAY - 1);
  assert.deepEqual([again.commands.length, overdue(again)], [0, 1]);
  assert.notEqual(answer(again, HOUR), null);
});

test("an adopted command is waited for from when it was appended; one the state knows is not waited for again", () => {
  const owner = froze();
  const next = opened();
  next.partition.adopt(owner.commands[0]!, START + 5_000);
  assert.equal(next.partition.repeatsAt(), START + 5_000 + PATIENCE);
  next.apply("auth", event("1", 0, "X"));
  wait(next, MINUTE);
  assert.deepEqual(next.commands, owner.commands);
  const known = owner.restarted();
  known.partition.acknowledge(ack("alice/x/1/1/0", 0), START);
  known.partition.adopt(owner.commands[0]!, START);
  wait(known, MINUTE);
  assert.deepEqual(known.commands, []);
});

test("what a dead owner said again already is not said a third time; a copy within the patience is no word of its own (AK1)", () => {
  const owner = froze();
  const [said] = owner.commands as [Command];
  for (const [copyAfter, times] of [
    [PATIENCE - 1, 1],
    [PATIENCE, 0],
  ] as const) {
    const anew = opened();
    anew.partition.adopt(said, START);
    anew.partition.adopt(said, START + copyAfter);
    const restored = owner.restarted();
    restored.partition.adopt(said, START + copyAfter);
    for (const next of [anew, restored, restored.restarted()]) {
      wait(next, 2 * PATIENCE);
      assert.deepEqual([next.commands.length, overdue(next)], [times, 1], `a copy after ${copyAfter} ms`);
    }
  }
});

test("what is adopted of a case that was released is waited for by nobody", () => {
  const owner = froze();
  owner.apply("auth", event("2", 20 * HOUR, "X"));
  const [first, further] = owner.commands as [Command, Command];
  const next = opened();
  next.partition.adopt(first, START);
  next.partition.adopt({ ...first, commandId: "alice/x/1/release/d1", action: "RELEASE", expiresAt: null }, START);
  next.partition.adopt(further, START); // a dying owner's
  wait(next, MINUTE);
  assert.deepEqual([next.commands, overdue(next)], [[], 0]);
});

type Step =
  | { readonly say: number }
  | { readonly answer: number; readonly status: AckStatus }
  | { readonly wait: number };
const steps = fc.array(
  fc.oneof(
    fc.nat(5).map((say): Step => ({ say })),
    fc
      .tuple(fc.nat(5), fc.constantFrom<AckStatus>("APPLIED", "REJECTED", "EXPIRED"))
      .map(([id, status]): Step => ({ answer: id, status })),
    fc.nat(60).map((seconds): Step => ({ wait: seconds * 1_000 })),
  ),
  { maxLength: 30 },
);

test("each command is said at most twice and the same, restarted anywhere; what is answered is never repeated", () => {
  fc.assert(
    fc.property(steps, fc.array(fc.nat(30)), (all, cuts) => {
      let world = opened();
      let clock = 0;
      const said: Command[] = [];
      const answered = new Set<string>();
      all.forEach((step, index) => {
        const before = world.commands.length;
        if ("say" in step) world.apply("auth", event(`e${step.say}`, step.say * 2 * DAY, "X"));
        else if ("answer" in step) {
          const id = `alice/x/e${step.answer}/e${step.answer}/0`;
          world.partition.acknowledge(ack(id, clock, step.status), START + clock);
          if (step.status !== "REJECTED" && said.some(({ commandId }) => commandId === id)) answered.add(id);
        } else wait(world, (clock += step.wait));
        for (const command of world.commands.slice(before)) {
          assert.ok(!answered.has(command.commandId), `${command.commandId} after its answer`);
          said.push(command);
        }
        if (cuts.includes(index)) world = world.restarted();
      });
      for (const twice of Map.groupBy(said, ({ commandId }) => commandId).values()) {
        assert.ok(twice.length <= 2);
        assert.deepEqual(JSON.stringify(twice.at(-1)), JSON.stringify(twice[0]));
      }
    }),
  );
});
