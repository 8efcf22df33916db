// Records that no processor can use, alone or as a batch that expands without measure, each with the reason that
// must stand beside it in the dead letters. Each carries a header, by which the oracle finds it again.

import kafkajs from "kafkajs";
import type { Random } from "../../src/testing/exchange/random.ts";
import type { Occurrence } from "./occurrence.ts";

export interface PoisonRecord {
  readonly key: string;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** The value is the reason code of the dead letter. */
export const POISON_HEADER = "chaos-poison";

interface Recipe {
  readonly reason: string;
  readonly value: (given: Given) => Buffer | null;
}

interface Given {
  readonly random: Random;
  readonly occurrence: Occurrence;
  readonly encode: (occurrence: Occurrence) => Buffer;
}

const RECIPES: readonly Recipe[] = [
  { reason: "UNDECODABLE", value: ({ random }) => Buffer.from(`7${random.hex(60)}`) },
  { reason: "UNDECODABLE", value: () => null },
  { reason: "UNDECODABLE", value: ({ occurrence, encode }) => encode(occurrence).subarray(0, 12) },
  { reason: "UNDECODABLE", value: ({ occurrence, encode }) => Buffer.concat([encode(occurrence), Buffer.alloc(3)]) },
  { reason: "WRONG_KEY", value: ({ occurrence, encode }) => encode({ ...occurrence, accountId: "somebody else" }) },
  { reason: "MISSING_FIELD", value: ({ occurrence, encode }) => encode({ ...occurrence, eventId: "" }) },
  { reason: "INVALID_FIELD", value: ({ occurrence, encode }) => encode({ ...occurrence, occurredAt: 0 }) },
  {
    reason: "FUTURE_TIME",
    value: ({ occurrence, encode }) => encode({ ...occurrence, occurredAt: Date.UTC(2100, 0) }),
  },
  { reason: "TOO_LARGE", value: () => Buffer.alloc(300_000) },
];

/** @param given.occurrence an event as it would be; its account is the record's key */
export function poisonRecord(given: Given): PoisonRecord {
  const recipe = given.random.pick(RECIPES);
  return { key: given.occurrence.accountId, value: recipe.value(given), headers: { [POISON_HEADER]: recipe.reason } };
}

const BOMB_RECORDS = 3;
/** Together more than any batch may expand to. */
const BOMB_RECORD_BYTES = 6_000_000;
const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 1_000_000 };

/** One batch of a few kilobytes that expands to eighteen million bytes: what is in it nobody unpacks. */
export async function writeBomb(
  brokers: readonly string[],
  at: { readonly topic: string; readonly partition: number },
): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING, retry: RETRY });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const value = Buffer.alloc(BOMB_RECORD_BYTES);
  const headers = { [POISON_HEADER]: "TOO_LARGE" };
  const messages = Array.from({ length: BOMB_RECORDS }, () => ({ partition: at.partition, value, headers }));
  try {
    await producer.connect();
    await producer.send({ topic: at.topic, messages, compression: kafkajs.CompressionTypes.GZIP });
  } finally {
    await producer.disconnect();
  }
}
