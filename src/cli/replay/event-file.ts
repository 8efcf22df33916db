// A file, or standard input, of one JSON object a line, for the commands that read one: in the order of
// arrival. A line that is none is one message on standard error; blank ones are skipped, the others go on.

import { createReadStream } from "node:fs";
import type { Arrival, ExchangeEvent } from "../../core/event.ts";
import { LIMITS } from "../../core/validation.ts";
import type { Io } from "../io.ts";
import { EventLines } from "./event-line.ts";
import type { Inputs } from "./event-line.ts";
import { linesOf } from "./lines.ts";
import type { Line } from "./lines.ts";

/** What a line says, or why it says nothing. */
type Read<T> = (line: Line) => T | { readonly problem: string };

/**
 * What each line of the file says; ends early when the signal aborts.
 * @param options.file a path; `-`: standard input
 * @param options.tally its `rejected` counts the lines with a problem
 * @throws an error of which isFileError is true when the file cannot be read
 */
export async function* readEach<T extends object>(
  read: Read<T>,
  options: { readonly file: string; readonly io: Io; readonly tally: { rejected: number } },
): AsyncGenerator<T> {
  const { file, io, tally } = options;
  for await (const line of linesOf(file === "-" ? io.stdin : createReadStream(file), LIMITS.recordBytes)) {
    if (io.signal.aborted) return;
    if (line.bytes?.every(isSpace) === true) continue;
    const said = read(line);
    if ("problem" in said) {
      tally.rejected += 1;
      io.stderr(`${file}:${line.number}: ${said.problem}\n`);
    } else yield said;
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

/** The same, of a file of the exchange's events. */
export function eventsOf(
  { file, inputs }: { readonly file: string; readonly inputs: Inputs },
  io: Io,
  tally: { rejected: number },
): AsyncGenerator<{ readonly arrival: Arrival; readonly event: ExchangeEvent }> {
  const lines = new EventLines(inputs);
  const read: Read<{ readonly arrival: Arrival; readonly event: ExchangeEvent }> = (line) => {
    const outcome = lines.read(line);
    return "event" in outcome ? outcome : { problem: `${outcome.rejection.reason}: ${outcome.rejection.detail}` };
  };
  return readEach(read, { file, io, tally });
}

export function isFileError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}
