import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { addTime, lastTime, LATEST_KEPT, NO_TIMES } from "../../src/core/latest.ts";
import {
  firstSeen,
  isKnown,
  latestFirstSeen,
  NOTHING_SEEN,
  see,
  type SeenList,
  SINCE_EVER,
} from "../../src/core/seen.ts";
import { HOUR } from "../../src/core/time.ts";

const ignore = (): void => {};

interface Seeing {
  readonly value: string;
  readonly at: number;
  readonly sinceEver: boolean;
}

function seeAll(seeings: readonly Seeing[], capacity = 8): SeenList {
  return seeings.reduce<SeenList>((list, { value, at, sinceEver }) => {
    const first = sinceEver ? SINCE_EVER : at;
    return isKnown(list, value, first, at) ? list : see(list, value, { first, at, capacity, onEvicted: ignore });
  }, NOTHING_SEEN);
}

const seeing = fc.record({
  value: fc.constantFrom("a", "b", "c", "d"),
  at: fc.integer({ min: 1, max: 5 * HOUR }),
  sinceEver: fc.boolean(),
});

test("sightings are a set: order and repetition do not matter (SN1)", () => {
  fc.assert(
    fc.property(fc.array(seeing), fc.array(fc.nat()), (seeings, picks) => {
      const shuffled = [...seeings, ...picks.map((pick) => seeings[pick % seeings.length]!).filter(Boolean)].toSorted(
        (a, b) => (a.at % 7) - (b.at % 7),
      );
      const values = ["a", "b", "c", "d"];
      const [one, other] = [seeAll(seeings), seeAll(shuffled)];
      for (const value of values) assert.equal(firstSeen(one, value), firstSeen(other, value));
      assert.deepEqual(byValue(one), byValue(other));
    }),
  );
});

function byValue(list: SeenList): unknown[] {
  const triples: unknown[][] = [];
  for (let index = 0; index < list.length; index += 3) triples.push(list.slice(index, index + 3));
  return triples.toSorted((a, b) => String(a[0]).localeCompare(String(b[0])));
}

test("a known value within the hour tells nothing new", () => {
  const list = seeAll([{ value: "a", at: HOUR, sinceEver: false }]);
  assert.equal(isKnown(list, "a", 2 * HOUR - 1, 2 * HOUR - 1), true);
  assert.equal(isKnown(list, "a", 2 * HOUR, 2 * HOUR), false, "the next hour moves last seen");
  assert.equal(isKnown(list, "a", HOUR - 1, HOUR - 1), false, "an earlier sighting moves first seen");
  assert.equal(isKnown(list, "b", HOUR, HOUR), false);
});

test("the value seen least recently goes first, the new one included (SN2)", () => {
  let evicted = 0;
  const sighting = (at: number) => ({ first: at, at, capacity: 2, onEvicted: () => void evicted++ });
  let list = see(NOTHING_SEEN, "a", sighting(HOUR));
  list = see(list, "b", sighting(2 * HOUR));
  list = see(list, "a", sighting(3 * HOUR));
  list = see(list, "c", sighting(4 * HOUR));
  assert.deepEqual([firstSeen(list, "a"), firstSeen(list, "b"), firstSeen(list, "c")], [HOUR, undefined, 4 * HOUR]);
  assert.equal(see(list, "late", sighting(1)), list, "older than all there is room for");
  assert.equal(evicted, 2);
});

test("the latest first sighting leaves out what came later and what was known since ever", () => {
  const list = seeAll([
    { value: "a", at: 90, sinceEver: true },
    { value: "b", at: 10, sinceEver: false },
    { value: "c", at: 50, sinceEver: false },
  ]);
  assert.equal(latestFirstSeen(list, 49), 10);
  assert.equal(latestFirstSeen(list, 50), 50);
  assert.equal(latestFirstSeen(list, 9), undefined);
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
