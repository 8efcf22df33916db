// The records of one fetched record set, indexed in one pass: where each one's key and value lie, its offset
// and its time. The accessors cut them out when asked, so that no object is made for a record. Owns the
// limit on headers. Leaves what is shown of a set to record-batch.ts (whose D2 and D3 are kept here).

import type { Rejection } from "../../core/event.ts";
import type { Instant } from "../../core/time.ts";
import type { RecordBatch, RecordHeaders } from "../../runtime/ports.ts";
import type { Codec } from "./compression.ts";
import { VarintCursor } from "./varint-cursor.ts";

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

/** The shown records of one batch of the set. */
export interface Segment {
  readonly baseOffset: number;
  readonly leaderEpoch: number;
  readonly codec: Codec;
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  /** NaN: each record has its own. */
  readonly appendTime: number;
  readonly count: number;
  /** Of the batch's last offset; records of a compacted log leave some out. */
  readonly lastDelta: number;
  /** null: not read, for the flaw. */
  readonly bytes: Buffer | null;
  readonly flaw: Rejection | null;
}

const SMALLEST_RECORD_BYTES = 7;
/** Of one record, all together: they are copied to the dead letters. */
const MOST_HEADER_BYTES = 65_536;
/** Of a batch that was not read each record is shown, to be accounted for; of one that claims more, the first. */
const MOST_UNREAD = 100_000;
const NO_HEADERS: RecordHeaders = Object.freeze({});
const FIELDS = 5;

export class FetchedBatch implements RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly fetchedFrom: number;
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly length: number;
  readonly bytes: number;
  readonly #segments: readonly Segment[];
  readonly #leaderEpoch: number;
  readonly #offsets: Float64Array;
  readonly #timestamps: Float64Array;
  /** Of each record: its segment, where key and value begin, and their lengths (-1: null). */
  readonly #fields: Int32Array;
  readonly #flaws = new Map<number, Rejection>();

  constructor(
    fetched: FetchedPartition,
    read: {
      readonly segments: readonly Segment[];
      readonly nextOffset: number;
      /** Below `nextOffset`. */
      readonly leaderEpoch: number;
      readonly bytes: number;
    },
  ) {
    this.topic = fetched.topic;
    this.partition = fetched.partition;
    this.fetchedFrom = fetched.fetchedFrom;
    this.endOffset = fetched.endOffset;
    this.nextOffset = read.nextOffset;
    this.#segments = read.segments;
    this.#leaderEpoch = read.leaderEpoch;
    let records = 0;
    let bytes = 0;
    for (const segment of read.segments) {
      records += roomFor(segment);
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

  flawAt(index: number): Rejection | null {
    return this.#flaws.size === 0 ? null : (this.#flaws.get(index) ?? null);
  }

  leaderEpochAt(index: number): number {
    return index < this.length ? this.#segments[this.#fields[index * FIELDS]!]!.leaderEpoch : this.#leaderEpoch;
  }

  headersAt(index: number): RecordHeaders {
    const field = index * FIELDS;
    const { bytes } = this.#segments[this.#fields[field]!]!;
    if (bytes === null || this.flawAt(index) !== null) return NO_HEADERS;
    const cursor = new VarintCursor(bytes, this.#fields[field + 3]! + Math.max(0, this.#fields[field + 4]!));
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
    const { baseOffset, bytes, appendTime, firstTimestamp, count, lastDelta } = segment;
    if (bytes === null) return this.#indexUnread(index, to, segment.flaw ?? NOT_AS_ANNOUNCED);
    if (!announcedFit(bytes, count)) return this.#indexUnread(index, to, NOT_AS_ANNOUNCED);
    const cursor = new VarintCursor(bytes, 0);
    const ownTime = Number.isNaN(appendTime);
    let at = to;
    let delta = -1;
    for (let record = 0; record < count; record += 1) {
      const length = cursor.varint();
      const end = cursor.position + length;
      if (length < SMALLEST_RECORD_BYTES - 1 || end > bytes.length)
        return this.#indexUnread(index, to, NOT_AS_ANNOUNCED);
      cursor.position += 1; // attributes
      const timestampDelta = cursor.varlong();
      const before = delta;
      delta = cursor.varint();
      const offset = baseOffset + delta;
      const keyLength = cursor.varint();
      const keyStart = cursor.position;
      if (keyLength > 0) cursor.position += keyLength;
      const valueLength = cursor.varint();
      const valueStart = cursor.position;
      const headersStart = valueStart + Math.max(0, valueLength);
      if (headersStart > end || delta <= before || delta > lastDelta)
        return this.#indexUnread(index, to, NOT_AS_ANNOUNCED);
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
      if (end - headersStart > MOST_HEADER_BYTES) this.#flaws.set(at, largeHeaders(end - headersStart));
      at += 1;
    }
    return cursor.position === bytes.length ? at : this.#indexUnread(index, to, NOT_AS_ANNOUNCED);
  }

  // D3
  #indexUnread(index: number, to: number, flaw: Rejection): number {
    const segment = this.#segments[index]!;
    const { baseOffset, maxTimestamp, count } = segment;
    const shown = unreadShown(count);
    const why = count > MOST_UNREAD ? standingFor(segment, flaw) : flaw;
    let at = to;
    for (let record = 0; record < shown; record += 1) {
      const offset = baseOffset + record;
      if (offset < this.fetchedFrom) continue; // D2
      this.#offsets[at] = offset;
      this.#timestamps[at] = maxTimestamp;
      const field = at * FIELDS;
      this.#fields[field] = index;
      this.#fields[field + 2] = -1;
      this.#fields[field + 4] = -1;
      this.#flaws.set(at, why);
      at += 1;
    }
    return at;
  }
}

export const NOT_AS_ANNOUNCED: Rejection = {
  reason: "UNDECODABLE",
  detail: "the record's batch does not hold the records it announces: its producer's Kafka client is broken",
};

/** Records of a segment that there has to be room for. */
function roomFor({ bytes, count }: Segment): number {
  return bytes !== null && announcedFit(bytes, count) ? count : unreadShown(count);
}

function announcedFit(bytes: Buffer, count: number): boolean {
  return count * SMALLEST_RECORD_BYTES <= bytes.length;
}

function unreadShown(count: number): number {
  return count > MOST_UNREAD ? 1 : count;
}

function standingFor({ baseOffset, count }: Segment, { reason, detail }: Rejection): Rejection {
  const all = `stands for the ${count} records from offset ${baseOffset} to ${baseOffset + count - 1}`;
  return { reason, detail: `${all}: ${detail}` };
}

function largeHeaders(bytes: number): Rejection {
  return { reason: "TOO_LARGE", detail: `the record's headers have ${bytes} bytes (at most ${MOST_HEADER_BYTES})` };
}
