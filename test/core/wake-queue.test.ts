import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { WakeQueue } from "../../src/core/wake-queue.ts";

test("items come up in the order of their earliest times, once each", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.nat(50))), (calls) => {
      const queue = new WakeQueue<string>();
      const earliest = new Map<string, number>();
      for (const [item, at] of calls) {
        queue.schedule(item, at);
        earliest.set(item, Math.min(at, earliest.get(item) ?? Infinity));
      }
      const taken: number[] = [];
      for (let item = queue.take(50); item !== undefined; item = queue.take(50)) {
        taken.push(earliest.get(item)!);
        earliest.delete(item);
      }
      assert.equal(earliest.size, 0);
      assert.deepEqual(
        taken,
        taken.toSorted((a, b) => a - b),
      );
      assert.equal(queue.next(), undefined);
    }),
  );
});

test("nothing comes up before its time, and what was taken can be scheduled later", () => {
  const queue = new WakeQueue<string>();
  queue.schedule("a", 10);
  assert.equal(queue.take(9), undefined);
  assert.equal(queue.next(), 10);
  assert.equal(queue.take(10), "a");
  queue.schedule("a", 20);
  assert.equal(queue.take(19), undefined);
  assert.equal(queue.take(20), "a");
});
