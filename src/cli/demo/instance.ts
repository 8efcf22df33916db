// One Holdfast process of the demo: a real `holdfast run`, started, killed and stopped as an operator
// would. Owns the child, its operations port and its log file; leaves when to do what to demo.ts.
//
// Invariants:
// I1 At most one child runs at a time, and none after stop().
// I2 A child that ends without having been told to is reported once to `onDeath`, with the end of its log.

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "../../adapters/local-cluster/free-ports.ts";
import type { Watchdog } from "../../adapters/local-cluster/watchdog.ts";

export interface InstanceOptions {
  readonly name: string;
  /** Program and leading arguments that start Holdfast. */
  readonly self: readonly string[];
  /** All of its environment but the port. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the log file goes. */
  readonly directory: string;
  /** Ends the child if this process is killed. */
  readonly watchdog: Watchdog;
  readonly onDeath: (why: Error) => void;
  /** How long an orderly end may take. Default 10 s. */
  readonly stopGraceMs?: number;
}

export interface Instance {
  readonly name: string;
  readonly logFile: string;
  /** Of its operations port. */
  readonly url: string;
  start(): void;
  isRunning(): boolean;
  /** Of the running child. */
  pid(): number | undefined;
  /** SIGSTOP: it keeps its connections and does nothing, until resume() or its end. */
  pause(): void;
  resume(): void;
  /** Does it say that its tasks are assigned and restored? */
  isReady(): Promise<boolean>;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /**
   * SIGTERM; SIGKILL when it is still there after the grace. Resolves when it is gone.
   * @returns how it ended: `exit code 0`, `SIGKILL`, `not running`
   */
  stop(): Promise<string>;
}

const STOP_GRACE_MS = 10_000;
const READY_TIMEOUT_MS = 1_000;

export async function makeInstance(options: InstanceOptions): Promise<Instance> {
  const [port] = (await freePorts(1)) as [number];
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(options.directory, `${options.name.replaceAll(" ", "-").toLowerCase()}.log`);
  let child: ChildProcess | undefined;

  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<string> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return "not running";
    const gone = once(ending, "exit");
    ending.kill(signal);
    const grace = setTimeout(() => ending.kill("SIGKILL"), options.stopGraceMs ?? STOP_GRACE_MS);
    const [code, by] = (await gone.finally(() => clearTimeout(grace))) as [number | null, string | null];
    return by ?? `exit code ${code}`;
  };

  return {
    name: options.name,
    logFile,
    url,
    isRunning: () => child !== undefined,
    pid: () => child?.pid,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    start() {
      if (child !== undefined) throw new Error(`${options.name} already runs`); // I1
      const log = openSync(logFile, "a");
      const started = startChild(options, { port, log });
      closeSync(log);
      child = started;
      const { pid } = started;
      if (pid !== undefined) {
        options.watchdog.add(pid);
        started.once("exit", () => options.watchdog.remove(pid));
      }
      const died = (how: string): void => {
        if (child !== started) return; // I2: told to
        child = undefined;
        options.onDeath(new Error(`${options.name} ended by itself (${how}). The end of its log:\n${tail(logFile)}`));
      };
      started.once("error", (error) => died(error.message));
      started.once("exit", (code, signal) => died(signal ?? `exit code ${code}`));
    },
    async isReady() {
      try {
        const answer = await fetch(`${url}/readyz`, {
          signal: AbortSignal.timeout(READY_TIMEOUT_MS),
        });
        await answer.body?.cancel();
        return answer.ok;
      } catch {
        // Not listening yet, or just killed.
        return false;
      }
    },
    async kill() {
      await end("SIGKILL");
    },
    stop: () => end("SIGTERM"),
  };
}

/** Waits until all are ready at the same time: each then holds its share of the tasks. */
export async function allReady(instances: readonly Instance[], signal: AbortSignal): Promise<void> {
  for (;;) {
    const ready = await Promise.all(instances.map((instance) => instance.isReady()));
    if (ready.every(Boolean)) return;
    await sleep(100, undefined, { signal });
  }
}

function startChild(options: InstanceOptions, { port, log }: { port: number; log: number }): ChildProcess {
  const [program, ...leading] = options.self;
  if (program === undefined) throw new Error("no program to start Holdfast with");
  return spawn(program, [...leading, "run"], {
    env: { ...options.env, HOLDFAST_HTTP_HOST: "127.0.0.1", HOLDFAST_HTTP_PORT: String(port) },
    stdio: ["ignore", log, log],
  });
}

function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-15).join("\n");
}
