// Writes what a transactional producer writes; Holdfast itself has none, its inputs' producers may.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type { Kafka, Producer } from "kafkajs";

// kafkajs has no ES module.
const { Kafka: KafkaClass, logLevel } = createRequire(import.meta.url)("kafkajs") as typeof import("kafkajs");

/** A transactional producer, connected. */
export async function transactionalProducer(brokers: readonly string[]): Promise<Producer> {
  const kafka: Kafka = new KafkaClass({ brokers: [...brokers], clientId: "transactional", logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    transactionalId: randomUUID(),
    maxInFlightRequests: 1,
    idempotent: true,
    createPartitioner: () => () => 0,
  });
  await producer.connect();
  return producer;
}

/** Appends one record and takes it back: two offsets that no reader sees. */
export async function abortedTransaction(
  brokers: readonly string[],
  to: { topic: string; partition: number },
): Promise<void> {
  const producer = await transactionalProducer(brokers);
  const transaction = await producer.transaction();
  await transaction.send({
    topic: to.topic,
    messages: [{ partition: to.partition, key: "aborted", value: "aborted" }],
  });
  await transaction.abort();
  await producer.disconnect();
}
