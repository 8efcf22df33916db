// What the shell needs of the world. Adapters (Kafka, memory) implement these; no vendor type appears
// here. Offsets and timestamps are numbers (exact to 2^53), timestamps epoch milliseconds.

import type { Ack, Decision } from "../core/decision.ts";
import type { Command, Detection } from "../core/output.ts";
import type { ExchangeEvent, Rejection } from "../core/event.ts";
import type { Signal } from "../core/signal.ts";
import type { Instant } from "../core/time.ts";

/**
 * What tells whether a position still means what it meant: which log it is in (another one, once the topic was
 * created anew; empty: not known), and the leader epoch of the record before it, or at it (-1: not known), which a
 * log that was cut back further has lost.
 */
export type LogMark = readonly [id: string, epoch: number];

/** Nothing is known, and nothing checked. */
export const UNMARKED: LogMark = ["", -1];

/** A fetched batch, read by index so that an adapter need not make an object for each record. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset the fetch asked for; continuity is judged by it, never by the records. */
  readonly fetchedFrom: number;
  /** Where the next fetch goes on: past the last record, filtered ones included. */
  readonly nextOffset: number;
  /** The log's end (high watermark) when the batch was fetched. */
  readonly endOffset: number;
  readonly length: number;
  /** Approximate size, for back-pressure. */
  readonly bytes: number;
  offsetAt(index: number): number;
  timestampAt(index: number): Instant;
  keyAt(index: number): Buffer | null;
  valueAt(index: number): Buffer | null;
  headersAt(index: number): RecordHeaders;
  /**
   * Why a record cannot be read although it is there, where that shows before its content: its batch expands
   * beyond the limit, does not hold what it announces, or the headers are too large. Key and value may then be
   * null, the headers empty. Null for nearly every record.
   */
  flawAt(index: number): Rejection | null;
  /** Leader epoch a record was appended under; at `length`: what stands just below `nextOffset`. -1: not known. */
  leaderEpochAt(index: number): number;
}

export type RecordHeaders = Readonly<Record<string, Buffer | string | undefined>>;

export interface OutRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

/** The error class is the retry policy: the worker switches on it once. */
export type Disposition = "retry" | "rejoin" | "halt";

