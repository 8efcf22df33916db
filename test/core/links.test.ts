// Groups that are no accounts: what partitions tell them, what they find, whom they tell. The world is two
// partitions that pass their signals to each other, repeated and late as the test wants.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FREEZE, handmadeRules, type HandmadeCorrelation } from "../../src/core/rule-set.ts";
import { openPartition, type Partition } from "../../src/core/partition.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { type Signal, signalKey } from "../../src/core/signal.ts";
import { DAY, type Duration, HOUR, MINUTE } from "../../src/core/time.ts";
import type { Command, Detection, Outputs } from "../../src/core/output.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { codec, event, type Fields, START } from "./world.ts";

const SHARED: HandmadeCorrelation = {
  name: "shared",
  steps: ["odd"],
  type: "value_count",
  groupBy: ["deviceId"],
  valueFields: ["accountId"],
  condition: { kind: "compare", comparisons: [{ operator: "gte", value: 2 }], percentile: null },
  timespan: HOUR,
};

const LINKED_AND_STARTED: HandmadeCorrelation = {
  name: "linked and started",
  steps: ["linked", "start"],
  type: "temporal",
  timespan: DAY,
  respond: [FREEZE],
};

function rulesWith(...correlations: readonly HandmadeCorrelation[]): RuleSet {
  return handmadeRules({
    detections: [
      { name: "odd", matches: ({ type }) => type === "ODD" },
      { name: "start", matches: ({ type }) => type === "START" },
      { name: "linked", service: "signal", matches: ({ type }) => type === "LINKED" },
    ],
    correlations,
  });
}

class Pair {
  readonly partitions: Partition[];
  readonly signals: Signal[] = [];
  readonly detections: Detection[] = [];
  readonly commands: Command[] = [];
  readonly #rules: RuleSet;
  readonly #waiting: Signal[] = [];
  readonly #written = [new Map<string, Uint8Array | null>(), new Map<string, Uint8Array | null>()] as const;
  #offset = 0;

