// Finding a task's checkpoint again in its state log: which marker is trusted, and that a processor goes on
// from it as if nothing had been lost (T7).

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import type { Checkpoint } from "../../src/runtime/checkpoint.ts";
import { commitEntries } from "../../src/runtime/commit.ts";
import type { OutRecord } from "../../src/runtime/ports.ts";
import { recoverTask } from "../../src/runtime/recovery.ts";
import type { Recovery, RecoveryOptions } from "../../src/runtime/recovery.ts";
import { blockSends, markerRecord } from "../../src/runtime/state-log.ts";
import { coPartitioned } from "../../src/runtime/topics.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  commandsById,
  commitByHand,
  committedCheckpoint,
  committedState,
  frozen,
  openDriver,
  startReady,
  takeover,
  worked,
} from "./driver-fixture.ts";

const codec = createStateLogCodec("schemas");
const { state } = DRIVER_TOPICS;

/** A log of blocks and markers, and what is recovered from it when nothing is committed. */
class StateLog {
  readonly #records: (OutRecord & { readonly offset: number })[] = [];

  /** One checkpoint of one group's state; the head. */
  checkpoint(of: {
    writer: string;
    n: number;
    follows: number;
    base?: number;
    lineage?: Checkpoint["lineage"];
  }): number {
    const { writer, n, follows } = of;
    const from = this.#records.length;
    const changed = [{ group: `account-${n}`, state: Buffer.from(`${writer}${n}`) }];
    const sends = blockSends(changed, { partition: Buffer.from("p"), writer, n, codec });
    this.append(sends[0]!.records[0]!);
    const lineage = [...(of.lineage ?? []), [writer, from, from] as const];
    const base = of.base ?? lineage[0]![1];
    const rest = { base, lineage, follows, positions: { auth: n }, partitions: 1, group: "g" };
    this.append(markerRecord({ writer, n, ...rest }, codec));
    return this.#records.length;
  }

  append(record: OutRecord): void {
    this.#records.push({ ...record, offset: this.#records.length });
  }

  damage(offset: number): void {
    this.#records[offset]!.value![0]! ^= 1;
  }

