// Reads topics with a client of its own (kafkajs as it comes) and decodes their Avro with the schemas the
// registry has for them: what a downstream team would write. Shares no code with the processor's adapters.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import avro from "avsc";
import kafkajs from "kafkajs";

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** By the broker's clock where the topic says so. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Following {
  /** Records read so far. */
  readonly count: () => number;
  stop(): Promise<void>;
}

const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 1_000_000 };

function kafka(brokers: readonly string[]): kafkajs.Kafka {
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: "chaos-oracle",
    logLevel: kafkajs.logLevel.NOTHING,
    retry: RETRY,
  });
}

/** Hands over every record of these topics from their beginnings on, until stopped; brokers may come and go. */
export async function follow(
  given: { readonly brokers: readonly string[]; readonly topics: readonly string[] },
  onRecord: (record: LogRecord) => void,
): Promise<Following> {
  const consumer = kafka(given.brokers).consumer({
    groupId: `chaos-oracle-${randomUUID()}`,
    sessionTimeout: 30_000,
    maxWaitTimeInMs: 50,
    retry: RETRY,
  });
  /** Where each partition is to be read next: a rejoin must neither repeat nor skip. */
  const next = new Map<string, number>();
  let count = 0;
  await consumer.connect();
  await consumer.subscribe({ topics: [...given.topics], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch: { topic, partition, messages } }) => {
      for (const { offset, timestamp, key, value, headers } of messages) {
        const place = `${topic}/${partition}`;
        if (Number(offset) < (next.get(place) ?? 0)) continue;
        next.set(place, Number(offset) + 1);
        count += 1;
        onRecord({
          topic,
          partition,
          offset: Number(offset),
          timestamp: Number(timestamp),
          key: key === null ? null : key.toString(),
          value,
          headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])),
        });
      }
      return Promise.resolve();
    },
  });
  return { count: () => count, stop: () => consumer.disconnect() };
}

const READ_WITHIN_MS = 120_000;

/** All records of one topic, as of now. @throws Error when they cannot be read within two minutes */
export async function readWhole(brokers: readonly string[], topic: string): Promise<LogRecord[]> {
  const admin = kafka(brokers).admin();
  await admin.connect();
  const ranges = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const expected = ranges.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const ends = new Map(ranges.map(({ partition, high }) => [partition, Number(high)]));
  const records: LogRecord[] = [];
  if (expected === 0) return records;
  const following = await follow({ brokers, topics: [topic] }, (record) => {
    if (record.offset < ends.get(record.partition)!) records.push(record);
  });
  try {
    for (const deadline = performance.now() + READ_WITHIN_MS; records.length < expected; await sleep(50)) {
      if (performance.now() > deadline) throw new Error(`${topic}: ${records.length} of ${expected} records came`);
    }
    return records;
  } finally {
    await following.stop();
  }
}

const HEADER_BYTES = 5;

/** Decodes the registry's wire format; asks for each schema once. */
export class Decoder {
  readonly #registryUrl: string;
  readonly #types = new Map<number, Promise<avro.Type>>();

  constructor(registryUrl: string) {
    this.#registryUrl = registryUrl;
  }

  /** @throws Error for what is no such record */
  async decode<T>(value: Buffer | null): Promise<T> {
    if (value === null || value.length < HEADER_BYTES || value[0] !== 0) throw new Error("not the registry's format");
    const id = value.readInt32BE(1);
    let type = this.#types.get(id);
    if (type === undefined) this.#types.set(id, (type = this.#ask(id)));
    return (await type).fromBuffer(value.subarray(HEADER_BYTES)) as T;
  }

  async #ask(id: number): Promise<avro.Type> {
    const answer = await fetch(`${this.#registryUrl}/schemas/ids/${id}`);
    if (!answer.ok) throw new Error(`schema ${id}: status ${answer.status}`);
    const { schema } = (await answer.json()) as { schema: string };
    return avro.Type.forSchema(JSON.parse(schema));
  }
}
