// `holdfast recover` on a real broker, by way of the command line.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createKafkaClient } from "../../src/adapters/kafka/client.ts";
import { createKafkaGroup } from "../../src/adapters/kafka/group.ts";
import { createKafkaProducer } from "../../src/adapters/kafka/producer.ts";
import { createTopics } from "../../src/adapters/kafka/topics.ts";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import { runProgram } from "../../src/cli/program.ts";
import { blockSends, markerRecord } from "../../src/runtime/state-log.ts";
import { cluster } from "../cluster.ts";
import { openConsole } from "./console.ts";

const kafka = cluster();
const codec = createStateLogCodec("schemas");
const groupId = `${kafka.prefix}group`;
const state = `${kafka.prefix}holdfast.state`;
const input = `${kafka.prefix}auth-events`;

async function recover(...flags: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const { io, out, err } = openConsole();
  const env = {
    HOLDFAST_KAFKA_BROKERS: kafka.brokers.join(","),
    HOLDFAST_TOPIC_PREFIX: kafka.prefix,
    HOLDFAST_GROUP_ID: groupId,
  };
  const exitCode = await runProgram(["recover", ...flags], { ...io, env });
  return { exitCode, out: out(), err: err() };
}

test(
  "a checkpoint whose commit is gone is found, shown, and committed when told to",
  { skip: kafka.skip, timeout: 60_000 },
  async (t) => {
    const client = createKafkaClient({ brokers: kafka.brokers, clientId: "recover" });
    const config = {};
    await createTopics(
      client,
      [state, input].map((topic) => ({ topic, partitions: 2, replication: 1, config })),
    );
    const producer = createKafkaProducer(client);
    t.after(() => producer.close());
    const changed = ["alice", "bob"].map((group) => ({ group, state: Buffer.from(group) }));
    const [blocks] = blockSends(changed, { partition: Buffer.from("p"), writer: "w", n: 1, codec });
    await producer.send(state, 1, blocks!.records);
    const lineage = [["w", 0, 1]] as const;
    const place = { base: 0, lineage, follows: 0, partitions: 2, group: groupId };
    await producer.send(state, 1, [markerRecord({ writer: "w", n: 1, positions: { [input]: 0 }, ...place }, codec)]);

    const dry = await recover();
    assert.equal(dry.exitCode, 1);
    assert.match(dry.out, /ok {7}partition 0: nothing was written yet/);
    assert.match(
      dry.out,
      /found {4}partition 1: no checkpoint is committed; .* checkpoint 1 \(offsets 0 to 2, 2 groups\)/,
    );
    assert.match(dry.err, /Nothing was changed/);
    assert.equal((await recover()).exitCode, 1, "it has changed nothing");

    // While an instance is in the group its offsets are its own.
    const group = createKafkaGroup({ client, groupId, topics: [state, input] });
    t.after(() => group.stop());
    const joined = Promise.withResolvers<void>();
    const listener = { onSuspend: () => {}, onBatch: () => {}, onFailure: joined.reject };
    await group.start({ ...listener, onAssigned: () => joined.resolve() });
    await joined.promise;
    const refused = await recover("--apply");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.err, /has members: stop its instances first/);
    await group.stop();

    const applied = await recover("--apply");
    assert.match(applied.out, / {4}committed\n/);
    assert.equal(applied.exitCode, 0);
    const after = await recover();
    assert.equal(after.exitCode, 0);
    assert.match(after.out, /ok {7}partition 1: checkpoint 1 is committed and whole, 2 groups/);
  },
);

test("a state topic that is not there is asked for by the flags that name it", { skip: kafka.skip }, async () => {
  const { io, err } = openConsole();
  const { prefix } = cluster();
  const env = { HOLDFAST_KAFKA_BROKERS: kafka.brokers.join(","), HOLDFAST_TOPIC_PREFIX: prefix };
  assert.equal(await runProgram(["recover"], { ...io, env }), 1);
  assert.match(err(), /Are --topic-prefix and --topic-state those of the processor\?/);
});

test("brokers that are not there are an answer with a remedy, not a stack", async () => {
  const { io, err } = openConsole();
  const env = { HOLDFAST_KAFKA_BROKERS: "127.0.0.1:1", HOLDFAST_GROUP_ID: "g" };
  assert.equal(await runProgram(["recover"], { ...io, env }), 1);
  assert.match(err(), /Do the brokers run at 127\.0\.0\.1:1/);
});
