import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { Decision } from "../../src/core/decision.ts";
import type { Command } from "../../src/core/output.ts";
import { FREEZE, handmadeRules, HOLD } from "../../src/core/rule-set.ts";
import type { ResponseAction, RuleSet } from "../../src/core/rule.ts";
import { DAY, type Duration, HOUR, MINUTE } from "../../src/core/time.ts";
import { event, openWorld, START, stateOf, type World } from "./world.ts";

const freeze: ResponseAction = { ...FREEZE, scopes: ["WITHDRAW"], for: 4 * HOUR };
const keys: ResponseAction = { ...FREEZE, scopes: ["API_KEYS"], targets: ["keyId"], for: 8 * HOUR };

/** A rule of its own for events of type X, and one for Y. */
function rules(
  respond: readonly ResponseAction[] = [freeze],
  more: { mode?: "observe"; quiet?: Duration } = {},
): RuleSet {
  const of = (type: string): Parameters<typeof handmadeRules>[0]["detections"][number] => ({
    name: type.toLowerCase(),
    standalone: true,
    matches: (each) => each.type === type,
    respond,
    ...more,
  });
  return handmadeRules({ detections: [of("X"), of("Y")] });
}

function decision(of: Partial<Decision>): Decision {
  return {
    decisionId: "d1",
    accountId: "alice",
    caseId: null,
    verdict: "RELEASE",
    until: null,
    decidedBy: "ann",
    decidedAt: START + HOUR,
    note: null,
    ...of,
  };
}

function decide(world: World, of: Partial<Decision>): string[] {
  const [detections, commands] = [world.detections.length, world.commands.length];
  world.partition.decide(decision(of), 0);
  const closed = world.detections.slice(detections).map(({ kind, caseId }) => `${kind} ${caseId}`);
  const said = world.commands.slice(commands);
  return [...closed, ...said.map(({ action, scopes, commandId }) => `${action} ${scopes.join("+")} ${commandId}`)];
}

function at(world: World, id: string, time: Duration, type = "X", more: object = {}): void {
  world.apply("auth", event(id, time, type, more));
}

function opened(of: RuleSet = rules()): World {
  const world = openWorld({ rules: of });
  at(world, "1", 0);
  return world;
}

test("a release closes its case and says so; a match on later events opens a new one", () => {
  const world = opened();
  assert.deepEqual(decide(world, { caseId: "alice/x/1" }), ["CLOSED alice/x/1", "RELEASE  alice/x/1/release/d1"]);
  const { expiresAt, issuedAt, evidenceCount, reasonCode } = world.commands.at(-1)!;
  assert.deepEqual([expiresAt, issuedAt, evidenceCount, reasonCode], [null, START + HOUR, 1, "RELEASE"]);
  at(world, "0", 0);
  assert.equal(world.commands.length, 2, "what belongs to it is swallowed");
  at(world, "2", 2 * HOUR);
  assert.equal(world.commands.at(-1)!.commandId, "alice/x/2/2/0");
});

test("the same decision again changes nothing and says nothing, restarted or not (DC1)", () => {
  for (const of of [
    { caseId: "alice/x/1" },
    { caseId: null },
    { caseId: "alice/x/1", verdict: "EXTEND", until: START + 2 * DAY },
    { caseId: "alice/x/1", verdict: "CONFIRMED_TAKEOVER" },
    { caseId: "alice/x/unknown" },
  ] as const) {
    const world = opened();
    assert.ok(decide(world, of).length > 0);
    assert.notEqual(stateOf(world), "");
    assert.deepEqual(decide(world, of), []);
    const again = world.restarted();
    assert.deepEqual(decide(again, of), []);
  }
});

test("an event that is called like a person's word makes no id of one (RS4)", () => {
  for (const [name, written] of [
    ["extend", "%65xtend"],
    ["release", "%72elease"],
  ] as const) {
    const world = openWorld({ rules: rules([keys]) });
    at(world, "1", 0, "X", { keyId: "k1" });
    at(world, name, MINUTE, "X", { keyId: "k2" });
    const said = world.commands.at(-1)!;
    assert.equal(said.commandId, `alice/x/1/${written}/0`);
    const next = openWorld({ rules: rules([keys]) });
    for (const command of world.commands) next.partition.adopt(command, 0);
    const of = { decisionId: "0", caseId: "alice/x/1", verdict: "EXTEND", until: START + 2 * DAY } as const;
    const extended = ["FREEZE API_KEYS alice/x/1/extend/0", "FREEZE API_KEYS alice/x/1/extend/0/1"];
    assert.deepEqual(decide(next, of), extended, "adopted, it was taken for no decision");
  }
});

