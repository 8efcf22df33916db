// `holdfast test`: runs the tests that rules carry, through the production core. A failing one is shown as the
// timeline of what really happened; `--junit` also writes what a CI server reads.

import { writeFile } from "node:fs/promises";
import { formatProblem } from "../sigma/problem.ts";
import { junitOf } from "../testing/junit.ts";
import { runRuleTests } from "../testing/rule-tests.ts";
import type { RuleTestReport, RuleTestResult } from "../testing/rule-tests.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { readSoundRules } from "./sound-rules.ts";
import type { SoundRules } from "./sound-rules.ts";

export interface TestOptions {
  /** A directory of rule files, or one file. */
  readonly rules: string;
  /** Where to write JUnit's XML; null: nowhere. */
  readonly junit: string | null;
}

/** Exit code 0 when all passed; 1 when some did not, or the rules do not load; 2 when it could not report. */
export async function testRules(options: TestOptions, io: Io): Promise<number> {
  const loaded = await readSoundRules(options.rules, io);
  if (loaded === null) return EXIT.failed;
  const { report, exitCode } = testLoaded(loaded, io);
  if (options.junit === null) return exitCode;
  try {
    await writeFile(options.junit, junitOf(report));
    return exitCode;
  } catch (error) {
    io.stderr(`${options.junit} cannot be written (${error instanceof Error ? error.message : String(error)})\n`);
    return EXIT.usage;
  }
}

/** Runs all tests and says what failed, and how many. */
export function testLoaded(loaded: SoundRules, io: Io): { readonly report: RuleTestReport; readonly exitCode: number } {
  const report = runRuleTests(loaded.rules, loaded.documents);
  for (const problem of report.problems) io.stderr(`${formatProblem(problem)}\n`);
  const failed = report.results.filter((result) => result.actual !== result.expected);
  for (const result of failed) io.stderr(describeFailure(result));
  const [passed, broken] = [report.results.length - failed.length, failed.length + report.problems.length];
  io.stdout(`${passed} test${passed === 1 ? "" : "s"} passed, ${broken} failed\n`);
  return { report, exitCode: broken === 0 ? EXIT.ok : EXIT.failed };
}

function describeFailure(result: RuleTestResult): string {
  const block = (text: string): string => (text === "" ? "    nothing\n" : text.replaceAll(/^/gmu, "    ") + "\n");
  return `${result.file}:${result.line}: ${result.rule}: ${result.name}\n  expected\n${block(result.expected)}  but the rules command\n${block(result.actual)}  what happened\n${block(result.timeline)}`;
}
