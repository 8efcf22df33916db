// `holdfast replay`: the processor's core on a file of events, without Kafka. Each line is an event with
// its `topic`, in the order of arrival. One frontier for all topics; stale is what had expired by it; at
// the end time passes until nothing waits any more.
//
// A line that is no event is one message on standard error; the others go on, and the exit code is 1.

import type { Outputs } from "../core/output.ts";
import type { CoreSettings } from "../core/partition.ts";
import type { RuleSet } from "../core/rule.ts";
import { openDriver } from "../testing/driver.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { eventsOf, isFileError } from "./replay/event-file.ts";
import type { Inputs } from "./replay/event-line.ts";
import { printCases, printJson } from "./replay/report.ts";
import { readSoundRules } from "./sound-rules.ts";

export interface ReplayOptions {
  /** A directory of rule files, or one file. */
  readonly rules: string;
  /** A file of one JSON object a line; `-`: standard input. */
  readonly file: string;
  /** NDJSON even on a terminal. */
  readonly json: boolean;
  readonly inputs: Inputs;
  readonly settings: CoreSettings;
}

interface Tally {
  events: number;
  rejected: number;
  detections: number;
  commands: number;
}

/** Exit code 0 when every line was an event; 1 when some were not; 2 when it could not start. */
export async function replay(options: ReplayOptions, io: Io): Promise<number> {
  const loaded = await readSoundRules(options.rules, io);
  if (loaded === null) return EXIT.usage;
  const { rules } = loaded;
  const tally: Tally = { events: 0, rejected: 0, detections: 0, commands: 0 };
  try {
    await run(rules, { options, io, tally });
  } catch (error) {
    if (!isFileError(error)) throw error;
    io.stderr(
      `${options.file} cannot be read (${error.code}); give a file of one JSON object a line, or - for standard input\n`,
    );
    return EXIT.usage;
  }
  io.stderr(
    `${tally.events} events, ${tally.rejected} lines rejected, ${tally.detections} detections, ${tally.commands} commands\n`,
  );
  return tally.rejected === 0 && !io.signal.aborted ? EXIT.ok : EXIT.failed;
}

async function run(
  rules: RuleSet,
  { options, io, tally }: { options: ReplayOptions; io: Io; tally: Tally },
): Promise<void> {
  const driver = openDriver({ rules, settings: options.settings });
  const print = io.isTTY && !options.json ? printCases : printJson;
  const say = (decided: readonly Outputs[]): void => {
    for (const outputs of decided) {
      tally.detections += outputs.detections.length;
      tally.commands += outputs.commands.length;
      io.stdout(print(outputs));
    }
  };
  for await (const { arrival, event } of eventsOf(options, io, tally)) {
    tally.events += 1;
    say(driver.apply(arrival, event));
  }
  if (!io.signal.aborted) say(driver.finish());
}
