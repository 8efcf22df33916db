// What the fetcher makes of damaged and unreadable batches. The broker is one of bytes: it answers fetches
// with record sets as a wire would carry them, and can flip a byte on the way.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connections } from "../../../src/adapters/kafka/connections.ts";
import { Fetcher } from "../../../src/adapters/kafka/fetcher.ts";
import type { QueuedRequest } from "../../../src/adapters/kafka/kafkajs.ts";
import { encodeRecordBatch } from "../../../src/adapters/kafka/record-encoder.ts";
import { WireWriter } from "../../../src/adapters/kafka/wire.ts";
import type { BrokerFailure, RecordBatch } from "../../../src/runtime/ports.ts";

const TOPIC = "t";

function stored(base: number, value: string): Buffer {
  const batch = encodeRecordBatch([{ key: null, value: Buffer.from(value), headers: {} }], 0);
  batch.writeBigInt64BE(BigInt(base), 0);
  return batch;
}

/** Answers every fetch with the log from the asked offset on; `damage` may change the set on its way. */
class ByteBroker {
  readonly log: readonly Buffer[];
  readonly damage: (set: Buffer, fetch: number) => void;
  fetches = 0;

  constructor(log: readonly Buffer[], damage: (set: Buffer, fetch: number) => void) {
    this.log = log;
    this.damage = damage;
  }

  connections(): Connections {
    const metadata = [{ partitionId: 0, leader: 1 }];
    const cluster = { findTopicPartitionMetadata: () => metadata };
    let sent: Buffer[] = [];
    const connection = {
      clientId: "c",
      isAuthenticated: () => true,
      failIfNotConnected: () => {},
      nextCorrelationId: () => 1,
      socket: { cork: () => {}, uncork: () => {}, write: (bytes: Buffer) => sent.push(bytes) },
      requestQueue: {
        maybeThrottle: () => {},
        push: ({ entry, sendRequest }: QueuedRequest) => {
          sent = [];
          sendRequest();
          const request = Buffer.concat(sent);
          assert.equal(request.readInt32BE(0), request.length - 4, "the size is what follows");
          void this.#answer(request).then((payload) => entry.resolve({ payload }));
        },
      },
    };
    const broker = { connectionPool: { getConnectionByRequest: () => Promise.resolve(connection) } };
    return {
      ready: () => Promise.resolve(cluster),
      broker: () => Promise.resolve(broker),
      suspect: () => {},
    } as unknown as Connections;
  }

  async #answer(request: Buffer): Promise<Buffer> {
    // A header of 15 bytes, fixed fields, one topic of one character, one partition: its offset.
    const from = Number(request.readBigInt64BE(15 + 25 + 4 + 2 + TOPIC.length + 4 + 4 + 4));
    const set = Buffer.concat(this.log.filter((batch) => Number(batch.readBigInt64BE(0)) >= from));
    this.damage(set, (this.fetches += 1));
    if (set.length === 0) await new Promise((resolve) => setTimeout(resolve, 5)); // as a broker waits for more
    const writer = new WireWriter(200 + set.length);
    writer.int32(0).int16(0).int32(0).int32(1).string(TOPIC).int32(1).int32(0).int16(0);
    writer.int64(this.log.length).int64(this.log.length).int64(0).int32(0).int32(-1);
    writer.int32(set.length).raw(set);
    return writer.take();
  }
}

/** Reads until three records came or it failed. */
async function readThree(broker: ByteBroker): Promise<{ values: string[]; failure: BrokerFailure | null }> {
  const values: string[] = [];
  const failure = await new Promise<BrokerFailure | null>((resolve) => {
    const onBatch = (batch: RecordBatch): void => {
      for (let index = 0; index < batch.length; index++) values.push(String(batch.valueAt(index)));
      if (values.length === 3) resolve(null);
    };
    const limits = { maxWaitMs: 5, maxBytesPerPartition: 1_000, maxBytes: 1_000, maxBatchBytes: 1_000 };
    const fetcher = new Fetcher(broker.connections(), [{ topic: TOPIC, partition: 0 }], {
      ...limits,
      listener: { onBatch, onFailure: resolve },
    });
    fetcher.seek(TOPIC, 0, 0);
    fetcher.resume(TOPIC, 0);
    fetcher.start();
    stops.push(() => fetcher.stop());
  });
  for (const stop of stops.splice(0)) stop();
  return { values, failure };
}

const stops: (() => void)[] = [];
const LOG = [stored(0, "a"), stored(1, "b"), stored(2, "c")];
const second = LOG[0]!.length;

test("a batch damaged on its way is fetched again; nothing is lost or doubled (L3)", async () => {
  const broker = new ByteBroker(LOG, (set, fetch) => {
    if (fetch === 1) set[second + 66] = 0x55;
    if (fetch === 2) set[66] = 0x55;
  });
  const { values, failure } = await readThree(broker);
  assert.equal(failure, null);
  assert.deepEqual(values, ["a", "b", "c"]);
  assert.equal(broker.fetches, 3);
});

test("one that stays damaged is a failure that names it; what lies before it is delivered (L3)", async () => {
  const damaged = LOG.map((batch) => Buffer.from(batch));
  damaged[1]![66] = 0x55;
  const broker = new ByteBroker(damaged, () => {});
  const { values, failure } = await readThree(broker);
  assert.deepEqual(values, ["a"]);
  assert.equal(failure?.disposition, "halt");
  assert.equal(failure.code, "CORRUPT_MESSAGE");
  assert.match(failure.message, /^t partition 0 offset 1 cannot be read: .*checksum/u);
  assert.equal(broker.fetches, 4, "three looks at the damaged one");
});
