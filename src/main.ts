#!/usr/bin/env node
// The process: arguments, environment, signals and streams become an `Io`, a command's return value the
// exit code. The only file that touches `process`.
//
// Invariants:
// P1 The first SIGINT or SIGTERM asks the command to stop, the second ends the process at once.
// P2 What nobody caught ends the process with one clear line and exit code 1: restart and replay are safe.

import { isatty } from "node:tty";
import type { Io } from "./cli/io.ts";
import { EXIT } from "./cli/io.ts";
import { runProgram } from "./cli/program.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const STDOUT = 1;
/** How long open handles may keep the process after its command has returned. */
const LINGER_MS = 3_000;

const stop = new AbortController();
for (const [name, exitCode] of Object.entries(SIGNALS)) {
  process.on(name, () => {
    // P1
    if (stop.signal.aborted) process.exit(exitCode);
    stop.abort(name);
  });
}

// P2; an unhandled rejection arrives here too.
process.on("uncaughtException", (error: unknown) => {
  const failure = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`holdfast: ${failure.message}\n`);
  if (isDebugging()) process.stderr.write(`${failure.stack}\n`);
  else process.stderr.write("(HOLDFAST_LOG_LEVEL=debug shows where)\n");
  process.exit(EXIT.failed);
});

// The reader of a pipe (`| head`) has what it wanted.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
);

function isDebugging(): boolean {
  const argv = process.argv.join(" ");
  return process.env["HOLDFAST_LOG_LEVEL"] === "debug" || /--log-level[ =]debug\b/.test(argv);
}

const io: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  // Touched only when a command reads it: an opened stdin keeps the process alive.
  get stdin() {
    return process.stdin;
  },
  isTTY: isatty(STDOUT),
  get columns() {
    return process.stdout.columns ?? 80;
  },
  env: process.env,
  signal: stop.signal,
  self: [process.execPath, ...process.execArgv, import.meta.filename],
  nodeVersion: process.version,
};

process.exitCode = await runProgram(process.argv.slice(2), io);
setTimeout(() => process.exit(), LINGER_MS).unref();
