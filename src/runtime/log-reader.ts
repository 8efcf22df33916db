// Reads a stretch of one of the task's own logs (state, commands) through the group's fetching. Owns the
// seek, the end and the pause; what the records mean is the caller's.

import { OwnershipLost } from "./ownership.ts";
import type { Group, RecordBatch } from "./ports.ts";

export class LogReader {
  readonly #group: Group;
  readonly #partition: number;
  #reading: {
    readonly topic: string;
    readonly to: number;
    readonly onBatch: (batch: RecordBatch) => void;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  } | null = null;

  constructor(group: Group, partition: number) {
    this.#group = group;
    this.#partition = partition;
  }

  /**
   * Hands every batch from `from` up to `to` (exclusive; the last batch may go beyond) to `onBatch`.
   * One stretch at a time.
   */
  read(topic: string, range: { from: number; to: number }, onBatch: (batch: RecordBatch) => void): Promise<void> {
    if (range.from >= range.to) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#reading = { topic, to: range.to, onBatch, resolve, reject };
      this.#group.seek(topic, this.#partition, range.from);
      this.#group.resume(topic, this.#partition);
    });
  }

  /** A batch of an own topic; one that nobody asked for was fetched before the pause and is dropped. */
  add(batch: RecordBatch): void {
    const reading = this.#reading;
    if (reading === null || reading.topic !== batch.topic) return;
    try {
      reading.onBatch(batch);
    } catch (error) {
      this.#end();
      reading.reject(error);
      return;
    }
    if (batch.nextOffset < reading.to) return;
    this.#end();
    reading.resolve();
  }

  /** The task is given up: whoever waits is unwound. */
  close(): void {
    const reading = this.#reading;
    this.#end();
    reading?.reject(new OwnershipLost());
  }

  #end(): void {
    if (this.#reading !== null) this.#group.pause(this.#reading.topic, this.#partition);
    this.#reading = null;
  }
}
