// What a command may touch of the process it runs in, handed to it by main.ts: the only file that knows
// `process`. A command is `(options, io) => Promise<number>`: it writes through `io`, stops when
// `io.signal` aborts, and returns the exit code. Tests call it with an `Io` of their own.

export interface Io {
  /** Results. Text as it is: the caller writes line ends. */
  readonly stdout: (text: string) => void;
  /** Diagnostics and progress. */
  readonly stderr: (text: string) => void;
  /** Bytes or text, in chunks of any size. */
  readonly stdin: AsyncIterable<Buffer | string>;
  /** Is `stdout` a terminal? */
  readonly isTTY: boolean;
  /** Width of that terminal; 80 where there is none. */
  readonly columns: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM, `reason` its name; the second ends the process at once. */
  readonly signal: AbortSignal;
  /** Program and leading arguments that start Holdfast again; append the command's own. */
  readonly self: readonly string[];
  /** Version of Node, `v24.0.0`. */
  readonly nodeVersion: string;
}

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** It ran, and the answer is no: a failed check, a lost demo, a crash. */
  failed: 1,
  /** It could not start: wrong arguments or settings. */
  usage: 2,
} as const;
