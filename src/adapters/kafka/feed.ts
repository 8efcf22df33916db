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
  /** Id of the log the position is in; empty: not known yet. */
  log = "";
  #position = -1;
  #epoch = -1;
  #kept: RecordBatch | null = null;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Where the next fetch begins; -1 before the first seek. */
  get position(): number {
    return this.#position;
  }

  /** Leader epoch below the position, or at it; -1: not known. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether a fetch makes sense now. */
  get hungry(): boolean {
    return !this.paused && this.#position >= 0 && this.#kept === null && this.log !== "";
  }

  /** @param epoch below the offset; default: not known */
  seek(offset: number, epoch = -1): void {
    this.#position = offset;
    this.#epoch = epoch;
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
    this.#passed(batch);
    return true;
  }

  /** The batch kept during a pause that is over. */
  takeKept(): RecordBatch | null {
    const kept = this.#kept;
    if (kept === null || this.paused) return null;
    this.#kept = null;
    this.#passed(kept);
    return kept;
  }

  #passed(batch: RecordBatch): void {
    this.#position = batch.nextOffset;
    this.#epoch = batch.leaderEpochAt(batch.length);
  }

  get keeps(): boolean {
    return this.#kept !== null;
  }
}
