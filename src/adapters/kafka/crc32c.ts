// CRC-32C (Castagnoli), the checksum of Kafka's record batches: sixteen bytes a step through sixteen tables
// ("slicing", Kounavis and Berry 2008), four aligned words at a time. At least three times as fast as
// kafkajs's, which goes byte by byte; that was a twelfth of the pipeline's time. A native module would be
// faster still, for a binary on every platform.

import { endianness } from "node:os";

/** The polynomial 0x1EDC6F41, bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 16;

/** Entry 256 n + b: what byte b contributes when n more bytes follow it. */
const TABLE: Int32Array = makeTable();

/** A word's bytes have to lie in the order of the bytes. */
const WORDS_IN_ORDER = endianness() === "LE";

/** @returns an unsigned 32-bit number */
export function crc32c(bytes: Uint8Array): number {
  const { length, byteOffset } = bytes;
  if (!WORDS_IN_ORDER || length < 2 * SLICES) return ~bytewise(-1, bytes) >>> 0;
  const aligned = (4 - (byteOffset & 3)) & 3;
  const words = new Int32Array(bytes.buffer, byteOffset + aligned, ((length - aligned) >>> 4) * 4);
  let crc = bytewise(-1, bytes.subarray(0, aligned));
  crc = sliced(crc, words);
  return ~bytewise(crc, bytes.subarray(aligned + words.byteLength)) >>> 0;
}

function bytewise(before: number, bytes: Uint8Array): number {
  let crc = before;
  for (let at = 0; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 255]!;
  return crc;
}

/** @param words their number is a multiple of four */
function sliced(before: number, words: Int32Array): number {
  let crc = before;
  for (let at = 0; at < words.length; at += 4) {
    crc ^= words[at]!;
    crc = word(crc, 12) ^ word(words[at + 1]!, 8) ^ word(words[at + 2]!, 4) ^ word(words[at + 3]!, 0);
  }
  return crc;
}

/** @param following bytes between the word and the end of the step */
function word(bytes: number, following: number): number {
  const table = following << 8;
  return (
    TABLE[table + 768 + (bytes & 255)]! ^
    TABLE[table + 512 + ((bytes >>> 8) & 255)]! ^
    TABLE[table + 256 + ((bytes >>> 16) & 255)]! ^
    TABLE[table + (bytes >>> 24)]!
  );
}

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256]!;
    table[at] = (shorter >>> 8) ^ table[shorter & 255]!;
  }
  return table;
}
