// The limit on dead letters: a topic-partition of which most is rejected is held, because then we or its
// producer are wrong, not single records. Owns when it is held, and the looks that say when it is not any
// more; the other topics of the task go on. What is held stays in its log, unread and not buried.
//
//   over 1,000 records more than half rejected ──► held; looked at every 5 s:
//     most records at the position decode ───────► let go on: we were wrong and are not any more
//     most records at the log's end decode ──────► let go on, and bury what lies between, whatever its share:
//                                                  the producer was wrong and is not any more
//
// Rejected alternative: letting a record through now and then. It would bury, one by one, what a corrected
// registry or a newer release could have read.
//
// Invariants:
//   Q1  A look moves no position and buries nothing.
//   Q2  What is buried is buried once: a topic held begins again at the first record not handed out.
//   Q3  From the hold to the letting go, and not longer, a topic is left out of event time, whatever is known of its
//       end: the others go on, and absences are decided without what it holds. Were it counted, one producer's
//       mistake would stop what time decides for every account of the partition.

import type { Rejection } from "../core/event.ts";
import type { Intake } from "./intake.ts";
import type { Clock, Codec, RecordBatch } from "./ports.ts";
import { RejectionWindow, WINDOW_RECORDS } from "./rejection-window.ts";
import type { Telemetry } from "./telemetry.ts";

const LOOK_EVERY_MS = 5_000;
/** Records that a look judges by. */
const LOOK_RECORDS = 20;

interface Source {
  readonly topic: string;
  readonly window: RejectionWindow;
  /** Rejections below this offset do not count: a look saw good records there. */
  tolerated: number;
  held: { readonly since: number; readonly rejection: Rejection; lookDueAt: number } | null;
}

export interface QuarantineOptions {
  readonly task: number;
  readonly intake: Intake;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Told when a topic is held, and when it is let go (Q3). */
  readonly onHeld: (topic: string, isHeld: boolean) => void;
  readonly onProgress: () => void;
}

export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #sources: ReadonlyMap<string, Source>;
  /** Of the record counted last, which is nearly always the next one's. */
  #last: Source;

  constructor(topics: readonly string[], options: QuarantineOptions) {
    this.#options = options;
    this.#sources = new Map(
      topics.map((topic) => [topic, { topic, window: new RejectionWindow(), tolerated: -1, held: null }]),
    );
    this.#last = [...this.#sources.values()][0]!;
  }

  /** To be told of every record that was handed out, after its position moved. */
  count(topic: string, offset: number, rejection: Rejection | null): void {
    if (topic !== this.#last.topic) this.#last = this.#sources.get(topic)!;
    const source = this.#last;
    if (offset < source.tolerated) return;
    if (source.window.add(rejection !== null)) this.#hold(source, rejection!);
  }

  #hold(source: Source, rejection: Rejection): void {
    const { task, intake, clock, telemetry, onHeld } = this.#options;
    const now = clock.monotonic();
    source.held = { since: clock.now(), rejection, lookDueAt: now + LOOK_EVERY_MS };
    intake.hold(source.topic);
    onHeld(source.topic, true);
    telemetry.emit("quarantine.begun", {
      topic: source.topic,
      partition: task,
      records: WINDOW_RECORDS,
      reason: rejection.reason,
      detail: rejection.detail,
      held: this.#held(),
    });
  }

  /** Looks at what is held, where that is due. */
  look(): void {
    const now = this.#options.clock.monotonic();
    for (const source of this.#sources.values()) {
      if (source.held === null || source.held.lookDueAt > now) continue;
      source.held.lookDueAt = now + LOOK_EVERY_MS;
      const { position, endOffset } = this.#options.intake.extentOf(source.topic);
      this.#options.intake.look(source.topic, position, (batch) => {
        if (this.#readable(batch, 0)) return this.#letGo(source, -1);
        const end = endOffset - LOOK_RECORDS;
        if (end > position) this.#lookAtEnd(source, end);
      });
    }
  }

  #lookAtEnd(source: Source, from: number): void {
    this.#options.intake.look(source.topic, from, (batch) => {
      if (this.#readable(batch, batch.length - LOOK_RECORDS)) this.#letGo(source, from);
    });
  }

  /** Whether most of the records from an index on can be read. Q1 */
  #readable(batch: RecordBatch, first: number): boolean {
    const from = Math.max(0, first);
    const to = Math.min(batch.length, from + LOOK_RECORDS);
    let readable = 0;
    for (let index = from; index < to; index++) {
      if (batch.flawAt(index) !== null) continue;
      const record = { key: batch.keyAt(index), value: batch.valueAt(index), timestamp: batch.timestampAt(index) };
      const outcome = this.#options.codec.decode(batch.topic, record);
      if (!("rejection" in outcome || "wait" in outcome)) readable++;
    }
    return readable * 2 > to - from;
  }

  #letGo(source: Source, tolerated: number): void {
    const { task, intake, telemetry, onHeld, onProgress } = this.#options;
    source.held = null;
    source.tolerated = tolerated;
    source.window.clear();
    intake.letGo(source.topic); // Q2
    onHeld(source.topic, false);
    telemetry.emit("quarantine.ended", { topic: source.topic, partition: task, held: this.#held() });
    onProgress();
  }

  /** When the next look is due, on the monotonic clock; Infinity: nothing is held. */
  dueAt(): number {
    let dueAt = Infinity;
    for (const { held } of this.#sources.values()) if (held !== null) dueAt = Math.min(dueAt, held.lookDueAt);
    return dueAt;
  }

  holds(topic: string): boolean {
    return (this.#sources.get(topic)?.held ?? null) !== null;
  }

  /** For the status: why a topic is held and since when; undefined: it is not. */
  statusOf(topic: string): { readonly since: string; readonly reason: string; readonly detail: string } | undefined {
    const held = this.#sources.get(topic)?.held;
    return held ? { since: new Date(held.since).toISOString(), ...held.rejection } : undefined;
  }

  #held(): number {
    return [...this.#sources.values()].filter(({ held }) => held !== null).length;
  }
}