test("the same decision again means nothing more, though the case has grown or is told something else (DC1)", () => {
  const world = openWorld({ rules: rules([keys]) });
  at(world, "1", 0, "X", { keyId: "k1" });
  const of = { caseId: "alice/x/1", verdict: "EXTEND", until: START + 2 * DAY } as const;
  assert.deepEqual(decide(world, of), ["FREEZE API_KEYS alice/x/1/extend/d1"]);
  at(world, "2", 2 * HOUR, "X", { keyId: "k2" });
  assert.deepEqual(decide(world, of), [], "an enforcer that knows the id would not close the second key for it");
  assert.deepEqual(decide(world, { caseId: "alice/x/1" }), [], "the id of another decision");
  assert.deepEqual(decide(world, { ...of, decisionId: "d2" }), ["FREEZE API_KEYS alice/x/1/extend/d2"]);
  assert.deepEqual(world.commands.at(-1)!.targets.keyIds, ["k2"]);
});

test("an extension goes on after a release was taken back by nothing: a released case stays released", () => {
  const world = opened();
  decide(world, { caseId: "alice/x/1" });
  assert.deepEqual(decide(world, { decisionId: "d2", caseId: "alice/x/1", verdict: "EXTEND", until: START + DAY }), []);
});

test("what names no case means the cases open at that time (DC2)", () => {
  const world = openWorld({ rules: rules() });
  at(world, "1", 0); // until 4 h
  at(world, "2", 5 * HOUR); // until 9 h
  at(world, "3", 6 * HOUR, "Y"); // until 10 h
  at(world, "4", 8 * HOUR, "X", { accountId: "bob" });
  const said = decide(world, { decidedAt: START + 6 * HOUR });
  assert.deepEqual(said, [
    "CLOSED alice/x/2",
    "CLOSED alice/y/3",
    "RELEASE  alice/x/2/release/d1",
    "RELEASE  alice/y/3/release/d1",
  ]);
  at(world, "5", 7 * HOUR, "Y");
  assert.deepEqual(
    decide(world, { decisionId: "d2", decidedAt: START + 6 * HOUR }),
    [],
    "nobody decided on that one yet",
  );
  assert.deepEqual(decide(world, { decisionId: "d3", accountId: "nobody" }), []);
  assert.equal(world.partition.groups, 2);
});

test("a case that is not known is released all the same, and its match, when it comes, acts no more", () => {
  const world = openWorld({ rules: rules() });
  assert.deepEqual(decide(world, { caseId: "alice/x/1" }), ["RELEASE  alice/x/1/release/d1"]);
  at(world, "0", -MINUTE);
  assert.equal(world.commands.at(-1)!.commandId, "alice/x/0/0/0", "another case, however early, is another case");
  at(world, "1", 0);
  assert.deepEqual(
    world.commands.map(({ action }) => action),
    ["RELEASE", "FREEZE"],
  );
  assert.deepEqual(decide(world, { caseId: "alice/gone%2Frule/e", decisionId: "d2" }), [
    "RELEASE  alice/gone%2Frule/e/release/d2",
  ]);
});

test("an extension of what is not known says nothing", () => {
  const world = openWorld({ rules: rules() });
  assert.deepEqual(decide(world, { caseId: "alice/x/1", verdict: "EXTEND", until: START + DAY }), []);
  assert.equal(world.partition.groups, 0);
});

