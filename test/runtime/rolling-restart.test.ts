// Instances that stop and come back one after the other: each hands over only its own tasks, takes back no
// more than the balance needs, and nobody else restores anything. And how an instance stops.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { DrivenProcessor } from "../../src/testing/driven-processor.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  checkpointed,
  committedCheckpoint,
  frozen,
  openDriver,
  ready,
  startReady,
  takeover,
  TAKEOVER_MS,
} from "./driver-fixture.ts";

const TASKS = 6;

const tasksOf = (processor: DrivenProcessor): readonly number[] => processor.reports("group.assigned").at(-1)!.tasks;
const restored = (processor: DrivenProcessor): number => processor.reports("task.restored").length;

async function fleet(driver: ProcessorDriver, names: readonly string[]): Promise<Map<string, DrivenProcessor>> {
  const processors = new Map<string, DrivenProcessor>();
  for (const name of names) processors.set(name, await startReady(driver, name));
  await settled(driver, [...processors.values()]);
  return processors;
}

async function settled(driver: ProcessorDriver, processors: readonly DrivenProcessor[]): Promise<void> {
  const all = (): number => processors.reduce((sum, each) => sum + (each.ready() ? tasksOf(each).length : 0), 0);
  await driver.until(() => all() === TASKS, { withinMs: 3 * TAKEOVER_MS, what: "every task runs" });
}

test("a rolling restart moves the tasks of the instance that restarts, and no others", async () => {
  const driver = await openDriver({ partitions: TASKS });
  const processors = await fleet(driver, ["a", "b", "c"]);
  for (let n = 0; n < 12; n++) await takeover(driver, `account-${n}`, 50);
  await driver.advance(2_000);
  for (const [round, name] of ["a", "b", "c"].entries()) {
    const others = [...processors].filter(([other]) => other !== name).map(([, each]) => each);
    const before = new Map(others.map((each) => [each, { tasks: tasksOf(each), restored: restored(each) }]));
    const stopping = processors.get(name)!;
    const moved = tasksOf(stopping);
    stopping.stop();
    await driver.until(() => stopping.end().how === "stopped", { withinMs: 10_000, what: "it has stopped" });
    await settled(driver, others);
    for (const other of others) {
      const { tasks, restored: restores } = before.get(other)!;
      const gained = tasksOf(other).filter((task) => !tasks.includes(task));
      assert.deepEqual(
        tasks.filter((task) => !tasksOf(other).includes(task)),
        [],
        "it loses nothing",
      );
      assert.ok(gained.every((task) => moved.includes(task)));
      assert.equal(restored(other) - restores, gained.length, "it restores what it gains, nothing else");
    }
    const gainedBy = new Map(others.map((each) => [each, restored(each)]));
    const back = await startReady(driver, `${name}-${round}`);
    processors.delete(name);
    processors.set(`${name}-${round}`, back);
    await settled(driver, [...processors.values()]);
    assert.equal(tasksOf(back).length, TASKS / 3);
    for (const [other, restores] of gainedBy) assert.equal(restored(other), restores, "whoever stays restores nothing");
  }
  await takeover(driver, "last");
  await driver.advance(2_000);
  assert.equal(new Set(frozen(driver)).size, 13);
});

test("told to stop it commits what it has and leaves at once: the next owner waits for no session to end", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await driver.advance(1_500);
  const second = driver.start("second");
  await driver.advance(3_000);
  driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.advance(100);
  const stoppedAt = driver.broker.clock.monotonic();
  first.stop();
  await driver.until(() => first.end().how === "stopped", { withinMs: 5_000, what: "it has stopped" });
  assert.equal(committedCheckpoint(driver, 0)!.positions["auth-events"], 1);
  await ready(driver, second);
  await driver.until(() => tasksOf(second).length === 1 && second.ready(), { withinMs: 5_000, what: "the next owner" });
  assert.ok(driver.broker.clock.monotonic() - stoppedAt < 5_000);
  assert.equal(restored(second), 1);
});

test("told to stop while the brokers take no state, it stops trying when they do, and has lost nothing", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  let away = true;
  driver.broker.onCall(({ kind, topic }) =>
    away && kind === "send" && topic === DRIVER_TOPICS.state
      ? { applied: false, answer: { disposition: "retry", code: "NOT_ENOUGH_REPLICAS" } }
      : undefined,
  );
  await takeover(driver, "alice");
  await driver.advance(100);
  first.stop();
  await driver.advance(20_000);
  assert.deepEqual(first.end(), { how: "running" });
  assert.deepEqual(frozen(driver), ["alice"], "commands do not wait for it");
  away = false;
  await driver.advance(3_000);
  assert.deepEqual(first.end(), { how: "stopped" });
  assert.equal(committedCheckpoint(driver, 0)!.positions["api-key-events"], 1);
});

test("told to stop in the middle of a restore it stops, and the next owner restores all of it", async () => {
  const driver = await openDriver({ maxFetchRecords: 1 });
  await checkpointed(driver, 10);
  const second = driver.start("second");
  let fetches = 0;
  driver.broker.onCall(({ process, kind, topic }) => {
    if (process === "second" && kind === "fetch" && topic === DRIVER_TOPICS.state && fetches++ === 5) second.stop();
    return undefined;
  });
  await driver.advance(TAKEOVER_MS);
  assert.deepEqual(second.end(), { how: "stopped" });
  assert.equal(restored(second), 0);
  const third = await startReady(driver, "third");
  assert.equal(third.reports("task.restored")[0]!.groups, 10);
});

test("a restore tells how much is left: in the log once a second at most, in the status at any time", async () => {
  const driver = await openDriver({ maxFetchRecords: 1 });
  await checkpointed(driver, 10);
  const second = driver.start("second");
  const left: number[] = [];
  let slow = false;
  driver.broker.onCall(({ process, kind, topic }) => {
    if (process !== "second" || kind !== "fetch" || topic !== DRIVER_TOPICS.state) return undefined;
    const { tasks } = second.status() as { tasks: readonly { readonly toRestore: number }[] };
    left.push(tasks[0]!.toRestore);
    slow = !slow;
    // Every other fetch fails once, so that time passes.
    return slow ? { applied: false, answer: { disposition: "retry", code: "TIMEOUT" } } : undefined;
  });
  await driver.advance(10_000);
  await ready(driver, second);
  const records = second.reports("task.restoring")[0]!.records;
  assert.ok(records >= 20 && left[0] === records, `${left[0]} of ${records}`);
  assert.ok(left.at(-1)! < records / 2 && left.every((each, at) => at === 0 || each <= left[at - 1]!));
  const told = second.reports("task.restoreProgress").map(({ remaining }) => remaining);
  assert.ok(told.length >= 2 && told.length <= 4, `${told.length} lines`);
  assert.equal(told.at(-1), 0);
  assert.ok(told.every((each, at) => at === 0 || each < told[at - 1]!));
});
