// Record batches as the broker stores them: what is shown of them, and what is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { UnreadableRecords } from "../../../src/adapters/kafka/fetched-batch.ts";
import type { AbortedTransaction } from "../../../src/adapters/kafka/fetched-batch.ts";
import { readRecords } from "../../../src/adapters/kafka/record-batch.ts";
import { encodeRecordBatch } from "../../../src/adapters/kafka/record-encoder.ts";
import type { OutRecord, RecordBatch } from "../../../src/runtime/ports.ts";

const LIMIT = 1_000_000;
const NOW = 1_717_920_000_000;
const HEADER_BYTES = 61;

interface Shape {
  readonly base: number;
  readonly codec?: 0 | 1 | 2 | 3 | 4 | 7;
  readonly producer?: number;
  readonly transactional?: boolean;
  readonly appendTime?: number;
}

/** A batch as the broker would store it; everything the producer does not write is patched in. */
function stored(records: readonly OutRecord[], shape: Shape): Buffer {
  let batch = encodeRecordBatch(records, NOW);
  const { base, codec = 0, producer = -1, transactional = false, appendTime } = shape;
  if (codec === 1 || codec === 4) {
    const compress = codec === 1 ? gzipSync : zstdCompressSync;
    batch = Buffer.concat([batch.subarray(0, HEADER_BYTES), compress(batch.subarray(HEADER_BYTES))]);
    batch.writeInt32BE(batch.length - 12, 8);
  }
  batch.writeBigInt64BE(BigInt(base), 0);
  batch.writeInt16BE(codec | (appendTime === undefined ? 0 : 0x08) | (transactional ? 0x10 : 0), 21);
  if (appendTime !== undefined) batch.writeBigInt64BE(BigInt(appendTime), 35);
  batch.writeBigInt64BE(BigInt(producer), 43);
  return batch;
}

function marker(base: number, producer: number, kind: "abort" | "commit"): Buffer {
  const key = Buffer.from([0, 0, 0, kind === "abort" ? 0 : 1]);
  const batch = stored([{ key, value: Buffer.alloc(6), headers: {} }], { base, producer, transactional: true });
  batch.writeInt16BE(0x30, 21);
  return batch;
}

const plain = (...values: string[]): OutRecord[] =>
  values.map((value) => ({ key: null, value: Buffer.from(value), headers: {} }));

function read(
  batches: readonly Buffer[],
  options: { from?: number; aborted?: AbortedTransaction[]; limit?: number } = {},
): RecordBatch | null {
  const { from = 0, aborted = [], limit = LIMIT } = options;
  const records = Buffer.concat(batches);
  return readRecords({ topic: "t", partition: 3, fetchedFrom: from, endOffset: 1_000, aborted, records }, limit);
}

const offsets = (batch: RecordBatch): number[] =>
  Array.from({ length: batch.length }, (_, index) => batch.offsetAt(index));
const values = (batch: RecordBatch | null): string[] =>
  Array.from({ length: batch?.length ?? 0 }, (_, index) => String(batch!.valueAt(index)));

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)));
const record: fc.Arbitrary<OutRecord> = fc.record({
  key: bytes,
  value: bytes,
  headers: fc.dictionary(
    fc.string(),
    fc.uint8Array({ maxLength: 5 }).map((array) => Buffer.from(array)),
    { maxKeys: 3 },
  ),
});

test("what is encoded is read back, whatever the codec", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(record, { minLength: 1, maxLength: 20 }), fc.constantFrom(0, 1, 4)), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.integer({ min: 0, max: 2 ** 45 }),
      (batches, start) => {
        let base = start;
        const set = batches.map(([records, codec]) => {
          const batch = stored(records, { base, codec });
          base += records.length;
          return batch;
        });
        const all = batches.flatMap(([records]) => records);
        const result = read(set, { from: start })!;
        assert.deepEqual(
          offsets(result),
          all.map((_, index) => start + index),
        );
        assert.equal(result.nextOffset, base);
        for (const [index, { key, value, headers }] of all.entries()) {
          assert.deepEqual(result.keyAt(index), key);
          assert.deepEqual(result.valueAt(index), value);
          assert.deepEqual({ ...result.headersAt(index) }, { ...headers });
          assert.equal(result.timestampAt(index), NOW);
        }
      },
    ),
  );
});

test("a header called __proto__ is a header", () => {
  const headers = Object.create(null) as Record<string, string>;
  headers["__proto__"] = "x";
  const result = read([stored([{ key: null, value: null, headers }], { base: 0 })])!;
  assert.equal(String(result.headersAt(0)["__proto__"]), "x");
});

test("append time is the batch's, whatever the records say", () => {
  assert.equal(read([stored(plain("a"), { base: 0, appendTime: NOW + 5 })])!.timestampAt(0), NOW + 5);
});

test("records below the asked offset are not shown, and the next fetch goes on past the whole batch (D1, D2)", () => {
  const result = read([stored(plain("a", "b", "c"), { base: 10, codec: 4 })], { from: 12 })!;
  assert.deepEqual(offsets(result), [12]);
  assert.equal(result.nextOffset, 13);
});

