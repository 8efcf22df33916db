import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { ExchangeEvent, Service } from "../../src/core/event.ts";
import { FREEZE, handmadeRules, HOLD } from "../../src/core/rule-set.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { DAY, HOUR, MINUTE } from "../../src/core/time.ts";
import { decode, event, openWorld, sequence, START, stateOf, type World } from "./world.ts";

const SERVICE: Readonly<Record<string, Service>> = { A: "auth", B: "auth", C: "api_key", X: "withdrawal" };

/** Three steps over two services, two of them in a second sequence, and a rule of its own. */
const rules: RuleSet = handmadeRules({
  detections: [
    { name: "a", service: "auth", matches: (each) => each.type.split("+").includes("A") },
    { name: "b", service: "auth", matches: (each) => each.type.split("+").includes("B") },
    { name: "c", service: "api_key", matches: (each) => each.type === "C" },
    { name: "x", standalone: true, matches: (each) => each.type === "X", respond: [HOLD] },
  ],
  correlations: [
    { name: "abc", steps: ["a", "b", "c"], timespan: 15 * MINUTE, respond: [FREEZE] },
    { name: "bc", steps: ["b", "c"], timespan: 5 * MINUTE, respond: [HOLD] },
  ],
});

const anyEvents = (most: number): fc.Arbitrary<ExchangeEvent[]> =>
  fc
    .array(
      fc.record({
        at: fc.nat(30),
        type: fc.constantFrom("A", "B", "C", "A+B", "X", "LOGIN_SUCCEEDED"),
        accountId: fc.constantFrom("alice", "bob"),
        deviceId: fc.option(fc.constantFrom("d1", "d2")),
      }),
      { minLength: 1, maxLength: most },
    )
    .map((rows) => rows.map(({ at, type, ...fields }, id) => event(`e${id}`, at * MINUTE, type, fields)));

function feed(world: World, events: readonly ExchangeEvent[]): void {
  for (const each of events) world.apply(SERVICE[each.type[0]!] ?? "auth", each);
}

/** Which rules fired for which accounts. */
function fired(world: World): string[] {
  return [...new Set(world.detections.map((each) => `${each.group["accountId"]} ${each.ruleId}`))].toSorted();
}

test("order and repetition do not change who fires (L2)", () => {
  const arrivals = anyEvents(12).chain((events) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: events.length })),
  );
  fc.assert(
    fc.property(arrivals, ([events, again]) => {
      const [one, other] = [openWorld({ rules, lateness: HOUR }), openWorld({ rules, lateness: HOUR })];
      feed(one, events);
      feed(other, [...again, ...events]);
      assert.deepEqual(fired(other), fired(one));
    }),
    { numRuns: 300 },
  );
});

test("state is a set: applying each event twice is applying it once, in state and in what is said (PT3)", () => {
  fc.assert(
    fc.property(anyEvents(15), (events) => {
      const [once, twice] = [openWorld({ rules }), openWorld({ rules })];
      feed(once, events);
      for (const each of events) feed(twice, [each, each]);
      assert.deepEqual(bare(twice), bare(once));
      assert.deepEqual(twice.said(), once.said());
    }),
    { numRuns: 300 },
  );
});

/** The state without the offsets, which differ when each event is read twice. */
function bare(world: World): string[] {
  const groups = world.partition.takeChanged().map(({ group, state }) => {
    const text = JSON.stringify(decode(state!), (key, value: unknown) => (key === "offset" ? undefined : value));
    return `${group} ${text}`;
  });
  return groups.toSorted();
}

test("written, read back and continued at any point it goes on the same, time included (PT1)", () => {
  const cut = anyEvents(15).chain((events) => fc.tuple(fc.constant(events), fc.nat(events.length)));
  fc.assert(
    fc.property(cut, ([events, at]) => {
      const through = openWorld({ rules });
      feed(through, events);
      const before = openWorld({ rules });
      feed(before, events.slice(0, at));
      const after = openWorld({ rules });
      after.partition.loadPartition(before.partition.encode());
      const saved = before.partition.takeChanged();
      for (const each of saved) after.partition.loadGroup(each.group, each.state);
      feed(after, events.slice(at));
      for (const world of [through, after]) world.pass(3 * DAY);
      assert.deepEqual([...before.said(), ...after.said()].toSorted(), through.said().toSorted());
      assert.equal(after.partition.frontier(), through.partition.frontier());
      const merged = new Map(saved.map((each) => [each.group, each.state]));
      for (const each of after.partition.takeChanged()) merged.set(each.group, each.state);
      const direct = new Map(through.partition.takeChanged().map((each) => [each.group, each.state]));
      for (const [group, state] of direct) assert.deepEqual(decode(merged.get(group)!), decode(state!));
    }),
    { numRuns: 200 },
  );
});

