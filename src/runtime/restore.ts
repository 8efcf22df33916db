// From the state log back to the groups' latest states (T3). Owns which records count; leaves fetching to
// the task. Feed it every batch from base to head: states are taken up as they are read, so that memory
// never holds more than the groups themselves and a batch, and a restore that was interrupted goes on.
//
//   offset     10    11    12    13    14    15    16
//   writer     a     a     z     a     b     z     b        lineage [[a,10,14],[b,14,17]]
//   n          1     2     3     1     3     4     4
//   counts     ✓     ✓     ·     ·     ✓     ·     ✓        z wrote under a lost ownership; 13 is a repeat
//
// Rejected alternative: fencing z's appends by a producer epoch needs transactions, whose readers stall
// and whose failures leave the client unusable; a lineage in the commit point costs 40 bytes an owner.
//
// Invariants:
//   R1  A record counts only inside its own writer's range of the lineage. What lies in nobody's is not even
//       looked at: a stranger's record, once recovered from, must not stop every restore after it.
//   R2  Among those that count n never falls: a block with a lower one is a send whose answer was lost and
//       that arrived a second time, late. It would bring old state back, or what a tombstone had removed.
//   R3  At head − 1 stands the marker that the checkpoint was closed with: otherwise the log was cut back and has
//       grown again, and what is left of the state is less than all of it.

import type { Checkpoint, LineageRange } from "./checkpoint.ts";
import { Places } from "./places.ts";
import type { RecordBatch } from "./ports.ts";
import { stateRecordOf } from "./state-log.ts";
import type { StateLogCodec, StateRecord, StateRecordBytes } from "./state-log.ts";
import { TaskRefused } from "./task-refused.ts";

/** Takes up a group's state. A group may come more than once: the last time counts. null: it was removed. */
export type TakeGroup = (group: string, state: Uint8Array | null) => void;

export class Restore {
  /** Where each group's latest state lies; whoever goes on appending keeps it up. */
  readonly places: Places = new Places();
  readonly #codec: StateLogCodec;
  readonly #lineage: readonly LineageRange[];
  readonly #takeGroup: TakeGroup;
  #partition: Uint8Array | null = null;
  #n = -1;
  #next: number;
  /** The last marker that counts. */
  #marker: { readonly offset: number; readonly record: StateRecord } | null = null;

  constructor(
    range: { readonly lineage: readonly LineageRange[]; readonly base: number },
    options: { readonly codec: StateLogCodec; readonly takeGroup: TakeGroup },
  ) {
    this.#codec = options.codec;
    this.#takeGroup = options.takeGroup;
    this.#lineage = range.lineage;
    this.#next = range.base;
  }

  /** Where reading goes on: everything below is taken up. */
  get next(): number {
    return this.#next;
  }

  /** The partition's own record as of the last checkpoint read; null: none was. */
  partition(): Uint8Array | null {
    return this.#partition;
  }

  /** @throws TaskRefused for a record that is not whole, or a state nobody here can read */
  read(batch: RecordBatch, head: number): void {
    for (let i = 0; i < batch.length; i++) {
      const offset = batch.offsetAt(i);
      if (offset >= head) break;
      this.take({
        topic: batch.topic,
        partition: batch.partition,
        offset,
        value: batch.valueAt(i),
        headers: batch.headersAt(i),
      });
    }
    this.#next = Math.min(batch.nextOffset, head);
  }

  /** One record; in the log's order. @throws TaskRefused as `read` does */
  take(bytes: StateRecordBytes): void {
    const { offset } = bytes;
    const owners = this.#lineage.filter(([, from, to]) => offset >= from && offset < to);
    if (owners.length === 0) return; // R1
    const record = stateRecordOf(bytes);
    if (!owners.some(([writer]) => writer === record.writer)) return; // R1
    if (record.n < this.#n) return; // R2
    this.#n = record.n;
    if (record.kind === "marker") {
      this.#marker = { offset, record };
      return;
    }
    try {
      this.#takeBlock(record.value, offset);
    } catch (error) {
      throw unreadable(bytes, error);
    }
  }

  /**
   * R3, once everything up to head was read. A checkpoint without blocks keeps the head of one before it, and the
   * lineage whose last range that one's marker closed; so the marker's n and writer may be older than its own.
   */
  endsAsMarked({ writer, n, base, head, lineage }: Omit<Checkpoint, "positions" | "marks">): boolean {
    if (base === head) return true;
    if (this.#marker?.offset !== head - 1) return false;
    const { record } = this.#marker;
    const isOwn = record.n === n ? record.writer === writer : record.n < n;
    const closes = record.writer === lineage.at(-1)?.[0];
    return isOwn && closes && this.#codec.decodeMarker(record.value, record.version).base === base;
  }

  #takeBlock(value: Buffer, offset: number): void {
    const { groups, partition } = this.#codec.decodeBlock(value);
    if (partition !== null) this.#partition = partition;
    for (const { group, state } of groups) this.#takeGroup(group, state);
    this.places.put({ offset, bytes: value.length, groups });
  }
}

/** Whole, and yet nobody here can read it. */
function unreadable({ topic, partition, offset }: StateRecordBytes, error: unknown): TaskRefused {
  const why = error instanceof Error ? error.message : String(error);
  return new TaskRefused(
    `${topic} partition ${partition} offset ${offset}: ${why}. Run the release that wrote it, or a later one.`,
  );
}
