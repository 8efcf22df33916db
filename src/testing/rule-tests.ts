// Runs the tests that rules carry (`holdfast.tests`): the file's events through the whole rule set, what
// the file's own rules command, and whom they link, compared as text with what the test expects.

import type { RuleSet } from "../core/rule.ts";
import type { CheckedRule, Placed, RuleTest } from "../sigma/document.ts";
import type { Problem } from "../sigma/problem.ts";
import { decisionsOf, timelineOf } from "./timeline-run.ts";
import {
  TIMELINE_START,
  TimelineError,
  parseLine,
  parseTime,
  printTime,
  printTimeline,
  snapshotOf,
} from "./timeline.ts";

export interface RuleTestResult {
  readonly file: string;
  readonly line: number;
  /** The rule's title. */
  readonly rule: string;
  readonly name: string;
  /** `00:04 alice FREEZE` a line, at its event time, in the order they were said. */
  readonly expected: string;
  readonly actual: string;
  /** The events, and what really followed each. */
  readonly timeline: string;
}

export interface RuleTestReport {
  readonly results: readonly RuleTestResult[];
  /** Tests that are not in the notation; they did not run. */
  readonly problems: readonly Problem[];
}

/** Every test of every document. A test passed when `expected` and `actual` are equal. */
export function runRuleTests(rules: RuleSet, documents: readonly CheckedRule[]): RuleTestReport {
  const results: RuleTestResult[] = [];
  const problems: Problem[] = [];
  for (const document of documents) {
    const own = new Set(documents.filter(({ file }) => file === document.file).map(({ identity }) => identity));
    for (const test of document.tests) {
      const parsed = parseTest(test, document.file);
      if (parsed.problems.length > 0) {
        problems.push(...parsed.problems);
        continue;
      }
      const { perLine, atEnd } = decisionsOf(parsed, { rules });
      const lines = timelineOf(parsed, { perLine, atEnd });
      const actual = [...perLine.flat(), ...atEnd]
        .filter(({ ruleId }) => own.has(ruleId))
        .map(({ at, accountId, action }) => `${printTime(at)} ${accountId} ${action}`);
      results.push({
        file: document.file,
        line: test.at.line,
        rule: document.title,
        name: test.name,
        expected: parsed.expected.join("\n"),
        actual: actual.join("\n"),
        timeline: printTimeline({ given: parsed.given, lines }).trimEnd(),
      });
    }
  }
  return { results, problems };
}

function parseTest(test: RuleTest, file: string) {
  const problems: Problem[] = [];
  const attempt = <T>(at: Placed["at"], parse: () => T): T[] => {
    try {
      return [parse()];
    } catch (error) {
      if (!(error instanceof TimelineError)) throw error;
      const [found = "", instead = "write the timeline notation"] = error.message.split("; ", 2);
      problems.push({ file, line: at.line, column: at.column, found, instead });
      return [];
    }
  };
  return {
    given: test.given.flatMap(({ account, fields }) => attempt(test.at, () => snapshotOf(account, fields))),
    lines: test.events.flatMap(({ text, at }, index) => attempt(at, () => parseLine(text, index + 1))),
    expected: test.expect.flatMap(({ text, at }) => attempt(at, () => parseExpectation(text))),
    problems,
  };
}

/** `00:04 alice FREEZE`; the account is alice unless written. */
function parseExpectation(text: string): string {
  const words = text.trim().split(/\s+/u);
  const action = words.at(-1) ?? "";
  if (words.length < 2 || words.length > 3 || !/^(?:HOLD|FREEZE|STEP_UP|REVIEW|LINKED)$/u.test(action)) {
    throw new TimelineError(
      `the expectation "${text}"; write a time, an account and HOLD, FREEZE, STEP_UP, REVIEW or LINKED`,
    );
  }
  const account = words.length === 3 ? words[1] : "alice";
  return `${printTime(TIMELINE_START + parseTime(words[0] ?? ""))} ${account} ${action}`;
}
