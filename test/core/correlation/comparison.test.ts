import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { holdAllOfSum } from "../../../src/core/correlation/comparison.ts";
import type { Comparison } from "../../../src/core/rule.ts";

const added = (terms: readonly number[]): number => terms.reduce((sum, term) => sum + term, 0);

test("decimal numbers add up to what they were written as", () => {
  const tenths = Array.from({ length: 8 }, () => 0.1);
  const rows: readonly (readonly [readonly number[], Comparison["operator"], number, boolean])[] = [
    [[0.7, 0.1], "gte", 0.8, true],
    [[0.1, 0.7], "gte", 0.8, true],
    [tenths, "gte", 0.8, true],
    [tenths, "lt", 0.8, false],
    [[0.1, 0.2], "eq", 0.3, true],
    [[0.1, 0.2], "gt", 0.3, false],
    [[0.5, 0.29999], "gte", 0.8, false],
    [[9_007_199_254_740_990, 1], "gt", 9_007_199_254_740_990, true],
    [[9_007_199_254_740_989], "gte", 9_007_199_254_740_990, false],
  ];
  for (const [terms, operator, value, holds] of rows) {
    assert.equal(holdAllOfSum([{ operator, value }], added(terms)), holds, `${terms.join(" + ")} ${operator} ${value}`);
  }
});

test("a range knows a sum that lies on one of its ends", () => {
  const range: readonly Comparison[] = [
    { operator: "gte", value: 0.8 },
    { operator: "lt", value: 0.9 },
  ];
  assert.deepEqual(
    [
      [0.7, 0.1],
      [0.7, 0.1, 0.1],
      [0.7, 0.15],
    ].map((terms) => holdAllOfSum(range, added(terms))),
    [true, false, true],
  );
});

test("hundreds of amounts are compared as the cents they are, in any order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 256 }), (cents) => {
      const value = added(cents) / 100;
      for (const order of [cents, cents.toReversed(), cents.toSorted((a, b) => a - b)]) {
        const sum = added(order.map((each) => each / 100));
        assert.ok(holdAllOfSum([{ operator: "eq", value }], sum), `${sum} is ${value}`);
        assert.ok(!holdAllOfSum([{ operator: "gte", value: value + 0.01 }], sum), `${sum} is less than a cent more`);
      }
    }),
  );
});
