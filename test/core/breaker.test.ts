import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import {
  type BreakerChange,
  type BreakerEvent,
  type BreakerPhase,
  Breakers,
  type BreakerSettings,
  TRANSITIONS,
} from "../../src/core/breaker.ts";
import { HOUR, type Instant, MINUTE } from "../../src/core/time.ts";
import { START } from "./world.ts";

export const BREAKER: BreakerSettings = {
  fraction: 0.005,
  linkedFraction: 0.05,
  holdFraction: 0.05,
  floor: 5,
  holdFloor: 50,
  window: 10 * MINUTE,
  hold: HOUR,
};

interface Probe {
  readonly breakers: Breakers;
  readonly changes: string[];
  /** Asks for a freeze at so many milliseconds after START; one case each. */
  ask(at: number, active?: number): boolean;
}

function probe(settings: Partial<BreakerSettings> = {}): Probe {
  const changes: string[] = [];
  const onChange = ({ phase, id }: BreakerChange): void => void changes.push(`${phase} ${id}`);
  const breakers = new Breakers({ ...BREAKER, ...settings }, onChange);
  return {
    breakers,
    changes,
    ask: (at, active = 0) => breakers.ask("r", "freeze", { at: START + at, caseId: `a/r/${at}`, active }),
  };
}

/** What brings a breaker of floor 1 into a phase, and what each event is to it. */
const INTO: Record<BreakerPhase, (of: Probe) => void> = {
  closed: () => {},
  open: (of) => {
    of.ask(0);
    of.ask(0);
  },
};
const DO: Record<BreakerEvent, (of: Probe) => unknown> = {
  within: (of) => of.ask(MINUTE, 10_000),
  over: (of) => {
    of.breakers.adopt("r", "freeze", START + MINUTE);
    return of.ask(MINUTE);
  },
  quiet: (of) => of.breakers.pass(START + HOUR),
  word: (of) => of.breakers.close("a/r/0/breaker-freeze", START + MINUTE),
};

for (const phase of Object.keys(TRANSITIONS) as BreakerPhase[]) {
  for (const event of Object.keys(TRANSITIONS[phase]) as BreakerEvent[]) {
    const { to, lets } = TRANSITIONS[phase][event];
    test(`${phase}, ${event}: ${to}${lets ? ", let out" : ""} (BR2)`, () => {
      const of = probe({ floor: 1 });
      INTO[phase](of);
      const before = of.changes.length;
      const answer = DO[event](of);
      if (event === "within" || event === "over") assert.equal(answer, lets);
      assert.equal(of.breakers.open().length, to === "open" ? 1 : 0);
      const said = to === phase ? [] : [to];
      assert.deepEqual(
        of.changes.slice(before).map((change) => change.split(" ")[0]),
        said,
      );
    });
  }
}

test("the bound is the share of those active, and the floor where that is more", () => {
  const { breakers } = probe();
  for (const [kind, active, bound] of [
    ["freeze", 0, 5],
    ["freeze", 1_000, 5],
    ["freeze", 2_000, 10],
    ["linked", 40, 5],
    ["linked", 2_000, 100],
    ["hold", 900, 50],
    ["hold", 2_000, 100],
  ] as const) {
    assert.equal(breakers.bound(kind, active), bound, `${kind} ${active}`);
  }
});

test("so many as the bound are let out, the next one opens it, and it stays open for a quiet window (BR3)", () => {
  const of = probe();
  const out = Array.from({ length: 8 }, (_, index) => of.ask(index * 1_000));
  assert.deepEqual(out, [true, true, true, true, true, false, false, false]);
  assert.deepEqual(of.changes, ["open a/r/5000/breaker-freeze"]);
  assert.equal(of.ask(10 * MINUTE + 7_000), false, "still wanted within a window");
  of.breakers.pass(START + 20 * MINUTE + 7_000);
  assert.equal(of.changes.length, 1);
  assert.equal(of.breakers.closesAt(), START + 20 * MINUTE + 7_001);
  of.breakers.pass(START + 20 * MINUTE + 7_001);
  assert.deepEqual(of.changes.slice(1), ["closed a/r/5000/breaker-freeze"]);
  assert.equal(of.ask(21 * MINUTE), true);
});

test("it closes by itself before the first that asks after a quiet window, however late the frontier", () => {
  const of = probe();
  for (let index = 0; index < 8; index++) of.ask(index);
  assert.equal(of.ask(HOUR), true);
  assert.deepEqual(of.changes, ["open a/r/5/breaker-freeze", "closed a/r/5/breaker-freeze"]);
});

test("a person's word closes this opening, not another one, and as many again are let out (BR3)", () => {
  const of = probe();
  for (let index = 0; index < 6; index++) of.ask(index);
  of.breakers.close("a/r/4/breaker-freeze", START);
  of.breakers.close("a/r/5/breaker-linked", START);
  of.breakers.pass(START);
  assert.equal(of.breakers.open().length, 1);
  assert.equal(of.breakers.close("a/r/5/breaker-freeze", START), true);
  assert.equal(of.breakers.close("a/r/5/breaker-freeze", START), false, "once");
  assert.deepEqual(
    Array.from({ length: 6 }, (_, index) => of.ask(MINUTE + index)),
    [true, true, true, true, true, false],
  );
});

