// Decompression: what Kafka's own Java client wrote, whole batches of every codec (batches-by-java.json), and
// whatever a hostile producer may send instead.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { decompress } from "../../../src/adapters/kafka/compression.ts";
import type { Codec } from "../../../src/adapters/kafka/compression.ts";
import { readRecords } from "../../../src/adapters/kafka/record-batch.ts";

const byJava = Object.entries(
  JSON.parse(readFileSync(new URL("batches-by-java.json", import.meta.url), "utf8")) as Record<string, string>,
).map(([name, base64]) => [name, Buffer.from(base64, "base64")] as const);
const batches = byJava.filter(([name]) => name !== "raw snappy");
const HEADER_BYTES = 61;

for (const [name, records] of batches) {
  test(`a batch written by the Java client: ${name}`, () => {
    const set = { topic: "t", partition: 0, fetchedFrom: 100, endOffset: 100, aborted: [], records };
    const batch = readRecords(set, 1 << 20)!;
    const inBlocks = name.endsWith("in blocks");
    assert.equal(batch.length, inBlocks ? 1_500 : 3);
    for (let i = 0; i < batch.length; i++) {
      const rest = inBlocks ? ", a sentence that is repeated in every one of the records" : "";
      const value = i % 100 === 2 ? null : `event ${i} of account-${(i * 7919) % 1000}${rest}`;
      assert.equal(batch.flawAt(i), null);
      assert.deepEqual(
        [batch.offsetAt(i), String(batch.keyAt(i)), batch.valueAt(i)?.toString() ?? null, batch.timestampAt(i)],
        [100 + i, `key-${i}`, value, 1_717_920_000_000 + i],
      );
      assert.equal(String(batch.headersAt(i)["n"]), String(i));
    }
  });
}

test("raw snappy, as librdkafka writes it", () => {
  const [, compressed] = byJava.find(([name]) => name === "raw snappy")!;
  const result = decompress("snappy", compressed, 1_000);
  assert.ok("bytes" in result, JSON.stringify(result));
  assert.equal(String(result.bytes), "raw snappy, raw snappy, raw snappy, raw snappy: without any frame");
});

test("streams of framed snappy appended to each other are one", () => {
  const one = compressedOf("snappy");
  const alone = decompress("snappy", one, 1 << 20);
  const twice = decompress("snappy", Buffer.concat([one, one]), 1 << 20);
  assert.ok("bytes" in alone && "bytes" in twice);
  assert.deepEqual(twice.bytes, Buffer.concat([alone.bytes, alone.bytes]));
});

/** The compressed part of a batch by the Java client. */
function compressedOf(codec: Codec): Buffer {
  return batches.find(([name]) => name === `${codec} in blocks`)![1].subarray(HEADER_BYTES);
}

const CODECS = ["gzip", "snappy", "lz4", "zstd"] as const;

for (const codec of CODECS) {
  test(`${codec}: exactly up to the bound, not a byte further`, () => {
    const compressed = compressedOf(codec);
    const whole = decompress(codec, compressed, 1 << 20);
    assert.ok("bytes" in whole);
    const { length } = whole.bytes;
    assert.ok("bytes" in decompress(codec, compressed, length));
    const result = decompress(codec, compressed, length - 1);
    assert.ok("problem" in result && result.problem === "too-large", JSON.stringify(result));
    assert.match(result.detail, new RegExp(`${compressed.length} bytes of ${codec} expand to more than`, "u"));
  });

  test(`${codec}: cut off anywhere it is corrupt, never half of the content`, () => {
    const compressed = compressedOf(codec);
    fc.assert(
      fc.property(fc.nat(compressed.length - 1), (end) => {
        const result = decompress(codec, compressed.subarray(0, end), 1 << 20);
        // A frame of snappy may end after any block: the batch then announces more than it holds.
        if (codec === "snappy" && "bytes" in result) return;
        assert.ok("problem" in result && result.problem === "corrupt", `${end}: ${JSON.stringify(result)}`);
      }),
    );
  });

  test(`${codec}: damage is a problem or other content within the bound, nothing else, and soon`, () => {
    const compressed = compressedOf(codec);
    const damage = fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(damage, (bytes) => {
        const damaged = Buffer.from(compressed);
        for (const [at, byte] of bytes) damaged[at] = byte;
        const result = decompress(codec, damaged, 1 << 18);
        if ("bytes" in result) assert.ok(result.bytes.length <= 1 << 18);
      }),
      { numRuns: 300 },
    );
  });
}

test("bombs of every codec are refused without being unpacked", () => {
  const zeros = Buffer.alloc(50_000_000);
  const bombs: readonly (readonly [Codec, Buffer])[] = [
    ["gzip", gzipSync(zeros)],
    ["zstd", zstdCompressSync(zeros)],
    ["lz4", lz4Bomb(50_000_000)],
    ["snappy", snappyBomb(50_000_000)],
  ];
  const before = process.memoryUsage().arrayBuffers;
  for (const [codec, bomb] of bombs) {
    const result = decompress(codec, bomb, 1_000_000);
    assert.ok("problem" in result && result.problem === "too-large", `${codec}: ${JSON.stringify(result)}`);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000);
  assert.ok("problem" in decompress("gzip", deflateRawSync(zeros), 1_000_000), "not even gzip");
});

/** One literal and one repetition of it, as long as wanted. */
function lz4Bomb(length: number): Buffer {
  const more = Buffer.alloc(Math.floor(length / 255), 0xff);
  const block = Buffer.concat([Buffer.from([0x1f, 0x00, 1, 0]), more, Buffer.from([0])]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0]), size, block, Buffer.alloc(4)]);
}

/** A literal byte and repetitions of 64 bytes. */
function snappyBomb(length: number): Buffer {
  const announced: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    announced.push(rest >= 128 ? (rest % 128) | 0x80 : rest);
    if (rest < 128) break;
  }
  const repeat = Buffer.from([(63 << 2) | 2, 1, 0]);
  const repeats = Buffer.concat(Array.from({ length: Math.floor(length / 64) }, () => repeat));
  return Buffer.concat([Buffer.from(announced), Buffer.from([0, 0]), repeats]);
}
