// `holdfast topics` on a real broker, by way of the command line.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createKafkaClient } from "../../src/adapters/kafka/client.ts";
import { createTopics, plannedTopics } from "../../src/adapters/kafka/topics.ts";
import type { Io } from "../../src/cli/io.ts";
import { runProgram } from "../../src/cli/program.ts";
import { cluster } from "../cluster.ts";

const kafka = cluster();

test("the topic of trades is made when it is named, as every input is", () => {
  const inputs = [
    { topic: "logins", service: "auth" },
    { topic: "fills", service: "trade", optional: true },
  ] as const;
  const topics = {
    inputs,
    decisions: "w",
    acks: "a",
    signals: "l",
    commands: "c",
    detections: "d",
    state: "s",
    deadLetter: "x",
  };
  const [logins, fills] = plannedTopics(topics, { partitions: 4, replication: 3 });
  assert.deepEqual(fills, { ...logins, topic: "fills" });
});

interface Ended {
  readonly exitCode: number;
  readonly stdout: string[];
  readonly stderr: string[];
}

async function topics(
  action: "create" | "verify",
  { prefix, brokers = kafka.brokers }: { prefix: string; brokers?: readonly string[] },
): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  const io: Io = {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    stdin: (async function* () {})(),
    isTTY: false,
    columns: 80,
    env: {
      HOLDFAST_KAFKA_BROKERS: brokers.join(","),
      HOLDFAST_TOPIC_PREFIX: prefix,
      HOLDFAST_PARTITIONS: "4",
      HOLDFAST_REPLICATION: "1",
    },
    signal: new AbortController().signal,
    self: [],
    nodeVersion: "",
  };
  const exitCode = await runProgram(["topics", action], io);
  const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
  return { exitCode, stdout: lines(stdout), stderr: lines(stderr) };
}

test(
  "verify names every topic that is missing; create makes them; both are then content",
  { skip: kafka.skip },
  async () => {
    const { prefix } = cluster();
    const bare = await topics("verify", { prefix });
    assert.equal(bare.exitCode, 1);
    assert.equal(bare.stderr.length, 10);
    for (const line of bare.stderr)
      assert.match(line, /^wrong {4}test-\S+ does not exist.*; create it with `holdfast topics create`$/);

    const created = await topics("create", { prefix });
    assert.equal(created.exitCode, 0);
    assert.deepEqual(created.stdout.slice(0, 1), [`created  ${prefix}auth-events: 4 partitions, replication 1`]);
    assert.equal(created.stdout.length, 11);
    for (const line of created.stderr) assert.match(line, /^warning {2}/);

    const again = await topics("create", { prefix });
    assert.deepEqual(again.stdout, ["ok       every topic is as it must be"]);
    assert.equal((await topics("verify", { prefix })).exitCode, 0);
  },
);

test("a topic with another number of partitions is named, with the remedy", { skip: kafka.skip }, async () => {
  const { prefix } = cluster();
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "test" });
  await createTopics(client, [{ topic: `${prefix}auth-events`, partitions: 3, replication: 1, config: {} }]);
  const { exitCode, stderr } = await topics("create", { prefix });
  assert.equal(exitCode, 1);
  assert.match(stderr[0]!, /^wrong {4}\S+\.auth-events has 3 partitions, .*; create it anew with 4 partitions/);
});

test("brokers that are not there are one clear message", async () => {
  const { exitCode, stderr, stdout } = await topics("verify", { prefix: "", brokers: ["127.0.0.1:1"] });
  assert.equal(exitCode, 1);
  assert.match(stderr.join("\n"), /ECONNREFUSED 127\.0\.0\.1:1.*\nDo the brokers run at 127\.0\.0\.1:1/);
  assert.deepEqual(stdout, []);
});
