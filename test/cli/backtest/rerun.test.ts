// Reading records for rule sets: each is shown once, in time's order, to every set; what cannot be read is
// counted; what has to wait waits. And where in the topics a time lies.

import { deepEqual, match, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { createMemoryBroker } from "../../../src/adapters/memory/broker.ts";
import type { MemoryBroker } from "../../../src/adapters/memory/broker.ts";
import { rerun } from "../../../src/cli/backtest/rerun.ts";
import type { Progress, RerunOptions } from "../../../src/cli/backtest/rerun.ts";
import { findStretches } from "../../../src/cli/backtest/stretches.ts";
import { Verdicts } from "../../../src/cli/backtest/verdicts.ts";
import type { Decision } from "../../../src/core/decision.ts";
import type { DecodeOutcome, RecordBatch } from "../../../src/runtime/ports.ts";
import { DRIVER_TOPICS } from "../../../src/testing/processor-driver.ts";

const [AUTH, KEYS] = DRIVER_TOPICS.inputs.map(({ topic }) => topic) as [string, string];
const { decisions: DECISIONS } = DRIVER_TOPICS;

interface Told {
  readonly at: number;
  readonly says: DecodeOutcome;
  readonly flaw?: boolean;
}

/** A batch whose records' values are the indices of what they say. */
function batchOf(topic: string, told: readonly Told[]): RecordBatch {
  return {
    topic,
    partition: 0,
    fetchedFrom: 0,
    nextOffset: told.length,
    endOffset: told.length,
    length: told.length,
    bytes: 0,
    offsetAt: (index) => index,
    timestampAt: (index) => told[index]!.at,
    keyAt: () => null,
    valueAt: (index) => Buffer.from([index]),
    headersAt: () => ({}),
    leaderEpochAt: () => -1,
    flawAt: (index) => (told[index]!.flaw === true ? { reason: "TOO_LARGE", detail: "x" } : null),
  };
}

const event = (eventId: string): DecodeOutcome => ({
  event: { eventId, accountId: "alice", type: "LOGIN_SUCCEEDED", occurredAt: 0 },
});

function decision(decisionId: string): { readonly decision: Decision } {
  const rest = { caseId: null, verdict: "CONFIRMED_TAKEOVER", until: null, decidedBy: "x", note: null } as const;
  return { decision: { decisionId, accountId: "alice", decidedAt: 25, ...rest } };
}

async function run(topics: Readonly<Record<string, readonly Told[]>>, to = Infinity) {
  const shown: string[] = [];
  const rehearsalOf = (name: string): RerunOptions["rehearsals"][number] => ({
    apply: (arrival, { eventId }, now) => void shown.push(`${name}: ${eventId} of ${arrival.service} at ${now}`),
    decide: (partition, { decisionId }, now) => void shown.push(`${name}: ${decisionId} in ${partition} at ${now}`),
  });
  const names = Object.keys(topics);
  const batches = names.map((topic): (RecordBatch | null)[] => [batchOf(topic, topics[topic]!)]);
  const progress: Progress[] = [];
  const verdicts = new Verdicts();
  const read = await rerun({
    source: { next: (stretch) => Promise.resolve(batches[stretch]!.shift() ?? null) },
    stretches: names.map((topic) => ({ topic, partition: 0, from: 0, to: topics[topic]!.length })),
    topics: DRIVER_TOPICS,
    codec: { decode: (topic, { value }) => topics[topic]![value![0]!]!.says },
    rehearsals: [rehearsalOf("new"), rehearsalOf("old")],
    verdicts,
    to,
    onProgress: (each) => void progress.push(each),
    signal: new AbortController().signal,
  });
  return { shown, read, progress, verdicts };
}

test("every set sees every event and decision, in the order of time", async () => {
  const { shown, read, progress } = await run({
    [AUTH]: [
      { at: 10, says: event("a") },
      { at: 30, says: event("c") },
    ],
    [KEYS]: [{ at: 20, says: event("b") }],
    [DECISIONS]: [{ at: 30, says: decision("d") }],
  });
  deepEqual(shown, [
    "new: a of auth at 10",
    "old: a of auth at 10",
    "new: b of api_key at 20",
    "old: b of api_key at 20",
    "new: c of auth at 30",
    "old: c of auth at 30",
    "new: d in 0 at 30",
    "old: d in 0 at 30",
  ]);
  deepEqual(read, { events: 3, decisions: 1, rejected: new Map() });
  deepEqual(progress, [{ read: 1, of: 4, at: 10 }]);
});

test("what cannot be read is counted by reason, whoever finds it", async () => {
  const rejection = { reason: "UNDECODABLE", detail: "x" } as const;
  const { shown, read } = await run({
    [AUTH]: [
      { at: 1, says: { rejection } },
      { at: 2, says: event("flawed"), flaw: true },
      { at: 3, says: { rejection } },
    ],
  });
  deepEqual(shown, []);
  deepEqual(
    read.rejected,
    new Map([
      ["UNDECODABLE", 2],
      ["TOO_LARGE", 1],
    ]),
  );
});

test("a record that waits for its schema is read before the next one", async () => {
  let asked = 0;
  const outcome = event("late");
  const waiting: Told = {
    at: 1,
    get says() {
      return asked++ === 0 ? { wait: Promise.resolve() } : outcome;
    },
  };
  const { shown } = await run({ [AUTH]: [waiting], [KEYS]: [{ at: 2, says: event("next") }] });
  deepEqual(
    shown.filter((each) => each.startsWith("new")),
    ["new: late of auth at 1", "new: next of api_key at 2"],
  );
});

test("a decision of later than the time asked for judges, and releases nothing", async () => {
  const { shown, read, verdicts } = await run({ [DECISIONS]: [{ at: 21, says: decision("d") }] }, 20);
  deepEqual(shown, []);
  deepEqual(read.decisions, 1);
  deepEqual(verdicts.of({ caseId: "c", accountId: "alice", at: 20 }), "confirmed");
});

/** The broker answers when it is told to go on. */
async function settled<T>(broker: MemoryBroker, asked: Promise<T>): Promise<T> {
  const waiting = { isOver: false };
  const over = (): void => void (waiting.isOver = true);
  asked.then(over, over);
  while (!waiting.isOver) await broker.settle();
  return asked;
}

test("a time is a stretch of each partition, decisions to their end; what retention took is named", async () => {
  const topics = [...DRIVER_TOPICS.inputs.map(({ topic }) => topic), DECISIONS];
  const broker = createMemoryBroker({ topics: Object.fromEntries(topics.map((topic) => [topic, 2])) });
  const logs = broker.connect("backtest").logs();
  const append = (topic: string): unknown =>
    broker.append({ topic, partition: 1 }, [{ key: null, value: Buffer.from("x"), headers: {} }]);
  const from = broker.clock.now() + 1_000;
  for (let minute = 0; minute < 4; minute++) {
    append(AUTH);
    append(DECISIONS);
    await broker.advance(1_000);
  }
  const to = from + 1_500;
  const { partitions, stretches, cut } = await settled(broker, findStretches(logs, DRIVER_TOPICS, { from, to }));
  deepEqual([partitions, cut], [2, []]);
  const placed = Object.fromEntries(stretches.map((each) => [`${each.topic}/${each.partition}`, [each.from, each.to]]));
  deepEqual(placed[`${AUTH}/1`], [1, 3]);
  deepEqual(placed[`${AUTH}/0`], [0, 0]);
  deepEqual(placed[`${DECISIONS}/1`], [1, 4]);
  ok(stretches.findIndex(({ topic }) => topic === DECISIONS) >= 2 * DRIVER_TOPICS.inputs.length);
  await settled(broker, logs.deleteRecords([{ topic: AUTH, partition: 1, before: 2 }]));
  const later = await settled(broker, findStretches(logs, DRIVER_TOPICS, { from, to }));
  deepEqual(later.cut, [AUTH]);
});

test("topics that do not fit each other are refused with their counts", async () => {
  const topics = [...DRIVER_TOPICS.inputs.map(({ topic }) => topic), DECISIONS];
  const broker = createMemoryBroker({
    topics: Object.fromEntries(topics.map((topic, index) => [topic, 1 + (index % 2)])),
  });
  await rejects(
    settled(broker, findStretches(broker.connect("x").logs(), DRIVER_TOPICS, { from: 0, to: 1 })),
    (error: Error) => {
      match(error.message, /auth-events 1, api-key-events 2/u);
      return true;
    },
  );
});
