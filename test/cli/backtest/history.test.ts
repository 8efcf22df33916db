// The merge of several partitions: every record once, by time, and within a partition in its own order.

import { deepEqual, rejects, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inTimeOrder } from "../../../src/cli/backtest/history.ts";
import type { Source } from "../../../src/cli/backtest/history.ts";
import type { RecordBatch } from "../../../src/runtime/ports.ts";

interface Kept {
  readonly offset: number;
  readonly at: number;
}

function batchOf(partition: number, records: readonly Kept[], nextOffset: number): RecordBatch {
  return {
    topic: "t",
    partition,
    fetchedFrom: records[0]?.offset ?? nextOffset,
    nextOffset,
    endOffset: nextOffset,
    length: records.length,
    bytes: 0,
    offsetAt: (index) => records[index]!.offset,
    timestampAt: (index) => records[index]!.at,
    keyAt: () => null,
    valueAt: () => null,
    headersAt: () => ({}),
    leaderEpochAt: () => -1,
    flawAt: () => null,
  };
}

/** Batches as given, each after I/O had its turn. */
function sourceOf(partitions: readonly (readonly (readonly Kept[])[])[]): Source {
  const queues = partitions.map((batches, partition) =>
    batches.map((records) => batchOf(partition, records, (records.at(-1)?.offset ?? -1) + 1)),
  );
  return {
    next: async (stretch) => {
      await Promise.resolve();
      return queues[stretch]!.shift() ?? null;
    },
  };
}

async function visited(
  partitions: readonly (readonly (readonly Kept[])[])[],
  ends: readonly number[] = partitions.map(() => Infinity),
): Promise<[number, number][]> {
  const seen: [number, number][] = [];
  await inTimeOrder(sourceOf(partitions), ends, {
    visit: (stretch, batch, index) => void seen.push([stretch, batch.offsetAt(index)]),
    signal: new AbortController().signal,
  });
  return seen;
}

test("the lowest time goes first, at equal times the stretch listed first", async () => {
  const partitions = [
    [
      [
        { offset: 0, at: 10 },
        { offset: 1, at: 30 },
      ],
      [],
      [{ offset: 4, at: 31 }],
    ],
    [[{ offset: 7, at: 10 }], [{ offset: 8, at: 20 }]],
    [[]],
  ];
  deepEqual(await visited(partitions), [
    [0, 0],
    [1, 7],
    [1, 8],
    [0, 1],
    [0, 4],
  ]);
});

test("a stretch ends below its end, although the batch goes on", async () => {
  deepEqual(
    await visited(
      [
        [
          [
            { offset: 0, at: 1 },
            { offset: 1, at: 2 },
          ],
        ],
        [[{ offset: 0, at: 1 }]],
      ],
      [1, 0],
    ),
    [[0, 0]],
  );
});

test("what a visit returns is awaited before the next record; its failure ends all", async () => {
  const happened: string[] = [];
  const source = sourceOf([[[{ offset: 0, at: 1 }]], [[{ offset: 0, at: 2 }]]]);
  await inTimeOrder(source, [Infinity, Infinity], {
    async visit(stretch) {
      happened.push(`begin ${stretch}`);
      await new Promise((resolve) => setImmediate(resolve));
      happened.push(`end ${stretch}`);
    },
    signal: new AbortController().signal,
  });
  deepEqual(happened, ["begin 0", "end 0", "begin 1", "end 1"]);
  const failing = sourceOf([[[{ offset: 0, at: 1 }]]]);
  const visit = () => Promise.reject(new Error("no"));
  await rejects(inTimeOrder(failing, [Infinity], { visit, signal: new AbortController().signal }), /no/u);
});

test("an abort ends it between two records", async () => {
  const stopping = new AbortController();
  let seen = 0;
  await inTimeOrder(
    sourceOf([
      [
        [
          { offset: 0, at: 1 },
          { offset: 1, at: 2 },
        ],
      ],
    ]),
    [Infinity],
    {
      visit() {
        seen += 1;
        stopping.abort();
        return undefined;
      },
      signal: stopping.signal,
    },
  );
  strictEqual(seen, 1);
});

const batches = fc.array(fc.array(fc.nat(20), { maxLength: 5 }), { maxLength: 5 });

test("every record once, in offset order, and in the order of time where partitions are in order themselves", () =>
  fc.assert(
    fc.asyncProperty(fc.array(batches, { minLength: 1, maxLength: 6 }), fc.boolean(), async (gaps, isOrdered) => {
      const partitions = gaps.map((own) => {
        let [offset, at] = [-1, 0];
        return own.map((times) =>
          times.map((time) => {
            at = isOrdered ? at + time : time;
            return { offset: ++offset, at };
          }),
        );
      });
      const seen = await visited(partitions);
      for (const [partition, own] of partitions.entries()) {
        deepEqual(
          seen.filter(([stretch]) => stretch === partition).map(([, offset]) => offset),
          own.flat().map(({ offset }) => offset),
        );
      }
      if (!isOrdered) return;
      const all = partitions.flatMap((own, stretch) => own.flat().map(({ offset, at }) => ({ stretch, offset, at })));
      const sorted = all.toSorted((a, b) => a.at - b.at || a.stretch - b.stretch || a.offset - b.offset);
      deepEqual(
        seen,
        sorted.map(({ stretch, offset }) => [stretch, offset]),
      );
    }),
  ));
