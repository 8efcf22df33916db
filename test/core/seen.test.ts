import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { addTime, lastTime, LATEST_KEPT, NO_TIMES } from "../../src/core/latest.ts";
import {
  ADDRESS,
  COUNTRY,
  DEVICE,
  firstSeenAt,
  indexOfSeen,
  lastSeenHour,
  latestFirstSeen,
  NOTHING_SEEN,
  see,
  SEEN_WIDTH,
  type SeenKind,
  type SeenList,
  SINCE_EVER,
} from "../../src/core/seen.ts";
import { HOUR } from "../../src/core/time.ts";

interface Seeing {
  readonly kind?: number;
  readonly value: string;
  readonly at: number;
  readonly sinceEver?: boolean;
}

function seeAll(seeings: readonly Seeing[], onEvicted: (kind: SeenKind) => void = () => {}): SeenList {
  return seeings.reduce<SeenList>(
    (list, { kind, value, at, sinceEver }) =>
      see(list, kind ?? DEVICE, { value, first: sinceEver === true ? SINCE_EVER : at, at, onEvicted }),
    NOTHING_SEEN,
  );
}

/** The list's triples, as text, in an order that does not depend on how they came. */
function triples(list: SeenList): string[] {
  return Array.from({ length: list.length / SEEN_WIDTH }, (_, index) =>
    list.slice(index * SEEN_WIDTH, (index + 1) * SEEN_WIDTH).join(" "),
  ).toSorted();
}

function firstSeen(list: SeenList, value: string, kind = DEVICE): number | undefined {
  const index = indexOfSeen(list, kind, value);
  return index < 0 ? undefined : firstSeenAt(list, index);
}

const seeing = fc.record({
  kind: fc.constantFrom(DEVICE, ADDRESS),
  value: fc.constantFrom("a", "b", "c", "d"),
  at: fc.integer({ min: 1, max: 5 * HOUR }),
  sinceEver: fc.boolean(),
});

test("sightings are a set: order and repetition do not matter (SN1)", () => {
  const twice = fc
    .array(seeing)
    .chain((seeings) =>
      fc.tuple(fc.constant(seeings), fc.shuffledSubarray([...seeings, ...seeings], { minLength: seeings.length })),
    );
  fc.assert(
    fc.property(twice, ([seeings, again]) => {
      assert.deepEqual(triples(seeAll([...again, ...seeings])), triples(seeAll(seeings)));
    }),
  );
});

test("a known value within the hour tells nothing new", () => {
  const list = seeAll([{ value: "a", at: HOUR }]);
  const again = (value: string, at: number): SeenList =>
    see(list, DEVICE, { value, first: at, at, onEvicted: () => {} });
  assert.equal(again("a", 2 * HOUR - 1), list);
  assert.notEqual(again("a", 2 * HOUR), list, "the next hour moves last seen");
  assert.notEqual(again("a", HOUR - 1), list, "an earlier sighting moves first seen");
  assert.notEqual(again("b", HOUR), list);
});

test("a value of one kind is not that value of another", () => {
  const list = seeAll([{ kind: COUNTRY, value: "DE", at: HOUR }]);
  assert.equal(firstSeen(list, "DE"), undefined);
  assert.equal(firstSeen(list, "DE", COUNTRY), HOUR);
  assert.equal(lastSeenHour(list, 0), 1);
});

test("of its kind the value seen least recently goes first, the new one included (SN2)", () => {
  const many = Array.from({ length: 32 }, (_, index): Seeing => ({ value: `d${index}`, at: (index + 1) * HOUR }));
  const address: Seeing = { kind: ADDRESS, value: "bc1", at: 1 };
  const evicted: string[] = [];
  const list = seeAll(
    [address, ...many, { value: "d0", at: 40 * HOUR }, { value: "new", at: 41 * HOUR }, { value: "late", at: 1 }],
    (kind) => evicted.push(kind),
  );
  assert.deepEqual(evicted, ["devices", "devices"]);
  const values = ["d0", "d1", "new", "late"].map((value) => firstSeen(list, value));
  assert.deepEqual(values, [HOUR, undefined, 41 * HOUR, undefined]);
  assert.equal(firstSeen(list, "bc1", ADDRESS), 1, "other kinds have their own room");
});

test("the latest first sighting leaves out what came later, other kinds and what was known since ever", () => {
  const list = seeAll([
    { value: "a", at: 90, sinceEver: true },
    { value: "b", at: 10 },
    { value: "c", at: 50 },
    { kind: COUNTRY, value: "DE", at: 60 },
  ]);
  assert.deepEqual(
    [9, 10, 49, 50, 99].map((at) => latestFirstSeen(list, DEVICE, at)),
    [undefined, 10, 10, 50, 50],
  );
});

test("of the times of a kind the latest few are kept, in any order", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.nat(20), (times, at) => {
      const list = times.reduce((kept, time) => addTime(kept, time), NO_TIMES);
      const expected = [...new Set(times)].toSorted((a, b) => a - b).slice(-LATEST_KEPT);
      assert.deepEqual([...list], expected);
      assert.equal(
        lastTime(list, at),
        expected.findLast((time) => time <= at),
      );
      assert.ok(
        times.every((time) => addTime(list, time) === list),
        "again, or too old, changes nothing",
      );
    }),
  );
});
