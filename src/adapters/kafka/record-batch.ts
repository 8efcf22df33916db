// What a fetched set of Kafka's record batches (message format 2) shows. Owns checksums, decompression
// limits, aborted transactions and control records, which never reach the reader. Leaves the records
// themselves to fetched-batch.ts, and who may see them to fetcher.ts.
//
//   record set  [batch offset 40…49 ][batch 50 control][batch 51…60 aborted][batch 61…  cut off by the limit
//   nextOffset                                                            ▲ 61
//
// Invariants:
//   D1  nextOffset is past every batch that was read, whether or not its records are shown.
//   D2  No record below the offset that was asked for is shown (compressed batches are fetched whole).
//   D3  A batch that expands beyond the limit, or does not hold what it announces, is shown as its records
//       without key and value and with the flaw: what a producer sent must not be skipped in silence, and
//       must not stop the topic either. That is for batches whose checksum is right; damage on the way or on
//       the broker's disk is UnreadableRecords.
//   D4  Once a set has expanded to the limit the rest of it waits for the next fetch.

import type { RecordBatch } from "../../runtime/ports.ts";
import { CODECS, decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { FetchedBatch, NOT_AS_ANNOUNCED, UnreadableRecords } from "./fetched-batch.ts";
import type { AbortedTransaction, FetchedPartition, Segment } from "./fetched-batch.ts";
import { VarintCursor } from "./varint-cursor.ts";

/** Where the fields of a record batch lie. */
const AT = {
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  checksum: 17,
  /** From here on the checksum counts. */
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
  let leaderEpoch = -1;
  let position = 0;
  let expandedBytes = 0;
  // D4
  for (; position + AT.records <= records.length && expandedBytes < maxBatchBytes;) {
    const end = position + LENGTH_OVERHEAD + records.readInt32BE(position + AT.length);
    if (end > records.length) break;
    const unreadable = formatProblem(records, position, end);
    if (unreadable !== null) {
      if (position > 0) break; // what lies before it counts; the next fetch begins here
      throw unreadable;
    }
    const batch = records.subarray(position, end);
    const lastOffset = int64(batch, 0) + batch.readInt32BE(AT.lastOffsetDelta);
    if (lastOffset >= fetchedFrom && aborted.shows(batch, lastOffset)) {
      const segment = segmentOf(batch, maxBatchBytes);
      segments.push(segment);
      if (segment.codec !== "none") expandedBytes += segment.bytes?.length ?? maxBatchBytes;
    }
    nextOffset = Math.max(nextOffset, lastOffset + 1); // D1
    leaderEpoch = batch.readInt32BE(AT.leaderEpoch);
    position = end;
  }
  return position === 0 ? null : new FetchedBatch(fetched, { segments, nextOffset, leaderEpoch, bytes: position });
}

function formatProblem(records: Buffer, start: number, end: number): UnreadableRecords | null {
  const baseOffset = int64(records, start);
  const magic = records[start + AT.magic]!;
  if (magic !== 2) {
    const detail = `message format ${magic} is older than Kafka 0.11`;
    return new UnreadableRecords(baseOffset, "UNSUPPORTED_MESSAGE_FORMAT", detail);
  }
  if (end < start + AT.records) return damaged(baseOffset);
  const checksum = crc32c(records.subarray(start + AT.attributes, end));
  if (checksum !== records.readUInt32BE(start + AT.checksum)) return damaged(baseOffset);
  if (records.readInt32BE(start + AT.lastOffsetDelta) < 0) return damaged(baseOffset); // no broker stores that
  const codec = records.readInt16BE(start + AT.attributes) & CODEC_MASK;
  if (codec < CODECS.length) return null;
  const detail = `compression codec ${codec} is newer than this release: upgrade`;
  return new UnreadableRecords(baseOffset, "UNSUPPORTED_COMPRESSION_CODEC", detail);
}

function segmentOf(batch: Buffer, maxBatchBytes: number): Segment {
  const baseOffset = int64(batch, 0);
  const attributes = batch.readInt16BE(AT.attributes);
  const codec = CODECS[attributes & CODEC_MASK]!;
  const lastDelta = batch.readInt32BE(AT.lastOffsetDelta);
  // Offsets beyond the batch's last would be the next batch's.
  const most = lastDelta + 1;
  const announced = batch.readInt32BE(AT.count);
  const frame = {
    baseOffset,
    leaderEpoch: batch.readInt32BE(AT.leaderEpoch),
    codec,
    firstTimestamp: int64(batch, AT.firstTimestamp),
    appendTime: (attributes & LOG_APPEND_TIME) !== 0 ? int64(batch, AT.maxTimestamp) : Number.NaN,
    maxTimestamp: int64(batch, AT.maxTimestamp),
    count: announced < 0 || announced > most ? most : announced,
    lastDelta,
  };
  if (frame.count !== announced) return { ...frame, bytes: null, flaw: NOT_AS_ANNOUNCED }; // D3
  const result = decompress(codec, batch.subarray(AT.records), maxBatchBytes);
  if ("bytes" in result) return { ...frame, bytes: result.bytes, flaw: null };
  const reason = result.problem === "too-large" ? "TOO_LARGE" : "UNDECODABLE";
  return { ...frame, bytes: null, flaw: { reason, detail: `the record's batch cannot be read: ${result.detail}` } }; // D3
}

function damaged(baseOffset: number): UnreadableRecords {
  const detail = "the batch is not what its checksum says: it was damaged on the way or on the broker's disk";
  return new UnreadableRecords(baseOffset, "CORRUPT_MESSAGE", detail);
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
  if (cursor.varint() !== 4 || cursor.position + 4 > batch.length) throw damaged(int64(batch, 0));
  return batch.readInt16BE(cursor.position + 2) === ABORT_MARKER;
}

/** Exact to 2^53. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4);
}
