// `holdfast check`: are these rules sound? Prints every problem of every file, `file:line:column: what was
// found; what to write instead`, and with `--test` runs the tests that rules carry, as `holdfast test` does.

import { RulesUnreadable, readRules } from "../adapters/rule-files.ts";
import { formatProblem } from "../sigma/problem.ts";
import type { LoadedRules } from "../sigma/rule-set.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { testLoaded } from "./test.ts";

export interface CheckOptions {
  /** A directory of rule files, or one file. */
  readonly rules: string;
  /** Run the rules' own tests too. */
  readonly test: boolean;
}

/** Exit code 1 when anything is wrong; warnings alone are no failure. */
export async function check(options: CheckOptions, io: Io): Promise<number> {
  let loaded: LoadedRules;
  try {
    loaded = await readRules(options.rules);
  } catch (error) {
    if (!(error instanceof RulesUnreadable)) throw error;
    io.stderr(`${error.message}\n`);
    return EXIT.failed;
  }
  for (const warning of loaded.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
  if (loaded.rules === null) {
    for (const problem of loaded.problems) io.stderr(`${formatProblem(problem)}\n`);
    io.stderr(`${countOf(loaded.problems.length, "problem")} in ${options.rules}\n`);
    return EXIT.failed;
  }
  io.stdout(`${summaryOf(loaded)}\n`);
  return options.test ? testLoaded({ ...loaded, rules: loaded.rules }, io).exitCode : EXIT.ok;
}

function summaryOf(loaded: LoadedRules): string {
  const standalone = loaded.rules?.detections.filter((rule) => rule.standalone).length ?? 0;
  const steps = (loaded.rules?.detections.length ?? 0) - standalone;
  const correlations = loaded.rules?.correlations.length ?? 0;
  return `${countOf(standalone + correlations, "rule")} (${standalone} of single events, ${correlations} of several), ${countOf(steps, "step")}: sound`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
