import { strict as assert } from "node:assert";
import { test } from "node:test";
import { Activity, slotOf } from "../../src/core/activity.ts";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import { START } from "./world.ts";

const slot = slotOf(START);

function seen(accounts: Iterable<number>, into: Activity = new Activity(), at: number = slot): Activity {
  for (const account of accounts) into.see(`account-${account}`, at);
  return into;
}

function upTo(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

for (const [count, error] of [
  [0, 0],
  [1, 0],
  [10, 0.1],
  [100, 0.1],
  [1_000, 0.12],
  [20_000, 0.15],
  [200_000, 0.15],
] as const) {
  test(`${count} accounts are counted to within ${error * 100} %`, () => {
    const estimate = seen(upTo(count)).count;
    assert.ok(Math.abs(estimate - count) <= error * count, `estimated ${estimate}`);
  });
}

test("an account seen again, in whatever slot, is seen once", () => {
  const activity = seen(upTo(500));
  const { count } = activity;
  seen(upTo(500), activity);
  seen(upTo(500), activity, slot + 1);
  seen(upTo(500), activity, slot - 1);
  assert.equal(activity.count, count);
});

test("who was not heard of for more than the hour and the slot under way is not counted", () => {
  const activity = seen(upTo(400));
  seen([1_000], activity, slotOf(START + HOUR));
  assert.ok(activity.count > 350, "within the hour");
  seen([1_000], activity, slotOf(START + HOUR + 15 * MINUTE));
  assert.equal(activity.count, 1);
  seen(upTo(400), activity);
  assert.equal(activity.count, 1, "what comes so late is not counted either");
});

test("what is kept goes on the same, and its size is bounded", () => {
  const activity = seen(upTo(700));
  seen(upTo(300, 5_000), activity, slot + 1);
  const restored = new Activity();
  restored.load(activity.state());
  assert.equal(restored.count, activity.count);
  assert.deepEqual(restored.state(), activity.state());
  for (const each of [activity, restored]) seen(upTo(300, 9_000), each, slot + 5);
  assert.equal(restored.count, activity.count);
  assert.equal(
    activity.state().slots.reduce((sum, { length }) => sum + length, 0),
    2 * 512,
  );
});

test("without anybody nothing is kept", () => {
  assert.deepEqual(new Activity().state(), { newest: -1, slots: [] });
});
