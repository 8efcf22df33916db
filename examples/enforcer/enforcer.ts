// The smallest correct consumer of Holdfast's commands: applies each once, says so, and can say at any time
// whether an operation may go through. Plain kafkajs and a schema registry; what is closed is ledger.ts's.
//
//   read a command → apply it, durably → acknowledge it → move on
//
// The order is the correctness: a crash between any two steps reads the command again, and the ledger knows
// its id. A command that cannot be read is never skipped: the partition waits, loudly (Holdfast's alarm
// `commands_unacknowledged` rises after 30 s), until somebody looks.

import { createServer } from "node:http";
import process from "node:process";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { Kafka, Partitioners, logLevel } from "kafkajs";
import { openLedger } from "./ledger.ts";
import type { Command, Operation } from "./ledger.ts";

const {
  HOLDFAST_KAFKA_BROKERS: brokers = "127.0.0.1:9092",
  HOLDFAST_REGISTRY_URL: registryUrl = "http://127.0.0.1:8081",
  HOLDFAST_TOPIC_PREFIX: prefix = "",
  ENFORCER_GROUP: groupId = "enforcer",
  ENFORCER_NAME: service = "example-enforcer",
  ENFORCER_LEDGER: file = "ledger.sqlite",
  ENFORCER_PORT: port = "8090",
} = process.env;
const commands = `${prefix}holdfast.commands`;
const acks = `${prefix}holdfast.acks`;

const ledger = openLedger(file);
const kafka = new Kafka({ brokers: brokers.split(","), clientId: service, logLevel: logLevel.ERROR });
const registry = new SchemaRegistry({ host: registryUrl });
// Java's partitioner, as every producer of keyed records here must use.
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
const consumer = kafka.consumer({
  groupId,
  sessionTimeout: 10_000,
  maxWaitTimeInMs: 100,
  allowAutoTopicCreation: false,
});

async function take(key: Buffer | null, value: Buffer | null): Promise<void> {
  const command = (await registry.decode(value ?? Buffer.alloc(0))) as Command;
  const appliedAt = Date.now();
  const status = ledger.apply(command, appliedAt);
  if (status === null) return;
  const { commandId, accountId, action } = command;
  const ack = await registry.encode(ackSchema, { commandId, accountId, status, appliedAt, service });
  await producer.send({ topic: acks, acks: -1, messages: [{ key, value: ack }] });
  console.log(JSON.stringify({ status, action, commandId }));
}

/** `POST /ask` with an operation as JSON: may it go through? What the exchange's other services would call. */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const isQuestion = request.method === "POST" && request.url === "/ask";
    try {
      const answer = isQuestion ? ledger.ask(JSON.parse(String(Buffer.concat(chunks))) as Operation, Date.now()) : null;
      response.writeHead(isQuestion ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify({ answer }));
    } catch {
      response.writeHead(400).end();
    }
  });
});

async function stop(exitCode: number): Promise<void> {
  server.close();
  await consumer.disconnect().catch(() => {});
  await producer.disconnect().catch(() => {});
  ledger.close();
  process.exit(exitCode);
}

// kafkajs gives up on what it takes for final: whoever runs this process starts it again.
consumer.on(consumer.events.CRASH, ({ payload }) => {
  console.error(payload.error.message);
  if (!payload.restart) void stop(1);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(0));

const ackSchema = await registry.getLatestSchemaId(`${acks}-value`);
await producer.connect();
await consumer.connect();
// From the beginning: nothing that was said before the first start may be missed.
await consumer.subscribe({ topic: commands, fromBeginning: true });
await consumer.run({ eachMessage: ({ message }) => take(message.key, message.value) });
server.listen(Number(port), "127.0.0.1");
