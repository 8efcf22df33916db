// From an event's append to its command's, by the broker's own clock, beside checkpoints: 200,000 known
// accounts, 5,000 events a second, one Holdfast process with every shipped rule. Prints one JSON line: the
// distribution, and where the process spent its time. Exits 1 when p99 is above 50 ms or commands are too few.
//
//   npm run bench:latency -- [--rate 5000] [--accounts 200000] [--seconds 60] [--partitions 6] [--linger 50] [--profile DIR]

import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "../src/core/output.ts";
import { SECOND } from "../src/core/time.ts";
import { makeExchange } from "../src/testing/exchange/exchange.ts";
import { profilingInto } from "./node-flags.ts";
import { readOptions } from "./options.ts";
import { metricsOf, onStage, progress, quantile, sumOf, untilProcessed, untilReady } from "./stage.ts";
import type { BenchStage, Ready } from "./stage.ts";

const options = readOptions("npm run bench:latency --", "From an event's append to its command's.", {
  rate: 5_000,
  accounts: 200_000,
  seconds: 60,
  partitions: 6,
  takeovers: 400,
  linger: 50,
  profile: "",
});
const { accounts, rate } = options;
const length = options.seconds * SECOND;
/** The first seconds are the compiler's. */
const WARM_UP = 10 * SECOND;
/** What is due meanwhile is appended together: several producers, each with some linger. */
const TICK_MS = options.linger;
const AT_ONCE = 20_000;
const P99_AT_MOST_MS = 50;
const COMMANDS_AT_LEAST = 100;
const FILLED_WITHIN_MS = 300_000;
/** How long it takes to make and encode an event, about: with that the events happen as they are appended. */
const PREPARED_PER_EVENT_MS = 0.1;

const nodeArguments = profilingInto(options.profile);
await onStage({ partitions: options.partitions, processes: 1, rules: "rules", nodeArguments }, async (stage) =>
  measure(stage),
);

async function measure(stage: BenchStage): Promise<void> {
  const holdfast = stage.processes[0]!;
  const past = makeExchange(exchangeFrom(Date.now())).past();
  for (let from = 0; from < past.length; from += AT_ONCE) {
    await stage.append(past.slice(from, from + AT_ONCE).map((posting) => stage.encode(posting)));
  }
  progress(`${past.length} records of the past written`);
  holdfast.start();
  await untilReady([holdfast]);
  await untilProcessed(holdfast, { records: past.length, withinMs: FILLED_WITHIN_MS });

  // Made and encoded beforehand: while it is measured, the exchange only appends.
  const from = Date.now() + Math.ceil(length * rate * PREPARED_PER_EVENT_MS * 1e-3) + SECOND;
  const live = Array.from(makeExchange(exchangeFrom(from)).live(), (posting): Due => {
    return { after: posting.at - from, record: stage.encode(posting) };
  });
  const before = await metricsOf(holdfast);
  const start = Math.max(from, Date.now());
  const appended = await play(stage, { start, live });
  await untilProcessed(holdfast, { records: past.length + appended, withinMs: 30 * SECOND });
  const after = await metricsOf(holdfast);
  await holdfast.stop();

  const latencies = await latenciesOf(stage, start + WARM_UP);
  const grown = (metric: string, label = ""): number => sumOf(after, metric, label) - sumOf(before, metric, label);
  const checkpoints = grown("holdfast_checkpoint_seconds_count");
  const p99 = quantile(latencies, 0.99);
  console.log(
    JSON.stringify({
      bench: "latency",
      broker: stage.broker,
      accounts,
      eventsPerSecond: Math.round((appended / length) * SECOND),
      commands: latencies.length,
      p50Ms: quantile(latencies, 0.5),
      p90Ms: quantile(latencies, 0.9),
      p99Ms: p99,
      longestMs: latencies.at(-1),
      checkpoints,
      checkpointMeanMs: Math.round((grown("holdfast_checkpoint_seconds_sum") / checkpoints) * 1_000),
      cpuShare: Math.round((grown("process_cpu_seconds_total") / (length / SECOND)) * 100) / 100,
      eventLoopP99Ms: Math.round(sumOf(after, "nodejs_eventloop_lag_p99_seconds") * 1_000),
      gcSeconds: Math.round(grown("nodejs_gc_duration_seconds_sum") * 100) / 100,
      phases: Object.fromEntries(
        ["poll", "process", "produce", "checkpoint", "idle"].map((phase) => [
          phase,
          Math.round(grown("holdfast_loop_seconds_total", `phase="${phase}"`) * 100) / 100,
        ]),
      ),
    }),
  );
  if (p99 > P99_AT_MOST_MS || latencies.length < COMMANDS_AT_LEAST) process.exitCode = 1;
}

function exchangeFrom(from: number): Parameters<typeof makeExchange>[0] {
  return {
    seed: "latency",
    accounts,
    takeovers: options.takeovers,
    oddities: 20,
    from,
    length,
    rate,
    pace: 0.02,
    lag: 500,
    review: 5 * SECOND,
  };
}

interface Due {
  /** Milliseconds from the start. */
  readonly after: number;
  readonly record: Ready;
}

/** Appends each event when it is due. @returns how many */
async function play(stage: BenchStage, { start, live }: { start: number; live: readonly Due[] }): Promise<number> {
  let latest = 0;
  await sleep(Math.max(0, start - Date.now()));
  for (let next = 0; next < live.length;) {
    const now = Date.now() - start;
    const first = next;
    while (next < live.length && live[next]!.after <= now) next += 1;
    if (next > first) {
      latest = Math.max(latest, now - live[first]!.after);
      await stage.append(live.slice(first, next).map(({ record }) => record));
    }
    await sleep(TICK_MS);
  }
  progress(`${live.length} live records written, the latest ${latest} ms after it was due`);
  return live.length;
}

/** Of the commands whose last event was appended after `from`, ascending. */
async function latenciesOf(stage: BenchStage, from: number): Promise<number[]> {
  const said: { value: Buffer; at: number }[] = [];
  await stage.readWhole(stage.topics.commands, ({ value, timestamp }) => {
    if (value !== null) said.push({ value, at: timestamp });
  });
  const commands: { command: Command; at: number }[] = [];
  for (const { value, at } of said) commands.push({ command: await stage.decodeCommand(value), at });
  const wanted = new Set(commands.flatMap(({ command }) => command.evidence.map(placeOf)));
  const appendedAt = new Map<string, number>();
  for (const { topic } of stage.topics.inputs) {
    await stage.readWhole(topic, (record) => {
      const place = placeOf(record);
      if (wanted.has(place)) appendedAt.set(place, record.timestamp);
    });
  }
  const latencies = commands.flatMap(({ command: { evidence }, at }) => {
    const completed = Math.max(...evidence.map((each) => appendedAt.get(placeOf(each)) ?? Infinity));
    return completed >= from && completed !== Infinity ? [at - completed] : [];
  });
  return latencies.sort((a, b) => a - b);
}

function placeOf({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return `${topic}/${partition}/${offset}`;
}
