// Kafka's Produce, version 7 (brokers since 2.1), encoded and decoded here: one partition a request, the
// answer checked to cover it.

import { kafkajs } from "./kafkajs.ts";
import type { Broker } from "./kafkajs.ts";
import { sendRequest } from "./request.ts";
import type { Request, Throttled } from "./request.ts";
import { WireReader, WireWriter } from "./wire.ts";

const PRODUCE = 0;
const VERSION = 7;
const ALL_REPLICAS = -1;

interface ProduceAnswer extends Throttled {
  readonly partitions: readonly { topic: string; partition: number; code: number; baseOffset: number }[];
}

/**
 * Appends one record batch; waits for all in-sync replicas, at most `timeoutMs`.
 * @returns the offset of its first record
 * @throws kafkajs's errors
 */
export async function produceBatch(
  broker: Broker,
  batch: Buffer,
  to: { readonly topic: string; readonly partition: number; readonly timeoutMs: number },
): Promise<number> {
  const { partitions } = await sendRequest(broker, requestOf(batch, to));
  const answer = partitions.find(({ topic, partition }) => topic === to.topic && partition === to.partition);
  // Without an answer for the partition nothing is known: not a success.
  if (answer === undefined)
    throw new kafkajs.ConnectionError(`the answer says nothing of ${to.topic} partition ${to.partition}`);
  if (answer.code !== 0) throw kafkajs.createErrorFromCode(answer.code);
  return answer.baseOffset;
}

function requestOf(batch: Buffer, to: { topic: string; partition: number; timeoutMs: number }): Request<ProduceAnswer> {
  const head = new WireWriter(64 + to.topic.length);
  head.int16(-1).int16(ALL_REPLICAS).int32(to.timeoutMs);
  head.int32(1).string(to.topic).int32(1).int32(to.partition).int32(batch.length);
  return {
    apiKey: PRODUCE,
    apiVersion: VERSION,
    apiName: "Produce",
    body: [head.take(), batch],
    decode: decodeAnswer,
    timeoutMs: to.timeoutMs + 500,
  };
}

function decodeAnswer(payload: Buffer): ProduceAnswer {
  const reader = new WireReader(payload);
  const partitions: { topic: string; partition: number; code: number; baseOffset: number }[] = [];
  reader.array(() => {
    const topic = reader.string();
    reader.array(() => {
      partitions.push({ topic, partition: reader.int32(), code: reader.int16(), baseOffset: reader.int64() });
      reader.int64(); // log append time
      reader.int64(); // log start offset
    });
  });
  return { partitions, throttleMs: reader.int32() };
}
