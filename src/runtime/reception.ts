// What becomes of one record: decoded, judged, handed to the core or to the dead letters. Owns the routing
// by what a record says and the counting; where records come from is intake.ts's, what is wrong with a topic
// as a whole quarantine.ts's.

import type { Arrival, Rejection, Service } from "../core/event.ts";
import type { Applied, Partition } from "../core/partition.ts";
import { deadLetter, deadLetterWithoutBytes } from "./dead-letter.ts";
import { hearAck, hearDecision } from "./feedback.ts";
import { Flow } from "./flow.ts";
import type { TopicFlow } from "./flow.ts";
import type { Cursor } from "./intake.ts";
import type { Outbox } from "./outbox.ts";
import type { DecodeOutcome, OutRecord, RecordBatch } from "./ports.ts";
import type { TaskContext } from "./task-context.ts";
import { readTopics } from "./topics.ts";

type Taken = Exclude<DecodeOutcome, { readonly rejection: Rejection } | { readonly wait: Promise<void> }>;

type MutableArrival = { -readonly [K in keyof Arrival]: Arrival[K] };

/** What is kept of a topic. */
interface Source {
  readonly flow: TopicFlow;
  /** Reused for every event; null: the topic has none. */
  readonly arrival: MutableArrival | null;
}

/** `"wait"`: the record has to wait for its schema; its topic is blocked until then. */
export type Received = "taken" | "wait" | Rejection;

/** Records whose accounts are fetched from memory together. */
export const EXPECTED = 32;

export class Reception {
  readonly #context: TaskContext;
  readonly #task: number;
  readonly #outbox: Outbox;
  readonly #onProgress: () => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #flow: Flow;
  readonly #sources: ReadonlyMap<string, Source>;
  /** Of the batch at hand. */
  #source: Source;
  #batch: RecordBatch | null = null;
  /** Reused for every record. */
  readonly #record: { key: Buffer | null; value: Buffer | null; timestamp: number } = {
    key: null,
    value: null,
    timestamp: 0,
  };

  /** Reused. */
  readonly #expected: string[] = [];

  /** @param options.onProgress told when a topic that had to wait may go on */
  constructor(
    task: number,
    options: {
      context: TaskContext;
      outbox: Outbox;
      onProgress: () => void;
      onFailure: (error: unknown) => void;
    },
  ) {
    const { context } = options;
    this.#task = task;
    this.#context = context;
    this.#outbox = options.outbox;
    this.#onProgress = options.onProgress;
    this.#onFailure = options.onFailure;
    const read = readTopics(context.topics);
    this.#flow = new Flow(read.map(({ topic }) => topic));
    this.#sources = new Map(
      read.map(({ topic, kind }): [string, Source] => {
        const arrival =
          kind === "decision" || kind === "ack"
            ? null
            : { service: kind, topic, partition: task, offset: -1, recordTimestamp: 0 };
        return [topic, { flow: this.#flow.of(topic), arrival }];
      }),
    );
    this.#source = [...this.#sources.values()][0]!;
  }

  /** The service whose events a topic has. */
  serviceOf(topic: string): Service | undefined {
    return this.#sources.get(topic)?.arrival?.service;
  }

  /** Once every EXPECTED records of a batch: the accounts of the next ones are. */
  expect({ batch, index }: Cursor, partition: Partition): void {
    if (index % EXPECTED !== 0) return;
    const expected = this.#expected;
    expected.length = 0;
    const end = Math.min(batch.length, index + EXPECTED);
    for (let next = index; next < end; next++) {
      const key = batch.keyAt(next);
      if (key !== null) expected.push(key.toString("latin1")); // of an id that is not ASCII nothing is known: no harm
    }
    partition.expect(expected);
  }

  /** @param now wall clock */
  receive({ queue, batch, index }: Cursor, partition: Partition, now: number): Received {
    if (batch !== this.#batch) {
      this.#batch = batch;
      this.#source = this.#sources.get(batch.topic)!;
    }
    const { flow } = this.#source;
    const record = this.#record;
    record.key = batch.keyAt(index);
    record.value = batch.valueAt(index);
    record.timestamp = batch.timestampAt(index);
    const flaw = batch.flawAt(index);
    const outcome = flaw === null ? this.#context.codec.decode(batch.topic, record) : { rejection: flaw };
    if ("wait" in outcome) {
      queue.blocked = true;
      void outcome.wait.then(() => {
        queue.blocked = false;
        this.#onProgress();
      }, this.#onFailure);
      return "wait";
    }
    if (record.key !== null && this.#context.partitioner(record.key, this.#context.partitions) !== this.#task) {
      flow.misrouted++;
    }
    if ("rejection" in outcome) {
      flow.rejected++;
      this.#bury(batch, index, outcome.rejection);
      return outcome.rejection;
    }
    const { arrival } = this.#source;
    if (arrival !== null) {
      arrival.offset = batch.offsetAt(index);
      arrival.recordTimestamp = record.timestamp;
    }
    flow[this.#take(outcome, partition, now)]++;
    if ("event" in outcome) {
      const { occurredAt } = outcome.event;
      if (occurredAt > flow.eventTime) flow.eventTime = occurredAt;
      const lateness = partition.frontier() - occurredAt;
      if (lateness > flow.lateness) flow.lateness = lateness;
    }
    return "taken";
  }

  #take(said: Taken, partition: Partition, now: number): Applied {
    if ("decision" in said) {
      hearDecision(partition, said.decision, { telemetry: this.#context.telemetry, now });
      return "ok";
    }
    if ("ack" in said) {
      hearAck(partition, said.ack, { telemetry: this.#context.telemetry, now });
      return "ok";
    }
    const arrival = this.#source.arrival as Arrival;
    if ("event" in said) return partition.apply(arrival, said.event, now);
    partition.link(arrival, said.fact);
    return "ok";
  }

  #bury(batch: RecordBatch, index: number, rejection: Rejection): void {
    const { topics, deadLetterPartitions, telemetry } = this.#context;
    const partition = this.#task % deadLetterPartitions;
    const record = deadLetter(batch, index, rejection);
    const minimal = (): OutRecord => deadLetterWithoutBytes(batch, index, rejection);
    this.#outbox.add(topics.deadLetter, partition, [{ record, minimal }]);
    telemetry.emit("record.deadLettered", {
      topic: batch.topic,
      partition: batch.partition,
      offset: batch.offsetAt(index),
      ...rejection,
    });
  }

  /** Tells telemetry what went through since the last time, and how long that took. */
  report(seconds: number): void {
    this.#flow.report(this.#context.telemetry, { seconds, task: this.#task });
  }
}
