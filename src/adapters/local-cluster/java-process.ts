// One Java program as a child process: started, watched until its own log says that it is up, stopped.
// What it prints goes to a file, so that a busy parent never slows it down.

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Watchdog } from "./watchdog.ts";

export interface JavaProcess {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  /** Resolves when the process has ended, with what a person would call it: `exit code 1`, `SIGKILL`. */
  ended(): Promise<string>;
  running(): boolean;
  /** Asks it to end, and kills it after `graceMs`. Resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

export interface JavaProgram {
  /** For messages. */
  readonly name: string;
  readonly java: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** File for standard output and error; replaced. */
  readonly log: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly watchdog: Watchdog;
}

/** A server found its port taken: choose others and start again. */
export class PortTaken extends Error {}

export function startJava(program: JavaProgram): JavaProcess {
  const output = openSync(program.log, "w");
  const child = spawn(program.java, program.args, {
    cwd: program.directory,
    env: program.env,
    // A session of its own: Ctrl-C reaches only us, and we stop it in our order.
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  // Running, it does not keep us alive; waiting for its end does.
  child.unref();
  const { pid } = child;
  if (pid !== undefined) program.watchdog.add(pid);
  let running = pid !== undefined;
  const end = new Promise<string>((resolve) => {
    const finish = (how: string): void => {
      running = false;
      if (pid !== undefined) program.watchdog.remove(pid);
      resolve(how);
    };
    child.once("error", (error) => finish(error.message));
    child.once("exit", (code, signal) => finish(signal ?? `exit code ${code}`));
  });
  const ended = (): Promise<string> => {
    if (running) child.ref();
    return end;
  };
  return {
    name: program.name,
    pid: pid ?? -1,
    log: program.log,
    ended,
    running: () => running,
    async stop(graceMs) {
      if (!running) return;
      if (graceMs > 0) {
        child.kill("SIGTERM");
        const timer = new AbortController();
        await Promise.race([ended(), delay(graceMs, undefined, { signal: timer.signal }).catch(() => {})]);
        timer.abort();
      }
      if (running) child.kill("SIGKILL");
      await ended();
    },
  };
}

/**
 * Waits until the program's own log holds `marker` and `answers` is true: an answer alone could come from
 * a stranger on the same port. Throws PortTaken, or what it last printed if it ended or was too slow.
 */
export async function untilReady(
  program: JavaProcess,
  options: {
    readonly marker: string;
    readonly deadlineMs: number;
    readonly answers?: () => Promise<boolean>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const alive = program.running();
    const printed = await readFile(program.log, "utf8").catch(() => "");
    if (alive && printed.includes(options.marker) && (await (options.answers?.() ?? true))) return;
    if (!alive) {
      if (/address already in use|seems to be in use/iu.test(printed)) throw new PortTaken(program.name);
      throw new Error(`${program.name} ended before it was up (${await program.ended()}):\n${lastLines(printed)}`);
    }
    if (performance.now() > deadline) {
      throw new Error(`${program.name} was not up after ${options.deadlineMs / 1000} s:\n${lastLines(printed)}`);
    }
    await delay(100, undefined, { signal: options.signal });
  }
}

/** For error messages. */
export async function lastPrinted(program: JavaProcess): Promise<string> {
  return lastLines(await readFile(program.log, "utf8"));
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-15).join("\n");
}
