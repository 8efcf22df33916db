// The demo's connections against a real broker and registry: what is appended can be read as any
// consumer would, and a command is heard with the broker's times of itself and of its evidence.

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { createCodec } from "../../src/adapters/codec.ts";
import { createKafkaClient } from "../../src/adapters/kafka/client.ts";
import { murmur2Partitioner } from "../../src/adapters/kafka/partitioner.ts";
import { createKafkaProducer } from "../../src/adapters/kafka/producer.ts";
import { readTopic } from "../../src/adapters/kafka/reader.ts";
import type { ReadRecord } from "../../src/adapters/kafka/reader.ts";
import { createRegistry } from "../../src/adapters/registry.ts";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../src/adapters/schema-files.ts";
import { systemClock } from "../../src/adapters/system-clock.ts";
import type { ReadCommand } from "../../src/cli/demo/performance.ts";
import { openStage } from "../../src/cli/demo/stage.ts";
import type { Command, Evidence } from "../../src/core/output.ts";
import { MINUTE, SECOND } from "../../src/core/time.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import { makeExchange } from "../../src/testing/exchange/exchange.ts";
import { cluster } from "../cluster.ts";

const PARTITIONS = 3;
const kafka = cluster();

function freezeWith(evidence: readonly Evidence[], accountId: string): Command {
  return {
    caseId: `${accountId}/rule/e`,
    commandId: `${accountId}/rule/e/e/0`,
    accountId,
    action: "FREEZE",
    scopes: ["WITHDRAW"],
    targets: { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [] },
    reasonCode: "TAKEOVER_SEQUENCE",
    ruleId: "rule",
    ruleTitle: "A rule",
    ruleHash: "00",
    mode: "enforce",
    issuedAt: 0,
    effectiveAt: 0,
    expiresAt: Date.now() + MINUTE,
    evidence,
    evidenceCount: evidence.length,
  };
}

function environment(brokers: string): Record<string, string | undefined> {
  return {
    ...env,
    HOLDFAST_KAFKA_BROKERS: brokers,
    HOLDFAST_REGISTRY_URL: kafka.registryUrl,
    HOLDFAST_TOPIC_PREFIX: kafka.prefix,
    HOLDFAST_PARTITIONS: String(PARTITIONS),
    HOLDFAST_REPLICATION: "1",
  };
}

test(
  "events go out keyed and encoded, commands come in with broker times",
  { skip: kafka.skip, timeout: 60_000 },
  async (t) => {
    const stage = await openStage({
      env: environment(kafka.brokers.join(",")),
      signal: t.signal,
      onFailure: (why) => assert.fail(why),
    });
    t.after(() => stage.close());
    const heard = Promise.withResolvers<ReadCommand>();
    await stage.listen(heard.resolve);

    const options = {
      seed: 1,
      accounts: 300,
      takeovers: 7,
      oddities: 1,
      rate: 20,
      from: Date.now(),
      length: 2 * SECOND,
    };
    const exchange = makeExchange({ ...options, pace: 0.002, lag: 50, review: 300 });
    const postings = [...exchange.past(), ...exchange.live()];
    await stage.append(postings);

    const client = createKafkaClient({ brokers: kafka.brokers, clientId: "test" });
    const topics = {
      inputs: [
        { topic: `${kafka.prefix}auth-events`, service: "auth" },
        { topic: `${kafka.prefix}api-key-events`, service: "api_key" },
        { topic: `${kafka.prefix}withdrawal-events`, service: "withdrawal" },
      ] as const,
      decisions: `${kafka.prefix}holdfast.decisions`,
      acks: `${kafka.prefix}holdfast.acks`,
      signals: `${kafka.prefix}holdfast.signals`,
      commands: `${kafka.prefix}holdfast.commands`,
      detections: `${kafka.prefix}holdfast.detections`,
      state: `${kafka.prefix}holdfast.state`,
      deadLetter: `${kafka.prefix}holdfast.dead-letter`,
    };
    const registry = createRegistry({ url: kafka.registryUrl, telemetry: SILENT });
    const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
    const codec = createCodec({ registry, schemas, topics, clock: systemClock, telemetry: SILENT });
    assert.deepEqual(await codec.prepare(), []);

    const records: ReadRecord[] = [];
    for (const { topic } of topics.inputs) {
      await (
        await readTopic({ client, topic, from: "start", until: "end" }, (record) => records.push(record))
      ).done;
    }
    const read = records.map((record) => {
      assert.equal(murmur2Partitioner(record.key!, PARTITIONS), record.partition);
      const decoded = codec.decode(record.topic, record);
      assert.ok("event" in decoded, JSON.stringify(decoded));
      return decoded.event.eventId;
    });
    assert.deepEqual(read.toSorted(), postings.map(({ event }) => event.eventId).toSorted());

    const [first, last] = [records[0]!, records.at(-1)!];
    const evidence = [first, last].map(({ topic, partition, offset }) => {
      return { eventId: "e", type: "T", topic, partition, offset, occurredAt: 0, rule: "r", summary: "s" };
    });
    const producer = createKafkaProducer(client);
    t.after(() => producer.close());
    const before = Date.now();
    const key = Buffer.from("acct-1");
    const value = codec.encodeCommand(freezeWith(evidence, "acct-1"));
    await producer.send(topics.commands, murmur2Partitioner(key, PARTITIONS), [{ key, value, headers: {} }]);
    const { command, appendedAt, evidenceAt } = await heard.promise;
    assert.equal(command.commandId, "acct-1/rule/e/e/0");
    assert.ok(appendedAt >= before && appendedAt <= Date.now());
    assert.equal(await evidenceAt, Math.max(first.timestamp, last.timestamp));

    const { commandId, accountId } = command;
    const ack = { commandId, accountId, status: "APPLIED", appliedAt: before, service: "test" } as const;
    stage.acknowledge(ack);
    const answer = Promise.withResolvers<ReadRecord>();
    const answers = await readTopic({ client, topic: topics.acks, from: "start" }, answer.resolve);
    t.after(() => answers.stop());
    const decoded = codec.decode(topics.acks, await answer.promise);
    assert.ok("ack" in decoded && JSON.stringify(decoded.ack) === JSON.stringify(ack), JSON.stringify(decoded));
  },
);

test("what closing cuts off is no failure", { skip: kafka.skip, timeout: 60_000 }, async (t) => {
  const failures: Error[] = [];
  const stage = await openStage({
    env: environment(kafka.brokers.join(",")),
    signal: t.signal,
    onFailure: (why) => failures.push(why),
  });
  await stage.listen(() => {});
  for (let nth = 0; nth < 50; nth += 1) {
    stage.acknowledge({
      commandId: `c${nth}`,
      accountId: "acct-1",
      status: "APPLIED",
      appliedAt: Date.now(),
      service: "test",
    });
  }
  await stage.close();
  assert.deepEqual(failures, []);
});
