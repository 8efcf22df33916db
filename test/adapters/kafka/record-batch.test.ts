// Record batches as the broker stores them: what is shown of them, and what is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { crc32c } from "../../../src/adapters/kafka/crc32c.ts";
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
  return signed(batch);
}

function signed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

function marker(base: number, producer: number, kind: "abort" | "commit"): Buffer {
  const key = Buffer.from([0, 0, 0, kind === "abort" ? 0 : 1]);
  const batch = stored([{ key, value: Buffer.alloc(6), headers: {} }], { base, producer, transactional: true });
  batch.writeInt16BE(0x30, 21);
  return signed(batch);
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
    const set = [
      stored(plain("before"), { base: 0 }),
      stored(bomb, { base: 1, codec }),
      stored(plain("after"), { base: 41 }),
    ];
    const result = readAll(set, { limit: 20_000 });
    assert.deepEqual(
      result.map(({ offset }) => offset),
      Array.from({ length: 42 }, (_, index) => index),
    );
    const { key, value, headers, timestamp, flaw } = result[7]!;
    assert.deepEqual([key, value, { ...headers }, timestamp], [null, null, {}, NOW]);
    assert.equal(flaw?.reason, "TOO_LARGE");
    assert.match(flaw.detail, /expand to more than 20000/u);
    assert.deepEqual([String(result[0]!.value), String(result[41]!.value)], ["before", "after"]);
    assert.deepEqual([result[0]!.flaw, result[41]!.flaw], [null, null]);
  });
}

/** Everything a set shows, fetch after fetch. */
function readAll(set: readonly Buffer[], { limit }: { limit: number }): ShownRecord[] {
  const shown: ShownRecord[] = [];
  const all = Buffer.concat(set);
  for (let from = 0; ;) {
    const result = read([all], { from, limit });
    if (result === null || result.nextOffset === from) return shown;
    for (let index = 0; index < result.length; index += 1) {
      shown.push({
        offset: result.offsetAt(index),
        timestamp: result.timestampAt(index),
        key: result.keyAt(index),
        value: result.valueAt(index),
        headers: result.headersAt(index),
        flaw: result.flawAt(index),
      });
    }
    from = result.nextOffset;
    if (result.endOffset <= from) return shown;
  }
}

interface ShownRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordBatch["headersAt"] extends (index: number) => infer H ? H : never;
  readonly flaw: ReturnType<RecordBatch["flawAt"]>;
}

test("a set of bombs is expanded one a fetch, so that memory stays near the limit (D4)", () => {
  const large = plain(...Array.from({ length: 15 }, () => "0".repeat(1_000)));
  const set = [0, 15, 30, 45].map((base) => stored(large, { base, codec: 4 }));
  assert.equal(read(set, { limit: 20_000 })!.nextOffset, 30, "two batches reach the limit");
  assert.equal(readAll(set, { limit: 20_000 }).length, 60);
  const bombs = [0, 15].map((base) => stored(large, { base, codec: 4 }));
  assert.equal(read(bombs, { limit: 10_000 })!.nextOffset, 15);
});

test("of a bomb that claims more records than can be shown, one stands for all (D3)", () => {
  const bomb = stored(plain("0".repeat(30_000)), { base: 5, codec: 4 });
  bomb.writeInt32BE(999_999, 23);
  bomb.writeInt32BE(1_000_000, 57);
  const result = read([signed(bomb)], { from: 5, limit: 20_000 })!;
  assert.deepEqual([result.length, result.offsetAt(0), result.nextOffset], [1, 5, 1_000_005]);
  assert.match(result.flawAt(0)!.detail, /^stands for the 1000000 records from offset 5 to 1000004: /u);
  const middle = read([bomb], { from: 6, limit: 20_000 })!;
  assert.deepEqual([middle.length, middle.nextOffset], [0, 1_000_005], "it was told already");
});

test("a batch that does not hold what it announces is shown record by record, with the flaw (D3)", () => {
  const liars: readonly [string, (batch: Buffer) => void][] = [
    ["more records than there are", (batch) => (batch[60] = 9)],
    ["fewer records than there are", (batch) => (batch[60] = 1)],
    ["a record longer than its batch", (batch) => (batch[61] = 0x7e)],
    ["a record shorter than any", (batch) => (batch[61] = 0x02)],
    ["a key longer than its record", (batch) => (batch[65] = 0x7e)],
    ["an offset before its batch", (batch) => (batch[64] = 0x01)],
    ["an offset in the next batch", (batch) => (batch[72] = 0x04)],
    ["the same offset twice", (batch) => (batch[72] = 0x00)],
    ["offsets that go back", (batch) => ((batch[64] = 0x02), (batch[72] = 0x00))],
  ];
  for (const [what, lie] of liars) {
    const batch = stored(plain("a", "b"), { base: 7 });
    lie(batch);
    const result = read([signed(batch), stored(plain("after"), { base: 9 })], { from: 7 })!;
    assert.deepEqual(offsets(result), what.startsWith("fewer") ? [7, 9] : [7, 8, 9], what);
    assert.deepEqual([result.valueAt(0), result.flawAt(0)?.reason], [null, "UNDECODABLE"], what);
    const last = result.length - 1;
    assert.deepEqual([String(result.valueAt(last)), result.flawAt(last)], ["after", null], what);
  }
});

test("headers beyond the limit are a flaw of their record alone, and left out", () => {
  const headers = Object.fromEntries(Array.from({ length: 700 }, (_, index) => [`header-${index}`, "x".repeat(90)]));
  const records = [...plain("a"), { key: null, value: Buffer.from("b"), headers }, ...plain("c")];
  const result = read([stored(records, { base: 0 })])!;
  assert.deepEqual(values(result), ["a", "b", "c"]);
  assert.deepEqual([result.flawAt(0), result.flawAt(1)?.reason, result.flawAt(2)], [null, "TOO_LARGE", null]);
  assert.deepEqual({ ...result.headersAt(1) }, {});
});

const UNREADABLE: readonly { name: string; batch: Buffer; code: UnreadableRecords["code"]; detail: RegExp }[] = [
  {
    name: "a codec of the future",
    batch: stored(plain("a"), { base: 7, codec: 7 }),
    code: "UNSUPPORTED_COMPRESSION_CODEC",
    detail: /7/u,
  },
  {
    name: "a byte changed after the checksum",
    batch: patched(stored(plain("a"), { base: 7 }), 66, 0x55),
    code: "CORRUPT_MESSAGE",
    detail: /checksum/u,
  },
  {
    name: "an old format",
    batch: patched(stored(plain("a"), { base: 7 }), 16, 1),
    code: "UNSUPPORTED_MESSAGE_FORMAT",
    detail: /format 1/u,
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
  const first = stored(plain("a", "b"), { base: 0 }).length;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(set.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (damage) => {
      const damaged = Buffer.from(set);
      for (const [at, byte] of damage) damaged[at] = byte;
      // A hostile producer signs what it sends.
      for (const [at, end] of [
        [0, first],
        [first, set.length],
      ] as const)
        signed(damaged.subarray(at, end));
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
