// What went through a task since the last report: counted in plain numbers on the hot path, told to
// telemetry once a slice.

import type { Telemetry } from "./telemetry.ts";

export interface TopicFlow {
  ok: number;
  late: number;
  stale: number;
  rejected: number;
  misrouted: number;
  /** Highest occurredAt seen since the last report; -Infinity: none. */
  eventTime: number;
  /** How far behind the frontier an event was, at most, since the last report. */
  lateness: number;
}

export class Flow {
  readonly #topics: ReadonlyMap<string, TopicFlow>;

  constructor(topics: readonly string[]) {
    this.#topics = new Map(topics.map((topic) => [topic, empty()]));
  }

  /** The counters of one input topic, to be incremented in place. */
  of(topic: string): TopicFlow {
    const flow = this.#topics.get(topic);
    if (flow === undefined) throw new Error(`${topic} is not an input`);
    return flow;
  }

  report(telemetry: Telemetry, slice: { seconds: number; task: number }): void {
    let records = 0;
    for (const flow of this.#topics.values()) records += taken(flow) + flow.rejected;
    if (records === 0) return;
    for (const [topic, flow] of this.#topics) {
      const { ok, late, stale, rejected, misrouted, eventTime, lateness } = flow;
      const count = taken(flow) + rejected;
      if (count === 0) continue;
      const seconds = (slice.seconds * count) / records;
      telemetry.emit("records.processed", { topic, ok, late, stale, rejected, misrouted, seconds });
      if (misrouted > 0) telemetry.emit("records.misrouted", { topic, partition: slice.task, count: misrouted });
      if (eventTime > -Infinity) {
        telemetry.emit("time.observed", {
          topic,
          partition: slice.task,
          eventTime,
          latenessSeconds: lateness / 1_000,
        });
      }
      Object.assign(flow, empty());
    }
  }
}

function taken({ ok, late, stale }: TopicFlow): number {
  return ok + late + stale;
}

function empty(): TopicFlow {
  return { ok: 0, late: 0, stale: 0, rejected: 0, misrouted: 0, eventTime: -Infinity, lateness: 0 };
}
