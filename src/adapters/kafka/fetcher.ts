// Reads partitions: one loop a broker, each asking for what its broker leads and the reader wants. Owns the
// loops and what a fetch error means; positions and pauses are feed.ts's. A slow or dead broker holds up
// only what it leads.
//
// Invariants:
//   L1  No batch is delivered after stop().
//   L2  An offset the log does not hold is never replaced by another: it is a failure that names both.
//   L3  A batch that is not what its checksum says is fetched again, in case it was damaged on the way; one
//       that stays so is a failure that names its offset.
//   L4  Records are those of the log the position is in: a topic created anew under the same name, and a log
//       that was cut back below the position and has grown again, are failures that name it.

import { BrokerFailure, UNMARKED } from "../../runtime/ports.ts";
import type { Disposition, LogMark, RecordBatch } from "../../runtime/ports.ts";
import { forgetRemedy } from "../../runtime/task-refused.ts";
import { Bell } from "./bell.ts";
import { leaderOf } from "./connections.ts";
import type { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { Feed } from "./feed.ts";
import { fetchRecords } from "./fetch-protocol.ts";
import type { AnsweredPartition, FetchOptions, WantedPartition } from "./fetch-protocol.ts";
import type { Cluster } from "./kafkajs.ts";
import { EARLIEST, LATEST, listOffsets } from "./log-offsets.ts";
import type { TopicPartition } from "./log-offsets.ts";
import { UnreadableRecords } from "./fetched-batch.ts";
import { readRecords } from "./record-batch.ts";
import { topicIds } from "./topic-ids.ts";

export interface FetcherOptions extends FetchOptions {
  /** Upper bound of one batch after decompression. */
  readonly maxBatchBytes: number;
}

export interface FetcherListener {
  onBatch(batch: RecordBatch): void;
  /** The fetcher goes on trying. */
  onTrouble?(failure: BrokerFailure, doing: string): void;
  /** The fetcher has stopped and will not recover. */
  onFailure(failure: BrokerFailure): void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
const METADATA_CHECK_MS = 1_000;
/** A topic may look unknown to a broker that has just started; after so long it is gone. */
const UNKNOWN_TOPIC_GRACE_MS = 30_000;
/** How often a log that holds the offset may refuse it, while its broker finds its way after an election. */
const REFUSED_LOOKS = 8;
/** How often a damaged batch is looked at. */
const DAMAGED_LOOKS = 3;

interface Request extends WantedPartition {
  readonly feed: Feed;
}

export class Fetcher {
  readonly #connections: Connections;
  readonly #options: FetcherOptions;
  readonly #listener: FetcherListener;
  readonly #feeds = new Map<string, Feed>();
  readonly #topics: readonly string[];
  /** What each broker leads, as far as it is read here. */
  #led = new Map<number, Feed[]>();
  readonly #loops = new Set<number>();
  readonly #appetite = new Bell();
  readonly #moved = new Bell();
  #partitions: string | undefined;
  #stopped = false;
  #turn = 0;
  #unknownSince = Infinity;
  /** Id of each topic; undefined: to be asked for. */
  #ids: ReadonlyMap<string, string> | undefined;
  /** How often an offset that the log holds was refused at a feed's position. */
  readonly #refusals = new Map<Feed, number>();
  /** How often the batch at a feed's position was damaged. */
  readonly #damaged = new Map<Feed, number>();

  constructor(
    connections: Connections,
    partitions: readonly TopicPartition[],
    options: FetcherOptions & { readonly listener: FetcherListener },
  ) {
    this.#connections = connections;
    this.#options = options;
    this.#listener = options.listener;
    this.#topics = [...new Set(partitions.map(({ topic }) => topic))];
    for (const { topic, partition } of partitions) this.#feeds.set(key(topic, partition), new Feed(topic, partition));
  }

  start(): void {
    if (this.#feeds.size > 0) void this.#supervise();
  }

  // L1
  stop(): void {
    this.#stopped = true;
    this.#appetite.ring();
    this.#moved.ring();
  }

  /** @param mark of the offset (L4) */
  seek(topic: string, partition: number, offset: number, [id, epoch]: LogMark = UNMARKED): void {
    const feed = this.#feeds.get(key(topic, partition));
    if (feed === undefined) return;
    feed.seek(offset, epoch);
    feed.log = id === "" ? (this.#ids?.get(topic) ?? "") : id;
    this.#appetite.ring();
  }

  pause(topic: string, partition: number): void {
    const feed = this.#feeds.get(key(topic, partition));
    if (feed !== undefined) feed.paused = true;
  }

  resume(topic: string, partition: number): void {
    const feed = this.#feeds.get(key(topic, partition));
    if (feed === undefined) return;
    if (feed.position < 0) throw new Error(`${topic} partition ${partition} was resumed before a seek`);
    feed.paused = false;
    // Not now: the reader must not be called from within its own call.
    if (feed.keeps) setImmediate(() => this.#deliver(feed.takeKept()));
    this.#appetite.ring();
  }

  /** Sees to it that every broker which leads something has its loop, also after leaders moved. */
  async #supervise(): Promise<void> {
    while (!this.#stopped) {
      try {
        const cluster = await this.#connections.ready(this.#topics);
        this.#led = this.#ledBy(cluster);
        this.#unknownSince = Infinity;
        this.#checkPartitions(cluster);
        if (this.#ids === undefined) this.#identify(await topicIds(this.#connections, this.#topics));
        for (const node of this.#led.keys()) if (!this.#loops.has(node)) void this.#loop(node);
      } catch (error) {
        this.#failed(error, `read the metadata of ${this.#topics.join(", ")}`);
      }
      await this.#moved.wait(METADATA_CHECK_MS);
    }
  }

  #ledBy(cluster: Cluster): Map<number, Feed[]> {
    const led = new Map<number, Feed[]>();
    for (const feed of this.#feeds.values()) {
      const leader = leaderOf(cluster, feed.topic, feed.partition);
      // Metadata would be young enough for a minute: by the next look there may be a leader.
      if (leader instanceof BrokerFailure) {
        this.#connections.suspect(leader);
        this.#listener.onTrouble?.(leader, `read ${feed.topic} partition ${feed.partition}`);
      } else led.set(leader, [...(led.get(leader) ?? []), feed]);
    }
    return led;
  }

  /** Keys move between partitions when a topic gets more of them: what is kept by partition means nothing then. */
  #checkPartitions(cluster: Cluster): void {
    const counts = this.#topics
      .map((topic) => `${topic} ${cluster.findTopicPartitionMetadata(topic).length}`)
      .join(", ");
    if (counts === (this.#partitions ??= counts)) return;
    const message = `the number of partitions changed while running (before: ${this.#partitions}; now: ${counts}): keys have moved between partitions`;
    this.#fail(new BrokerFailure(message, { disposition: "halt", code: "INVALID_PARTITIONS" }));
  }

  // L4
  #identify(ids: ReadonlyMap<string, string>): void {
    this.#ids = ids;
    for (const feed of this.#feeds.values()) {
      const id = ids.get(feed.topic) ?? "";
      if (feed.log !== "" && feed.log !== id && feed.position >= 0) return this.#fail(createdAnew(feed, id));
      feed.log = id;
    }
    this.#appetite.ring();
  }

  async #loop(node: number): Promise<void> {
    this.#loops.add(node);
    for (let pause = FIRST_PAUSE_MS; !this.#stopped && this.#led.has(node);) {
      const requests = this.#requests(node);
      if (requests.length === 0) {
        await this.#appetite.wait(METADATA_CHECK_MS);
        continue;
      }
      try {
        const broker = await this.#connections.broker(node);
        const answers = await fetchRecords(broker, requests, this.#options);
        const refused = this.#receive(requests, answers);
        if (refused === undefined) {
          pause = FIRST_PAUSE_MS;
          continue;
        }
        await this.#refused(refused);
      } catch (error) {
        this.#failed(error, "fetch records");
      }
      await this.#moved.wait(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    this.#loops.delete(node);
  }

  /** The broker fills its answer in this order: each time another partition comes first. */
  #requests(node: number): Request[] {
    const hungry = (this.#led.get(node) ?? []).filter((feed) => feed.hungry);
    this.#turn += 1;
    const first = hungry.length === 0 ? 0 : this.#turn % hungry.length;
    return [...hungry.slice(first), ...hungry.slice(0, first)].map((feed) => ({
      log: feed.log,
      partition: feed.partition,
      offset: feed.position,
      epoch: feed.epoch,
      feed,
    }));
  }

  /** @returns one of the partitions the broker refused */
  #receive(requests: readonly Request[], answers: readonly AnsweredPartition[]): Refusal | undefined {
    const asked = new Map(requests.map((request) => [key(request.log, request.partition), request]));
    let refused: Refusal | undefined;
    for (const answer of answers) {
      const request = asked.get(key(answer.log, answer.partition));
      if (request === undefined) continue;
      if (answer.error !== null) refused = { request, error: answer.error };
      else if (answer.cutBackTo !== null) this.#cutBack(request, answer.cutBackTo);
      else if (answer.records.length > 0) this.#read(request, answer);
    }
    return refused;
  }

  // L4
  #cutBack({ feed, offset }: Request, to: number): void {
    if (feed.position === offset) this.#fail(cutBack(feed, to));
  }

  #read({ feed, offset }: Request, { partition, highWatermark, aborted, records }: AnsweredPartition): void {
    if (this.#stopped || !feed.expects(offset)) return;
    const { topic } = feed;
    const fetched = { topic, partition, fetchedFrom: offset, endOffset: highWatermark, aborted, records };
    let batch: RecordBatch | null;
    try {
      batch = readRecords(fetched, this.#options.maxBatchBytes);
    } catch (error) {
      if (!(error instanceof UnreadableRecords)) throw error;
      const looks = (this.#damaged.get(feed) ?? 0) + 1;
      this.#damaged.set(feed, looks);
      const again = error.code === "CORRUPT_MESSAGE" && looks < DAMAGED_LOOKS; // L3
      const failure = unreadable(error, { topic, partition, disposition: again ? "retry" : "halt" });
      if (again) throw failure;
      this.#fail(failure);
      return;
    }
    if (this.#damaged.size > 0) this.#damaged.delete(feed);
    if (this.#refusals.size > 0) this.#refusals.delete(feed);
    if (batch !== null && feed.accept(batch)) this.#deliver(batch);
  }

  #deliver(batch: RecordBatch | null): void {
    if (batch === null || this.#stopped) return; // L1
    this.#listener.onBatch(batch);
    this.#appetite.ring();
  }

  /** @throws kafkajs's errors */
  async #refused({ request, error }: Refusal): Promise<void> {
    const { offset, feed } = request;
    const doing = `read ${feed.topic} partition ${feed.partition}`;
    const failure = brokerFailure(error, doing);
    if (failure.code === "UNKNOWN_TOPIC_ID") this.#ids = undefined; // gone, created anew, or new to that broker
    if (failure.code !== "OFFSET_OUT_OF_RANGE") return this.#failed(failure, doing);
    const [[start], [end]] = await Promise.all([
      listOffsets(this.#connections, [feed], EARLIEST),
      listOffsets(this.#connections, [feed], LATEST),
    ]);
    if (feed.position !== offset) return;
    if (offset < start! || offset > end!) return this.#fail(lost(feed, { start: start!, end: end! })); // L2
    const looks = (this.#refusals.get(feed) ?? 0) + 1;
    this.#refusals.set(feed, looks);
    if (looks >= REFUSED_LOOKS) this.#fail(cutBack(feed, start!)); // L4
  }

  #failed(error: unknown, doing: string): void {
    if (this.#stopped) return;
    const failure = brokerFailure(error, doing);
    if (failure.disposition === "halt") return this.#fail(failure);
    this.#connections.suspect(error);
    this.#listener.onTrouble?.(failure, doing);
    if (failure.code === "UNKNOWN_TOPIC_OR_PARTITION") this.#unknownTopic(failure);
    else this.#moved.ring();
  }

  #unknownTopic(failure: BrokerFailure): void {
    const now = performance.now();
    this.#unknownSince = Math.min(this.#unknownSince, now);
    if (now - this.#unknownSince < UNKNOWN_TOPIC_GRACE_MS) return;
    this.#fail(
      new BrokerFailure(
        `one of the topics ${this.#topics.join(", ")} does not exist any more: restore it, or start without it`,
        { disposition: "halt", code: failure.code, cause: failure },
      ),
    );
  }

  #fail(failure: BrokerFailure): void {
    if (this.#stopped) return;
    this.stop();
    this.#listener.onFailure(failure);
  }
}

interface Refusal {
  readonly request: Request;
  readonly error: Error;
}

function key(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function unreadable(
  error: UnreadableRecords,
  { topic, partition, disposition }: TopicPartition & { disposition: Disposition },
): BrokerFailure {
  const message = `${topic} partition ${partition} offset ${error.offset} cannot be read: ${error.message}`;
  return new BrokerFailure(message, { disposition, code: error.code, cause: error });
}

function lost({ topic, partition, position }: Feed, range: { start: number; end: number }): BrokerFailure {
  const what =
    position < range.start
      ? `records from ${position} to ${range.start} were deleted before they were read; lengthen the topic's retention`
      : "the log was cut back or the topic created anew";
  const where = `${topic} partition ${partition}: offset ${position} is expected, but the log holds ${range.start} to ${range.end}`;
  return new BrokerFailure(`${where}: ${what}. ${forgetRemedy(topic)}`, {
    disposition: "halt",
    code: "OFFSET_OUT_OF_RANGE",
  });
}

function cutBack({ topic, partition, position, epoch }: Feed, to: number): BrokerFailure {
  const what =
    `${topic} partition ${partition} was cut back to offset ${to} after it had been read to ${position} (leader epoch ` +
    `${epoch}), and has grown again: an unclean leader election, or a broker's disk lost`;
  return new BrokerFailure(`${what}. ${forgetRemedy(topic)}`, { disposition: "halt", code: "LOG_TRUNCATED" });
}

function createdAnew({ topic, partition, position, log }: Feed, id: string): BrokerFailure {
  const what =
    `${topic} was deleted and created anew while partition ${partition} of it was read, to offset ${position} ` +
    `(topic id ${log}, now ${id})`;
  return new BrokerFailure(`${what}. ${forgetRemedy(topic)}`, { disposition: "halt", code: "UNKNOWN_TOPIC_ID" });
}