export class BrokerFailure extends Error {
  readonly disposition: Disposition;
  /** The protocol's error name (`NOT_LEADER_FOR_PARTITION`) or the client's (`CONNECTION`); bounded set, fit for a label. */
  readonly code: string;
  constructor(message: string, options: { disposition: Disposition; code: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "BrokerFailure";
    this.disposition = options.disposition;
    this.code = options.code;
  }
}

export interface Assignment {
  /** The generation this member joined; commits carry it. */
  readonly generation: number;
  readonly member: string;
  /** Task numbers: partition p of every topic of the group. */
  readonly tasks: readonly number[];
}

/**
 * Called by the adapter. All calls are synchronous and must return quickly; while one runs nothing is
 * fetched.
 */
export interface GroupListener {
  /** A rejoin starts: nothing of the old ownership may begin from here on (T5). May repeat. */
  onSuspend(): void;
  /** A join completed. Every partition of the assignment is paused; the listener seeks and resumes. */
  onAssigned(assignment: Assignment): void;
  onBatch(batch: RecordBatch): void;
  /** The client is beyond repair (authorisation, a bug): the process must end. */
  onFailure(failure: BrokerFailure): void;
}

/** One partition's offset and metadata in one OffsetCommit. */
export interface CommitEntry {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** `committed`: the broker said so. `rejected`: the broker refused, nothing changed (generation moved on). */
export type CommitOutcome = "committed" | "rejected";

export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
  /** -1: none. */
  readonly offset: number;
  readonly metadata: string;
}

/** Membership in the consumer group and the fetching it does. */
export interface Group {
  start(listener: GroupListener): Promise<void>;
  /** Leaves the group; no listener call after it resolves. */
  stop(): Promise<void>;
  /** The generation of the latest completed join; -1 while a rejoin is under way. */
  generation(): number;
  /** When the last heartbeat or join was *sent* that succeeded, on the monotonic clock (T5's lease counts from it); -Infinity before. */
  lastHeartbeatAt(): number;
  /**
   * Fetch from `offset` on; batches fetched from elsewhere before the seek are never delivered after it.
   * @param mark of that offset: should the log be another one, or have been cut back below, that is a failure
   */
  seek(topic: string, partition: number, offset: number, mark?: LogMark): void;
  pause(topic: string, partition: number): void;
  resume(topic: string, partition: number): void;
  /**
   * Straight to the coordinator with the given generation; never retried inside.
   * @throws BrokerFailure when it may have been committed, or in part: fetch and compare before going on. `halt`: it
   *   will never be as a whole
   */
  commit(assignment: Assignment, entries: readonly CommitEntry[]): Promise<CommitOutcome>;
  /** OffsetFetch; one answer for each asked pair, in order. */
  committed(pairs: readonly { topic: string; partition: number }[]): Promise<CommittedOffset[]>;
}

/** One in-flight request, acks all, no retry inside. */
export interface Producer {
  /**
   * Appends to one partition in order.
   * @returns the offset of the first record; the others follow it
   * @throws BrokerFailure `retry`: it may or may not have been appended; `halt`: it never will be
   *   (code MESSAGE_TOO_LARGE and such)
   */
  send(topic: string, partition: number, records: readonly OutRecord[]): Promise<number>;
}

export interface PartitionRange {
  /** First offset that can be read. */
  readonly start: number;
  /** Next offset to be written (high watermark). */
  readonly end: number;
}

/** Questions about the logs themselves. All throw BrokerFailure. */
export interface Logs {
  partitionCounts(topics: readonly string[]): Promise<Map<string, number>>;
  /** What the cluster calls each topic besides its name: another id once it was deleted and created anew. */
  logIds(topics: readonly string[]): Promise<Map<string, string>>;
  ranges(pairs: readonly { topic: string; partition: number }[]): Promise<PartitionRange[]>;
  /**
   * Next offset to be written of each log, as soon as it is known: who does not answer for one holds up no other.
   * @returns a promise for each pair, in order; each rejects with BrokerFailure, and has to be looked after at once
   */
  ends(pairs: readonly { topic: string; partition: number }[]): Promise<number>[];
  /** First offset whose record timestamp is at or after `timestamp`; the log's end where there is none. */
  offsetsAt(pairs: readonly { topic: string; partition: number }[], timestamp: Instant): Promise<number[]>;
  /** Drops the records below `before` of each partition, for good. What is dropped already stays so. */
  deleteRecords(pairs: readonly { topic: string; partition: number; before: number }[]): Promise<void>;
}

/** The partition a key belongs to: Java's murmur2, as every Kafka client's default. */
export type Partitioner = (key: Buffer, partitions: number) => number;

/** Time as the shell knows it. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  now(): Instant;
  /** Never goes back; milliseconds. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves after pending I/O had its turn. */
  turn(): Promise<void>;
}

/**
 * What a record of a topic that is read says (a link is an event of service `signal`); or why not; or what
 * to await before asking again (an unknown schema id).
 */
export type DecodeOutcome =
  | { readonly event: ExchangeEvent }
  | { readonly fact: Signal }
  | { readonly decision: Decision }
  | { readonly ack: Ack }
  | { readonly rejection: Rejection }
  | { readonly wait: Promise<void> };

/** Registry wire format ↔ values. Synchronous once the schema ids are known. */
export interface Codec {
  /** Decodes and validates one record of a topic that is read, key and time included (EVENTS.md). Never throws for bad bytes. */
  decode(topic: string, record: { key: Buffer | null; value: Buffer | null; timestamp: Instant }): DecodeOutcome;
  encodeCommand(command: Command): Buffer;
  /** For adoption: what another instance wrote. Throws BrokerFailure (`halt`) for bytes that are not a command. */
  decodeCommand(value: Buffer): Promise<Command>;
  encodeDetection(detection: Detection): Buffer;
  encodeSignal(signal: Signal): Buffer;
}
