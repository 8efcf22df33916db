// Writes keyed records to any topic, as a producer of the inputs does: for the simulated exchange, benchmarks
// and tests. Owns the choice of partition and patience with brokers; a record may be appended twice when an
// acknowledgement is lost.

import { setTimeout as sleep } from "node:timers/promises";
import type { OutRecord } from "../../runtime/ports.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import type { KafkaClient } from "./client.ts";
import { createKafkaLogs } from "./logs.ts";
import { murmur2Partitioner } from "./partitioner.ts";
import { createKafkaProducer } from "./producer.ts";

export interface KeyedRecord {
  readonly key: string;
  readonly value: Buffer | null;
  readonly headers?: OutRecord["headers"];
}

export interface RecordPosition {
  readonly partition: number;
  readonly offset: number;
}

export interface KeyedWriter {
  /**
   * Appends the records, those of a partition in the order given.
   * @returns where each came to lie, in the order given
   * @throws BrokerFailure when it did not succeed within the patience, or never will
   */
  write(topic: string, records: readonly KeyedRecord[]): Promise<RecordPosition[]>;
  /** Writes under way end at once, in an error unless they were acknowledged. */
  close(): void;
}

const PAUSE_MS = 100;
const SEND_BYTES = 500_000;
const RECORD_OVERHEAD_BYTES = 100;

export interface Patience {
  /** How long a failing append is tried again. Default 60,000. */
  readonly patienceMs?: number;
  /** Ends the waiting, with its reason. */
  readonly signal?: AbortSignal;
}

export function createKeyedWriter(client: KafkaClient, { patienceMs = 60_000, signal }: Patience = {}): KeyedWriter {
  const closing = new AbortController();
  const ending = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  const patience = { patienceMs, signal: ending };
  const producer = createKafkaProducer(client);
  const logs = createKafkaLogs(client);
  const counts = new Map<string, number>();

  async function partitionsOf(topic: string): Promise<number> {
    const known = counts.get(topic);
    if (known !== undefined) return known;
    const count = await patiently(patience, async () => (await logs.partitionCounts([topic])).get(topic) ?? 0);
    counts.set(topic, count);
    return count;
  }

  return {
    async write(topic, records) {
      const partitions = await partitionsOf(topic);
      const positions = new Array<RecordPosition>(records.length);
      const indices = Map.groupBy(records.keys(), (index) =>
        murmur2Partitioner(Buffer.from(records[index]!.key), partitions),
      );
      const sends = Array.from(indices, async ([partition, all]) => {
        for (const some of portions(all, records)) {
          const batch = some.map((index) => outRecord(records[index]!));
          const base = await patiently(patience, () => producer.send(topic, partition, batch));
          for (const [nth, index] of some.entries()) positions[index] = { partition, offset: base + nth };
        }
      });
      await Promise.all(sends);
      return positions;
    },
    close() {
      closing.abort();
      producer.close();
      logs.close();
    },
  };
}

function outRecord({ key, value, headers = {} }: KeyedRecord): OutRecord {
  return { key: Buffer.from(key), value, headers };
}

/** A send must stay below the broker's limit for one batch. */
function* portions(indices: readonly number[], records: readonly KeyedRecord[]): Generator<number[]> {
  let portion: number[] = [];
  let bytes = 0;
  for (const index of indices) {
    const size = RECORD_OVERHEAD_BYTES + (records[index]!.value?.length ?? 0);
    if (bytes + size > SEND_BYTES && portion.length > 0) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(index);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}

async function patiently<T>({ patienceMs, signal }: Required<Patience>, attempt: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + patienceMs; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof BrokerFailure) || error.disposition === "halt" || performance.now() > deadline)
        throw error;
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }
}