test("an extension prolongs what is in force, each action and target by itself, and shortens nothing (DC3)", () => {
  const world = openWorld({ rules: rules([freeze, keys, { ...HOLD, action: "REVIEW" }]) });
  at(world, "1", 0, "X", { keyId: "k1" });
  const until = START + 6 * HOUR;
  const of = { caseId: "alice/x/1", verdict: "EXTEND", until } as const;
  assert.deepEqual(decide(world, of), ["FREEZE WITHDRAW alice/x/1/extend/d1"], "the keys are closed for longer");
  assert.equal(world.commands.at(-1)!.expiresAt, until);
  assert.deepEqual(decide(world, { ...of, decisionId: "d2", until: START + DAY }), [
    "FREEZE WITHDRAW alice/x/1/extend/d2",
    "FREEZE API_KEYS alice/x/1/extend/d2/1",
  ]);
  assert.deepEqual(world.commands.at(-1)!.targets.keyIds, ["k1"]);
  assert.deepEqual(decide(world, { ...of, decisionId: "d3", until: START + HOUR }), []);
  world.pass(DAY - 1);
  assert.equal(world.detections.length, 1);
  world.pass(DAY);
  assert.equal(world.detections.at(-1)!.kind, "CLOSED");
});

test("of more single targets than a case remembers none comes free while it is extended", () => {
  const world = openWorld({ rules: rules([keys]) });
  for (let index = 0; index < 20; index++) at(world, `${index}`, index * MINUTE, "X", { keyId: `k${index}` });
  const said = decide(world, { verdict: "CONFIRMED_TAKEOVER", caseId: "alice/x/0" });
  assert.deepEqual(said, ["FREEZE API_KEYS alice/x/0/extend/d1"]);
  assert.partialDeepStrictEqual(world.commands.at(-1), {
    targets: { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [] },
    expiresAt: START + HOUR + 7 * DAY,
  });
  assert.deepEqual(decide(world, { verdict: "CONFIRMED_TAKEOVER", caseId: "alice/x/0" }), [], "once");
});

test("a single target that is closed for longer does not stand for those that a full case forgot", () => {
  const world = openWorld({ rules: rules([keys]) });
  for (let index = 0; index < 20; index++) at(world, `${index}`, index * MINUTE, "X", { keyId: `k${index}` });
  const until = START + 8 * HOUR + 10 * MINUTE; // the keys are closed until then minus and plus ten minutes
  const said = decide(world, { verdict: "EXTEND", caseId: "alice/x/0", until });
  assert.deepEqual(said, ["FREEZE API_KEYS alice/x/0/extend/d1"]);
  assert.partialDeepStrictEqual(world.commands.at(-1), { targets: { keyIds: [] }, expiresAt: until });
  assert.deepEqual(decide(world, { verdict: "EXTEND", caseId: "alice/x/0", until, decisionId: "d2" }), [], "once");
});

test("a confirmed takeover is closed for seven days unless it says until when; also one that was over", () => {
  const world = opened();
  decide(world, { caseId: "alice/x/1", verdict: "CONFIRMED_TAKEOVER" });
  assert.equal(world.commands.at(-1)!.expiresAt, START + HOUR + 7 * DAY);
  const over = opened();
  over.pass(4 * HOUR);
  assert.equal(over.detections.at(-1)!.kind, "CLOSED");
  const later = { caseId: "alice/x/1", verdict: "CONFIRMED_TAKEOVER", decidedAt: START + 4 * HOUR + MINUTE } as const;
  assert.deepEqual(decide(over, later), ["FREEZE WITHDRAW alice/x/1/extend/d1"]);
  over.pass(6 * DAY);
  assert.equal(over.detections.length, 2, "open again");
  over.pass(8 * DAY);
  assert.equal(over.detections.length, 3);
});

test("an observed case is held by nothing, and stays open for as long as it says", () => {
  const world = opened(rules([freeze], { mode: "observe", quiet: HOUR }));
  assert.deepEqual(decide(world, { caseId: "alice/x/1", verdict: "CONFIRMED_TAKEOVER", until: START + DAY }), []);
  world.pass(DAY - 1);
  assert.deepEqual(world.said(), ["OPENED alice/x/1"]);
});

test("what a decision concerned is reported, new or not, for its rule's count", () => {
  const world = opened();
  const of = decision({ caseId: "alice/x/1", verdict: "FALSE_POSITIVE" });
  const heard = (): unknown[] => world.partition.decide(of, 0).map(({ rule, isNew }) => [rule, isNew]);
  assert.deepEqual(heard(), [["x", true]]);
  assert.deepEqual(heard(), [["x", false]]);
});