  constructor(rules: RuleSet) {
    this.#rules = rules;
    this.partitions = [this.#open(), this.#open()];
  }

  #open(): Partition {
    return openPartition({
      rules: this.#rules,
      settings: { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" },
      codec,
      services: ["auth", "signal"],
      emit: ({ commands, detections, signals }: Outputs) => {
        this.commands.push(...commands);
        this.detections.push(...detections);
        this.signals.push(...signals);
        this.#waiting.push(...signals);
      },
    });
  }

  /** Which partition a key belongs to: by its last character, so that accounts and groups are spread. */
  of(key: string): Partition {
    return this.partitions[key.charCodeAt(key.length - 1) % 2]!;
  }

  apply(...events: readonly ExchangeEvent[]): void {
    for (const each of events) this.of(each.accountId).apply(this.#arrival("auth", each.occurredAt), each, 0);
  }

  /** Hands the signals said so far to their partitions, each as often as `times` says. */
  deliver({ times = 1, shuffle = (list: Signal[]) => list } = {}): void {
    while (this.#waiting.length > 0) {
      for (const signal of shuffle(this.#waiting.splice(0))) {
        for (let time = 0; time < times; time++) this.hear(signal);
      }
    }
  }

  hear(signal: Signal): void {
    const partition = this.of(signalKey(signal));
    const arrival = this.#arrival("signal", signal.occurredAt);
    if (signal.type === "FACT") partition.link(arrival, signal);
    else partition.apply(arrival, signal, 0);
  }

  /** Each partition is closed, and another one goes on with what it left. */
  restart(): void {
    this.partitions.forEach((partition, index) => {
      const next = this.#open();
      next.loadPartition(partition.encode());
      const written = this.#written[index as 0 | 1];
      for (const { group, state } of partition.takeChanged()) written.set(group, state);
      for (const [group, state] of written) next.loadGroup(group, state);
      this.partitions[index] = next;
    });
  }

  pass(at: Duration): void {
    for (const partition of this.partitions) {
      partition.advance(START + at);
      partition.tick();
    }
  }

  linked(): string[] {
    return this.signals
      .filter(({ type }) => type === "LINKED")
      .map(({ accountId, linkedBy, linkedCount, occurredAt }) =>
        [accountId, linkedBy, linkedCount, (occurredAt - START) / MINUTE].join(" "),
      );
  }

  #arrival(service: "auth" | "signal", at: number) {
    return { service, topic: service, partition: 0, offset: this.#offset++, recordTimestamp: at };
  }
}

const odd = (minute: number, accountId: string, fields: Fields = { deviceId: "d" }): ExchangeEvent =>
  event(`odd-${accountId}-${minute}`, minute * MINUTE, "ODD", { accountId, ...fields });

test("an event tells its group what the rule needs, under the group's key", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a", { deviceId: "d/1", country: "HK" }));
  const [fact] = pair.signals;
  assert.equal(signalKey(fact!), "shared/d%2F1");
  assert.deepEqual(fact, {
    eventId: "odd-a-0",
    type: "FACT",
    occurredAt: START,
    ruleId: "shared",
    group: { deviceId: "d/1" },
    accountId: "a",
    linkedBy: null,
    linkedCount: null,
    linkRule: null,
    fact: {
      matchHash: "shared",
      steps: 1,
      value: null,
      values: ['"a"'],
      carried: [],
      type: "ODD",
      topic: "auth",
      partition: 0,
      offset: 0,
      summary: "ODD country=HK deviceId=d/1",
    },
  });
});

test("whatever its values, a group's key stays short, and two groups' keys differ", () => {
  const long = "\u{1F4F1}".repeat(512);
  const keys = [long, `${long.slice(2)}x`, long.slice(2), `x${long}`].map((deviceId) => {
    const pair = new Pair(rulesWith(SHARED));
    pair.apply(odd(0, "a", { deviceId }), odd(1, "b", { deviceId }));
    pair.deliver();
    assert.equal(pair.linked().length, 2);
    return signalKey(pair.signals[0]!);
  });
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.ok(key.length < 512, `${key.length} characters`);
});

test("an event without the group's field tells nobody; one with a list tells the group of each element", () => {
  const pair = new Pair(rulesWith({ ...SHARED, groupBy: ["ipList"] }));
  pair.apply(odd(0, "a", {}), odd(1, "b", { ipList: [] }), odd(2, "c", { ipList: ["1", "2", "1"] }));
  assert.deepEqual(
    pair.signals.map(({ accountId, group }) => [accountId, group]),
    [
      ["c", { ipList: "1" }],
      ["c", { ipList: "2" }],
    ],
  );
});

test("of a longer list 64 elements' groups are told, the rest is counted", () => {
  const pair = new Pair(rulesWith({ ...SHARED, groupBy: ["ipList"] }));
  pair.apply(odd(0, "a", { ipList: Array.from({ length: 70 }, (_, index) => String(index)) }));
  assert.equal(pair.signals.length, 64);
  assert.deepEqual(pair.of("a").takeCounts().evictions, { entries: 6 });
});

test("accounts that share a group are each told once, those that come later too (LG2)", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a"));
  pair.deliver();
  assert.deepEqual(pair.linked(), []);
  pair.apply(odd(5, "b"));
  pair.deliver();
  pair.apply(odd(6, "a"), odd(7, "c"), odd(8, "b"));
  pair.deliver();
  pair.apply(odd(9, "e", { deviceId: "another" }));
  pair.deliver();
  assert.deepEqual(pair.linked(), ["a deviceId=d 2 5", "b deviceId=d 2 5", "c deviceId=d 3 7"]);
  assert.deepEqual(
    pair.detections.map(({ kind, group, caseId, evidence }) => [kind, group, caseId, evidence.map((e) => e.summary)]),
    [["OPENED", { deviceId: "d" }, "d/shared/odd-b-5", ["a ODD deviceId=d", "b ODD deviceId=d"]]],
  );
});

test("after a restart nobody is told again, and who comes later still is (LG2)", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a"), odd(1, "b"));
  pair.deliver();
  pair.restart();
  pair.apply(odd(2, "a"), odd(3, "c"));
  pair.deliver();
  assert.deepEqual(pair.linked(), ["a deviceId=d 2 1", "b deviceId=d 2 1", "c deviceId=d 3 3"]);
  assert.deepEqual(
    pair.detections.map(({ kind }) => kind),
    ["OPENED"],
  );
});

