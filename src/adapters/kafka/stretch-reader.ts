// Reads stretches of partitions side by side, without a group, for tools that go over what is there in an
// order of their own. Owns the fetching ahead: each stretch a few batches, then it waits for whoever takes
// them. Commits nothing; brokers that fail meanwhile are waited for.
//
// Invariants:
//   SR1 the batches of a stretch come in offset order, each once; the last may go beyond its end
//   SR2 a stretch that nobody takes from is fetched no further than a few batches

import type { BrokerFailure, RecordBatch } from "../../runtime/ports.ts";
import type { KafkaClient } from "./client.ts";
import { Connections } from "./connections.ts";
import { Fetcher } from "./fetcher.ts";

export interface Stretch {
  readonly topic: string;
  readonly partition: number;
  /** First offset to read. */
  readonly from: number;
  /** Where it ends, exclusive; the log must reach that far. */
  readonly to: number;
}

export interface StretchReader {
  /**
   * The next batch of the stretch with that index, waited for; null: it was read to its end, or closed.
   * @throws BrokerFailure when reading cannot go on
   */
  next(index: number): Promise<RecordBatch | null>;
  /** Whoever waits is told that nothing comes. */
  close(): void;
}

const LIMITS = { maxWaitMs: 50, maxBytesPerPartition: 524_288, maxBytes: 16_777_216, maxBatchBytes: 33_554_432 };
/** Batches fetched ahead of who takes them. */
const AHEAD = 2;

interface Queue {
  readonly stretch: Stretch;
  readonly batches: RecordBatch[];
  /** Everything up to `to` was fetched. */
  fetched: boolean;
  /** Tells whoever waits that something came. */
  wake: () => void;
}

export function createStretchReader(client: KafkaClient, stretches: readonly Stretch[]): StretchReader {
  const connections = new Connections(client);
  const queues = stretches.map((stretch): Queue => {
    return { stretch, batches: [], fetched: stretch.from >= stretch.to, wake: () => {} };
  });
  const byPlace = new Map(queues.map((queue) => [placeOf(queue.stretch), queue]));
  let failure: BrokerFailure | null = null;
  let isClosed = false;

  const fetcher: Fetcher = new Fetcher(connections, stretches, {
    ...LIMITS,
    listener: {
      onBatch(batch) {
        const queue = byPlace.get(placeOf(batch))!;
        if (queue.fetched) return;
        queue.batches.push(batch);
        queue.fetched = batch.nextOffset >= queue.stretch.to;
        if (queue.fetched || queue.batches.length >= AHEAD) fetcher.pause(batch.topic, batch.partition); // SR2
        queue.wake();
      },
      onFailure(error) {
        failure = error;
        for (const queue of queues) queue.wake();
      },
    },
  });
  for (const { stretch, fetched } of queues) {
    if (fetched) continue;
    fetcher.seek(stretch.topic, stretch.partition, stretch.from);
    fetcher.resume(stretch.topic, stretch.partition);
  }
  fetcher.start();

  return {
    async next(index) {
      const queue = queues[index]!;
      for (;;) {
        const batch = queue.batches.shift();
        if (batch !== undefined) {
          if (!queue.fetched) fetcher.resume(queue.stretch.topic, queue.stretch.partition);
          return batch;
        }
        if (queue.fetched || isClosed) return null;
        if (failure !== null) throw failure;
        await new Promise<void>((resolve) => (queue.wake = resolve));
      }
    },
    close() {
      isClosed = true;
      fetcher.stop();
      connections.close();
      for (const queue of queues) queue.wake();
    },
  };
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}
