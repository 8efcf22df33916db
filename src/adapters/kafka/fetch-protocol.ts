// Kafka's Fetch, version 13 (brokers since 3.1), encoded and decoded here: an error of one partition does not
// hide the records of the others, and records stay bytes until record-batch.ts reads them. A topic is asked for
// by its id, so that none created anew under its name answers (KIP-516), and with the leader epoch below the
// offset, so that the broker says when its log has another past (KIP-320, KIP-595).

import { BrokerFailure } from "../../runtime/ports.ts";
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
  /** Id of its topic. */
  readonly log: string;
  readonly partition: number;
  readonly offset: number;
  /** Leader epoch below the offset; -1: not known, and not checked. */
  readonly epoch: number;
}

export interface AnsweredPartition {
  /** Id of its topic. */
  readonly log: string;
  readonly partition: number;
  /** kafkajs's error object, or null. */
  readonly error: Error | null;
  readonly highWatermark: number;
  /** Up to where the log has the past that was asked for, where that is less than the offset; null nearly always. */
  readonly cutBackTo: number | null;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

const FETCH = 1;
const VERSION = 13;
const NO_REPLICA = -1;
const READ_COMMITTED = 1;
const DIVERGING_EPOCH = 0;
/** kafkajs does not know it: what a topic's id is answered with that is gone, or not known yet. */
const UNKNOWN_TOPIC_ID = 100;
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
    isFlexible: true,
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
  writer.compactArray(wanted.length);
  for (const { log, partition, offset, epoch } of wanted) {
    writer.uuid(log).compactArray(1).int32(partition);
    writer.int32(-1).int64(offset).int32(epoch).int64(-1).int32(options.maxBytesPerPartition).noTags();
    writer.noTags();
  }
  return writer.compactArray(0).compactString("").noTags().take();
}

function decodeAnswer(payload: Buffer): FetchAnswer {
  const reader = new WireReader(payload);
  reader.tags();
  const throttleMs = reader.int32();
  const code = reader.int16();
  if (code !== 0) throw kafkajs.createErrorFromCode(code);
  reader.int32(); // session id
  const partitions: AnsweredPartition[] = [];
  reader.compactArray(() => {
    const log = reader.uuid();
    reader.compactArray(() => partitions.push(decodePartition(log, reader)));
    reader.tags();
  });
  return { throttleMs, partitions };
}

function decodePartition(log: string, reader: WireReader): AnsweredPartition {
  const partition = reader.int32();
  const code = reader.int16();
  const highWatermark = reader.int64();
  reader.int64(); // last stable offset
  reader.int64(); // log start offset
  const aborted = reader.compactArray(decodeAborted);
  reader.int32(); // preferred read replica
  const records = reader.compactBytes();
  let cutBackTo: number | null = null;
  reader.tags((tag, field) => {
    if (tag !== DIVERGING_EPOCH) return;
    field.int32(); // the epoch that ends there
    cutBackTo = field.int64();
  });
  return {
    log,
    partition,
    error: code === 0 ? null : errorOf(code),
    highWatermark,
    cutBackTo,
    aborted,
    records,
  };
}

function decodeAborted(reader: WireReader): AbortedTransaction {
  const aborted = { producerId: reader.int64(), firstOffset: reader.int64() };
  reader.tags();
  return aborted;
}

function errorOf(code: number): Error {
  if (code !== UNKNOWN_TOPIC_ID) return kafkajs.createErrorFromCode(code);
  const message = "the broker does not know a topic of this id";
  return new BrokerFailure(message, { disposition: "retry", code: "UNKNOWN_TOPIC_ID" });
}