test("one account alone is no link, however often; nor are two further apart than the timespan (LK1)", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a"), odd(1, "a"), odd(2, "a"), odd(62.1, "b"));
  pair.deliver();
  assert.deepEqual(pair.linked(), []);
});

test("a link with an own first step freezes, whichever comes first; a link alone never does", () => {
  const pair = new Pair(rulesWith(SHARED, LINKED_AND_STARTED));
  pair.apply(event("s-a", 0, "START", { accountId: "a" }));
  pair.apply(odd(1, "a"), odd(2, "b"), odd(3, "c"));
  pair.deliver();
  assert.deepEqual(
    pair.commands.map(({ accountId, action }) => `${action} ${accountId}`),
    ["FREEZE a"],
  );
  pair.apply(event("s-b", 30 * MINUTE, "START", { accountId: "b" }));
  assert.deepEqual(
    pair.commands.map(({ accountId, action }) => `${action} ${accountId}`),
    ["FREEZE a", "FREEZE b"],
  );
  assert.deepEqual(
    pair.commands[1]!.evidence.map(({ type, summary }) => [type, summary.split(" ")[0]]),
    [
      ["LINKED", "LINKED"],
      ["START", "START"],
    ],
  );
});

test("an account that is linked again when its facts are forgotten is told so: by another id, in a case of its own (LG2)", () => {
  const pair = new Pair(rulesWith(SHARED, LINKED_AND_STARTED));
  for (const day of [0, 7]) {
    pair.apply(
      ...["a", "b"].flatMap((accountId, index) => [
        event(`start-${accountId}-${day}`, day * DAY + index * MINUTE, "START", { accountId, deviceId: "d" }),
        event(`odd-${accountId}-${day}`, day * DAY + index * MINUTE, "ODD", { accountId, deviceId: "d" }),
      ]),
    );
    pair.deliver();
  }
  const ids = pair.commands.map(({ commandId }) => commandId);
  assert.deepEqual([ids.length, new Set(ids).size], [4, 4]);
  assert.deepEqual(
    pair.signals.flatMap(({ type, eventId }) => (type === "LINKED" ? [eventId] : [])),
    ["shared/d/a/odd-a-0", "shared/d/b/odd-b-0", "shared/d/a/odd-a-7", "shared/d/b/odd-b-7"],
  );
});

test("a group's case closes and the group is forgotten when its time is over (LG3)", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a"), odd(1, "b"));
  pair.deliver();
  const states = (): string[] =>
    pair.partitions.flatMap((each) =>
      each
        .takeChanged()
        .flatMap(({ group, state }) => (group.startsWith("\0") ? [state === null ? "gone" : "kept"] : [])),
    );
  assert.deepEqual(states(), ["kept"]);
  pair.pass(3 * HOUR);
  assert.deepEqual(
    pair.detections.map(({ kind }) => kind),
    ["OPENED", "CLOSED"],
  );
  assert.deepEqual(states(), ["gone"]);
  for (const partition of pair.partitions) assert.equal(partition.encodeGroup("\0shared/d"), null);
});

test("facts for another meaning of the rule say nothing and are counted (LK2)", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a"), odd(1, "b"));
  for (const signal of pair.signals.splice(0)) {
    pair.hear({ ...signal, fact: { ...signal.fact!, matchHash: "other" } });
    pair.hear({ ...signal, ruleId: "unknown" });
  }
  assert.deepEqual(pair.linked(), []);
  const counted = pair.partitions.map((each) => each.takeCounts().evictions["rule"] ?? 0);
  assert.equal(counted[0]! + counted[1]!, 4);
});

test("a rule whose meaning changed forgets its facts; another keeps them (L8)", () => {
  const pair = new Pair(rulesWith(SHARED));
  pair.apply(odd(0, "a"));
  pair.deliver();
  for (const partition of pair.partitions) partition.replaceRules(rulesWith({ ...SHARED, title: "called otherwise" }));
  pair.apply(odd(1, "b"));
  pair.deliver();
  assert.equal(pair.linked().length, 2);
  for (const partition of pair.partitions) partition.replaceRules(rulesWith({ ...SHARED, matchHash: "new" }));
  pair.apply(odd(2, "c"));
  pair.deliver();
  assert.equal(pair.linked().length, 2);
});

