// Runs rule sets over what the topics hold of a time: every record decoded once and shown to each of them in
// the same order. Owns the reading, the progress, and what could not be read; leaves what the rule sets
// make of it to their rehearsals.

import type { RegistryCodec } from "../../adapters/codec.ts";
import type { Stretch } from "../../adapters/kafka/stretch-reader.ts";
import type { Service } from "../../core/event.ts";
import type { Instant } from "../../core/time.ts";
import type { RecordBatch } from "../../runtime/ports.ts";
import type { Topics } from "../../runtime/topics.ts";
import { inTimeOrder } from "./history.ts";
import type { Source } from "./history.ts";
import type { Rehearsal } from "./rehearsal.ts";
import type { Verdicts } from "./verdicts.ts";

export interface RerunOptions {
  readonly source: Source;
  readonly stretches: readonly Stretch[];
  readonly topics: Topics;
  readonly codec: Pick<RegistryCodec, "decode">;
  readonly rehearsals: readonly Pick<Rehearsal, "apply" | "decide">[];
  readonly verdicts: Verdicts;
  /** Decisions of later are verdicts only: they release nothing of what is rehearsed. */
  readonly to: Instant;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

export interface Progress {
  /** Records read so far, and to read. */
  readonly read: number;
  readonly of: number;
  /** Timestamp of the record at hand. */
  readonly at: Instant;
}

export interface Rerun {
  readonly events: number;
  readonly decisions: number;
  /** Reason → records that are no events. */
  readonly rejected: ReadonlyMap<string, number>;
}

/** How often somebody is told. */
const TELL_EVERY = 8_192;

/** @throws BrokerFailure */
export async function rerun(options: RerunOptions): Promise<Rerun> {
  const { stretches, topics, codec, rehearsals, verdicts, to, onProgress } = options;
  const services = new Map<string, Service>(topics.inputs.map(({ topic, service }) => [topic, service]));
  const rejected = new Map<string, number>();
  const total = stretches.reduce((sum, stretch) => sum + stretch.to - stretch.from, 0);
  let [read, events, decisions] = [0, 0, 0];

  function take(batch: RecordBatch, index: number): Promise<void> | undefined {
    const { topic, partition } = batch;
    const recordTimestamp = batch.timestampAt(index);
    const flaw = batch.flawAt(index);
    const frame = { key: batch.keyAt(index), value: batch.valueAt(index), timestamp: recordTimestamp };
    const outcome = flaw === null ? codec.decode(topic, frame) : { rejection: flaw };
    if ("wait" in outcome) return outcome.wait.then(() => take(batch, index));
    if ("rejection" in outcome) {
      rejected.set(outcome.rejection.reason, (rejected.get(outcome.rejection.reason) ?? 0) + 1);
    } else if ("decision" in outcome) {
      decisions += 1;
      verdicts.add(outcome.decision);
      if (recordTimestamp > to) return undefined;
      for (const rehearsal of rehearsals) rehearsal.decide(partition, outcome.decision, recordTimestamp);
    } else if ("event" in outcome) {
      events += 1;
      const arrival = {
        service: services.get(topic)!,
        topic,
        partition,
        offset: batch.offsetAt(index),
        recordTimestamp,
      };
      for (const rehearsal of rehearsals) rehearsal.apply(arrival, outcome.event, recordTimestamp);
    }
    return undefined;
  }

  const ends = stretches.map((stretch) => stretch.to);
  await inTimeOrder(options.source, ends, {
    visit(_, batch, index) {
      if (read++ % TELL_EVERY === 0) onProgress({ read, of: total, at: batch.timestampAt(index) });
      return take(batch, index);
    },
    signal: options.signal,
  });
  return { events, decisions, rejected };
}
