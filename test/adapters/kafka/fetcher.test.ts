// What the fetcher makes of damaged and unreadable batches, and of logs that are not those it read. The broker is
// one of bytes: it answers fetches with record sets as a wire would carry them, and can flip a byte on the way.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connections } from "../../../src/adapters/kafka/connections.ts";
import { Fetcher } from "../../../src/adapters/kafka/fetcher.ts";
import type { QueuedRequest } from "../../../src/adapters/kafka/kafkajs.ts";
import { encodeRecordBatch } from "../../../src/adapters/kafka/record-encoder.ts";
import { WireWriter } from "../../../src/adapters/kafka/wire.ts";
import type { BrokerFailure, LogMark, RecordBatch } from "../../../src/runtime/ports.ts";

const TOPIC = "t";
const FIRST = Buffer.from("the first log id").toString("base64url");
const SECOND = Buffer.from("the second logid").toString("base64url");

function stored(base: number, value: string, leaderEpoch = 0): Buffer {
  const batch = encodeRecordBatch([{ key: null, value: Buffer.from(value), headers: {} }], 0);
  batch.writeBigInt64BE(BigInt(base), 0);
  batch.writeInt32BE(leaderEpoch, 12); // the checksum does not count it
  return batch;
}

/** Answers every fetch with the log from the asked offset on; `damage` may change the set on its way. */
class ByteBroker {
  log: readonly Buffer[];
  readonly damage: (set: Buffer, fetch: number) => void;
  fetches = 0;
  /** Id of the topic. */
  id = FIRST;
  /** By partition. */
  leaders = [1];
  suspicions = 0;
  readonly troubles: string[] = [];
  /** Offset and epoch of each fetch. */
  readonly asked: [number, number][] = [];

  constructor(log: readonly Buffer[], damage: (set: Buffer, fetch: number) => void) {
    this.log = log;
    this.damage = damage;
  }

  connections(): Connections {
    const brokerPool = { findConnectedBroker: () => Promise.resolve(broker) };
    const cluster = {
      findTopicPartitionMetadata: () => this.leaders.map((leader, partitionId) => ({ partitionId, leader })),
      brokerPool,
    };
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
          const isMetadata = request.readInt16BE(4) === 3;
          const answer = isMetadata ? Promise.resolve(this.#identity()) : this.#answer(request);
          void answer.then((payload) => entry.resolve({ payload }), entry.reject);
        },
      },
    };
    const broker = { connectionPool: { getConnectionByRequest: () => Promise.resolve(connection) } };
    return {
      ready: () => Promise.resolve(cluster),
      broker: () => Promise.resolve(broker),
      suspect: () => (this.suspicions += 1),
    } as unknown as Connections;
  }

  /** What Metadata says of the one topic; no brokers. */
  #identity(): Buffer {
    const writer = new WireWriter(100).noTags().int32(0).compactArray(0).compactString("cluster").int32(1);
    writer.compactArray(1).int16(0).compactString(TOPIC).uuid(this.id).int8(0).compactArray(0).int32(0).noTags();
    return writer.noTags().take();
  }

  async #answer(request: Buffer): Promise<Buffer> {
    // A header of 16 bytes, fixed fields, one topic, one partition: its offset.
    const at = 16 + 25 + 1;
    const id = request.toString("base64url", at, at + 16);
    const [from, epoch] = [Number(request.readBigInt64BE(at + 25)), request.readInt32BE(at + 33)];
    this.asked.push([from, epoch]);
    if (id !== this.id) return this.#frame(id, { code: 100 });
    const below = this.log.filter((batch) => Number(batch.readBigInt64BE(0)) < from);
    const held = below.findLastIndex((batch) => batch.readInt32BE(12) <= epoch) + 1;
    if (epoch >= 0 && held < below.length) return this.#frame(id, { cutBackTo: held });
    const set = Buffer.concat(this.log.filter((batch) => Number(batch.readBigInt64BE(0)) >= from));
    this.damage(set, (this.fetches += 1));
    if (set.length === 0) await new Promise((resolve) => setTimeout(resolve, 5)); // as a broker waits for more
    return this.#frame(id, { set });
  }

  #frame(id: string, { code = 0, set = Buffer.alloc(0), cutBackTo }: Answer): Buffer {
    const writer = new WireWriter(200 + set.length);
    writer.noTags().int32(0).int16(0).int32(0).compactArray(1).uuid(id).compactArray(1).int32(0).int16(code);
    writer.int64(this.log.length).int64(this.log.length).int64(0).compactArray(0).int32(-1);
    writer.compactArray(set.length).raw(set);
    if (cutBackTo === undefined) writer.noTags();
    else writer.uvarint(1).uvarint(0).uvarint(13).int32(0).int64(cutBackTo).noTags(); // the diverging epoch
    return writer.noTags().noTags().take();
  }
}

