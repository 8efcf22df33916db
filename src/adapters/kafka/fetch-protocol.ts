// Kafka's Fetch, version 11 (brokers since 2.3), encoded and decoded here: an error of one partition does
// not hide the records of the others, and records stay bytes until record-batch.ts reads them.

import { kafkajs } from "./kafkajs.ts";
import type { Broker } from "./kafkajs.ts";
import type { AbortedTransaction } from "./fetched-batch.ts";
import { sendRequest } from "./request.ts";
import type { Throttled } from "./request.ts";
import { WireReader, WireWriter } from "./wire.ts";

export interface FetchOptions {
  /** How long the broker may wait for something to read. */
  readonly maxWaitMs: number;
  readonly maxBytesPerPartition: number;
  readonly maxBytes: number;
}

export interface WantedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface AnsweredPartition {
  readonly topic: string;
  readonly partition: number;
  /** kafkajs's error object, or null. */
  readonly error: Error | null;
  readonly highWatermark: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

const FETCH = 1;
const VERSION = 11;
const NO_REPLICA = -1;
const READ_COMMITTED = 1;
const BYTES_PER_PARTITION = 40;

/**
 * Reads committed records. The broker fills the answer in the order of `wanted` up to `maxBytes`.
 * @throws kafkajs's errors
 */
export async function fetchRecords(
  broker: Broker,
  wanted: readonly WantedPartition[],
  options: FetchOptions,
): Promise<AnsweredPartition[]> {
  const { partitions } = await sendRequest(broker, {
    apiKey: FETCH,
    apiVersion: VERSION,
    apiName: "Fetch",
    body: [encodeRequest(wanted, options)],
    decode: decodeAnswer,
    timeoutMs: options.maxWaitMs + 500,
  });
  return partitions;
}

interface FetchAnswer extends Throttled {
  readonly partitions: AnsweredPartition[];
}

function encodeRequest(wanted: readonly WantedPartition[], options: FetchOptions): Buffer {
  const writer = new WireWriter(64 + wanted.length * BYTES_PER_PARTITION * 2);
  writer.int32(NO_REPLICA).int32(options.maxWaitMs).int32(1).int32(options.maxBytes).int8(READ_COMMITTED);
  writer.int32(0).int32(-1); // no fetch session: every request names all it wants
  // One entry a partition, topics repeated: the order is the broker's order of filling.
  writer.int32(wanted.length);
  for (const { topic, partition, offset } of wanted) {
    writer.string(topic).int32(1).int32(partition);
    writer.int32(-1).int64(offset).int64(-1).int32(options.maxBytesPerPartition);
  }
  return writer.int32(0).string("").take();
}

function decodeAnswer(payload: Buffer): FetchAnswer {
  const reader = new WireReader(payload);
  const throttleMs = reader.int32();
  const code = reader.int16();
  if (code !== 0) throw kafkajs.createErrorFromCode(code);
  reader.int32(); // session id
  const partitions: AnsweredPartition[] = [];
  reader.array(() => {
    const topic = reader.string();
    reader.array(() => partitions.push(decodePartition(topic, reader)));
  });
  return { throttleMs, partitions };
}

function decodePartition(topic: string, reader: WireReader): AnsweredPartition {
  const partition = reader.int32();
  const code = reader.int16();
  const highWatermark = reader.int64();
  reader.int64(); // last stable offset
  reader.int64(); // log start offset
  const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
  reader.int32(); // preferred read replica
  const records = reader.bytes();
  return {
    topic,
    partition,
    error: code === 0 ? null : kafkajs.createErrorFromCode(code),
    highWatermark,
    aborted,
    records,
  };
}