test("a word read before its opening waits for its time, and closes what is open then (BR4)", () => {
  for (const [opening, told] of [
    ["a/r/5", ["open a/r/5", "closed a/r/5"]],
    ["b/r/e", ["open a/r/5", "closed b/r/e", "closed a/r/5"]],
  ] as const) {
    const of = probe();
    assert.equal(of.breakers.close(`${opening}/breaker-freeze`, START + MINUTE), true);
    assert.equal(of.breakers.close(`${opening}/breaker-freeze`, START + MINUTE), false, "once");
    for (let index = 0; index < 8; index++) assert.equal(of.ask(index), index < 5);
    of.breakers.pass(of.breakers.closesAt() - 1);
    assert.equal(of.breakers.open().length, 1);
    const [states, words] = [of.breakers.states(), of.breakers.words()];
    of.breakers.load(states, words);
    assert.equal(of.breakers.closesAt(), START + MINUTE);
    of.breakers.pass(START + MINUTE);
    assert.deepEqual(
      of.changes,
      told.map((change) => `${change}/breaker-freeze`),
    );
    assert.deepEqual([of.breakers.closesAt(), of.ask(MINUTE)], [Infinity, true]);
  }
});

test("a closing is told although the opening never comes again (BR4)", () => {
  const of = probe();
  of.breakers.close("a/r/5/breaker-freeze", START + MINUTE);
  of.breakers.pass(START + MINUTE);
  of.breakers.pass(START + HOUR);
  assert.deepEqual(of.changes, ["closed a/r/5/breaker-freeze"]);
});

test("what a person has closed opens under another's id only (BR4)", () => {
  const of = probe({ floor: 1 });
  assert.deepEqual([of.ask(0), of.ask(1)], [true, false]);
  of.breakers.close("a/r/1/breaker-freeze", START + MINUTE);
  of.breakers.adopt("r", "freeze", START + 1);
  of.breakers.load(of.breakers.states(), of.breakers.words());
  assert.deepEqual([of.ask(1), of.breakers.open().length], [false, 0]);
  assert.deepEqual([of.ask(2), of.breakers.open().length], [false, 1]);
  assert.deepEqual(of.changes.slice(-2), ["closed a/r/1/breaker-freeze", "open a/r/2/breaker-freeze"]);
});

test("an id that names no breaker closes nothing", () => {
  const of = probe();
  for (const id of ["a/r/5", "a/r/5/breaker-", "a/r/5/breaker-other"])
    assert.equal(of.breakers.close(id, START), false);
  assert.deepEqual([of.changes, of.breakers.words()], [[], []]);
});

test("each rule and each kind has a breaker of its own", () => {
  const { breakers } = probe();
  const ask = (rule: string, kind: "freeze" | "linked" | "hold"): boolean =>
    breakers.ask(rule, kind, { at: START, caseId: "a/r/e", active: 0 });
  for (let index = 0; index < 6; index++) ask("r", "freeze");
  assert.deepEqual(
    [ask("r", "freeze"), ask("other", "freeze"), ask("r", "linked"), ask("r", "hold")],
    [false, true, true, true],
  );
});

test("in no window more are protected than the bound, in whatever order they are asked for (BR1)", () => {
  const settings = { floor: 3, window: 10 * MINUTE };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 * MINUTE }), { maxLength: 80 }), (times) => {
      const of = probe(settings);
      const frozen = times.filter((at) => of.ask(at)).toSorted((a, b) => a - b);
      for (const [index, from] of frozen.entries()) {
        const within = frozen.slice(index).filter((at) => at <= from + settings.window);
        assert.ok(within.length <= settings.floor, `${within.length} from ${from} on`);
      }
    }),
  );
});

test("restored at any point it lets out the same", () => {
  const asked = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 40 * MINUTE }), fc.constantFrom("r", "q"), fc.constantFrom("freeze", "hold")),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(asked, fc.nat(60), (all, cut) => {
      const settings = { ...BREAKER, floor: 2, holdFloor: 3 };
      const run = (breakers: Breakers, some: typeof all): boolean[] =>
        some.map(([at, rule, kind]) =>
          breakers.ask(rule, kind as "freeze", { at: START + at, caseId: `a/${rule}/${at}`, active: 0 }),
        );
      const whole = new Breakers(settings, () => {});
      const before = new Breakers(settings, () => {});
      const first = run(before, all.slice(0, cut));
      const after = new Breakers(settings, () => {});
      after.load(before.states(), before.words());
      assert.deepEqual([...first, ...run(after, all.slice(cut))], run(whole, all));
      assert.deepEqual(after.states(), whole.states());
    }),
  );
});

test("what nobody asks of any more is forgotten", () => {
  const of = probe();
  of.ask(0);
  of.breakers.pass(START + 40 * MINUTE);
  assert.equal(of.breakers.states().length, 1);
  of.breakers.pass(START + 40 * MINUTE + 1);
  assert.equal(of.breakers.states().length, 0);
  assert.equal(of.breakers.closesAt() satisfies Instant, Infinity);
});
