// What a task has decided and the broker has not acknowledged yet (T1). Owns the sends: one at a time for
// each partition, in order, retried for ever while the task is ours. Knows nothing of checkpoints but the
// marks they wait for.
//
//   decide  c1        c2 c3                 c4
//   send    [c1 ─────] [c2 c3 ────────────] [c4 …      what is decided during a send goes in the next one
//
// Invariants:
//   X1  What one decision says to one partition goes in one send, or is resent whole.
//   X2  A send starts only while the ownership is held.
//   X3  An output is acknowledged only after everything added before it to the same partition.
//   X4  A send of several decisions stays well below what brokers take by default (1 MiB for a batch): one that is
//       too large for a connection is hung up on without a word, and would be retried for ever.

import type { Ownership } from "./ownership.ts";
import { BrokerFailure } from "./ports.ts";
import type { Clock, OutRecord, Producer } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import type { Telemetry } from "./telemetry.ts";

export interface Output {
  readonly record: OutRecord;
  /** A smaller record that says the essential, for when the broker refuses this one as too large. */
  readonly minimal?: () => OutRecord;
  readonly acknowledged?: () => void;
}

/** What one decision says to one partition. */
export interface Unsent {
  readonly topic: string;
  readonly partition: number;
  readonly outputs: readonly Output[];
}

/** A point in the outbox: everything added before it. */
export type Mark = ReadonlyMap<Lane, number>;

interface Decision {
  readonly outputs: readonly Output[];
  readonly bytes: number;
}

const SEND_RECORDS = 1_000;
/** X4 */
const SEND_BYTES = 512 * 1024;
/** Not acknowledged: dead letters may be large. */
const FULL_RECORDS = 5_000;
const FULL_BYTES = 32 * 1024 * 1024;

/** The sends to one partition of one topic. */
class Lane {
  readonly topic: string;
  readonly partition: number;
  readonly queue: Decision[] = [];
  /** Taken from the queue and not acknowledged yet. */
  sending: readonly Output[] = [];
  added = 0;
  acknowledged = 0;
  /** Acknowledged sends from the one that holds the last mark's last record on. */
  sends: { readonly upTo: number; readonly nextOffset: number }[] = [];
  running = false;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }
}

export class Outbox {
  readonly #producer: Producer;
  readonly #ownership: Ownership;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #onFailure: (error: unknown) => void;
  readonly #onAcknowledged: () => void;
  readonly #lanes = new Map<string, Lane>();
  #waiting: { mark: Mark; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #pending = 0;
  #pendingBytes = 0;

  /** @param options.onFailure told once when a send will never succeed or the ownership is lost */
  constructor(options: {
    producer: Producer;
    ownership: Ownership;
    clock: Clock;
    telemetry: Telemetry;
    onFailure: (error: unknown) => void;
    onAcknowledged: () => void;
  }) {
    this.#producer = options.producer;
    this.#ownership = options.ownership;
    this.#clock = options.clock;
    this.#telemetry = options.telemetry;
    this.#onFailure = options.onFailure;
    this.#onAcknowledged = options.onAcknowledged;
  }

  /** Outputs not yet acknowledged. */
  get pending(): number {
    return this.#pending;
  }

  /** Nothing more should be decided: the broker has to keep up. */
  get isFull(): boolean {
    return this.#pending >= FULL_RECORDS || this.#pendingBytes >= FULL_BYTES;
  }

