import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { ExchangeEvent } from "../../src/core/event.ts";
import type { Command } from "../../src/core/output.ts";
import { FREEZE, HOLD } from "../../src/core/rule-set.ts";
import { DAY, HOUR, MINUTE } from "../../src/core/time.ts";
import { event, openWorld, sequence, START, stateOf, type World } from "./world.ts";

const rules = sequence("ABC", { respond: [FREEZE, HOLD] });
const takeover = [event("a", 0, "A"), event("b", MINUTE, "B"), event("c", 2 * MINUTE, "C")] as const;

function release(of: Command): Command {
  return { ...of, commandId: `${of.caseId}/release/d1`, action: "RELEASE", scopes: [], expiresAt: null };
}

/** A new world with the state the other one has now, before the given events. */
function restored(from?: World): World {
  const world = openWorld({ rules });
  for (const { group, state } of from?.partition.takeChanged() ?? []) world.partition.loadGroup(group, state);
  return world;
}

test("what was said is in force; the detection and the commands not sent go out when the match recurs (AD2)", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored();
  next.partition.adopt(owner.commands[0]!, START);
  assert.deepEqual(next.said(), [], "adoption itself says nothing");
  next.apply("auth", ...takeover);
  assert.deepEqual(next.said(), ["OPENED alice/sequence/c", "HOLD WITHDRAW alice/sequence/c/c/1"]);
  assert.deepEqual(next.detections[0]!.evidence, owner.detections[0]!.evidence);
});

test("adopting all of it leaves what the dead owner would have had", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored();
  for (const command of owner.commands) next.partition.adopt(command, START);
  next.apply("auth", ...takeover);
  assert.deepEqual(next.commands, []);
  assert.equal(stateOf(next), stateOf(owner));
});

test("a replay in another order, deciding on another event, stays in the adopted case (AD2)", () => {
  const [a, b, c] = takeover;
  const c2 = event("c2", 3 * MINUTE, "C");
  const owner = openWorld({ rules });
  owner.apply("auth", a, b, c2, c);
  assert.equal(owner.commands[0]!.caseId, "alice/sequence/c2");
  const next = restored();
  for (const command of owner.commands) next.partition.adopt(command, START);
  next.apply("auth", c, a, b, c2);
  assert.deepEqual(next.said(), ["OPENED alice/sequence/c2"]);
});

test("adopting twice is adopting once, and reports nothing changed (AD1)", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored();
  for (const command of owner.commands) next.partition.adopt(command, START);
  const state = stateOf(next);
  assert.notEqual(state, "");
  for (const command of owner.commands) next.partition.adopt(command, START);
  assert.equal(stateOf(next), "");
});

test("an adopted extension prolongs the case", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored(owner);
  next.partition.adopt(
    { ...owner.commands[0]!, commandId: "x", issuedAt: START + HOUR, expiresAt: START + 3 * DAY },
    START,
  );
  next.pass(2 * DAY);
  assert.deepEqual(next.said(), []);
  next.pass(3 * DAY);
  assert.deepEqual(next.said(), ["CLOSED alice/sequence/c"]);
});

test("an adopted release closes the case for good; a later match opens a new one (AD1)", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored(owner);
  next.partition.adopt(release(owner.commands[0]!), START);
  next.partition.adopt(owner.commands[0]!, START);
  next.partition.tick();
  assert.deepEqual(next.said(), ["CLOSED alice/sequence/c"]);
  next.apply("auth", ...takeover, event("a0", MINUTE, "A"));
  assert.deepEqual(next.said(), ["CLOSED alice/sequence/c"], "what belongs to it is swallowed");
  next.apply("auth", event("c3", 5 * MINUTE, "C"));
  assert.deepEqual(next.said().slice(1), [
    "OPENED alice/sequence/c3",
    "FREEZE WITHDRAW+P2P+TRANSFER+API_KEYS alice/sequence/c3/c3/0",
    "HOLD WITHDRAW alice/sequence/c3/c3/1",
  ]);
});

test("what was released before its match recurs is announced, but no longer acted on", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored();
  next.partition.adopt(owner.commands[0]!, START);
  next.partition.adopt(release(owner.commands[0]!), START);
  next.apply("auth", ...takeover);
  assert.deepEqual(next.said(), ["OPENED alice/sequence/c"]);
});

test("an adopted case whose match never recurs ends in silence: only what was announced is closed (CS2)", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored();
  for (const command of owner.commands) next.partition.adopt(command, START);
  next.pass(3 * DAY);
  assert.deepEqual([next.said(), next.partition.wakeAt()], [[], undefined]);
});

test("a release of a case nobody remembers, and a command of a rule nobody knows, do no harm", () => {
  const owner = openWorld({ rules });
  owner.apply("auth", ...takeover);
  const next = restored();
  next.partition.adopt(release(owner.commands[0]!), START);
  assert.equal(stateOf(next), "");
  next.partition.adopt({ ...owner.commands[0]!, ruleId: "gone", caseId: "alice/gone/%E0%A4%A" }, START);
  next.apply("auth", ...takeover);
  assert.deepEqual(next.said(), owner.said());
  next.pass(30 * DAY);
  assert.equal(next.partition.wakeAt(), undefined);
});

test("wherever an owner dies, and in whatever order the rest is read again, nothing is said twice (AD2)", () => {
  const history = fc
    .array(
      fc.record({
        at: fc.nat(30),
        type: fc.constantFrom("A", "B", "C", "A+B"),
        account: fc.constantFrom("alice", "bob"),
      }),
      {
        minLength: 1,
        maxLength: 14,
      },
    )
    .map((rows) =>
      rows.map(({ at, type, account }, id): ExchangeEvent => ({
        ...event(`e${id}`, at * MINUTE, type),
        accountId: account,
      })),
    );
  const crash = history.chain((events) =>
    fc.record({
      events: fc.constant(events),
      saved: fc.nat(events.length),
      died: fc.nat(events.length),
      seed: fc.nat(),
    }),
  );
  fc.assert(
    fc.property(crash, ({ events, saved, died, seed }) => {
      const calm = openWorld({ rules, lateness: HOUR });
      calm.apply("auth", ...events);

      const owner = openWorld({ rules, lateness: HOUR });
      owner.apply("auth", ...events.slice(0, saved));
      const state = owner.partition.takeChanged();
      const before = owner.commands.length;
      owner.apply("auth", ...events.slice(saved, Math.max(saved, died)));

      const next = openWorld({ rules, lateness: HOUR });
      for (const each of state) next.partition.loadGroup(each.group, each.state);
      for (const command of owner.commands.slice(before)) next.partition.adopt(command, START);
      next.apply("auth", ...shuffled(events.slice(saved), seed));

      const said = [...owner.commands, ...next.commands];
      assert.equal(new Set(said.map((each) => each.commandId)).size, said.length, "no id twice");
      assert.deepEqual(casesOf(said), casesOf(calm.commands), "one case for each account that fires");
    }),
    { numRuns: 500 },
  );
});

const casesOf = (commands: readonly Command[]): string[] =>
  [...new Map(commands.map((each) => [each.caseId, `${each.accountId} ${each.ruleId}`])).values()].toSorted();

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const rest = [...items];
  const result: T[] = [];
  for (let step = seed; rest.length > 0; step = (step * 31 + 7) % 1_000_003)
    result.push(...rest.splice(step % rest.length, 1));
  return result;
}