  recover(options: Partial<RecoveryOptions> = {}): Promise<Recovery> {
    const log = { start: 0, end: this.#records.length };
    return recoverTask({
      task: 0,
      groupId: "g",
      partitions: 1,
      codec,
      committed: "",
      log,
      read: ({ from, to }, onRecord) => {
        for (const record of this.#records.slice(from, to)) onRecord({ topic: "state", partition: 0, ...record });
        return Promise.resolve();
      },
      ...options,
    });
  }
}

async function foundIn(log: StateLog): Promise<{ n: number; head: number; certain: boolean }> {
  const found = await log.recover();
  assert.equal(found.kind, "found", JSON.stringify(found));
  assert.ok(found.kind === "found");
  const { n, head } = found.checkpoint;
  return { n, head, certain: found.certain };
}

test("the last of a chain is taken, and said not to be certain", async () => {
  const log = new StateLog();
  let head = 0;
  for (let n = 1; n <= 4; n++) head = log.checkpoint({ writer: "a", n, follows: head, lineage: [["a", 0, head]] });
  assert.deepEqual(await foundIn(log), { n: 4, head: 8, certain: false });
});

test("what an owner that had lost the task appended late is not taken for the last", async () => {
  const log = new StateLog();
  const first = log.checkpoint({ writer: "a", n: 1, follows: 0 });
  const second = log.checkpoint({ writer: "b", n: 2, follows: first, lineage: [["a", 0, first]] });
  const third = log.checkpoint({ writer: "b", n: 3, follows: second, lineage: [["a", 0, first]], base: 0 });
  log.checkpoint({ writer: "a", n: 2, follows: first, lineage: [["a", 0, first]] }); // refused, and last in the log
  assert.deepEqual(await foundIn(log), { n: 3, head: third, certain: false });
});

test("of two that follow the same one neither is taken: nobody can tell which was committed", async () => {
  const log = new StateLog();
  const first = log.checkpoint({ writer: "a", n: 1, follows: 0 });
  const second = log.checkpoint({ writer: "a", n: 2, follows: first, lineage: [["a", 0, first]] });
  log.checkpoint({ writer: "b", n: 3, follows: second, lineage: [["a", 0, second]] });
  log.checkpoint({ writer: "a", n: 3, follows: second, lineage: [["a", 0, second]] });
  assert.deepEqual(await foundIn(log), { n: 2, head: second, certain: true });
});

test("a checkpoint whose blocks are damaged gives way to an earlier one; when none is whole the reason is said", async () => {
  const log = new StateLog();
  const first = log.checkpoint({ writer: "a", n: 1, follows: 0 });
  const second = log.checkpoint({ writer: "a", n: 2, follows: first, lineage: [["a", 0, first]] });
  log.checkpoint({ writer: "a", n: 3, follows: second, lineage: [["a", 0, second]] });
  log.damage(second);
  assert.deepEqual(await foundIn(log), { n: 2, head: second, certain: true });
  log.damage(0);
  const lost = await log.recover();
  assert.ok(lost.kind === "lost");
  assert.match(lost.because, /offset 0 is damaged/);
});

test("markers of another group or another partitioning are not trusted", async () => {
  const log = new StateLog();
  log.checkpoint({ writer: "a", n: 1, follows: 0 });
  for (const other of [{ groupId: "another" }, { partitions: 2 }]) {
    assert.equal((await log.recover(other)).kind, "lost");
  }
});

/** What recovery says of a driver's only task. */
function recovered(driver: ProcessorDriver): Promise<Recovery> {
  const pair = { topic: state, partition: 0 };
  const [committed] = driver.broker.coordinator(driver.groupId).committed([pair]);
  return recoverTask({
    task: 0,
    groupId: driver.groupId,
    partitions: 1,
    codec,
    committed: committed!.offset < 0 ? "" : committed!.metadata,
    log: driver.broker.log(pair).range(),
    read: ({ from, to }, onRecord) => {
      for (const { offset, value, headers } of driver.broker.records(state, 0)) {
        if (offset >= from && offset < to) onRecord({ ...pair, offset, value, headers });
      }
      return Promise.resolve();
    },
  });
}

/** As the command does. */
async function commit(driver: ProcessorDriver, checkpoint: Checkpoint): Promise<void> {
  const entries = commitEntries(checkpoint, { state, task: 0 });
  await commitByHand(driver, coPartitioned(DRIVER_TOPICS), () => entries);
}

test("what is committed and whole is left alone; what has not begun too", async () => {
  assert.equal((await recovered(await openDriver())).kind, "empty");
  const driver = await worked();
  const found = await recovered(driver);
  assert.ok(found.kind === "committed");
  assert.equal(found.groups, 2);
});

test("after the group's offsets were wiped a processor goes on where it was: the same state, nothing said again", async () => {
  const driver = await worked();
  const before = committedState(driver, 0);
  driver.broker.coordinator(driver.groupId).forgetOffsets();
  const found = await recovered(driver);
  assert.ok(found.kind === "found");
  assert.match(found.because, /no checkpoint is committed/);
  await commit(driver, found.checkpoint);
  assert.deepEqual(committedState(driver, 0), before);
  await startReady(driver, "second");
  await takeover(driver, "carol");
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice", "bob", "carol"]);
});

test("after the end of the log was lost an earlier checkpoint is found, and what came after it is decided again alike", async () => {
  const driver = await worked();
  const said = commandsById(driver);
  const { head } = committedCheckpoint(driver, 0)!;
  driver.broker.log({ topic: state, partition: 0 }).truncate(head - 1);
  const found = await recovered(driver);
  assert.ok(found.kind === "found", JSON.stringify(found));
  assert.match(found.because, /is not whole: it needs offsets/);
  assert.ok(found.checkpoint.head < head);
  await commit(driver, found.checkpoint);
  await startReady(driver, "second");
  await driver.advance(2_000);
  assert.deepEqual(commandsById(driver), said);
  assert.deepEqual(frozen(driver), ["alice", "bob"]);
});
