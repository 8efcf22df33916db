// Snappy, decompression only: the raw format, and the frames that snappy-java (thus Kafka's own client) puts
// around it. Format: github.com/google/snappy, format_description.txt. Checksums are the record batch's.
//
//   framed   [82 53 4e 41 50 50 59 00][version][compatible]  [size][raw block] [size][raw block] …
//   raw      [uncompressed length] [tag, literal bytes | tag, distance] …

import { Expansion, ExpansionFailure } from "./expansion.ts";

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** Magic and two versions. Streams are appended to each other, header and all. */
const FRAMES_HEADER_BYTES = 16;
const FIRST_OF_MAGIC = MAGIC.readInt32BE(0);

/** @throws ExpansionFailure */
export function decompressSnappy(input: Buffer, maxBytes: number): Buffer {
  const output = new Expansion(input, maxBytes);
  if (!input.subarray(0, MAGIC.length).equals(MAGIC)) {
    decompressBlock(input, { start: 0, end: input.length, output });
    return output.take();
  }
  for (let at = 0; at < input.length;) {
    if (at + 4 > input.length) throw cutOff();
    const size = input.readInt32BE(at);
    if (size === FIRST_OF_MAGIC) {
      at += FRAMES_HEADER_BYTES;
      continue;
    }
    const start = at + 4;
    if (size < 0 || start + size > input.length) throw cutOff();
    decompressBlock(input, { start, end: start + size, output });
    at = start + size;
  }
  return output.take();
}

function decompressBlock(input: Buffer, block: { start: number; end: number; output: Expansion }): void {
  const { end, output } = block;
  let at = block.start;
  let announced = 0;
  for (let scale = 1; ; scale *= 128) {
    if (at >= end || scale > 128 ** 4) throw cutOff();
    const byte = input[at++]!;
    announced += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  const before = output.length;
  while (at < end) {
    const tag = input[at++]!;
    const kind = tag & 3;
    const size = tag >>> 2;
    if (kind === 0) {
      // Up to 60 bytes in the tag itself, otherwise in the 1 to 4 bytes after it.
      const more = Math.max(0, size - 59);
      if (at + more > end) throw cutOff();
      const length = (more === 0 ? size : input.readUIntLE(at, more)) + 1;
      at += more;
      if (at + length > end) throw cutOff();
      output.literal(at, length);
      at += length;
    } else {
      const bytes = kind === 3 ? 4 : kind;
      if (at + bytes > end) throw cutOff();
      const written = input.readUIntLE(at, bytes);
      at += bytes;
      // The shortest form keeps three bits of the distance and three of the length in the tag.
      if (kind === 1) output.repeat(((size >>> 3) << 8) | written, (size & 7) + 4);
      else output.repeat(written, size + 1);
    }
  }
  const length = output.length - before;
  if (length !== announced) {
    throw new ExpansionFailure("corrupt", `a block of ${length} bytes that announces ${announced}`);
  }
}

function cutOff(): ExpansionFailure {
  return new ExpansionFailure("corrupt", "a block is cut off");
}
