// murmur2 must be Java's: a producer in Java and Holdfast have to agree where an account's records are.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { murmur2, murmur2Partitioner } from "../../../src/adapters/kafka/partitioner.ts";

// From org.apache.kafka.common.utils.UtilsTest.testMurmur2.
const JAVA: readonly (readonly [string, number])[] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
];

test("the hashes of Java's own test", () => {
  for (const [key, hash] of JAVA) assert.equal(murmur2(Buffer.from(key)), hash, key);
  assert.equal(murmur2(Buffer.from("abc")), 479470107);
});

test("the same as kafkajs's default partitioner for any key", () => {
  const theirs = createRequire(import.meta.url)("kafkajs/src/producer/partitioners/default/murmur2") as (
    key: Buffer,
  ) => number;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (array) => {
      assert.equal(murmur2(array), theirs(Buffer.from(array)));
    }),
  );
});

test("a partition is never negative", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 1, max: 1_000 }), (array, partitions) => {
      const partition = murmur2Partitioner(Buffer.from(array), partitions);
      assert.ok(partition >= 0 && partition < partitions);
    }),
  );
});
