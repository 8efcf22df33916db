// What a fetched set of Kafka's record batches (message format 2) shows. Owns decompression limits, aborted
// transactions and control records, which never reach the reader. Leaves the records themselves to
// fetched-batch.ts, and who may see them to fetcher.ts.
//
//   record set  [batch offset 40…49 ][batch 50 control][batch 51…60 aborted][batch 61…  cut off by the limit
//   nextOffset                                                            ▲ 61
//
// Invariants:
//   D1  nextOffset is past every complete batch, whether or not its records are shown.
//   D2  No record below the offset that was asked for is shown (compressed batches are fetched whole).
//   D3  A batch that expands beyond the limit is shown as its records without key and value: what a
//       producer sent must not be skipped in silence, and must not stop the topic either.

import type { RecordBatch } from "../../runtime/ports.ts";
import { CODECS, decompress } from "./compression.ts";
import { corrupt, FetchedBatch, SMALLEST_RECORD_BYTES, UnreadableRecords } from "./fetched-batch.ts";
import type { AbortedTransaction, FetchedPartition, Segment } from "./fetched-batch.ts";
import { VarintCursor } from "./varint-cursor.ts";

/** Where the fields of a record batch lie. */
const AT = {
  length: 8,
  magic: 16,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;
/** What the length field does not count: itself and the base offset before it. */
const LENGTH_OVERHEAD = 12;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const ABORT_MARKER = 0;
/** More than that in a batch that was not expanded is an attack on memory, not a batch. */
const UNREAD_RECORDS = 100_000;

/**
 * @param maxBatchBytes upper bound of one batch after decompression
 * @returns null when the set holds no complete batch
 * @throws UnreadableRecords
 */
export function readRecords(fetched: FetchedPartition, maxBatchBytes: number): RecordBatch | null {
  const { records, fetchedFrom } = fetched;
  const segments: Segment[] = [];
  const aborted = new AbortedFilter(fetched.aborted);
  let nextOffset = fetchedFrom;
  let position = 0;
  for (; position + AT.records <= records.length;) {
    const end = position + LENGTH_OVERHEAD + records.readInt32BE(position + AT.length);
    if (end > records.length) break;
    if (end < position + AT.records) throw corrupt(int64(records, position));
    const batch = records.subarray(position, end);
    const lastOffset = int64(batch, 0) + batch.readInt32BE(AT.lastOffsetDelta);
    if (lastOffset >= fetchedFrom && aborted.shows(batch, lastOffset)) segments.push(segmentOf(batch, maxBatchBytes));
    nextOffset = Math.max(nextOffset, lastOffset + 1); // D1
    position = end;
  }
  return position === 0 ? null : new FetchedBatch(fetched, { segments, nextOffset, bytes: position });
}

function segmentOf(batch: Buffer, maxBatchBytes: number): Segment {
  const baseOffset = int64(batch, 0);
  if (batch[AT.magic] !== 2) {
    throw new UnreadableRecords(
      baseOffset,
      "UNSUPPORTED_MESSAGE_FORMAT",
      `message format ${batch[AT.magic]} is older than Kafka 0.11`,
    );
  }
  const attributes = batch.readInt16BE(AT.attributes);
  const codec = CODECS[attributes & CODEC_MASK];
  if (codec === undefined) {
    throw new UnreadableRecords(
      baseOffset,
      "UNSUPPORTED_COMPRESSION_CODEC",
      `compression codec ${attributes & CODEC_MASK} is unknown`,
    );
  }
  const count = batch.readInt32BE(AT.count);
  const result = decompress(codec, batch.subarray(AT.records), maxBatchBytes);
  if ("problem" in result && result.problem !== "too-large") {
    const code = result.problem === "corrupt" ? "CORRUPT_MESSAGE" : "UNSUPPORTED_COMPRESSION_CODEC";
    throw new UnreadableRecords(baseOffset, code, result.detail);
  }
  const bytes = "bytes" in result ? result.bytes : null;
  if (bytes === null && count > UNREAD_RECORDS)
    throw new UnreadableRecords(baseOffset, "CORRUPT_MESSAGE", `${count} records in one batch`);
  if (count < 0 || (bytes !== null && count * SMALLEST_RECORD_BYTES > bytes.length)) throw corrupt(baseOffset);
  return {
    baseOffset,
    firstTimestamp: int64(batch, AT.firstTimestamp),
    appendTime: bytes === null || (attributes & LOG_APPEND_TIME) !== 0 ? int64(batch, AT.maxTimestamp) : Number.NaN,
    count,
    bytes,
  };
}

/**
 * Which batches belong to aborted transactions. A transaction begins at its first offset and ends at its
 * producer's abort marker; several producers' may be open at once, and the broker lists them in no order.
 */
class AbortedFilter {
  readonly #begins: readonly AbortedTransaction[];
  readonly #open = new Set<number>();
  #next = 0;

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#begins = aborted.length < 2 ? aborted : aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /** To be asked of each batch once, in order. */
  shows(batch: Buffer, lastOffset: number): boolean {
    const attributes = batch.readInt16BE(AT.attributes);
    if ((attributes & (CONTROL | TRANSACTIONAL)) === 0) return true;
    for (; this.#next < this.#begins.length && this.#begins[this.#next]!.firstOffset <= lastOffset; this.#next += 1) {
      this.#open.add(this.#begins[this.#next]!.producerId);
    }
    const producerId = int64(batch, AT.producerId);
    if ((attributes & CONTROL) === 0) return !this.#open.has(producerId);
    if (isAbortMarker(batch)) this.#open.delete(producerId);
    return false;
  }
}

/** A control record's key is version and type, two bytes each. */
function isAbortMarker(batch: Buffer): boolean {
  const cursor = new VarintCursor(batch, AT.records);
  cursor.varint(); // length
  cursor.position += 1; // attributes
  cursor.varlong(); // timestamp
  cursor.varint(); // offset
  if (cursor.varint() !== 4 || cursor.position + 4 > batch.length) throw corrupt(int64(batch, 0));
  return batch.readInt16BE(cursor.position + 2) === ABORT_MARKER;
}

/** Exact to 2^53. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4);
}
