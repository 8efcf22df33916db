// How fast a new owner takes over: the state of 1,000,000 accounts is built by one Holdfast process from their
// snapshots, the process ends, and another restores it. Prints one JSON line: accounts a second, time to
// ready, peak memory. Exits 1 when accounts are missing.
//
//   npm run bench:restore -- [--accounts 1000000] [--partitions 6]

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Instance } from "../src/cli/demo/instance.ts";
import { makeAccount, snapshotOf } from "../src/testing/exchange/account.ts";
import { seededRandom } from "../src/testing/exchange/random.ts";
import { readOptions } from "./options.ts";
import { metricsOf, onStage, progress, sumOf, untilProcessed, untilReady } from "./stage.ts";
import type { BenchStage, Ready } from "./stage.ts";

const { accounts, partitions } = readOptions("npm run bench:restore --", "How fast a new owner takes over.", {
  accounts: 1_000_000,
  partitions: 6,
});
const AT_ONCE = 20_000;
const BUILT_WITHIN_MS = 900_000;
const LOOK_MS = 100;

await onStage({ partitions, processes: 2, rules: "rules" }, async (stage) => measure(stage));

async function measure(stage: BenchStage): Promise<void> {
  const [builder, heir] = stage.processes as [Instance, Instance];
  await fill(stage);
  builder.start();
  await untilReady([builder]);
  const buildingFrom = performance.now();
  await untilProcessed(builder, { records: accounts, withinMs: BUILT_WITHIN_MS });
  progress(`state of ${accounts} accounts built in ${Math.round((performance.now() - buildingFrom) / 1_000)} s`);
  const how = await builder.stop();
  if (how !== "exit code 0") throw new Error(`the process that built the state ended with ${how}`);

  const startedAt = performance.now();
  heir.start();
  while (!(await heir.isReady())) await sleep(LOOK_MS);
  const readyMs = performance.now() - startedAt;
  const metrics = await metricsOf(heir);
  const peakBytes = await peakMemoryOf(heir);
  const restored = await accountsOf(heir);
  const slowestTask = sumOf(metrics, "holdfast_restore_seconds_sum") / sumOf(metrics, "holdfast_restore_seconds_count");
  console.log(
    JSON.stringify({
      bench: "restore",
      broker: stage.broker,
      accounts,
      restored,
      startToReadySeconds: Math.round(readyMs / 10) / 100,
      accountsPerSecond: Math.round(accounts / (readyMs / 1_000)),
      taskMeanSeconds: Math.round(slowestTask * 100) / 100,
      peakMb: Math.round(peakBytes / 1e6),
      bytesPerAccount: Math.round(peakBytes / accounts),
    }),
  );
  if (restored !== accounts) process.exitCode = 1;
}

async function fill(stage: BenchStage): Promise<void> {
  const random = seededRandom("restore");
  const now = Date.now();
  let waiting: Ready[] = [];
  for (let index = 0; index < accounts; index += 1) {
    const event = snapshotOf(makeAccount(index, { random, now }), now - 60_000);
    waiting.push(stage.encode({ service: "auth", event }));
    if (waiting.length < AT_ONCE && index + 1 < accounts) continue;
    await stage.append(waiting);
    waiting = [];
  }
  progress(`${accounts} snapshots written`);
}

/** In memory, by its own word. */
async function accountsOf({ url }: Instance): Promise<number> {
  const answer = await fetch(`${url}/status`);
  const { tasks } = (await answer.json()) as { tasks: readonly { readonly accounts: number }[] };
  return tasks.reduce((sum, task) => sum + task.accounts, 0);
}

/** Resident memory at its highest, as Linux keeps it; elsewhere what it is now. */
async function peakMemoryOf(instance: Instance): Promise<number> {
  const status = await readFile(`/proc/${instance.pid()}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/mu.exec(status)?.[1];
  if (kilobytes !== undefined) return Number(kilobytes) * 1_024;
  return sumOf(await metricsOf(instance), "process_resident_memory_bytes");
}
