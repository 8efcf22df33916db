// `holdfast check`: are these rules sound? Prints every problem of every file, `file:line:column: what was
// found; what to write instead`, and with `--test` runs the tests that rules carry.

import { RulesUnreadable, readRules } from "../adapters/rule-files.ts";
import { formatProblem } from "../sigma/problem.ts";
import type { LoadedRules } from "../sigma/rule-set.ts";
import { runRuleTests } from "../testing/rule-tests.ts";
import type { RuleTestResult } from "../testing/rule-tests.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

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
  return options.test ? testRules({ ...loaded, rules: loaded.rules }, io) : EXIT.ok;
}

function summaryOf(loaded: LoadedRules): string {
  const standalone = loaded.rules?.detections.filter((rule) => rule.standalone).length ?? 0;
  const steps = (loaded.rules?.detections.length ?? 0) - standalone;
  const correlations = loaded.rules?.correlations.length ?? 0;
  return `${countOf(standalone + correlations, "rule")} (${standalone} of single events, ${correlations} of sequences), ${countOf(steps, "step")}: sound`;
}

function testRules(loaded: LoadedRules & { rules: NonNullable<LoadedRules["rules"]> }, io: Io): number {
  const { results, problems } = runRuleTests(loaded.rules, loaded.documents);
  for (const problem of problems) io.stderr(`${formatProblem(problem)}\n`);
  const failed = results.filter((result) => result.actual !== result.expected);
  for (const result of failed) io.stderr(describeFailure(result));
  io.stdout(`${countOf(results.length - failed.length, "test")} passed, ${failed.length + problems.length} failed\n`);
  return failed.length + problems.length === 0 ? EXIT.ok : EXIT.failed;
}

function describeFailure(result: RuleTestResult): string {
  const block = (text: string): string => (text === "" ? "    nothing\n" : text.replaceAll(/^/gmu, "    ") + "\n");
  return `${result.file}:${result.line}: ${result.rule}: ${result.name}\n  expected\n${block(result.expected)}  but the rules command\n${block(result.actual)}`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