test("an event that came too late to be kept leaves no memory behind, restored or not", () => {
  const world = openWorld({ rules });
  world.apply("auth", event("now", 2 * DAY, "LOGIN_SUCCEEDED"), event("late", 0, "A"));
  const restored = openWorld({ rules });
  restored.partition.loadPartition(world.partition.encode());
  for (const { group, state } of world.partition.takeChanged()) restored.partition.loadGroup(group, state);
  for (const each of [world, restored]) {
    each.partition.tick();
    assert.deepEqual(
      each.partition.takeChanged().map(({ state }) => decode(state!).memories),
      [[]],
    );
  }
});

test("when ticks happen does not matter to what is decided", () => {
  fc.assert(
    fc.property(anyEvents(15), fc.array(fc.boolean(), { minLength: 15, maxLength: 15 }), (events, ticks) => {
      const [lazy, eager] = [openWorld({ rules, lateness: MINUTE }), openWorld({ rules, lateness: MINUTE })];
      events.forEach((each, index) => {
        feed(lazy, [each]);
        feed(eager, [each]);
        if (ticks[index]!) eager.partition.tick();
      });
      assert.deepEqual(
        eager.commands.map((each) => each.commandId),
        lazy.commands.map((each) => each.commandId),
      );
    }),
    { numRuns: 200 },
  );
});

test("relabelling accounts relabels the results, and accounts do not help or hinder each other (L4, PT1)", () => {
  fc.assert(
    fc.property(anyEvents(14), (events) => {
      const [both, swapped, alone] = [1, 2, 3].map(() => openWorld({ rules, lateness: HOUR }));
      const other = (account: string): string => (account === "alice" ? "bob" : "alice");
      feed(both!, events);
      feed(
        swapped!,
        events.map((each) => ({ ...each, accountId: other(each.accountId) })),
      );
      feed(
        alone!,
        events.filter((each) => each.accountId === "alice"),
      );
      const ofAlice = fired(both!).filter((each) => each.startsWith("alice"));
      assert.deepEqual(
        fired(swapped!),
        fired(both!)
          .map((each) => each.replace(/^\w+/, other))
          .toSorted(),
      );
      assert.deepEqual(ofAlice, fired(alone!));
    }),
    { numRuns: 200 },
  );
});

test("a positive is said within the call that completes it, without a tick (L3)", () => {
  const world = openWorld({ rules });
  feed(world, [event("c", 2 * MINUTE, "C"), event("a", 0, "A")]);
  assert.deepEqual(world.said(), []);
  feed(world, [event("b", MINUTE, "B")]);
  assert.deepEqual(
    world.commands.map((each) => each.ruleId),
    ["abc", "bc"],
  );
});

test("events reach the detections of their service, each once", () => {
  const calls: string[] = [];
  const counting = handmadeRules({
    detections: (["auth", "api_key", null] as const).map((service) => ({
      name: String(service),
      service,
      matches: (each: ExchangeEvent) => calls.push(`${service} ${each.eventId}`) > 0,
    })),
    correlations: [
      { name: "one", steps: ["auth", "null"], timespan: MINUTE },
      { name: "two", steps: ["null", "api_key", "null"], timespan: MINUTE },
    ],
  });
  const world = openWorld({ rules: counting });
  world.apply("auth", event("1", 0, "A"));
  world.apply("withdrawal", event("2", 0, "A"));
  assert.deepEqual(calls, ["auth 1", "null 1", "null 2"]);
});

test("a routine event writes nothing (PT3)", () => {
  const world = openWorld({ rules });
  const login = (id: string, at: number): ExchangeEvent =>
    event(id, at, "LOGIN_SUCCEEDED", {
      deviceId: "d1",
      country: "DE",
      asn: 1,
      enrolledFactors: ["TOTP"],
      verifiedWith: ["TOTP"],
    });
  world.apply(
    "auth",
    event("s", -DAY, "ACCOUNT_SNAPSHOT", { knownDevices: ["d1"], enrolledFactors: ["TOTP"] }),
    login("1", 0),
  );
  assert.notEqual(stateOf(world), "");
  world.apply("auth", login("2", HOUR - 1), event("f", 2 * HOUR, "LOGIN_FAILED", { deviceId: "d9" }));
  assert.equal(stateOf(world), "");
});

test("a command that would already have expired is not said, its detection is (PT2)", () => {
  const stale = openWorld({ rules, now: START + DAY });
  feed(stale, [event("x", 0, "X")]);
  assert.deepEqual(stale.said(), ["OPENED alice/x/x"]);
  assert.deepEqual(stale.partition.takeCounts().suppressed, { stale: 1 });
  assert.deepEqual(stale.partition.takeCounts().suppressed, {});
  const fresh = openWorld({ rules, now: START + DAY - 1 });
  feed(fresh, [event("x", 0, "X")]);
  assert.equal(fresh.commands.length, 1);
  assert.equal(stateOf(stale), stateOf(fresh), "the wall clock leaves no trace in the state");
});

