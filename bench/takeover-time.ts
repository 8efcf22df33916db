// How long nobody watches a killed owner's accounts: two Holdfast processes, one event a tenth of a second for
// every partition that must be answered at once, kill -9 of one of the two, several times. Prints one JSON
// line; exits 1 when some answer took longer than the session time-out and 5 s.
//
//   npm run bench:takeover -- [--kills 5] [--partitions 6] [--session-timeout 6000]

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { murmur2Partitioner } from "../src/adapters/kafka/partitioner.ts";
import { readOptions } from "./options.ts";
import { onStage, progress, quantile, untilReady } from "./stage.ts";
import type { BenchStage, Happening } from "./stage.ts";

const options = readOptions("npm run bench:takeover --", "How long nobody watches a killed owner's accounts.", {
  kills: 5,
  partitions: 6,
  sessionTimeout: 6_000,
});
const { partitions, sessionTimeout } = options;
const WITHIN_MS = sessionTimeout + 5_000;
const PROBE_EVERY_MS = 100;
const CALM_MS = 3_000;
const ANSWERED_WITHIN_MS = 60_000;
let probes = 0;

await onStage(
  {
    partitions,
    processes: 2,
    rules: join(import.meta.dirname, "../test/chaos/rules"),
    settings: { HOLDFAST_SESSION_TIMEOUT_MS: String(sessionTimeout) },
  },
  async (stage) => measure(stage),
);

async function measure(stage: BenchStage): Promise<void> {
  /** When each probe was asked and answered. */
  const asked = new Map<string, number>();
  const answered = new Map<string, number>();
  await stage.follow(stage.topics.commands, ({ key, timestamp }) => {
    if (key !== null && !answered.has(String(key))) answered.set(String(key), timestamp);
  });
  await stage.append(Array.from({ length: partitions }, (_, partition) => stage.encode(probeOf(partition))));
  for (const each of stage.processes) each.start();
  await untilReady(stage.processes);

  const over = new AbortController();
  const probing = probeAlways(stage, { asked, signal: over.signal });
  const gaps: number[] = [];
  for (let kill = 0; kill < options.kills; kill += 1) {
    await sleep(CALM_MS);
    const victim = stage.processes[kill % stage.processes.length]!;
    const killedAt = Date.now();
    await victim.kill();
    await sleep(WITHIN_MS);
    victim.start();
    await untilReady(stage.processes);
    const open = [...asked].filter(([, at]) => at >= killedAt && at <= killedAt + WITHIN_MS).map(([id]) => id);
    await until(() => open.every((id) => answered.has(id)));
    gaps.push(Math.max(...open.map((id) => answered.get(id)! - asked.get(id)!)));
    progress(`kill ${kill + 1}: detection stood still for ${gaps.at(-1)} ms`);
  }
  over.abort();
  await probing;
  const ascending = gaps.toSorted((a, b) => a - b);
  const longest = ascending.at(-1) ?? Infinity;
  console.log(
    JSON.stringify({
      bench: "takeover-time",
      broker: stage.broker,
      partitions,
      sessionTimeoutMs: sessionTimeout,
      kills: gaps.length,
      probes: asked.size,
      medianMs: quantile(ascending, 0.5),
      longestMs: longest,
      allowedMs: WITHIN_MS,
    }),
  );
  if (longest > WITHIN_MS) process.exitCode = 1;
}

async function probeAlways(
  stage: BenchStage,
  { asked, signal }: { asked: Map<string, number>; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const probes = Array.from({ length: partitions }, (_, partition) => probeOf(partition));
    await stage.append(probes.map((probe) => stage.encode(probe)));
    for (const { event } of probes) asked.set(event.accountId, Date.now());
    await sleep(PROBE_EVERY_MS);
  }
}

/** An event of an account of its own in that partition, which a policy answers at once. */
function probeOf(partition: number): Happening {
  for (;;) {
    const accountId = `probe-${++probes}`;
    if (murmur2Partitioner(Buffer.from(accountId), partitions) !== partition) continue;
    const event = { eventId: accountId, accountId, type: "FACTOR_REMOVED", factor: "HARDWARE_KEY" } as const;
    return { service: "auth", event: { ...event, occurredAt: Date.now() } };
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + ANSWERED_WITHIN_MS; !holds(); await sleep(20)) {
    if (performance.now() > deadline) throw new Error(`not answered within ${ANSWERED_WITHIN_MS / 1_000} s`);
  }
}
