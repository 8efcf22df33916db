// Kafka's record batches (message format 2) read in place: one pass notes where each record's parts lie,
// and the accessors cut them out when asked. Owns decompression limits, aborted transactions and control
// records, which never reach the reader. Leaves who fetches and who may see the batch to fetcher.ts.
//
//   record set  [batch offset 40…49 ][batch 50 control][batch 51…60 aborted][batch 61…  cut off by the limit
//   nextOffset                                                            ▲ 61
//
// Invariants:
//   D1  nextOffset is past every complete batch, whether or not its records are shown.
//   D2  No record below the offset that was asked for is shown (compressed batches are fetched whole).
//   D3  A batch that expands beyond the limit is shown as its records without key and value: what a
//       producer sent must not be skipped in silence, and must not stop the topic either.

import type { RecordBatch, RecordHeaders } from "../../runtime/ports.ts";
import type { Instant } from "../../core/time.ts";
import { CODECS, decompress } from "./compression.ts";

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly fetchedFrom: number;
  /** High watermark. */
  readonly endOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** The record set as received; its last batch may be cut off. */
  readonly records: Buffer;
}

/** The records at `offset` cannot be read by this release, or not at all. */
export class UnreadableRecords extends Error {
  readonly offset: number;
  readonly code: "UNSUPPORTED_COMPRESSION_CODEC" | "UNSUPPORTED_MESSAGE_FORMAT" | "CORRUPT_MESSAGE";
  constructor(offset: number, code: UnreadableRecords["code"], detail: string) {
    super(detail);
    this.name = "UnreadableRecords";
    this.offset = offset;
    this.code = code;
  }
}

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
const SMALLEST_RECORD_BYTES = 7;
const ABORT_MARKER = 0;
/** More than that in a batch that was not expanded is an attack on memory, not a batch. */
const UNREAD_RECORDS = 100_000;

/** The shown records of one batch of the set. */
interface Segment {
  readonly baseOffset: number;
  readonly firstTimestamp: number;
  /** NaN: each record has its own. */
  readonly appendTime: number;
  readonly count: number;
  /** null: not read (D3). */
  readonly bytes: Buffer | null;
}

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
  const cursor = new Cursor(batch, AT.records);
  cursor.varint(); // length
  cursor.position += 1; // attributes
  cursor.varlong(); // timestamp
  cursor.varint(); // offset
  if (cursor.varint() !== 4 || cursor.position + 4 > batch.length) throw corrupt(int64(batch, 0));
  return batch.readInt16BE(cursor.position + 2) === ABORT_MARKER;
}

const NO_HEADERS: RecordHeaders = Object.freeze({});
const FIELDS = 5;

