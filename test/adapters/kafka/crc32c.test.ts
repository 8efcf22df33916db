// The checksum against published values and against its definition, bit by bit.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../../src/adapters/kafka/crc32c.ts";

/** RFC 3720, appendix B.4. */
const PUBLISHED: readonly (readonly [what: string, bytes: Buffer, crc: number])[] = [
  ["32 zeros", Buffer.alloc(32), 0x8a9136aa],
  ["32 ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
  ["0 to 31", Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
  ["31 to 0", Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c],
  ["123456789", Buffer.from("123456789"), 0xe3069283],
  ["nothing", Buffer.alloc(0), 0],
];

for (const [what, bytes, crc] of PUBLISHED) {
  test(`of ${what}`, () => assert.equal(crc32c(bytes), crc));
}

function byDefinition(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("of anything, wherever in a buffer it begins", () => {
  const anything = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(anything, fc.nat(15), (content, offset) => {
      const bytes = Buffer.concat([Buffer.alloc(offset), content]).subarray(offset);
      assert.equal(crc32c(bytes), byDefinition(content));
    }),
  );
});
