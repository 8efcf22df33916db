// The shortest failing list.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { interleavings } from "../../src/testing/simulator/orders.ts";
import { shrink } from "../../src/testing/simulator/shrink.ts";

test("what is left still fails, in its order, and nothing more can be left out", async () => {
  const lists = fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 20 });
  const drawn = lists.chain((list) => fc.tuple(fc.constant(list), fc.subarray(list, { minLength: 1 })));
  await fc.assert(
    fc.asyncProperty(drawn, async ([list, culprits]) => {
      const fails = async (part: readonly number[]): Promise<boolean> => culprits.every((each) => part.includes(each));
      assert.deepEqual(await shrink(list, fails), culprits);
    }),
    { numRuns: 200 },
  );
});

test("a failure that needs nothing is shortened to nothing", async () => {
  assert.deepEqual(await shrink([1, 2, 3], () => Promise.resolve(true)), []);
});

test("all orders of two streams, each stream in its own", () => {
  const orders = interleavings([["a", "b"], ["x"]], 10)!.map((order) => order.join(""));
  assert.deepEqual(orders.toSorted(), ["abx", "axb", "xab"]);
  assert.equal(interleavings([["a", "b"], ["x"]], 2), null);
});
