// The protocol's fields in one buffer, also where the buffer was expected too small.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WireReader, WireWriter } from "../../../src/adapters/kafka/wire.ts";

test("whatever does not fit moves to a larger buffer with what comes after it", () => {
  const write = (expectedBytes: number): Buffer => {
    const writer = new WireWriter(expectedBytes);
    for (let round = 0; round < 4; round += 1) {
      writer
        .int8(round)
        .int16(round)
        .int32(-round)
        .int64(2 ** 40 + round)
        .string("topic")
        .varint(300)
        .raw(Buffer.from("abc"));
    }
    return writer.take();
  };
  const whole = write(1_000);
  for (let expectedBytes = 1; expectedBytes <= whole.length; expectedBytes += 1) {
    assert.deepEqual(write(expectedBytes), whole, `expected ${expectedBytes} bytes`);
  }
});

test("what was written is read", () => {
  const writer = new WireWriter(1);
  writer
    .int16(-2)
    .int32(-70_000)
    .int64(2 ** 52 + 1)
    .string("käse")
    .int32(2)
    .raw(Buffer.from("ab"));
  const reader = new WireReader(writer.take());
  assert.deepEqual(
    [reader.int16(), reader.int32(), reader.int64(), reader.string()],
    [-2, -70_000, 2 ** 52 + 1, "käse"],
  );
  assert.equal(reader.bytes().toString(), "ab");
});
