// `npm run kafka -- up|down|env [--brokers 3]`: a broker and a registry that stay up between commands.
// A process of its own holds the cluster (so that it goes away with it) and listens on 127.0.0.1 for the
// word to stop; .holdfast/kafka.json tells where, and a secret, so that only this project's `down` stops it.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { NoLocalCluster, startLocalCluster } from "../src/adapters/local-cluster/local-cluster.ts";
import { askToStop, isUp, type Holder } from "./kafka-holder.ts";

const directory = join(import.meta.dirname, "..", ".holdfast");
const stateFile = join(directory, "kafka.json");
const logFile = join(directory, "kafka.log");
const usage = "npm run kafka -- up [--brokers 1|3] | down | env";

const { positionals, values } = readArguments();
switch (positionals[0]) {
  case "up":
    await up();
    break;
  case "down":
    await down();
    break;
  case "env":
    await env();
    break;
  case "hold":
    await hold();
    break;
  default:
    fail(usage);
}

function readArguments(): { positionals: string[]; values: { brokers: string } } {
  try {
    return parseArgs({ allowPositionals: true, options: { brokers: { type: "string", default: "1" } } });
  } catch (error) {
    return fail(`${(error as Error).message}\n${usage}`);
  }
}

async function up(): Promise<void> {
  const brokers = values.brokers;
  if (brokers !== "1" && brokers !== "3") fail(`--brokers is 1 or 3, not ${brokers}`);
  const running = await runningHolder();
  if (running !== undefined) {
    if (running.bootstrap.length !== Number(brokers)) {
      fail(`already up with ${running.bootstrap.length} broker(s); stop it first: npm run kafka -- down`);
    }
    print(running);
    return;
  }
  rmSync(stateFile, { force: true });
  mkdirSync(directory, { recursive: true });
  const log = openSync(logFile, "w");
  const holder = spawn(process.execPath, [import.meta.filename, "hold", "--brokers", brokers], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let shown = 0;
  for (let ready: Holder | undefined; ready === undefined;) {
    await delay(100);
    const printed = readFileSync(logFile, "utf8");
    process.stderr.write(printed.slice(shown));
    shown = printed.length;
    if (holder.exitCode !== null || holder.signalCode !== null) process.exit(1);
    ready = await runningHolder();
    if (ready !== undefined) print(ready);
  }
  holder.unref();
}

async function down(): Promise<void> {
  const running = await runningHolder();
  if (running === undefined) {
    console.log("not running");
  } else {
    await askToStop(running);
    console.log("stopped");
  }
  rmSync(stateFile, { force: true });
}

async function env(): Promise<void> {
  const running = await runningHolder();
  if (running === undefined) fail("not running: npm run kafka -- up");
  process.stdout.write(exports(running));
}

/** The detached process: start, say where, wait for the word or a signal, stop. */
async function hold(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort(signal));
  // An outer cluster's addresses would make this one external, with nothing started.
  const env = { ...process.env, HOLDFAST_KAFKA_BROKERS: undefined, HOLDFAST_REGISTRY_URL: undefined };
  try {
    const cluster = await startLocalCluster({
      brokers: values.brokers === "3" ? 3 : 1,
      directory,
      env,
      onProgress: (message) => console.log(message),
      signal: stop.signal,
    });
    const name = randomUUID();
    const secret = randomUUID();
    const server = createServer((socket) => {
      socket.setEncoding("utf8").on("error", () => {});
      socket.write(`${name}\n`);
      socket.on("data", (word) => {
        if (String(word).trim() === `stop ${secret}`) stop.abort("down");
      });
      // Open until we exit: that is how `down` knows that all is gone.
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const { kind, bootstrap, registryUrl } = cluster;
    const state: Holder = { port, name, secret, kind, bootstrap, registryUrl };
    writeFileSync(stateFile, JSON.stringify(state), { mode: 0o600 });
    await new Promise((stopped) => {
      if (stop.signal.aborted) stopped(undefined);
      else stop.signal.addEventListener("abort", stopped, { once: true });
    });
    await cluster.stop();
    process.exit(0);
  } catch (error) {
    if (!stop.signal.aborted) console.error(error instanceof NoLocalCluster ? error.message : error);
    process.exit(1);
  }
}

async function runningHolder(): Promise<Holder | undefined> {
  let state: Holder;
  try {
    state = JSON.parse(readFileSync(stateFile, "utf8")) as Holder;
  } catch {
    return undefined;
  }
  return (await isUp(state)) ? state : undefined;
}

function exports(holder: Holder): string {
  return `export HOLDFAST_KAFKA_BROKERS=${holder.bootstrap.join(",")}\nexport HOLDFAST_REGISTRY_URL=${holder.registryUrl}\n`;
}

function print(holder: Holder): void {
  console.log(`Kafka:    ${holder.bootstrap.join(",")} (${holder.kind})`);
  console.log(`Registry: ${holder.registryUrl}`);
  console.log(`\n${exports(holder)}\nor: eval "$(npm run --silent kafka -- env)"; to stop: npm run kafka -- down`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
