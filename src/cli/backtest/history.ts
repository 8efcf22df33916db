// What the topics hold of a time, as one sequence: the records of several partitions in the order of their
// timestamps, as a processor that keeps up would have met them. Owns the merge; leaves fetching to the
// source, and what a record means to the visitor.
//
//   auth/0        ──●────●──────●──►
//   auth/1        ─────●────────────►   the lowest head goes first; at equal times the stretch listed
//   withdrawal/0  ───────────●─────►    first; within a stretch always in offset order

import type { RecordBatch } from "../../runtime/ports.ts";
import type { Instant } from "../../core/time.ts";

export interface Source {
  /** The next batch of one stretch; null: there are no more. */
  next(stretch: number): Promise<RecordBatch | null>;
}

/** Gets one record. What it returns, if anything, is awaited before the next one. */
export type Visit = (stretch: number, batch: RecordBatch, index: number) => Promise<void> | undefined;

interface Stream {
  readonly stretch: number;
  /** Where it ends, exclusive. */
  readonly to: number;
  batch: RecordBatch;
  index: number;
  /** Timestamp of the record at hand. */
  head: Instant;
}

/**
 * Visits every record of the stretches below their ends.
 * @param ends first offset beyond each stretch
 */
export async function inTimeOrder(
  source: Source,
  ends: readonly number[],
  on: { readonly visit: Visit; readonly signal: AbortSignal },
): Promise<void> {
  const opened = await Promise.all(ends.map((to, stretch) => open(source, stretch, to)));
  /** Latest head first: the next record is the last stream's. */
  const streams = opened.filter((stream) => stream !== null).toSorted(latestFirst);
  for (let stream = streams.pop(); stream !== undefined; stream = streams.pop()) {
    let isOver = false;
    while (!isOver && goesBefore(stream, streams.at(-1))) {
      if (on.signal.aborted) return;
      const waiting = on.visit(stream.stretch, stream.batch, stream.index);
      if (waiting !== undefined) await waiting;
      isOver = !step(stream) && !(await refill(stream, source));
    }
    if (!isOver) insert(streams, stream);
  }
}

/** null: it holds no record. */
async function open(source: Source, stretch: number, to: number): Promise<Stream | null> {
  const batch = await source.next(stretch);
  if (batch === null) return null;
  const stream: Stream = { stretch, to, batch, index: -1, head: 0 };
  return step(stream) || (await refill(stream, source)) ? stream : null;
}

/** To the next record of the batch at hand; false: it has none. */
function step(stream: Stream): boolean {
  const { batch, to } = stream;
  stream.index += 1;
  if (stream.index >= batch.length || batch.offsetAt(stream.index) >= to) return false;
  stream.head = batch.timestampAt(stream.index);
  return true;
}

/** To the first record of the next batch that holds one; false: there is none. */
async function refill(stream: Stream, source: Source): Promise<boolean> {
  for (let batch = await source.next(stream.stretch); batch !== null; batch = await source.next(stream.stretch)) {
    stream.batch = batch;
    stream.index = -1;
    if (step(stream)) return true;
  }
  return false;
}

function goesBefore(stream: Stream, next: Stream | undefined): boolean {
  return next === undefined || latestFirst(next, stream) < 0;
}

function latestFirst(a: Stream, b: Stream): number {
  return b.head - a.head || b.stretch - a.stretch;
}

function insert(streams: Stream[], stream: Stream): void {
  let low = 0;
  let high = streams.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (latestFirst(streams[middle]!, stream) < 0) low = middle + 1;
    else high = middle;
  }
  streams.splice(low, 0, stream);
}