test("a batch cut off by the fetch limit waits for the next fetch", () => {
  const first = stored(plain("a", "b"), { base: 0 });
  const second = stored(plain("c"), { base: 2 });
  const cut = read([first, second.subarray(0, second.length - 1)])!;
  assert.deepEqual(values(cut), ["a", "b"]);
  assert.equal(cut.nextOffset, 2);
  assert.equal(read([first.subarray(0, 70)]), null);
});

test("of several open transactions exactly the aborted ones are hidden, listed in any order", () => {
  const set = [
    stored(plain("a1"), { base: 0, producer: 1, transactional: true }),
    stored(plain("b1", "b1+"), { base: 1, producer: 2, transactional: true }),
    stored(plain("c1"), { base: 3, producer: 3, transactional: true }),
    stored(plain("plain"), { base: 4 }),
    marker(5, 1, "abort"),
    stored(plain("a2"), { base: 6, producer: 1, transactional: true }),
    marker(7, 2, "abort"),
    marker(8, 3, "commit"),
    marker(9, 1, "commit"),
  ];
  const aborted = [
    { producerId: 2, firstOffset: 1 },
    { producerId: 1, firstOffset: 0 },
  ];
  for (const listed of [aborted, aborted.toReversed()]) {
    const result = read(set, { aborted: listed })!;
    assert.deepEqual(values(result), ["c1", "plain", "a2"]);
    assert.equal(result.nextOffset, 10);
  }
});

test("a set of nothing but hidden records moves the reader on (D1)", () => {
  const result = read([marker(40, 1, "commit")], { from: 40 })!;
  assert.equal(result.length, 0);
  assert.equal(result.nextOffset, 41);
});

for (const codec of [1, 4] as const) {
  test(`a bomb (codec ${codec}) is shown as its records without content; what surrounds it stays (D3)`, () => {
    const bomb = plain(...Array.from({ length: 40 }, () => "0".repeat(1_000)));
    const result = read(
      [stored(plain("before"), { base: 0 }), stored(bomb, { base: 1, codec }), stored(plain("after"), { base: 41 })],
      { limit: 20_000 },
    )!;
    assert.equal(result.length, 42);
    assert.equal(result.nextOffset, 42);
    assert.deepEqual([result.keyAt(7), result.valueAt(7), { ...result.headersAt(7) }], [null, null, {}]);
    assert.equal(result.timestampAt(7), NOW);
    assert.deepEqual(
      offsets(result),
      Array.from({ length: 42 }, (_, index) => index),
    );
    assert.deepEqual([String(result.valueAt(0)), String(result.valueAt(41))], ["before", "after"]);
  });
}

const UNREADABLE: readonly { name: string; batch: Buffer; code: UnreadableRecords["code"]; detail: RegExp }[] = [
  {
    name: "snappy",
    batch: stored(plain("a"), { base: 7, codec: 2 }),
    code: "UNSUPPORTED_COMPRESSION_CODEC",
    detail: /snappy/u,
  },
  {
    name: "lz4",
    batch: stored(plain("a"), { base: 7, codec: 3 }),
    code: "UNSUPPORTED_COMPRESSION_CODEC",
    detail: /lz4/u,
  },
  {
    name: "a codec of the future",
    batch: stored(plain("a"), { base: 7, codec: 7 }),
    code: "UNSUPPORTED_COMPRESSION_CODEC",
    detail: /7/u,
  },
  {
    name: "broken zstd",
    batch: patched(stored(plain("a"), { base: 7, codec: 4 }), 61, 0xff),
    code: "CORRUPT_MESSAGE",
    detail: /zstd/u,
  },
  {
    name: "an old format",
    batch: patched(stored(plain("a"), { base: 7 }), 16, 1),
    code: "UNSUPPORTED_MESSAGE_FORMAT",
    detail: /format 1/u,
  },
  {
    name: "more records than there are",
    batch: patched(stored(plain("a"), { base: 7 }), 60, 9),
    code: "CORRUPT_MESSAGE",
    detail: /announces/u,
  },
  {
    name: "a record longer than its batch",
    batch: patched(stored(plain("a"), { base: 7 }), 61, 0x7e),
    code: "CORRUPT_MESSAGE",
    detail: /announces/u,
  },
];

function patched(batch: Buffer, at: number, byte: number): Buffer {
  batch[at] = byte;
  return batch;
}

for (const { name, batch, code, detail } of UNREADABLE) {
  test(`unreadable, with its offset: ${name}`, () => {
    assert.throws(
      () => read([batch], { from: 7 }),
      (error) =>
        error instanceof UnreadableRecords && error.code === code && error.offset === 7 && detail.test(error.message),
    );
  });
}

test("arbitrary damage is a value or an UnreadableRecords, never anything else", () => {
  const set = Buffer.concat([stored(plain("a", "b"), { base: 0 }), stored(plain("c"), { base: 2, codec: 1 })]);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(set.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (damage) => {
      const damaged = Buffer.from(set);
      for (const [at, byte] of damage) damaged[at] = byte;
      try {
        const result = read([damaged]);
        for (let index = 0; index < (result?.length ?? 0); index += 1) {
          result!.keyAt(index);
          result!.valueAt(index);
          result!.headersAt(index);
        }
      } catch (error) {
        assert.ok(error instanceof UnreadableRecords, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