test("an event later than the lateness is applied and called late", () => {
  const world = openWorld({ rules, lateness: 10 * MINUTE });
  const arrival = { service: "auth", topic: "t", partition: 0, offset: 0, recordTimestamp: START + DAY } as const;
  assert.equal(world.partition.apply(arrival, event("1", HOUR, "A"), 0), "ok");
  assert.equal(world.partition.apply(arrival, event("2", 50 * MINUTE, "A"), 0), "ok");
  assert.equal(world.partition.apply(arrival, event("3", 50 * MINUTE - 1, "X"), 0), "late");
  assert.deepEqual(world.said().slice(0, 1), ["OPENED alice/x/3"]);
});

test("an event is called stale when what it called for would be over already (RP2)", () => {
  const world = openWorld({ rules });
  const arrival = { service: "auth", topic: "t", partition: 0, offset: 0, recordTimestamp: START } as const;
  const apply = (id: string, type: string): string => world.partition.apply(arrival, event(id, 0, type), START + DAY);
  assert.deepEqual([apply("x", "X"), apply("x", "X"), apply("a", "A")], ["stale", "ok", "ok"]);
  assert.deepEqual(world.commands, []);
});

test("topics that are not idle hold memory back", () => {
  const world = openWorld({ rules: sequence("AB"), lateness: 0, services: ["auth", "api_key"] });
  world.apply("auth", event("a", 0, "A"), event("a2", DAY, "A"));
  world.partition.tick();
  world.apply("api_key", event("b", MINUTE, "B"));
  assert.equal(world.detections.length, 1, "the other topic had not come so far");
  world.partition.setIdle("api_key", true);
  assert.equal(world.partition.frontier(), START + DAY);
});

test("a changed meaning drops entries and keeps cases; an unknown rule's are carried along (AC1, AC2, L8)", () => {
  const before = openWorld({ rules: sequence("AB", { respond: [FREEZE] }) });
  before.apply("auth", event("a", 0, "A"), event("b", 0, "B"), event("a2", MINUTE, "A"));
  const saved = before.partition.takeChanged();
  const load = (world: World): World => {
    for (const { group, state } of saved) world.partition.loadGroup(group, state);
    return world;
  };

  const edited = load(openWorld({ rules: sequence("AB", { respond: [FREEZE], hash: "edited" }) }));
  edited.apply("auth", event("b2", 2 * MINUTE, "B"));
  assert.deepEqual(edited.said(), [], "the case is open still, and the sequence was seen");

  const changed = load(openWorld({ rules: sequence("AB", { respond: [FREEZE], matchHash: "changed" }) }));
  changed.apply("auth", event("b2", 2 * MINUTE, "B"));
  assert.deepEqual(changed.partition.takeCounts().evictions, { rule: 3 });
  changed.apply("auth", event("a3", 2 * MINUTE, "A"));
  assert.deepEqual(changed.said(), [], "the case was kept");

  const unknowing = load(openWorld({ rules: sequence("YZ", { name: "other" }) }));
  unknowing.apply("auth", event("y", 2 * MINUTE, "PASSWORD_CHANGED"));
  const passedOn = unknowing.partition.takeChanged();
  assert.partialDeepStrictEqual(decode(passedOn[0]!.state!), without(decode(saved[0]!.state!), "profile"));
  unknowing.pass(3 * DAY);
  assert.deepEqual([unknowing.said(), unknowing.partition.wakeAt()], [[], undefined]);
});

function without(record: Record<string, unknown>, field: string): Record<string, unknown> {
  const { [field]: _, ...rest } = record;
  return rest;
}

test("an account stays within its limit, whatever floods it (AC3)", () => {
  const names = Array.from({ length: 12 }, (_, index) => `r${index}`);
  const greedy = handmadeRules({
    detections: [
      { name: "step", matches: () => true },
      ...names.map((name) => ({ name: `own-${name}`, matches: () => true, standalone: true, respond: [FREEZE] })),
    ],
    correlations: names.map((name) => ({ name, steps: ["step", "step"], timespan: DAY, respond: [FREEZE] })),
  });
  const world = openWorld({ rules: greedy });
  for (let id = 0; id < 60; id++) {
    world.apply(
      "auth",
      event(`${id}`.padStart(36, "e"), id, "LOGIN_SUCCEEDED", { deviceId: "d".repeat(200), address: "a".repeat(100) }),
    );
  }
  const [group] = world.partition.takeChanged();
  assert.ok(group!.state!.length <= 65_536, `${group!.state!.length} bytes`);
  assert.ok(world.partition.takeCounts().evictions["size"]! > 0);
});
