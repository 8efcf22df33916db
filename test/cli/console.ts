// An `Io` that keeps what a command writes.

import type { Io } from "../../src/cli/io.ts";

export interface Console {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
}

export function openConsole(
  given: { stdin?: readonly (Buffer | string)[]; isTTY?: boolean; signal?: AbortSignal } = {},
): Console {
  let out = "";
  let err = "";
  return {
    out: () => out,
    err: () => err,
    io: {
      stdout: (text) => void (out += text),
      stderr: (text) => void (err += text),
      stdin: chunksOf(given.stdin ?? []),
      isTTY: given.isTTY ?? false,
      columns: 80,
      env: {},
      signal: given.signal ?? new AbortController().signal,
      self: [],
      nodeVersion: "v24.0.0",
    },
  };
}

async function* chunksOf(chunks: readonly (Buffer | string)[]): AsyncGenerator<Buffer | string> {
  yield* chunks;
}
