// What a chaos run found, for people.

import type { CourseReport, FaultRecord } from "./course.ts";

export function reportText(report: CourseReport): string {
  const { verdict, events } = report;
  const findings = [...report.findings, ...verdict.findings];
  const count = (name: string): number => events[name] ?? 0;
  const lines = [
    ...faultTable(report.faults),
    "",
    `seed ${report.seed}, ${report.seconds} s, ${report.faults.length} faults, ${report.records} records in, ${report.commands} commands out`,
    `restores ${count("task.restored")}, commands adopted in ${count("task.adopted")} openings, ` +
      `checkpoints rejected ${count("checkpoint.done rejected")}, failed ${count("checkpoint.done failed")}, ` +
      `tasks fenced ${count("group.fenced lease") + count("group.fenced commit")}`,
    `groups that had to fire ${verdict.expected}, missing ${verdict.missing}, wrong ${verdict.wrong}, late ${verdict.late}`,
    `commands repeated by id ${verdict.repeated}, second cases ${verdict.secondCases}, cases taken back ${verdict.released}`,
    `accounts linked ${verdict.links}, told again ${verdict.repeatedLinks}, held for a link and a first step ${verdict.held}`,
    `commands answered in time ${verdict.answered}, said again for want of an answer ${verdict.unanswered}, ` +
      `a third time by a successor ${verdict.repeatedAgain}`,
    `breakers opened ${verdict.opened}, closed by a person ${verdict.closedByWord}, by a quiet window ${verdict.closedByQuiet}; ` +
      `accounts of waves frozen ${verdict.frozen}, held for an hour instead ${verdict.reduced}`,
    `dead letters ${verdict.deadLetters}, repeated ${verdict.repeatedDeadLetters}`,
    `append to command: p50 ${quantile(verdict.latencies, 0.5)} ms, p99 ${quantile(verdict.latencies, 0.99)} ms, faults included`,
    `peak memory of a process ${Math.round(report.peakMemoryBytes / 1e6)} MB`,
    "",
    ...someOfEach(findings),
    findings.length === 0 ? "Every promise was kept." : `${findings.length} findings.`,
  ];
  return `${lines.join("\n")}\n`;
}

const MOST_OF_A_KIND = 12;

/** The kind of a finding is what stands before its first colon. */
function someOfEach(findings: readonly string[]): string[] {
  const kinds = Map.groupBy(findings, (finding) => finding.slice(0, finding.indexOf(":")));
  return [...kinds.values()].flatMap((each) => [
    ...each.slice(0, MOST_OF_A_KIND),
    ...(each.length > MOST_OF_A_KIND ? [`… and ${each.length - MOST_OF_A_KIND} more of this kind`] : []),
  ]);
}

export function isClean(report: CourseReport): boolean {
  return report.findings.length + report.verdict.findings.length === 0;
}

function faultTable(faults: readonly FaultRecord[]): string[] {
  const kinds = Map.groupBy(faults, ({ kind }) => kind);
  const width = Math.max(5, ...[...kinds.keys()].map((kind) => kind.length));
  const rows = [...kinds].toSorted(([a], [b]) => a.localeCompare(b));
  return [
    `${"fault".padEnd(width)}  times  answered again after (median, longest)`,
    ...rows.map(([kind, each]) => {
      const waits = each.map(({ recoveredMs }) => recoveredMs ?? Infinity).sort((a, b) => a - b);
      const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
      return `${kind.padEnd(width)}  ${String(each.length).padStart(5)}  ${seconds(quantile(waits, 0.5))}, ${seconds(waits.at(-1)!)}`;
    }),
  ];
}

/** Of ascending values; 0 for none. */
function quantile(values: readonly number[], fraction: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * fraction))] ?? 0;
}
