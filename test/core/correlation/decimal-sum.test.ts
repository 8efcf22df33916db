import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { decimalSum } from "../../../src/core/correlation/decimal-sum.ts";

test("decimal numbers add up to what they were written as, in any order", () => {
  const rows: readonly (readonly [readonly number[], number])[] = [
    [[0.7, 0.1], 0.8],
    [[0.1, 0.7], 0.8],
    [[0.1, 0.2], 0.3],
    [Array.from({ length: 8 }, () => 0.1), 0.8],
    [[0.1, -0.1], 0],
    [[9_007_199_254_740_990, 1], 9_007_199_254_740_991],
    [[0.5, 0.29999], 0.79999],
  ];
  for (const [terms, sum] of rows) assert.equal(decimalSum(terms.reduce((a, b) => a + b, 0)), sum, terms.join(" + "));
});

test("hundreds of cents add up exactly", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 256 }), (cents) => {
      const sum = cents.reduce((total, each) => total + each / 100, 0);
      assert.equal(decimalSum(sum), cents.reduce((total, each) => total + each, 0) / 100);
    }),
  );
});