  /** Adds what one decision says to one partition and starts the send at once if none is under way. */
  add(topic: string, partition: number, outputs: readonly Output[]): void {
    const key = `${topic}/${partition}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, (lane = new Lane(topic, partition)));
    const bytes = bytesOfAll(outputs);
    lane.queue.push({ outputs, bytes });
    lane.added += outputs.length;
    this.#pending += outputs.length;
    this.#pendingBytes += bytes;
    if (!lane.running) void this.#run(lane);
  }

  /** Marks are taken one after another: asking for an offset before an earlier one is over. */
  mark(): Mark {
    for (const lane of this.#lanes.values()) lane.sends = lane.sends.slice(-1);
    return new Map(Array.from(this.#lanes.values(), (lane) => [lane, lane.added]));
  }

  /** Resolves when everything before the mark is acknowledged; rejects with what stopped the sends. */
  flushed(mark: Mark): Promise<void> {
    if (reached(mark)) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ mark, resolve, reject }));
  }

  /** Offset after the last record of the partition that lies before the flushed mark; -1: there is none. */
  nextOffset(mark: Mark, topic: string, partition: number): number {
    const lane = this.#lanes.get(`${topic}/${partition}`);
    const count = lane && mark.get(lane);
    const send = lane?.sends.find(({ upTo }) => upTo >= (count ?? 0));
    return send === undefined || count === undefined ? -1 : send.nextOffset - (send.upTo - count);
  }

  /** What is not acknowledged, in order: for another outbox to say again, the sends under way among it. */
  unsent(): Unsent[] {
    return Array.from(this.#lanes.values()).flatMap(({ topic, partition, sending, queue }) =>
      [sending, ...queue.map(({ outputs }) => outputs)]
        .filter((outputs) => outputs.length > 0)
        .map((outputs) => ({ topic, partition, outputs })),
    );
  }

  /** Offset after the last record of the partition that was acknowledged; -1: none was. */
  acknowledgedTo(topic: string, partition: number): number {
    return this.#lanes.get(`${topic}/${partition}`)?.sends.at(-1)?.nextOffset ?? -1;
  }

  async #run(lane: Lane): Promise<void> {
    lane.running = true;
    try {
      while (lane.queue.length > 0) {
        await this.#ownership.whenHeld(); // what is decided meanwhile joins the send
        lane.sending = takeSend(lane.queue);
        await this.#send(lane, lane.sending);
      }
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      this.#onFailure(error);
      return; // the lane stays "running": nothing more leaves it
    }
    lane.running = false;
  }

  async #send(lane: Lane, outputs: readonly Output[]): Promise<void> {
    const startedAt = this.#clock.monotonic();
    try {
      await this.#attempt(lane, outputs, (output) => output.record);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      for (const output of outputs) await this.#sendAlone(lane, output);
    }
    const seconds = (this.#clock.monotonic() - startedAt) / 1_000;
    this.#telemetry.emit("outbox.sent", { topic: lane.topic, records: outputs.length, seconds });
  }

  async #sendAlone(lane: Lane, output: Output): Promise<void> {
    try {
      await this.#attempt(lane, [output], ({ record }) => record);
    } catch (error) {
      const { minimal } = output;
      if (!isTooLarge(error) || minimal === undefined) throw error;
      await this.#attempt(lane, [output], minimal);
    }
  }

  async #attempt(lane: Lane, outputs: readonly Output[], record: (output: Output) => OutRecord): Promise<void> {
    const records = outputs.map(record);
    // X1, X2
    const base = await retryWhileOwned(() => this.#producer.send(lane.topic, lane.partition, records), {
      ownership: this.#ownership,
      clock: this.#clock,
      telemetry: this.#telemetry,
      doing: `append to ${lane.topic}`,
    });
    lane.acknowledged += records.length; // X3
    lane.sending = lane.sending.slice(records.length);
    lane.sends.push({ upTo: lane.acknowledged, nextOffset: base + records.length });
    this.#pending -= records.length;
    this.#pendingBytes -= bytesOfAll(outputs);
    for (const output of outputs) output.acknowledged?.();
    this.#wake();
    this.#onAcknowledged();
  }

  #wake(): void {
    const due = this.#waiting.filter(({ mark }) => reached(mark));
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !due.includes(waiter));
    for (const { resolve } of due) resolve();
  }
}

function reached(mark: Mark): boolean {
  for (const [lane, count] of mark) if (lane.acknowledged < count) return false;
  return true;
}

/** Whole decisions from the queue's head, up to a send's worth. */
function takeSend(queue: Decision[]): Output[] {
  const outputs: Output[] = [];
  let taken = 0;
  let bytes = 0;
  for (const decision of queue) {
    bytes += decision.bytes;
    const isMore = outputs.length + decision.outputs.length > SEND_RECORDS || bytes > SEND_BYTES; // X4
    if (taken > 0 && isMore) break;
    outputs.push(...decision.outputs);
    taken++;
  }
  queue.splice(0, taken);
  return outputs;
}

function bytesOfAll(outputs: readonly Output[]): number {
  return outputs.reduce((sum, { record }) => sum + bytesOf(record), 0);
}

function bytesOf({ key, value, headers }: OutRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0);
  return bytes;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof BrokerFailure && error.code === "MESSAGE_TOO_LARGE";
}