test("an adopted word of a person is not said again when the decision is read again (AD1)", () => {
  for (const of of [
    decision({ caseId: "alice/x/1" }),
    decision({ caseId: "alice/x/1", verdict: "EXTEND", until: START + DAY }),
  ]) {
    const owner = opened();
    owner.partition.decide(of, 0);
    const next = openWorld({ rules: rules() });
    for (const command of owner.commands) next.partition.adopt(command, START);
    assert.deepEqual(next.partition.decide(of, 0).length, 1);
    assert.deepEqual(next.commands, []);
    at(next, "1", 0);
    assert.deepEqual(next.commands, []);
  }
});

interface Step {
  readonly event?: readonly [id: string, time: Duration];
  readonly decision?: Decision;
}

const anyDecision = fc
  .tuple(
    fc.constantFrom("d1", "d2", "d3"),
    fc.constantFrom<Decision["verdict"]>("RELEASE", "FALSE_POSITIVE", "CONFIRMED_TAKEOVER", "EXTEND"),
    fc.constantFrom(null, "alice/x/e0", "alice/x/e3", "alice/x/e7"),
    fc.integer({ min: 0, max: 20 }),
  )
  .map(([id, verdict, caseId, hours]) =>
    decision({
      decisionId: `${id}-${verdict}-${caseId}-${hours}`,
      verdict,
      caseId,
      decidedAt: START + hours * HOUR,
      until: START + (hours + 5) * HOUR,
    }),
  );
const steps = fc.array(
  fc.oneof(
    fc.nat(9).map((index): Step => ({ event: [`e${index}`, index * HOUR] })),
    anyDecision.map((each): Step => ({ decision: each })),
  ),
  { maxLength: 25 },
);

function take(world: World, { event: of, decision: word }: Step): void {
  if (of !== undefined) at(world, ...of);
  if (word !== undefined) world.partition.decide(word, 0);
}

/** Evidence apart: where an event lies differs when it comes twice. */
function plain(commands: readonly Command[]): unknown {
  return JSON.parse(JSON.stringify(commands.map((each) => ({ ...each, evidence: [], evidenceCount: 0 }))));
}

test("repeated, and restarted anywhere, decisions and events say the same (DC1)", () => {
  fc.assert(
    fc.property(steps, fc.array(fc.nat(24)), fc.nat(24), (all, repeated, cut) => {
      const whole = openWorld({ rules: rules() });
      for (const step of all) take(whole, step);
      let world = openWorld({ rules: rules() });
      const commands: Command[] = [];
      all.forEach((step, index) => {
        take(world, step);
        if (repeated.includes(index)) take(world, step);
        if (index !== cut) return;
        commands.push(...world.commands);
        world = world.restarted();
      });
      commands.push(...world.commands);
      assert.deepEqual(plain(commands), plain(whole.commands));
      assert.equal(new Set(commands.map(({ commandId }) => commandId)).size, commands.length);
    }),
  );
});

test("with its commands adopted, a dead owner's last steps taken again say nothing new of released cases", () => {
  fc.assert(
    fc.property(steps, fc.nat(24), (all, cut) => {
      const owner = openWorld({ rules: rules() });
      for (const step of all.slice(0, cut)) take(owner, step);
      const next = owner.restarted();
      const saved = owner.commands.length;
      for (const step of all.slice(cut)) take(owner, step);
      for (const command of owner.commands.slice(saved)) next.partition.adopt(command, START);
      for (const step of all.slice(cut)) take(next, step);
      const released = new Set(owner.commands.flatMap(({ action, caseId }) => (action === "RELEASE" ? [caseId] : [])));
      assert.deepEqual(
        next.commands.filter(({ caseId, action }) => released.has(caseId) && action !== "RELEASE"),
        [],
      );
      const said = new Map(owner.commands.map((command) => [command.commandId, command]));
      for (const command of next.commands) {
        const before = said.get(command.commandId);
        if (before !== undefined) assert.deepEqual(plain([command]), plain([before]));
      }
    }),
  );
});
