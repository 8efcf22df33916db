// What the ports promise of membership in a group: joins, assignments, heartbeats, commits.

import assert from "node:assert/strict";
import { failureOf, finish, numbered, record } from "./contract-world.ts";
import type { Law } from "./contract-world.ts";

/** Joins, assignments and heartbeats of the Group port. */
export function joining(law: Law): void {
  law("before the first join the generation is -1 and no heartbeat was sent", async (world) => {
    const group = world.group();
    assert.equal(group.generation(), -1);
    assert.equal(group.lastHeartbeatAt(), -Infinity);
  });

  law(
    "onSuspend comes before every onAssigned; the generation is -1 in between, then the assignment's",
    async (world, join) => {
      const first = await join(2);
      const second = await join(1);
      await world.until(() => first.tasks().length === 1, "the first gives one up");
      await finish(world, second.group.stop());
      await world.until(() => first.tasks().length === 2, "and gets it back");
      for (const { seen, group } of [first, second]) {
        const calls = seen.filter(({ call }) => call === "suspend" || call === "assigned");
        assert.equal(calls[0]!.call, "suspend");
        for (const [index, call] of calls.entries()) {
          if (call.call === "suspend") assert.equal(call.generation, -1);
          if (call.call !== "assigned") continue;
          assert.equal(calls[index - 1]!.call, "suspend");
          assert.equal(call.generation, call.assignment.generation);
        }
        const generations = calls.flatMap((call) => (call.call === "assigned" ? [call.generation] : []));
        for (const [index, generation] of generations.entries())
          if (index > 0) assert.ok(generation > generations[index - 1]!);
        if (group === first.group) assert.equal(group.generation(), generations.at(-1));
      }
    },
  );

  law("at an assignment everything is paused, whatever was resumed before", async (world, join) => {
    const [alpha, beta] = world.topics;
    const member = await join(2);
    member.read(alpha, 0, 0);
    await finish(world, world.producer.send(alpha, 0, numbered(0, 1)));
    await world.until(() => member.values(alpha, 0).length === 1, "it flows before");
    const { generation } = member.assignment();
    await world.expel(member.assignment().member);
    await world.until(() => member.assignment().generation > generation, "it is assigned again");
    await finish(world, world.producer.send(alpha, 0, numbered(1, 3)));
    await finish(world, world.producer.send(beta, 1, numbered(0, 1)));
    member.read(beta, 1, 0);
    await world.until(() => member.values(beta, 1).length === 1, "what was resumed flows");
    const assigned = member.seen.findLastIndex(({ call }) => call === "assigned");
    const since = member.seen.slice(assigned).flatMap((seen) => (seen.call === "batch" ? [seen.batch.topic] : []));
    assert.deepEqual([...new Set(since)], [beta]);
    member.read(alpha, 0, 1);
    await world.until(() => member.values(alpha, 0).length === 3, "and the rest when resumed");
  });

  law("all partitions of a task are with one member; every task has one", async (world, join) => {
    const [alpha, beta] = world.topics;
    const first = await join(2);
    const second = await join(1);
    await world.until(() => first.tasks().length === 1, "the first gives one up");
    assert.deepEqual([...first.tasks(), ...second.tasks()].toSorted(), [0, 1]);
    for (const member of [first, second]) {
      for (const topic of [alpha, beta]) for (const task of [0, 1]) member.group.seek(topic, task, 0);
      for (const topic of [alpha, beta]) for (const task of member.tasks()) member.group.resume(topic, task);
    }
    for (const topic of [alpha, beta])
      for (const task of [0, 1]) await finish(world, world.producer.send(topic, task, [record("x")]));
    for (const member of [first, second]) {
      for (const topic of [alpha, beta]) {
        for (const task of member.tasks())
          await world.until(() => member.values(topic, task).length === 1, `${topic}/${task} arrives`);
        for (const task of [0, 1]) if (!member.tasks().includes(task)) assert.deepEqual(member.values(topic, task), []);
      }
    }
  });

  law("who joins or leaves moves no more tasks than it must", async (world, join) => {
    const first = await join(2);
    const second = await join(1);
    await world.until(() => first.tasks().length === 1, "the first gives one up");
    const [kept] = first.tasks();
    const third = await join(0);
    await world.until(
      () =>
        first.assignment().generation === third.assignment().generation &&
        second.assignment().generation === third.assignment().generation,
      "all are in the third's generation",
    );
    assert.deepEqual(first.tasks(), [kept]);
    assert.deepEqual(second.tasks(), [1 - kept!]);
    await finish(world, second.group.stop());
    await world.until(() => third.tasks().length === 1, "the third takes over");
    assert.deepEqual(third.tasks(), [1 - kept!]);
    assert.deepEqual(first.tasks(), [kept]);
  });

  law("lastHeartbeatAt is when the last successful one was sent, and goes on", async (world, join) => {
    const before = world.clock.monotonic();
    const { group } = await join(2);
    const first = group.lastHeartbeatAt();
    assert.ok(first >= before && first <= world.clock.monotonic());
    await world.until(() => group.lastHeartbeatAt() > first, "a heartbeat");
    assert.ok(group.lastHeartbeatAt() <= world.clock.monotonic());
  });

  law("after stop() nothing is called any more and the tasks are free", async (world, join) => {
    const [topic] = world.topics;
    const stopped = await join(2);
    stopped.read(topic, 0, 0);
    await finish(world, stopped.group.stop());
    const { length } = stopped.seen;
    await finish(world, world.producer.send(topic, 0, numbered(0, 2)));
    const next = await join(2);
    next.read(topic, 0, 0);
    await world.until(() => next.values(topic, 0).length === 2, "the next one reads");
    assert.equal(stopped.seen.length, length);
    assert.equal(stopped.group.generation(), -1);
  });
}