interface Answer {
  readonly code?: number;
  readonly set?: Buffer;
  readonly cutBackTo?: number;
}

/** Reads until three records came or it failed. */
async function readThree(
  broker: ByteBroker,
  { from = 0, mark, afterEach = () => {} }: { from?: number; mark?: LogMark; afterEach?: () => void } = {},
): Promise<{ values: string[]; failure: BrokerFailure | null }> {
  const values: string[] = [];
  const failure = await new Promise<BrokerFailure | null>((resolve) => {
    const onBatch = (batch: RecordBatch): void => {
      for (let index = 0; index < batch.length; index++) values.push(String(batch.valueAt(index)));
      afterEach();
      if (values.length === 3) resolve(null);
    };
    const limits = { maxWaitMs: 5, maxBytesPerPartition: 1_000, maxBytes: 1_000, maxBatchBytes: 1_000 };
    const partitions = broker.leaders.map((_, partition) => ({ topic: TOPIC, partition }));
    const fetcher = new Fetcher(broker.connections(), partitions, {
      ...limits,
      listener: {
        onBatch,
        onTrouble: ({ code }, doing) => void broker.troubles.push(`${code} while: ${doing}`),
        onFailure: resolve,
      },
    });
    fetcher.seek(TOPIC, 0, from, mark);
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
  assert.deepEqual(broker.troubles, ["CORRUPT_MESSAGE while: fetch records", "CORRUPT_MESSAGE while: fetch records"]);
});

test("a partition without a leader holds up no other, and is looked for until it has one", async () => {
  const broker = new ByteBroker(LOG, () => {});
  broker.leaders = [1, -1];
  assert.deepEqual(await readThree(broker), { values: ["a", "b", "c"], failure: null });
  assert.ok(broker.suspicions > 0, "metadata are not believed for a minute");
  assert.match(broker.troubles[0]!, /^LEADER_NOT_AVAILABLE while: read t partition 1/u);
});

test("a log that was cut back below the position and grew again is not read on with (L4)", async () => {
  const broker = new ByteBroker([stored(0, "a", 3), stored(1, "b", 3)], () => {});
  const regrown = [stored(0, "a", 3), stored(1, "x", 5), stored(2, "y", 5)];
  const { values, failure } = await readThree(broker, { afterEach: () => (broker.log = regrown) });
  assert.deepEqual(values, ["a", "b"]);
  assert.deepEqual(broker.asked, [
    [0, -1],
    [2, 3],
  ]);
  assert.equal(failure?.code, "LOG_TRUNCATED");
  assert.match(failure.message, /^t partition 0 was cut back to offset 1 after it had been read to 2/u);
  assert.match(failure.message, /holdfast recover --forget t --apply/u);
});

test("an election that loses nothing is none of a reader's business (L4)", async () => {
  const broker = new ByteBroker([stored(0, "a", 3), stored(1, "b", 3)], () => {});
  const longer = [...broker.log, stored(2, "c", 4)];
  const { values, failure } = await readThree(broker, { afterEach: () => (broker.log = longer) });
  assert.deepEqual([values, failure], [["a", "b", "c"], null]);
});

test("a topic created anew, running or since the position was kept, is a failure that names it (L4)", async () => {
  const running = new ByteBroker([stored(0, "a")], () => {});
  const told = await readThree(running, {
    afterEach: () => {
      running.id = SECOND;
      running.log = LOG;
    },
  });
  assert.deepEqual(told.values, ["a"]);
  assert.match(
    told.failure?.message ?? "",
    /^t was deleted and created anew .* to offset 1 \(topic id dGhlIGZpcnN0IGxvZyBpZA, now dGhlIHNlY29uZCBsb2dpZA\)/u,
  );

  const kept = await readThree(new ByteBroker(LOG, () => {}), { from: 1, mark: [SECOND, 0] });
  assert.deepEqual(kept.values, []);
  assert.match(
    kept.failure?.message ?? "",
    /^t was deleted and created anew .* to offset 1 \(topic id dGhlIHNlY29uZCBsb2dpZA, now/u,
  );
});
