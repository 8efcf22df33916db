// A broker in this process: topics, groups and the processes connected to it, behind the ports that Kafka
// stands behind in production. Owns the topics and the order of everything: nothing happens until
// settle() or advance() is called, and then the same things in the same order each time.
//
//   const broker = createMemoryBroker({ topics: { "auth-events": 2 } });
//   const process = broker.connect("a");        // process.group(…), .producer(), .logs(), .clock
//   await broker.settle();                      // everything that can happen without time passing
//   await broker.advance(30_000);               // … and with it: alarms ring at their own instants
//
// Invariants:
//   B14  Same calls, same picker, same fates: same order of effects. No timer, no randomness.
//   B15  What a failed call has done is what its fate says, never half of a request.

import type { Instant } from "../../core/time.ts";
import type { LogMark, OutRecord, RecordBatch } from "../../runtime/ports.ts";
import { BrokerFailure, UNMARKED } from "../../runtime/ports.ts";
import { createManualClock } from "./clock.ts";
import type { ManualClock } from "./clock.ts";
import { Coordinator } from "./coordinator.ts";
import { MemoryBatch, MemoryLog, recordBytes } from "./log.ts";
import type { MemoryRecord } from "./log.ts";
import { MemoryProcess } from "./process.ts";
import { Wire } from "./wire.ts";
import type { BrokerCall, Fate, Picker } from "./wire.ts";

export interface MemoryBrokerOptions {
  /** Topic → number of partitions. */
  readonly topics: Readonly<Record<string, number>>;
  /** Wall clock at the beginning. */
  readonly startAt?: Instant;
  /** Largest sum of keys, values and headers one send may hold, bytes. */
  readonly maxSendBytes?: number;
  /** Most offsets one fetch returns. */
  readonly maxFetchRecords?: number;
  /** Which ready channel moves next; the first queued by default. A simulation passes a seeded one. */
  readonly pick?: Picker;
}

type Pair = { readonly topic: string; readonly partition: number };

export class MemoryBroker {
  readonly clock: ManualClock;
  readonly #wire = new Wire();
  readonly #topics: Map<string, readonly MemoryLog[]>;
  readonly #coordinators = new Map<string, Coordinator>();
  readonly #growth: ((topic: string, partition: number) => void)[] = [];
  readonly #maxSendBytes: number;
  readonly #maxFetchRecords: number;
  readonly #pick: Picker;
  #latestTimestamp: Instant = -Infinity;

