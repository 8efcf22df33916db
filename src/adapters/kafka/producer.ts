// The Producer port on Kafka: acks from all in-sync replicas, one partition a send, no retry inside, not
// idempotent (a sequence error after a leader's death is final there; doubles are harmless here, ids make
// them the same). Owns its connections, so that a large send to the state log delays no command.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { OutRecord, Producer } from "../../runtime/ports.ts";
import type { KafkaClient } from "./client.ts";
import { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { produceBatch } from "./produce-protocol.ts";
import { encodeRecordBatch } from "./record-encoder.ts";

export interface KafkaProducer extends Producer {
  close(): void;
}

const ACKNOWLEDGE_WITHIN_MS = 5_000;

export function createKafkaProducer(client: KafkaClient): KafkaProducer {
  const connections = new Connections(client);
  /** The latest send to each partition: the next one waits for its end, so that order is kept. */
  const tails = new Map<string, Promise<unknown>>();

  async function append(topic: string, partition: number, records: readonly OutRecord[]): Promise<number> {
    try {
      const leader = await connections.leader(topic, partition);
      const batch = encodeRecordBatch(records, Date.now());
      return await produceBatch(leader, batch, { topic, partition, timeoutMs: ACKNOWLEDGE_WITHIN_MS });
    } catch (error) {
      connections.suspect(error);
      throw retriable(brokerFailure(error, `append to ${topic} partition ${partition}`));
    }
  }

  return {
    send(topic, partition, records) {
      if (records.length === 0) throw new RangeError("a send needs at least one record");
      const key = `${topic}/${partition}`;
      const before = tails.get(key);
      const sent =
        before === undefined ? append(topic, partition, records) : before.then(() => append(topic, partition, records));
      const tail = sent.catch(() => {});
      tails.set(key, tail);
      void tail.then(() => tails.get(key) === tail && tails.delete(key));
      return sent;
    },

    close: () => connections.close(),
  };
}

/** A producer belongs to no group: there is nothing to rejoin. */
function retriable(failure: BrokerFailure): BrokerFailure {
  if (failure.disposition !== "rejoin") return failure;
  return new BrokerFailure(failure.message, { disposition: "retry", code: failure.code, cause: failure.cause });
}