test("a correlation over a group's rule hears its matches where its own groups live", () => {
  const devices: HandmadeCorrelation = {
    name: "devices of a network",
    steps: ["shared"],
    type: "value_count",
    groupBy: ["asn"],
    valueFields: ["deviceId"],
    condition: { kind: "compare", comparisons: [{ operator: "gte", value: 2 }], percentile: null },
    timespan: HOUR,
  };
  const pair = new Pair(rulesWith({ ...SHARED, standalone: false }, devices));
  const at = (minute: number, accountId: string, deviceId: string): ExchangeEvent =>
    odd(minute, accountId, { deviceId, asn: 64500 });
  pair.apply(at(0, "a", "d"), at(1, "b", "d"), at(2, "a", "e"), at(3, "c", "e"));
  pair.deliver();
  assert.deepEqual(pair.linked(), ["b asn=64500 2 3", "c asn=64500 2 3"]);
  assert.deepEqual(
    pair.detections.map(({ kind, ruleId, group }) => [kind, ruleId, group]),
    [["OPENED", "devices of a network", { asn: "64500" }]],
  );
});

test("groups are bounded in size: a flood leaves a state that can be written (LK4)", () => {
  const pair = new Pair(
    rulesWith({
      ...SHARED,
      condition: { kind: "compare", comparisons: [{ operator: "gte", value: 200 }], percentile: null },
    }),
  );
  for (let index = 0; index < 400; index++) {
    pair.apply(odd(0, `account-${"x".repeat(200)}-${index}`, { deviceId: "d".repeat(100), address: "a".repeat(300) }));
  }
  pair.deliver();
  const sizes = pair.partitions
    .flatMap((each) => each.takeChanged())
    .flatMap(({ group, state }) => (group.startsWith("\0") ? [state!.length] : []));
  assert.equal(sizes.length, 1);
  assert.ok(sizes[0]! <= 65_536, `${sizes[0]} bytes`);
});

/** Which account is linked in which group, whichever of its facts came first. */
function linkOf({ eventId }: Signal): string {
  return eventId.slice(0, eventId.lastIndexOf("/"));
}

const campaign = fc.array(
  fc.record({
    minute: fc.integer({ min: 0, max: 8 }),
    account: fc.constantFrom("a", "b", "c", "e"),
    device: fc.constantFrom("d", "f"),
    type: fc.constantFrom("ODD", "ODD", "START"),
  }),
  { minLength: 1, maxLength: 14 },
);

test("order, repetition, splitting and restarts change nothing about who is linked and frozen (L2, LG1)", () => {
  fc.assert(
    fc.property(campaign, fc.infiniteStream(fc.nat()), fc.integer({ min: 1, max: 3 }), (drawn, luck, times) => {
      const events = drawn.map(({ minute, account, device, type }, index) =>
        event(`${type}-${index}`, minute * MINUTE, type, { accountId: account, deviceId: device }),
      );
      const draw = (below: number): number => (luck.next().value as number) % below;
      const shuffled = <T>(list: readonly T[]): T[] => {
        const left = [...list];
        return list.map(() => left.splice(draw(left.length), 1)[0]!);
      };
      const calm = new Pair(rulesWith(SHARED, LINKED_AND_STARTED));
      for (const each of events.toSorted((x, y) => x.occurredAt - y.occurredAt)) {
        calm.apply(each);
        calm.deliver();
      }
      const wild = new Pair(rulesWith(SHARED, LINKED_AND_STARTED));
      for (const each of shuffled([...events, ...shuffled(events).slice(0, 3)])) {
        wild.apply(each);
        const deed = draw(4);
        if (deed === 0) wild.deliver({ times, shuffle: shuffled });
        if (deed === 1) wild.restart();
      }
      wild.deliver({ times, shuffle: shuffled });
      const told = (pair: Pair): string[] =>
        [...new Set(pair.signals.filter(({ type }) => type === "LINKED").map(linkOf))].toSorted();
      const frozen = (pair: Pair): string[] => [...new Set(pair.commands.map(({ accountId }) => accountId))].toSorted();
      assert.deepEqual(told(wild), told(calm));
      assert.deepEqual(frozen(wild), frozen(calm));
    }),
    { numRuns: 300 },
  );
});
