// The input side of a task: fetched batches waiting to be applied, one queue an input topic. Owns the order
// between topics while catching up (DESIGN: Time), back-pressure, and the positions. Decodes nothing.
//
//   auth        ───────────▓▓▓▓▓▓▓▓▓▓▓▓▓     ▓ buffered, by record timestamp
//   api_key     ───────────▓▓▓                the lowest head goes first; api_key is not read to its
//   withdrawal  ─────────────▓▓▓▓▓▓▓▓▓        end, so once its buffer is empty the others may run at
//                             └ alignment ┘   most `alignment` past its last record, for at most 30 s
//
// Rejected alternative: pausing a topic whose last *fetched* record is ahead. One fetch of a quiet
// partition spans hours, so the order must be made where records are taken, not where they are fetched.
//
// Invariants:
//   N1  Every record is handed out once, in offset order, and a position moves only past what was handed out.
//   N2  A batch that does not start where the last one ended is refused: nothing is skipped in silence.
//   N3  Of a topic that is held nothing is handed out or buffered, whatever is looked at meanwhile; let go, it
//       begins again at its position.

import type { Instant } from "../core/time.ts";
import { UNMARKED } from "./ports.ts";
import type { Clock, Group, LogMark, RecordBatch } from "./ports.ts";

/** How long a topic may hold the others back. */
const ALIGNMENT_PATIENCE_MS = 30_000;

export interface InputQueue {
  readonly topic: string;
  /** Next offset to hand out. */
  position: number;
  /** Next offset to fetch: past everything buffered. */
  fetchPosition: number;
  /** The log's end as last heard of. */
  endOffset: number;
  /** An async step (an unknown schema) has to finish first; the topic takes no part in alignment. */
  blocked: boolean;
  /** Record timestamp of the last record handed out. */
  lastTimestamp: Instant;
}

/** Where a topic begins to be read. */
export interface StartPosition {
  readonly position: number;
  /** The log's end. */
  readonly endOffset: number;
  /** Default: nothing is known of the log. */
  readonly mark?: LogMark;
}

interface Queue extends InputQueue {
  /** Id of the topic's log. */
  readonly log: string;
  /** Leader epoch below `fetchPosition`. */
  epoch: number;
  readonly batches: RecordBatch[];
  index: number;
  bytes: number;
  paused: boolean;
  readonly optional: boolean;
  /** Timestamp of the next record; Infinity when the buffer is empty. */
  headTimestamp: Instant;
  held: boolean;
  look: { readonly from: number; readonly onBatch: (batch: RecordBatch) => void } | null;
}

/** The record at hand. One object, reused: read it before the next call. */
export interface Cursor {
  queue: InputQueue;
  batch: RecordBatch;
  index: number;
}

export interface IntakeOptions {
  readonly partition: number;
  readonly group: Group;
  readonly clock: Clock;
  /** How far, by record timestamp, a topic may run ahead of one that has unread records. */
  readonly alignmentMs: number;
  /** Buffered bytes of one topic above which its fetching pauses; it resumes below half. */
  readonly bufferBytes: number;
  readonly onAlignmentPause: (topic: string) => void;
  /** Topics that no other waits for. */
  readonly optional?: ReadonlySet<string>;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #queues: Queue[];
  #cursor: Cursor | null = null;
  /** When the wait for another topic began, its patience over or not; -1: no topic is ahead. */
  #waitingSince = -1;
  /** A record waited at the last look. Without one a wait that is over, or of nothing, would wake the loop for ever. */
  #isWaiting = false;

