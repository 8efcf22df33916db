// Reads what the exchange's own topics hold of one account in a time, beside the cases: of each topic only the
// account's partition, and no more records than a reader would wait for. What is not read, and why, is said.

import { createKafkaLogs } from "../../adapters/kafka/logs.ts";
import { murmur2Partitioner } from "../../adapters/kafka/partitioner.ts";
import { createStretchReader } from "../../adapters/kafka/stretch-reader.ts";
import type { Stretch } from "../../adapters/kafka/stretch-reader.ts";
import { RecordDecoder, Undecodable } from "../../adapters/record-decoder.ts";
import { summarise } from "../../core/entry.ts";
import type { ExchangeEvent } from "../../core/event.ts";
import { MINUTE } from "../../core/time.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import type { Cluster } from "./account-records.ts";
import type { OtherEvent } from "./case-file.ts";
import type { Period } from "./other-events.ts";
import { dateTime } from "./wording.ts";

export interface EventReading {
  readonly events: readonly OtherEvent[];
  /** What was not read. */
  readonly gaps: readonly string[];
}

/** Of all topics and periods together: some seconds. */
const MOST_RECORDS = 1_000_000;
/** An event may be appended before its own time, by clocks that differ, and after it. */
const BEFORE = 5 * MINUTE;
const AFTER = 10 * MINUTE;

/** @param periods in the order of their importance. @throws the signal's reason when it aborts */
export async function readEvents(
  cluster: Cluster,
  accountId: string,
  periods: readonly Period[],
): Promise<EventReading> {
  const events: OtherEvent[] = [];
  const gaps: string[] = [];
  let left = MOST_RECORDS;
  try {
    for (const period of periods) {
      const stretches = await stretchesOf(cluster, accountId, period);
      const records = stretches.reduce((sum, { from, to }) => sum + to - from, 0);
      if (records > left) {
        const when = `from ${dateTime(period.from)} to ${dateTime(period.to)}`;
        gaps.push(`the account's other events ${when} were not looked for: they lie among ${records} records`);
        continue;
      }
      left -= records;
      await readStretches(cluster, { stretches, key: Buffer.from(accountId), events, gaps });
    }
  } catch (error) {
    // Whoever reads cases may not be let to read the exchange's own topics.
    if (!(error instanceof BrokerFailure) || cluster.signal.aborted) throw error;
    gaps.push(`the account's other events cannot be read: ${error.message}`);
  }
  return { events, gaps };
}

async function stretchesOf({ client, topics }: Cluster, accountId: string, { from, to }: Period): Promise<Stretch[]> {
  const logs = createKafkaLogs(client);
  try {
    const names = topics.inputs.map(({ topic }) => topic);
    const counts = await logs.partitionCounts(names);
    const key = Buffer.from(accountId);
    const pairs = names.map((topic) => ({ topic, partition: murmur2Partitioner(key, counts.get(topic)!) }));
    const firsts = await logs.offsetsAt(pairs, from - BEFORE);
    const lasts = await logs.offsetsAt(pairs, to + AFTER);
    return pairs.map((pair, index) => ({ ...pair, from: firsts[index]!, to: Math.max(firsts[index]!, lasts[index]!) }));
  } finally {
    logs.close();
  }
}

async function readStretches(
  { client, registry, schemas, topics, signal }: Cluster,
  of: {
    readonly stretches: readonly Stretch[];
    readonly key: Buffer;
    readonly events: OtherEvent[];
    readonly gaps: string[];
  },
): Promise<void> {
  const source = createStretchReader(client, of.stretches);
  const stop = (): void => source.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (const [index, { topic, partition, to }] of of.stretches.entries()) {
      const { service } = topics.inputs.find((input) => input.topic === topic)!;
      const decoder = new RecordDecoder<ExchangeEvent>(registry, schemas.events[service]);
      for (let batch = await source.next(index); batch !== null; batch = await source.next(index)) {
        for (let at = 0; at < batch.length && batch.offsetAt(at) < to; at += 1) {
          if (batch.keyAt(at)?.equals(of.key) !== true) continue;
          const offset = batch.offsetAt(at);
          try {
            const event = await decoder.decode(batch.valueAt(at));
            const { eventId, type, occurredAt } = event;
            of.events.push({ eventId, type, topic, partition, offset, occurredAt, summary: summarise(event) });
          } catch (error) {
            if (!(error instanceof Undecodable)) throw error;
            of.gaps.push(`a record of ${topic} (offset ${offset}) cannot be read: ${error.message}`);
          }
        }
      }
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", stop);
    source.close();
  }
}
