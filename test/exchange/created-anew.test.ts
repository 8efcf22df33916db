// An input topic deleted and created anew on a real broker, filled past the position, under a real `holdfast run`:
// refused by name when it starts and while it runs, and read on with once the position was let go of.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createKafkaLogs } from "../../src/adapters/kafka/logs.ts";
import type { KafkaLogs } from "../../src/adapters/kafka/logs.ts";
import { createTopics } from "../../src/adapters/kafka/topics.ts";
import { PARTITIONS } from "../cli/case/desk-topics.ts";
import { cluster } from "../cluster.ts";
import { openFloor, startHoldfast, takeoverOf, until } from "../examples/floor.ts";
import type { Floor, Running } from "../examples/floor.ts";

const kafka = cluster();

test(
  "an input created anew is refused, running and restarted, until its position is let go of",
  {
    skip: kafka.skip,
    timeout: 120_000,
  },
  async (t) => {
    const floor = await openFloor(t, kafka);
    const { topic } = floor.topics.inputs[0]!;
    const logs = createKafkaLogs(floor.client);
    t.after(() => logs.close());
    const first = await startHoldfast(t, floor, { HOLDFAST_START_FROM: "earliest" });
    await freezes(floor, first, "alice");
    await grow(floor, "a");
    await committedTo(floor, await endsOf(logs, topic), topic);
    await first.kill("SIGTERM");

    await createAnew(floor, { logs, topic });
    await grow(floor, "b");
    await grow(floor, "c");
    const restarted = await startHoldfast(t, floor);
    const remedy = new RegExp(
      `${topic} was deleted and created anew .*holdfast recover --forget ${topic} --apply`,
      "u",
    );
    await until(() => remedy.test(restarted.log()), { what: "the restarted one says why", processes: [restarted] });

    const dry = await floor.holdfast("recover", "--group-id", groupOf(floor), "--forget", topic);
    assert.equal(dry.exitCode, 1, dry.err);
    assert.match(dry.out, / {4}offset \d+ of \S+ is let go of/u);
    const misnamed = await floor.holdfast("recover", "--group-id", groupOf(floor), "--forget", "auth", "--apply");
    assert.equal(misnamed.exitCode, 1);
    assert.match(misnamed.err, /No checkpoint has a position in auth/u);
    const applied = await floor.holdfast("recover", "--group-id", groupOf(floor), "--forget", topic, "--apply");
    assert.equal(applied.exitCode, 0, applied.err);
    const second = await startHoldfast(t, floor);
    await freezes(floor, second, "carol");

    const [before] = await endsOf(logs, topic);
    await createAnew(floor, { logs, topic });
    for (let round = 0; (await endsOf(logs, topic))[0]! <= before!; round++) await grow(floor, `d${round}`);
    const running = new RegExp(`${topic} was deleted and created anew while .*--forget ${topic} --apply`, "u");
    await until(() => running.test(second.log()), { what: "the running one says why", processes: [second] });
  },
);

function groupOf({ env }: Floor): string {
  return `${env["HOLDFAST_TOPIC_PREFIX"]}holdfast`;
}

async function freezes(floor: Floor, running: Running, accountId: string): Promise<void> {
  await floor.takeOver(accountId);
  const isFrozen = async (): Promise<boolean> =>
    (await floor.all("commands")).some((command) => command.accountId === accountId && command.action === "FREEZE");
  await until(isFrozen, { what: `${accountId} is frozen`, processes: [running] });
}

/** Ten accounts' events: every partition gets some. */
async function grow({ appendAll }: Floor, name: string): Promise<void> {
  const accounts = Array.from({ length: 20 }, (_, index) => `${name}-${index}`);
  await appendAll(accounts.flatMap((account) => takeoverOf(account, Date.now()).slice(0, 2)));
}

async function endsOf(logs: KafkaLogs, topic: string): Promise<number[]> {
  const pairs = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
  return (await logs.ranges(pairs)).map(({ end }) => end);
}

async function committedTo(floor: Floor, ends: readonly number[], topic: string): Promise<void> {
  const admin = floor.client.admin();
  await admin.connect();
  try {
    await until(
      async () => {
        const [found] = await admin.fetchOffsets({ groupId: groupOf(floor), topics: [topic] });
        return ends.every((end, at) => found?.partitions.some((p) => p.partition === at && Number(p.offset) >= end));
      },
      { what: "everything is read and committed" },
    );
  } finally {
    await admin.disconnect();
  }
}

async function createAnew({ client }: Floor, of: { logs: KafkaLogs; topic: string }): Promise<void> {
  const { logs, topic } = of;
  const id = async (): Promise<string | undefined> => (await logs.logIds([topic]).catch(() => undefined))?.get(topic);
  const before = await id();
  const admin = client.admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.disconnect();
  }
  while ((await id()) === before) await delay(10);
  await createTopics(client, [{ topic, partitions: PARTITIONS, replication: 1, config: {} }]);
  for (let now = await id(); now === undefined || now === before; now = await id()) await delay(10);
}
