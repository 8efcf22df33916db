// The writer of Kafka's wire format (wire.ts) beyond what a round trip of records shows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { WireWriter } from "../../../src/adapters/kafka/wire.ts";

test("a writer that has to grow loses nothing of what makes it grow", () => {
  for (let room = 0; room < 40; room++) {
    const writer = new WireWriter(room);
    writer.int8(1).int16(2).int32(3).int64(4).string("five").raw(Buffer.from("six")).varint(-7);
    assert.equal(
      writer.take().toString("hex"),
      "0100020000000300000000000000040004666976657369780d",
      `room for ${room}`,
    );
  }
});
