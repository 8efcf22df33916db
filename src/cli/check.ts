// `holdfast check`: are these rules sound? Prints every problem of every file, `file:line:column: what was
// found; what to write instead`, and with `--test` runs the tests that rules carry, as `holdfast test` does.

import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { readSoundRules } from "./sound-rules.ts";
import type { SoundRules } from "./sound-rules.ts";
import { testLoaded } from "./test.ts";

export interface CheckOptions {
  /** A directory of rule files, or one file. */
  readonly rules: string;
  /** Run the rules' own tests too. */
  readonly test: boolean;
}

/** Exit code 1 when anything is wrong; warnings alone are no failure. */
export async function check(options: CheckOptions, io: Io): Promise<number> {
  const loaded = await readSoundRules(options.rules, io);
  if (loaded === null) return EXIT.failed;
  io.stdout(`${summaryOf(loaded)}\n`);
  return options.test ? testLoaded(loaded, io).exitCode : EXIT.ok;
}

function summaryOf({ rules }: SoundRules): string {
  const standalone = rules.detections.filter((rule) => rule.standalone).length;
  const steps = rules.detections.length - standalone;
  const correlations = rules.correlations.length;
  return `${countOf(standalone + correlations, "rule")} (${standalone} of single events, ${correlations} of several), ${countOf(steps, "step")}: sound`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
