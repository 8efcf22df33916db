// The core alone: shipped rules, full profile, one core of the machine. Prints one JSON line: events a
// second, CPU seconds, bytes an account. Fails when the accounts that fired are not those of the script.
//
//   npm run bench -- [--accounts 200000] [--events 1000000] [--rules DIR]

import { createStateCodec } from "../src/adapters/state-codec.ts";
import { SERVICES } from "../src/core/event.ts";
import { openPartition, type Partition } from "../src/core/partition.ts";
import { DAY, MINUTE } from "../src/core/time.ts";
import { EXPECTED } from "../src/runtime/reception.ts";
import { makeExchange } from "../src/testing/exchange/exchange.ts";
import type { Posting } from "../src/testing/exchange/story.ts";
import { decoderFor } from "./decoded.ts";
import { readOptions } from "./options.ts";
import { rulesAt, takeoverRuleIds, verdict } from "./rules.ts";

const options = readOptions("npm run bench --", "The core alone, on one core of the machine.", {
  accounts: 200_000,
  events: 1_000_000,
  takeovers: 200,
  rules: "rules",
});
const { accounts, events, takeovers } = options;

const rules = await rulesAt(options.rules);
const freezing = takeoverRuleIds(rules);
const from = Date.UTC(2024, 5, 9);
const length = 60 * MINUTE;
const exchange = makeExchange({
  seed: "bench",
  accounts,
  takeovers,
  oddities: 20,
  from,
  length,
  rate: events / (length / 1_000),
  pace: 1,
  lag: 2_000,
  review: 5 * MINUTE,
});

const frozen = new Set<string>();
let commands = 0;
const open = (): Partition =>
  openPartition({
    rules,
    settings: { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" },
    codec: createStateCodec("schemas"),
    services: SERVICES.filter((service) => service !== "trade"),
    emit: (outputs) => {
      commands += outputs.commands.length;
      for (const { ruleId, accountId } of outputs.commands) if (freezing.has(ruleId)) frozen.add(accountId);
    },
  });
const partition = open();

/** One for each service, reused, as a task does. */
const arrivals = new Map(
  SERVICES.map((service) => [service, { service, topic: service, partition: 0, offset: 0, recordTimestamp: 0 }]),
);
let offset = 0;
/** Reused. */
const expected: string[] = [];
function feed(postings: readonly Posting[], into: Partition = partition): void {
  for (let index = 0; index < postings.length; index++) {
    if (index % EXPECTED === 0) {
      const end = Math.min(postings.length, index + EXPECTED);
      expected.length = 0;
      for (let next = index; next < end; next++) expected.push(postings[next]!.event.accountId);
      into.expect(expected);
    }
    const { service, event, at } = postings[index]!;
    const arrival = arrivals.get(service)!;
    arrival.offset = offset++;
    arrival.recordTimestamp = at;
    into.apply(arrival, event, at);
  }
}

const decoded = await decoderFor(rules);
const past = exchange.past().map(decoded);
const importStarted = performance.now();
feed(past);
const importSeconds = (performance.now() - importStarted) / 1_000;
partition.takeChanged();
past.length = 0;

// Generated outside the measured time: the generator and its garbage do not count. In slices so small that an
// event is as near as one just decoded, as it is for a task.
const live = exchange.live();
const cpu = { user: 0, system: 0 };
let seconds = 0;
let count = 0;
for (;;) {
  const slice = nextSlice(200);
  if (slice.length === 0) break;
  const startedAt = performance.now();
  const cpuStarted = process.threadCpuUsage();
  feed(slice);
  const wake = partition.wakeAt();
  if (wake !== undefined && wake <= partition.frontier()) partition.tick();
  seconds += (performance.now() - startedAt) / 1_000;
  const used = process.threadCpuUsage(cpuStarted);
  cpu.user += used.user;
  cpu.system += used.system;
  count += slice.length;
  if (count % 20_000 < slice.length) partition.takeChanged(); // a checkpoint's work, measured by the pipeline bench
}

const bytesPerAccount = Math.round(bytesOf(() => openFed(exchange.past())) / accounts);
const takenOver = new Set(exchange.takeovers.map(({ account }) => account.id));
console.log(
  JSON.stringify({
    bench: "core",
    accounts,
    events: count,
    rules: rules.detections.length + rules.correlations.length,
    eventsPerSecond: Math.round(count / seconds),
    cpuSeconds: round((cpu.user + cpu.system) / 1e6),
    seconds: round(seconds),
    importedPerSecond: Math.round(accounts / importSeconds),
    bytesPerAccount,
    commands,
    frozen: frozen.size,
    takeovers: takenOver.size,
  }),
);
if (!verdict(frozen, takenOver)) process.exitCode = 1;

/** Another partition with all accounts imported; the texts it holds are the exchange's own. */
function openFed(past: readonly Posting[]): Partition {
  const made = open();
  feed(past.map(decoded), made);
  made.takeChanged();
  return made;
}

/** What the heap loses when the thing made is let go. */
function bytesOf(make: () => unknown): number {
  const holder: { made: unknown } = { made: make() };
  const held = heapBytes();
  holder.made = null;
  return held - heapBytes();
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function nextSlice(size: number): Posting[] {
  const slice: Posting[] = [];
  for (let next = live.next(); next.done !== true; next = live.next()) {
    slice.push(decoded(next.value));
    if (slice.length === size) break;
  }
  return slice;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