  constructor(options: MemoryBrokerOptions) {
    this.clock = createManualClock(options.startAt ?? Date.UTC(2024, 5, 9));
    this.#topics = new Map(
      Object.entries(options.topics).map(([topic, count]) => [
        topic,
        Array.from({ length: count }, () => new MemoryLog(`${topic}#1`)),
      ]),
    );
    this.#maxSendBytes = options.maxSendBytes ?? 1_000_000;
    this.#maxFetchRecords = options.maxFetchRecords ?? 500;
    this.#pick = options.pick ?? (() => 0);
  }

  /** A process that has just been started. */
  connect(name: string): MemoryProcess {
    return new MemoryProcess(name, { broker: this, wire: this.#wire });
  }

  /** Asks `fateOf` about every call that reaches the broker from now on; undefined: it succeeds. */
  onCall(fateOf: (call: BrokerCall) => Fate | undefined): void {
    this.#wire.fateOf = fateOf;
  }

  /** Runs everything that can happen without time passing. */
  async settle(): Promise<void> {
    // A turn lets every promise that can go on go on; whatever waits longer waits in a queue of the wire.
    do await this.clock.turn();
    while (this.#wire.step(this.#pick));
  }

  /** Moves the clock on by `ms`, settling at each instant at which an alarm rings. */
  async advance(ms: number): Promise<void> {
    await this.settle();
    const end = this.clock.monotonic() + ms;
    for (let next = this.clock.nextAlarm(); next !== undefined && next <= end; next = this.clock.nextAlarm()) {
      this.clock.moveTo(next);
      await this.settle();
    }
    this.clock.moveTo(end);
    await this.settle();
  }

  /**
   * Appends as a producer does, at once. `timestamp` defaults to the clock (LogAppendTime), or to the latest one
   * given where that is ahead: what answers a record is not older than it.
   * @throws BrokerFailure for an unknown partition or a send that is too large
   */
  append(pair: Pair, records: readonly OutRecord[], timestamp: Instant = this.#appendTime()): number {
    this.#latestTimestamp = Math.max(this.#latestTimestamp, timestamp);
    const log = this.log(pair);
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    if (bytes > this.#maxSendBytes) {
      const message = `${bytes} bytes for ${pair.topic} are more than the ${this.#maxSendBytes} it takes`;
      throw new BrokerFailure(message, { disposition: "halt", code: "MESSAGE_TOO_LARGE" });
    }
    const base = log.append(records, timestamp);
    this.#grown(pair);
    return base;
  }

  #appendTime(): Instant {
    return Math.max(this.clock.now(), this.#latestTimestamp);
  }

  /** Appends what takes an offset and is never read, as the end of a transaction does. */
  appendControl(pair: Pair): void {
    this.log(pair).appendControl();
    this.#grown(pair);
  }

  /** Everything readable in a partition. */
  records(topic: string, partition: number): readonly MemoryRecord[] {
    return this.log({ topic, partition }).records();
  }

  /** @throws BrokerFailure when there is no such partition */
  log({ topic, partition }: Pair): MemoryLog {
    const log = this.#topics.get(topic)?.[partition];
    if (log !== undefined) return log;
    const message = `there is no partition ${partition} of ${topic}`;
    throw new BrokerFailure(message, { disposition: "retry", code: "UNKNOWN_TOPIC_OR_PARTITION" });
  }

  /** Unknown topics are left out. */
  partitionCounts(topics: readonly string[]): Map<string, number> {
    const counts = topics.map((topic) => [topic, this.#topics.get(topic)?.length ?? 0] as const);
    return new Map(counts.filter(([, count]) => count > 0));
  }

  /** The number of tasks of a group over these topics. */
  tasks(topics: readonly string[]): number {
    const counts = new Set(topics.map((topic) => this.#topics.get(topic)?.length ?? 0));
    const [count] = counts;
    if (counts.size !== 1 || count === undefined) throw new Error(`partition counts of ${topics.join(", ")} differ`);
    return count;
  }

  coordinator(groupId: string): Coordinator {
    const known = this.#coordinators.get(groupId);
    if (known !== undefined) return known;
    const coordinator = new Coordinator(this.clock);
    this.#coordinators.set(groupId, coordinator);
    return coordinator;
  }

  /** Deletes a topic and creates another one of its name. */
  createAnew(topic: string): void {
    const id = `${this.log({ topic, partition: 0 }).id}+1`;
    const logs = this.#topics.get(topic) ?? [];
    this.#topics.set(
      topic,
      logs.map(() => new MemoryLog(id)),
    );
  }

  /**
   * One fetch. Out of range it starts over at the log's start, in silence, as clients do: `fetchedFrom` tells.
   * @throws BrokerFailure when the log is not the mark's, or was cut back below the position
   */
  fetch(pair: Pair, position: number, mark: LogMark = UNMARKED): RecordBatch {
    const log = this.log(pair);
    if (!log.holds(position, mark)) {
      const message = `${pair.topic} partition ${pair.partition} is not the log that was read to offset ${position}`;
      throw new BrokerFailure(message, { disposition: "halt", code: "LOG_TRUNCATED" });
    }
    const { start, end } = log.range();
    const fetchedFrom = position < start || position > end ? start : position;
    const read = log.read(fetchedFrom, this.#maxFetchRecords);
    const leaderEpochOf = (offset: number): number => log.leaderEpochOf(offset);
    return new MemoryBatch(pair, { fetchedFrom, endOffset: end, leaderEpochOf, ...read });
  }

  /** Calls `grown` after each append. */
  onGrowth(grown: (topic: string, partition: number) => void): void {
    this.#growth.push(grown);
  }

  #grown({ topic, partition }: Pair): void {
    for (const grown of this.#growth) grown(topic, partition);
  }
}

export function createMemoryBroker(options: MemoryBrokerOptions): MemoryBroker {
  return new MemoryBroker(options);
}