class FetchedBatch implements RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly fetchedFrom: number;
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly length: number;
  readonly bytes: number;
  readonly #segments: readonly Segment[];
  readonly #offsets: Float64Array;
  readonly #timestamps: Float64Array;
  /** Of each record: its segment, where key and value begin, and their lengths (-1: null). */
  readonly #fields: Int32Array;

  constructor(
    fetched: FetchedPartition,
    read: { readonly segments: readonly Segment[]; readonly nextOffset: number; readonly bytes: number },
  ) {
    this.topic = fetched.topic;
    this.partition = fetched.partition;
    this.fetchedFrom = fetched.fetchedFrom;
    this.endOffset = fetched.endOffset;
    this.nextOffset = read.nextOffset;
    this.#segments = read.segments;
    let records = 0;
    let bytes = 0;
    for (const segment of read.segments) {
      records += segment.count;
      bytes += segment.bytes?.length ?? 0;
    }
    this.bytes = Math.max(bytes, read.bytes);
    this.#offsets = new Float64Array(records);
    this.#timestamps = new Float64Array(records);
    this.#fields = new Int32Array(records * FIELDS);
    let length = 0;
    for (let index = 0; index < read.segments.length; index += 1) length = this.#index(index, length);
    this.length = length;
  }

  offsetAt(index: number): number {
    return this.#offsets[index]!;
  }

  timestampAt(index: number): Instant {
    return this.#timestamps[index]!;
  }

  keyAt(index: number): Buffer | null {
    const field = index * FIELDS;
    return this.#cut(field, this.#fields[field + 1]!, this.#fields[field + 2]!);
  }

  valueAt(index: number): Buffer | null {
    const field = index * FIELDS;
    return this.#cut(field, this.#fields[field + 3]!, this.#fields[field + 4]!);
  }

  headersAt(index: number): RecordHeaders {
    const field = index * FIELDS;
    const { bytes } = this.#segments[this.#fields[field]!]!;
    if (bytes === null) return NO_HEADERS;
    const cursor = new Cursor(bytes, this.#fields[field + 3]! + Math.max(0, this.#fields[field + 4]!));
    const count = cursor.varint();
    if (count <= 0) return NO_HEADERS;
    // No prototype: a header may be called __proto__. Of headers with the same name the last counts.
    const headers = Object.create(null) as Record<string, Buffer | undefined>;
    for (let header = 0; header < count && cursor.position < bytes.length; header += 1) {
      const name = cursor.bytes()?.toString("utf8") ?? "";
      headers[name] = cursor.bytes() ?? undefined;
    }
    return headers;
  }

  #cut(field: number, start: number, length: number): Buffer | null {
    return length < 0 ? null : this.#segments[this.#fields[field]!]!.bytes!.subarray(start, start + length);
  }

  /** Notes the records of one segment from index `to` on. @returns the next free index */
  #index(index: number, to: number): number {
    const segment = this.#segments[index]!;
    const { baseOffset, bytes, appendTime, firstTimestamp, count } = segment;
    if (bytes === null) return this.#indexUnread(index, to);
    const cursor = new Cursor(bytes, 0);
    const ownTime = Number.isNaN(appendTime);
    let at = to;
    for (let record = 0; record < count; record += 1) {
      const length = cursor.varint();
      const end = cursor.position + length;
      if (length < SMALLEST_RECORD_BYTES - 1 || end > bytes.length) throw corrupt(baseOffset);
      cursor.position += 1; // attributes
      const timestampDelta = cursor.varlong();
      const offset = baseOffset + cursor.varint();
      const keyLength = cursor.varint();
      const keyStart = cursor.position;
      if (keyLength > 0) cursor.position += keyLength;
      const valueLength = cursor.varint();
      const valueStart = cursor.position;
      if (valueStart + valueLength > end) throw corrupt(baseOffset);
      cursor.position = end;
      if (offset < this.fetchedFrom) continue; // D2
      this.#offsets[at] = offset;
      this.#timestamps[at] = ownTime ? firstTimestamp + timestampDelta : appendTime;
      const field = at * FIELDS;
      this.#fields[field] = index;
      this.#fields[field + 1] = keyStart;
      this.#fields[field + 2] = keyLength;
      this.#fields[field + 3] = valueStart;
      this.#fields[field + 4] = valueLength;
      at += 1;
    }
    return at;
  }

  // D3
  #indexUnread(index: number, to: number): number {
    const { baseOffset, appendTime, count } = this.#segments[index]!;
    let at = to;
    for (let record = 0; record < count; record += 1) {
      const offset = baseOffset + record;
      if (offset < this.fetchedFrom) continue; // D2
      this.#offsets[at] = offset;
      this.#timestamps[at] = appendTime;
      const field = at * FIELDS;
      this.#fields[field] = index;
      this.#fields[field + 2] = -1;
      this.#fields[field + 4] = -1;
      at += 1;
    }
    return at;
  }
}

/** Reads variable-length numbers (zig-zag) one after another. */
class Cursor {
  readonly #bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** 32 bits. */
  varint(): number {
    let byte = this.#bytes[this.position++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 35; shift += 7) {
      byte = this.#bytes[this.position++]!;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  /** 64 bits; exact to 2^53. */
  varlong(): number {
    let byte = this.#bytes[this.position++]!;
    let value = byte & 0x7f;
    for (let scale = 128; byte >= 0x80 && scale < 2 ** 70; scale *= 128) {
      byte = this.#bytes[this.position++]!;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A length and so many bytes; null for a negative length. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    this.position += length;
    return this.#bytes.subarray(this.position - length, this.position);
  }
}

function corrupt(baseOffset: number): UnreadableRecords {
  return new UnreadableRecords(baseOffset, "CORRUPT_MESSAGE", "the batch does not hold the records it announces");
}

/** Exact to 2^53. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4);
}