  /** @param positions of each input topic; fetching starts with `open` */
  constructor(positions: ReadonlyMap<string, StartPosition>, options: IntakeOptions) {
    this.#options = options;
    this.#queues = Array.from(positions, ([topic, { position, endOffset, mark: [log, epoch] = UNMARKED }]) => ({
      topic,
      log,
      epoch,
      position,
      fetchPosition: position,
      endOffset,
      blocked: false,
      lastTimestamp: -Infinity,
      batches: [],
      index: 0,
      bytes: 0,
      paused: false,
      optional: options.optional?.has(topic) ?? false,
      headTimestamp: Infinity,
      held: false,
      look: null,
    }));
  }

  open(): void {
    const { group, partition } = this.#options;
    for (const queue of this.#queues) {
      group.seek(queue.topic, partition, queue.position, markOf(queue));
      group.resume(queue.topic, partition);
    }
  }

  close(): void {
    for (const queue of this.#queues) this.#options.group.pause(queue.topic, this.#options.partition);
  }

  queues(): readonly InputQueue[] {
    return this.#queues;
  }

  /** @throws Error for a batch that leaves a hole (N2): an adapter's mistake */
  add(batch: RecordBatch): void {
    const queue = this.#queueOf(batch.topic);
    if (queue.held) return this.#look(queue, batch);
    if (batch.fetchedFrom !== queue.fetchPosition) {
      throw new Error(
        `${batch.topic} partition ${batch.partition}: batch fetched from ${batch.fetchedFrom}, expected ${queue.fetchPosition}`,
      );
    }
    queue.fetchPosition = batch.nextOffset;
    queue.epoch = batch.leaderEpochAt(batch.length);
    queue.endOffset = Math.max(queue.endOffset, batch.endOffset, batch.nextOffset);
    if (batch.length === 0) {
      if (queue.batches.length === 0) queue.position = batch.nextOffset;
      return;
    }
    queue.batches.push(batch);
    queue.bytes += batch.bytes;
    if (queue.batches.length === 1) this.#headOf(queue);
    if (!queue.paused && queue.bytes > this.#options.bufferBytes) this.#pause(queue);
  }

  /** The next record in order, or null when there is none or it has to wait for another topic. */
  peek(): Cursor | null {
    let next: Queue | null = null;
    for (const queue of this.#queues) {
      if (
        !queue.blocked &&
        queue.headTimestamp !== Infinity &&
        (next === null || queue.headTimestamp < next.headTimestamp)
      ) {
        next = queue;
      }
    }
    this.#isWaiting = next !== null && this.#mustWait(next);
    if (next === null || this.#isWaiting) return null;
    const batch = next.batches[0] as RecordBatch;
    if (this.#cursor === null) this.#cursor = { queue: next, batch, index: next.index };
    else {
      this.#cursor.queue = next;
      this.#cursor.batch = batch;
      this.#cursor.index = next.index;
    }
    return this.#cursor;
  }

  /** Moves past the record that `peek` handed out (N1). */
  advance(cursor: Cursor): void {
    const queue = cursor.queue as Queue;
    const batch = cursor.batch;
    queue.lastTimestamp = queue.headTimestamp;
    queue.index++;
    if (queue.index < batch.length) {
      queue.position = batch.offsetAt(queue.index);
      queue.headTimestamp = batch.timestampAt(queue.index);
      return;
    }
    queue.batches.shift();
    queue.bytes -= batch.bytes;
    queue.index = 0;
    queue.position = queue.batches[0]?.offsetAt(0) ?? queue.fetchPosition;
    this.#headOf(queue);
    if (queue.paused && queue.bytes < this.#options.bufferBytes / 2) this.#resume(queue);
  }

  positions(): Record<string, number> {
    return Object.fromEntries(this.#queues.map(({ topic, position }) => [topic, position]));
  }

  /** Of the positions. */
  marks(): Record<string, LogMark> {
    return Object.fromEntries(this.#queues.map((queue) => [queue.topic, markOf(queue)]));
  }

  /**
   * The answer to a question about the logs' ends.
   * @param askedAt the topic's position when the question was asked: read to that end means idle
   */
  observeEnd(topic: string, end: { endOffset: number; askedAt: number }): { idle: boolean } {
    const queue = this.#queues.find((candidate) => candidate.topic === topic);
    if (queue === undefined) return { idle: false };
    queue.endOffset = Math.max(queue.endOffset, end.endOffset);
    return { idle: queue.position === end.askedAt && end.askedAt >= end.endOffset };
  }

  /** Whether every topic is read to its end, as far as is known. */
  isReadUp(): boolean {
    return this.#queues.every(({ position, endOffset }) => position >= endOffset);
  }

  /** Where a topic stands, and how far it reaches as far as is known. */
  extentOf(topic: string): { readonly position: number; readonly endOffset: number } {
    return this.#queueOf(topic);
  }

  /** Hands out nothing more of a topic; what is buffered of it is dropped (N3). */
  hold(topic: string): void {
    const queue = this.#queueOf(topic);
    this.#pause(queue);
    queue.held = true;
    queue.blocked = true;
    [, queue.epoch] = markOf(queue);
    queue.batches.length = 0;
    queue.index = 0;
    queue.bytes = 0;
    queue.fetchPosition = queue.position;
    this.#headOf(queue);
  }

  /** Shows a batch of a topic that is held, fetched from an offset of the caller's choice. A newer look replaces it. */
  look(topic: string, from: number, onBatch: (batch: RecordBatch) => void): void {
    const queue = this.#queueOf(topic);
    queue.look = { from, onBatch };
    this.#options.group.seek(topic, this.#options.partition, from);
    this.#resume(queue);
  }

  /** A batch that nobody looks for was fetched before the hold: it is fetched again when the topic is let go. */
  #look(queue: Queue, batch: RecordBatch): void {
    const { look } = queue;
    if (look === null || look.from !== batch.fetchedFrom) return;
    queue.look = null;
    this.#pause(queue);
    queue.endOffset = Math.max(queue.endOffset, batch.endOffset);
    look.onBatch(batch);
  }

  /** Goes on where the topic was held. */
  letGo(topic: string): void {
    const queue = this.#queueOf(topic);
    queue.held = false;
    queue.blocked = false;
    queue.look = null;
    this.#options.group.seek(topic, this.#options.partition, queue.position, markOf(queue));
    this.#resume(queue);
  }

  /**
   * How long the next record has waited for, or where it was not fetched yet the last one was appended; null:
   * nothing of the topic was seen yet.
   */
  lagSeconds(topic: string, now: Instant): number | null {
    const queue = this.#queues.find((candidate) => candidate.topic === topic);
    if (queue === undefined || queue.position >= queue.endOffset) return 0;
    const since = queue.headTimestamp === Infinity ? queue.lastTimestamp : queue.headTimestamp;
    return since === -Infinity ? null : Math.max(0, now - since) / 1_000;
  }

  /** When a wait for another topic ends by itself, on the monotonic clock; Infinity: nothing waits. */
  waitEndsAt(): number {
    return this.#isWaiting ? this.#waitingSince + ALIGNMENT_PATIENCE_MS : Infinity;
  }

  #mustWait(next: Queue): boolean {
    let slowest: Queue | null = null;
    for (const queue of this.#queues) {
      const unread = queue.headTimestamp === Infinity && queue.fetchPosition < queue.endOffset;
      if (queue === next || queue.blocked || queue.optional || !unread) continue;
      if (next.headTimestamp > queue.lastTimestamp + this.#options.alignmentMs) slowest = queue;
    }
    if (slowest === null) {
      this.#waitingSince = -1;
      return false;
    }
    const now = this.#options.clock.monotonic();
    if (this.#waitingSince < 0) {
      this.#waitingSince = now;
      this.#options.onAlignmentPause(next.topic);
    }
    return now < this.#waitingSince + ALIGNMENT_PATIENCE_MS;
  }

  #queueOf(topic: string): Queue {
    const queue = this.#queues.find((candidate) => candidate.topic === topic);
    if (queue === undefined) throw new Error(`${topic} is not an input of this task`);
    return queue;
  }

  #headOf(queue: Queue): void {
    queue.headTimestamp = queue.batches[0]?.timestampAt(0) ?? Infinity;
  }

  #pause(queue: Queue): void {
    queue.paused = true;
    this.#options.group.pause(queue.topic, this.#options.partition);
  }

  #resume(queue: Queue): void {
    queue.paused = false;
    this.#options.group.resume(queue.topic, this.#options.partition);
  }
}

/** Of the queue's position: the epoch of the record there, or where nothing is buffered of the one before. */
function markOf({ log, epoch, batches, index }: Queue): LogMark {
  return [log, batches[0]?.leaderEpochAt(index) ?? epoch];
}
