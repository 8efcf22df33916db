// `holdfast replay --plain`: any Sigma rules over any JSON objects, one a line, in the order of arrival. No
// schema, no profile; log sources are ignored. Prints one JSON line for each detection; at the end time
// passes until nothing waits any more.
//
// A line that is no object, or has no time, is one message on standard error; the others go on, and the
// exit code is 1.

import { instantFromJson } from "../../core/event-json.ts";
import { fieldReader } from "../../core/field-reader.ts";
import type { FieldReader } from "../../core/field-reader.ts";
import { PlainEngine } from "../../core/plain.ts";
import type { Duration, Instant } from "../../core/time.ts";
import { LIMITS } from "../../core/validation.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { readSoundRules } from "../sound-rules.ts";
import { isFileError, readEach } from "./event-file.ts";
import { objectOf } from "./json-line.ts";
import type { Line } from "./lines.ts";

export interface PlainReplayOptions {
  /** A directory of rule files, or one file. */
  readonly rules: string;
  /** A file of one JSON object a line; `-`: standard input. */
  readonly file: string;
  readonly timeField: string;
  /** Where an event has no such field its id is the number of its line. */
  readonly idField: string;
  readonly lateness: Duration;
  /** How long a detection stands for further matches; null: as the rules say. */
  readonly quiet: Duration | null;
}

type PlainEvent = { readonly object: object; readonly id: string; readonly at: Instant } | { readonly problem: string };

/** Of a value in a message. */
const SHOWN_LENGTH = 60;

/** Exit code 0 when every line was an event; 1 when some were not; 2 when it could not start. */
export async function replayPlain(options: PlainReplayOptions, io: Io): Promise<number> {
  const loaded = await readSoundRules(options.rules, io, { plain: true });
  if (loaded === null) return EXIT.usage;
  const { rules } = loaded;
  const tally = { events: 0, rejected: 0, detections: 0 };
  const engine = new PlainEngine({
    rules,
    allowedLateness: options.lateness,
    quiet: options.quiet,
    onDetection: (detection) => {
      tally.detections += 1;
      const evidence = detection.evidence.map(writtenId);
      io.stdout(`${JSON.stringify({ kind: "detection", ...detection, evidence })}\n`);
    },
  });
  const read = plainReader(options);
  try {
    for await (const said of readEach(read, { file: options.file, io, tally })) {
      tally.events += 1;
      engine.apply(said.object, said);
    }
    if (io.signal.aborted) return EXIT.failed;
  } catch (error) {
    if (!isFileError(error)) throw error;
    io.stderr(
      `${options.file} cannot be read (${error.code}); give a file of one JSON object a line, or - for standard input\n`,
    );
    return EXIT.usage;
  }
  engine.finish();
  const { evicted, late, lateContradictions } = engine.counts;
  if (evicted > 0)
    io.stderr(`${evicted} events or groups of events were dropped at a limit: their matches may be missed\n`);
  if (late > 0)
    io.stderr(`${late} events came later than the lateness: their matches may be missed; raise --lateness\n`);
  if (lateContradictions > 0) io.stderr(`${lateContradictions} events came too late to contradict; raise --lateness\n`);
  io.stderr(`${tally.events} events, ${tally.rejected} lines rejected, ${tally.detections} detections\n`);
  return tally.rejected === 0 ? EXIT.ok : EXIT.failed;
}

function plainReader({ timeField, idField }: PlainReplayOptions): (line: Line) => PlainEvent {
  const timeOf: FieldReader = fieldReader(timeField);
  const idOf: FieldReader = fieldReader(idField);
  return ({ bytes, number }) => {
    if (bytes === null) return { problem: `the line is longer than ${LIMITS.recordBytes} bytes` };
    const parsed = objectOf(bytes);
    if ("problem" in parsed) return parsed;
    const { object } = parsed;
    const time = timeOf(object, null);
    const at = instantFromJson(time);
    if (at === undefined) return { problem: `${timeField} ${timeProblem(time)}, or name another --time-field` };
    return { object, id: knownId(idOf(object, null), number), at };
  };
}

function timeProblem(found: unknown): string {
  if (found === null || found === undefined) return "is missing; write it";
  const text = JSON.stringify(found);
  const shown = text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}…`;
  return `is ${shown}, which is no time; write RFC 3339 text or epoch milliseconds`;
}

/** What tells events apart: no line's number is the id that another line has written. */
function knownId(id: unknown, line: number): string {
  return id === null || id === undefined ? `#${line}` : `=${typeof id === "string" ? id : JSON.stringify(id)}`;
}

/** The id, or the number of the line, as `knownId` made it. */
function writtenId(known: string): string {
  return known.slice(1);
}
