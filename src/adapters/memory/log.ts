// One partition's log in memory. Owns records, offsets and what a fetch returns of them; knows nothing of
// topics' names, groups or waiting.
//
// Invariants:
//   B2  Offsets are consecutive, whatever was deleted; only a truncation makes one be given again.
//   B3  A control record (a transaction's marker) takes an offset and is never read.

import type { Instant } from "../../core/time.ts";
import type { LogMark, OutRecord, PartitionRange, RecordBatch, RecordHeaders } from "../../runtime/ports.ts";

export interface MemoryRecord extends OutRecord {
  readonly offset: number;
  readonly timestamp: Instant;
}

export class MemoryLog {
  /** Of the topic; another one created under the same name has another. */
  readonly id: string;
  /** null: a control record. Index 0 is the record at `#start`. */
  #records: (MemoryRecord | null)[] = [];
  #start = 0;
  /** Where each leader's records begin; its index is the leader epoch. */
  readonly #leaders: number[] = [0];

  constructor(id = "") {
    this.id = id;
  }

  /** @returns the offset of the first */
  append(records: readonly OutRecord[], timestamp: Instant): number {
    const base = this.end();
    // The bytes are copied: a caller that reuses its buffers must not change what was said.
    for (const { key, value, headers } of records) {
      this.#records.push({
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
        headers: { ...headers },
        offset: this.end(),
        timestamp,
      });
    }
    return base;
  }

  /** B3 */
  appendControl(): void {
    this.#records.push(null);
  }

  range(): PartitionRange {
    return { start: this.#start, end: this.end() };
  }

  end(): number {
    return this.#start + this.#records.length;
  }

  /** First offset at or after `timestamp`; the end where there is none. */
  offsetAt(timestamp: Instant): number {
    return this.records().find((record) => record.timestamp >= timestamp)?.offset ?? this.end();
  }

  records(): MemoryRecord[] {
    return this.#records.filter((record) => record !== null);
  }

  /** What a fetch from `from` returns: at most `limit` offsets, control records among them. */
  read(from: number, limit: number): { records: MemoryRecord[]; nextOffset: number } {
    const slice = this.#records.slice(from - this.#start, from - this.#start + limit);
    return { records: slice.filter((record) => record !== null), nextOffset: from + slice.length };
  }

  /** Drops what lies below `offset` (DeleteRecords). */
  deleteBefore(offset: number): void {
    const kept = Math.min(Math.max(offset, this.#start), this.end());
    this.#records = this.#records.slice(kept - this.#start);
    this.#start = kept;
  }

  /** Loses what lies at and above `offset`, as an unclean election does. */
  truncate(offset: number): void {
    this.#records = this.#records.slice(0, Math.max(0, offset - this.#start));
    for (const [epoch, from] of this.#leaders.entries()) this.#leaders[epoch] = Math.min(from, this.end());
    this.#leaders.push(this.end());
  }

  leaderEpochOf(offset: number): number {
    return this.#leaders.findLastIndex((from) => from <= offset);
  }

  /** Whether the mark's log is this one, and its epoch reaches up to `position`. */
  holds(position: number, [id, epoch]: LogMark): boolean {
    return (id === "" || id === this.id) && (epoch < 0 || position <= (this.#leaders[epoch + 1] ?? this.end()));
  }
}

/** A batch as the listener sees it. */
export class MemoryBatch implements RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly fetchedFrom: number;
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly length: number;
  readonly bytes: number;
  readonly #records: readonly MemoryRecord[];
  readonly #leaderEpochOf: (offset: number) => number;

  constructor(
    place: { readonly topic: string; readonly partition: number },
    fetched: {
      fetchedFrom: number;
      nextOffset: number;
      endOffset: number;
      records: readonly MemoryRecord[];
      leaderEpochOf: (offset: number) => number;
    },
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.fetchedFrom = fetched.fetchedFrom;
    this.nextOffset = fetched.nextOffset;
    this.endOffset = fetched.endOffset;
    this.length = fetched.records.length;
    this.bytes = fetched.records.reduce((sum, record) => sum + recordBytes(record), 0);
    this.#records = fetched.records;
    this.#leaderEpochOf = fetched.leaderEpochOf;
  }

  offsetAt(index: number): number {
    return this.#records[index]!.offset;
  }
  timestampAt(index: number): Instant {
    return this.#records[index]!.timestamp;
  }
  keyAt(index: number): Buffer | null {
    return this.#records[index]!.key;
  }
  valueAt(index: number): Buffer | null {
    return this.#records[index]!.value;
  }
  headersAt(index: number): RecordHeaders {
    return this.#records[index]!.headers;
  }
  flawAt(): null {
    return null;
  }
  leaderEpochAt(index: number): number {
    return this.#leaderEpochOf(index < this.length ? this.offsetAt(index) : this.nextOffset - 1);
  }
}

/** Key, value and headers; the frame around them is not counted. */
export function recordBytes(record: OutRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of Object.entries(record.headers)) bytes += name.length + (value?.length ?? 0);
  return bytes;
}
