// LZ4 frames, decompression only: github.com/lz4/lz4, lz4_Frame_format.md and lz4_Block_format.md. One
// frame, as Kafka's clients write; the frame's own checksums are skipped, the record batch has one.
//
//   frame   [04 22 4d 18][flags][block size]([content size])([dictionary])[check] [size][block]… [0]([check])
//   block   [literals | repeated][…more literals] literal bytes [distance][…more repeated] …

import { Expansion, ExpansionFailure } from "./expansion.ts";

const MAGIC = 0x184d2204;
const VERSION = 0b01;
const UNCOMPRESSED = 0x80000000;
/** The shortest repetition; its length counts from there. */
const SHORTEST = 4;
/** A length of 15 goes on in the bytes that follow, up to one below 255. */
const GOES_ON = 15;

/** @throws ExpansionFailure */
export function decompressLz4(input: Buffer, maxBytes: number): Buffer {
  if (input.length < 7 || input.readUInt32LE(0) !== MAGIC) throw corrupt("no LZ4 frame");
  const flags = input[4]!;
  if (flags >>> 6 !== VERSION) throw corrupt(`frame version ${flags >>> 6}`);
  const hasDictionary = (flags & 0x01) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const blockCheckBytes = (flags & 0x10) === 0 ? 0 : 4;
  if (hasDictionary) throw corrupt("it needs a dictionary");
  const output = new Expansion(input, maxBytes);
  for (let at = 6 + (hasContentSize ? 8 : 0) + 1; ;) {
    if (at + 4 > input.length) throw corrupt("the frame is cut off");
    const word = input.readUInt32LE(at);
    if (word === 0) return output.take();
    const start = at + 4;
    const size = word & ~UNCOMPRESSED;
    const end = start + size;
    if (end > input.length) throw corrupt("a block is cut off");
    // Distances reach back into earlier blocks where blocks are linked: it is one output for all.
    if (word >= UNCOMPRESSED) output.literal(start, size);
    else decompressBlock(input, { start, end, output });
    at = end + blockCheckBytes;
  }
}

function decompressBlock(input: Buffer, block: { start: number; end: number; output: Expansion }): void {
  const { end, output } = block;
  let at = block.start;
  while (at < end) {
    const token = input[at++]!;
    let literals = token >>> 4;
    if (literals === GOES_ON) {
      for (let more = 255; more === 255; literals += more) {
        if (at >= end) throw corrupt("a length is cut off");
        more = input[at++]!;
      }
    }
    if (at + literals > end) throw corrupt("literals are cut off");
    output.literal(at, literals);
    at += literals;
    if (at === end) return; // the last sequence has no repetition
    if (at + 2 > end) throw corrupt("a distance is cut off");
    const distance = input[at]! | (input[at + 1]! << 8);
    at += 2;
    let length = token & 15;
    if (length === GOES_ON) {
      for (let more = 255; more === 255; length += more) {
        if (at >= end) throw corrupt("a length is cut off");
        more = input[at++]!;
      }
    }
    output.repeat(distance, length + SHORTEST);
  }
}

function corrupt(detail: string): ExpansionFailure {
  return new ExpansionFailure("corrupt", detail);
}
