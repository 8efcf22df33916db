// A report of rule tests as JUnit's XML, which CI servers read: a suite for each file.

import type { RuleTestReport } from "./rule-tests.ts";
import { formatProblem } from "../sigma/problem.ts";

export function junitOf({ results, problems }: RuleTestReport): string {
  const files = new Map<string, string[]>();
  const add = (file: string, testcase: string): void => void files.set(file, [...(files.get(file) ?? []), testcase]);
  for (const result of results) {
    const open = `    <testcase classname="${escape(result.rule)}" name="${escape(result.name)}" file="${escape(result.file)}" line="${result.line}"`;
    const detail = `expected\n${result.expected}\nbut the rules command\n${result.actual}\nwhat happened\n${result.timeline}`;
    const isPassed = result.actual === result.expected;
    add(result.file, isPassed ? `${open}/>` : `${open}>${element("failure", "another outcome", detail)}</testcase>`);
  }
  for (const problem of problems) {
    const said = element("error", problem.found, formatProblem(problem));
    add(problem.file, `    <testcase name="line ${problem.line}" file="${escape(problem.file)}">${said}</testcase>`);
  }
  const suites = [...files].map(([file, cases]) => {
    const count = (tag: string): number => cases.filter((each) => each.includes(`<${tag} `)).length;
    const head = `name="${escape(file)}" tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}"`;
    return `  <testsuite ${head}>\n${cases.join("\n")}\n  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("")}</testsuites>\n`;
}

function element(tag: string, message: string, text: string): string {
  return `<${tag} message="${escape(message)}">${escape(text)}</${tag}>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" };

/** Control characters have no form in XML 1.0 at all. */
function escape(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f]/gu, "\ufffd").replaceAll(/[<>&"]/gu, (each) => ENTITIES[each]!);
}
