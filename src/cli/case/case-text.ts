// A case file for the terminal: what is closed now, then each case as a timeline.

import type { CaseFile, CaseRecord } from "./case-file.ts";
import { momentsOf } from "./moments.ts";
import type { Moment } from "./moments.ts";
import type { Protection } from "./protection.ts";
import {
  answerText,
  dateTime,
  delayText,
  plainText,
  shellWord,
  statusText,
  subjectText,
  targetsText,
  timeOn,
} from "./wording.ts";

export function caseText(file: CaseFile): string {
  const count = file.cases.length === 1 ? "1 case" : `${file.cases.length} cases`;
  const lines = [
    `${subjectText(file)}: ${count}, as of ${dateTime(file.asOf)} UTC`,
    ...(file.accountId === null ? [] : protectionLines(file.protections)),
    ...file.gaps.map((gap) => `Note: ${gap}`),
    ...file.cases.flatMap((record) => ["", ...caseLines(record)]),
  ];
  return lines.map((line) => `${plainText(line)}\n`).join("");
}

function protectionLines(protections: readonly Protection[]): string[] {
  if (protections.length === 0) return ["Nothing is closed."];
  const word = { FREEZE: "frozen", HOLD: "held", STEP_UP: "only with the strongest factor" };
  return protections.map(({ scope, action, targets, until }) => {
    const what = targets === null ? scope : `${scope} of ${targetsText(targets)}`;
    return `${what}: ${word[action]} until ${dateTime(until)} UTC`;
  });
}

function caseLines(record: CaseRecord): string[] {
  const { commands, evidence, evidenceCount } = record;
  const moments = momentsOf(record);
  const day = moments[0]?.at ?? record.openedAt;
  const unlisted = evidenceCount - evidence.length;
  const others = record.otherEventCount - record.otherEvents.length;
  const label = [record.level, record.mode, ...record.reasons].filter((part) => part !== null).join(", ");
  const width = Math.max(...moments.map(({ at }) => timeOn(at, day).length), 0);
  return [
    `${record.ruleTitle} (${label}): ${statusText(record)}${record.until === null ? "" : " UTC"}`,
    `  case ${record.caseId}`,
    `  rule ${record.ruleId} (${record.ruleHash.slice(0, 12)})`,
    ...sharedLine(record),
    ...(record.notes === null ? [] : [`  why  ${record.notes.description}`]),
    `  ${dateTime(day).slice(0, 10)} UTC`,
    ...moments.flatMap((moment) => momentLines(moment, timeOn(moment.at, day).padStart(width))),
    ...(unlisted > 0 ? [`  and ${unlisted} more events that are not listed`] : []),
    ...(others > 0 ? [`  and ${others} more events of the account meanwhile that are not evidence`] : []),
    ...(record.status === "open" && commands.length > 0
      ? [`  to undo: holdfast decide --case ${shellWord(record.caseId)} FALSE_POSITIVE --by YOU --note WHY`]
      : []),
  ];
}

function sharedLine({ group }: CaseRecord): string[] {
  if (Object.keys(group).every((field) => field === "accountId")) return [];
  return [
    `  shared ${Object.entries(group)
      .map(([field, value]) => `${field}=${value}`)
      .join(" ")}`,
  ];
}

function momentLines(moment: Moment, time: string): string[] {
  switch (moment.kind) {
    case "event": {
      const { rule, summary, topic, partition, offset } = moment.evidence;
      const place = `${topic}/${partition}@${offset}`;
      return [`  ${time}  ${moment.decides ? "●" : "·"} ${summary}  (${rule}, ${place})`];
    }
    case "other": {
      const { summary, topic, partition, offset } = moment.event;
      return [`  ${time}    ${summary}  (not evidence, ${topic}/${partition}@${offset})`];
    }
    case "command": {
      const { command } = moment.said;
      const until = command.expiresAt === null ? "" : ` until ${dateTime(command.expiresAt)}`;
      const only = targetsText(command.targets);
      const delay = delayText(moment.said);
      const answer = moment.said.ack === null ? answerText(moment.said) : "";
      const what = [command.action, ...command.scopes].join(" ");
      return [
        `  ${time}  → ${what}${only === "" ? "" : ` only ${only}`}${until}${delay === "" ? "" : ` (${delay})`}${answer === "" ? "" : `: ${answer}`}`,
      ];
    }
    case "ack":
      return [`  ${time}  ✓ ${moment.said.command.action} ${answerText(moment.said)}`];
    case "decision": {
      const { verdict, decidedBy, until, note } = moment.made.decision;
      const waits = moment.made.carriedOut ? "" : " (no command followed yet)";
      const end = until === null ? "" : ` until ${dateTime(until)}`;
      return [`  ${time}  ! ${verdict}${end} by ${decidedBy}${note === null ? "" : `: ${note}`}${waits}`];
    }
    case "end":
      return [`  ${time}  ○ ended`];
  }
}