/** Commits of the Group port. */
export function committing(law: Law): void {
  const at = (topic: string, partition: number): { topic: string; partition: number } => ({ topic, partition });

  law(
    "committed() answers -1 where nothing was committed, else offset and metadata, in the order asked",
    async (world, join) => {
      const [alpha, beta] = world.topics;
      const member = await join(2);
      const asked = [at(beta, 1), at(alpha, 0), at(beta, 0)];
      const none = await finish(world, member.group.committed(asked));
      assert.deepEqual(
        none,
        asked.map((pair) => ({ ...pair, offset: -1, metadata: "" })),
      );
      const metadata = JSON.stringify({ lineage: "ä".repeat(500) });
      const entries = [
        { ...at(beta, 0), offset: 7, metadata },
        { ...at(alpha, 0), offset: 3, metadata: "" },
      ];
      assert.equal(await finish(world, member.group.commit(member.assignment(), entries)), "committed");
      const some = await finish(world, member.group.committed(asked));
      assert.deepEqual(some, [
        { ...at(beta, 1), offset: -1, metadata: "" },
        { ...at(alpha, 0), offset: 3, metadata: "" },
        { ...at(beta, 0), offset: 7, metadata },
      ]);
    },
  );

  law("a commit counts in the generation it was made for, and is rejected after that", async (world, join) => {
    const [topic] = world.topics;
    const first = await join(2);
    const old = first.assignment();
    const entry = { ...at(topic, 0), metadata: "" };
    assert.equal(await finish(world, first.group.commit(old, [{ ...entry, offset: 1 }])), "committed");
    await join(1);
    await world.until(() => first.assignment().generation > old.generation, "the generation moves on");
    assert.equal(await finish(world, first.group.commit(old, [{ ...entry, offset: 2 }])), "rejected");
    const [kept] = await finish(world, first.group.committed([at(topic, 0)]));
    assert.equal(kept!.offset, 1, "a rejected commit changes nothing");
    assert.equal(await finish(world, first.group.commit(first.assignment(), [{ ...entry, offset: 3 }])), "committed");
  });

  law("a member that was expelled is refused, then joins again by itself", async (world, join) => {
    const [topic] = world.topics;
    const member = await join(2);
    const old = member.assignment();
    await world.expel(old.member);
    const entry = { ...at(topic, 0), offset: 5, metadata: "stale" };
    assert.equal(await finish(world, member.group.commit(old, [entry])), "rejected");
    await world.until(() => member.assignment().generation > old.generation, "it joins again");
    assert.deepEqual(member.tasks(), [0, 1]);
    const [kept] = await finish(world, member.group.committed([at(topic, 0)]));
    assert.equal(kept!.offset, -1);
  });

  law("metadata the broker refuses is never reported as committed", async (world, join) => {
    const [alpha, beta] = world.topics;
    const member = await join(2);
    const entries = [
      { ...at(alpha, 0), offset: 1, metadata: "x".repeat(10_000) },
      { ...at(beta, 0), offset: 1, metadata: "" },
    ];
    const failure = await failureOf(world, member.group.commit(member.assignment(), entries));
    assert.deepEqual([failure.code, failure.disposition], ["OFFSET_METADATA_TOO_LARGE", "halt"]);
    const [refused] = await finish(world, member.group.committed([at(alpha, 0)]));
    assert.equal(refused!.offset, -1);
  });
}
