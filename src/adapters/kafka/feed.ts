// One partition being read: where the reader stands, whether it wants more, and what was fetched while it
// did not. The rules by which a fetched batch counts; who asks the broker is fetcher.ts.
//
//   fetch from 40 ──────► seek 90 ──► batch 40…: dropped (R1)
//   fetch from 40 ──────► pause ──► batch 40…: kept ──► resume: delivered; or seek elsewhere: dropped
//
// Invariants:
//   R1  A batch is delivered only if it was fetched from exactly the position expected next; delivering
//       moves the position past it. So none is delivered twice, and none from before a seek after it.
//   R2  While paused nothing is delivered; at most one batch is kept.

import type { RecordBatch } from "../../runtime/ports.ts";

export class Feed {
  readonly topic: string;
  readonly partition: number;
  paused = true;
  #position = -1;
  #kept: RecordBatch | null = null;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Where the next fetch begins; -1 before the first seek. */
  get position(): number {
    return this.#position;
  }

  /** Whether a fetch makes sense now. */
  get hungry(): boolean {
    return !this.paused && this.#position >= 0 && this.#kept === null;
  }

  seek(offset: number): void {
    this.#position = offset;
    if (this.#kept?.fetchedFrom !== offset) this.#kept = null;
  }

  /** Whether an answer to a fetch from `offset` is still of use. */
  expects(offset: number): boolean {
    return this.#position === offset && this.#kept === null; // R1
  }

  /** @returns whether the batch is to be delivered now */
  accept(batch: RecordBatch): boolean {
    if (!this.expects(batch.fetchedFrom)) return false;
    if (this.paused) {
      this.#kept = batch; // R2
      return false;
    }
    this.#position = batch.nextOffset;
    return true;
  }

  /** The batch kept during a pause that is over. */
  takeKept(): RecordBatch | null {
    const kept = this.#kept;
    if (kept === null || this.paused) return null;
    this.#kept = null;
    this.#position = kept.nextOffset;
    return kept;
  }

  get keeps(): boolean {
    return this.#kept !== null;
  }
}
