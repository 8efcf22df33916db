import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import type { Factor } from "../../src/core/event.ts";
import {
  type FactorMarks,
  FACTORS,
  MARK_KINDS,
  type MarkKind,
  markFactor,
  markKind,
  markTime,
  NO_MARKS,
  packMark,
  recordFactor,
  recordList,
  strengthOf,
  strongestEnrolled,
} from "../../src/core/factor.ts";

type Said = readonly [at: number, factor: Factor, kind: MarkKind];

function record(...said: readonly Said[]): FactorMarks {
  return said.reduce((marks, [at, factor, kind]) => recordFactor(marks, factor, kind, at), NO_MARKS);
}

test("what is enrolled just before and after an instant", () => {
  const rows: readonly (readonly [what: string, said: readonly Said[], at: number, before: number, after: number])[] = [
    ["nothing is known", [], 5, -1, -1],
    ["observed earlier", [[1, "TOTP", "OBSERVED"]], 5, 2, 2],
    ["observed now", [[5, "TOTP", "OBSERVED"]], 5, 2, 2],
    ["observed later: it was there before", [[9, "TOTP", "OBSERVED"]], 5, 2, 2],
    ["enrolled now", [[5, "TOTP", "ENROLLED"]], 5, -1, 2],
    ["enrolled later", [[9, "TOTP", "ENROLLED"]], 5, -1, -1],
    ["removed now", [[5, "TOTP", "REMOVED"]], 5, 2, -1],
    ["removed later: it was there before", [[9, "TOTP", "REMOVED"]], 5, 2, 2],
    ["removed earlier", [[1, "TOTP", "REMOVED"]], 5, -1, -1],
    [
      "removed, then enrolled anew",
      [
        [1, "TOTP", "REMOVED"],
        [3, "TOTP", "ENROLLED"],
      ],
      5,
      2,
      2,
    ],
    [
      "between the two",
      [
        [1, "TOTP", "REMOVED"],
        [9, "TOTP", "ENROLLED"],
      ],
      5,
      -1,
      -1,
    ],
    [
      "a second one of the kind enrolled now",
      [
        [1, "PASSKEY", "OBSERVED"],
        [5, "PASSKEY", "ENROLLED"],
      ],
      5,
      3,
      3,
    ],
    [
      "left out of a list now",
      [
        [1, "TOTP", "OBSERVED"],
        [5, "TOTP", "ABSENT"],
      ],
      5,
      2,
      -1,
    ],
    [
      "another one stays",
      [
        [1, "SMS", "OBSERVED"],
        [5, "TOTP", "REMOVED"],
      ],
      5,
      2,
      1,
    ],
  ];
  for (const [what, said, at, before, after] of rows) {
    const isList = said.some(([, , kind]) => kind === "ABSENT"); // only says something of what is known
    for (const marks of [record(...said), record(...(isList ? said : said.toReversed()))]) {
      assert.equal(strongestEnrolled(marks, at, "before"), before, `${what}: before`);
      assert.equal(strongestEnrolled(marks, at, "after"), after, `${what}: after`);
    }
  }
});

const said = fc.tuple(fc.nat(30), fc.constantFrom<Factor>("SMS", "TOTP", "PASSKEY"), fc.constantFrom(...MARK_KINDS));

test("recording twice is recording once (FM1), and of each factor a few marks stay (FM2)", () => {
  fc.assert(
    fc.property(fc.array(said), said, (earlier, [at, factor, kind]) => {
      const once = recordFactor(record(...earlier), factor, kind, at);
      assert.equal(recordFactor(once, factor, kind, at), once);
      assert.deepEqual(
        [...once],
        [...once].toSorted((a, b) => a - b),
      );
      for (let code = 0; code < FACTORS.length; code++) {
        assert.ok(once.filter((mark) => markFactor(mark) === code).length <= 4);
      }
    }),
  );
});

test("a mark is read as it was packed", () => {
  const mark = fc.tuple(fc.nat(FACTORS.length - 1), fc.nat(3), fc.integer({ min: -1e12, max: 4e12 }));
  fc.assert(
    fc.property(mark, ([factor, kind, at]) => {
      const packed = packMark(factor, kind, at);
      assert.deepEqual([markFactor(packed), markKind(packed), markTime(packed)], [factor, kind, at]);
    }),
  );
});

test("a full list says what is there and what is not, and nothing when it is known", () => {
  const listed = recordList(NO_MARKS, ["TOTP", "SMS"], 1);
  assert.equal(listed.length, 2, "a factor never heard of needs no mark");
  assert.equal(recordList(listed, ["SMS", "TOTP"], 2), listed, "a routine list changes nothing");
  const weaker = recordList(listed, ["SMS"], 3);
  assert.equal(strongestEnrolled(weaker, 2, "after"), 2);
  assert.equal(strongestEnrolled(weaker, 3, "after"), 1);
});

test("strength is that of the strongest, 0 for none and for unknown symbols", () => {
  assert.equal(strengthOf([]), 0);
  assert.equal(strengthOf(["SMS", "TOTP", "EMAIL"]), 2);
  assert.equal(strengthOf(["HARDWARE_KEY"]), 3);
  assert.equal(strengthOf(["CARRIER_PIGEON" as Factor]), 0);
});
