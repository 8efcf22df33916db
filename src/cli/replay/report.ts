// What a replay prints: NDJSON for programs, timelines of cases for people.

import type { Command, Detection, Evidence, Outputs } from "../../core/output.ts";
import type { Signal } from "../../core/signal.ts";
import type { Instant } from "../../core/time.ts";

/**
 * One JSON object a line, the Avro records' fields beside `kind`. A detection's own `kind` (OPENED,
 * CLOSED …) is `detectionKind`.
 */
export function printJson({ detections, commands, signals }: Outputs): string {
  const lines: object[] = [
    ...detections.map(({ kind: detectionKind, ...detection }) => ({ kind: "detection", detectionKind, ...detection })),
    ...commands.map((command) => ({ kind: "command", ...command })),
    ...linksOf(signals).map((link) => ({ kind: "link", ...link })),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Each decision as a timeline: its evidence, and after the deciding event what it commands. */
export function printCases({ detections, commands, signals }: Outputs): string {
  const cases = new Map<string, { head: string; evidence: readonly Evidence[]; commands: Command[] }>();
  let closed = "";
  for (const detection of detections) {
    if (detection.kind !== "OPENED") {
      closed += `${accountOf(detection)}  ${detection.ruleTitle}: ${detection.kind.toLowerCase().replace("_", " ")}\n`;
      continue;
    }
    const head = `${accountOf(detection)}  ${detection.ruleTitle} (${detection.level}, ${detection.mode})`;
    cases.set(detection.caseId, { head, evidence: detection.evidence, commands: [] });
  }
  for (const command of commands) {
    const known = cases.get(command.caseId) ?? {
      head: `${command.accountId}  ${command.ruleTitle}, again`,
      evidence: command.evidence,
      commands: [],
    };
    known.commands.push(command);
    cases.set(command.caseId, known);
  }
  const links = linksOf(signals).map(
    ({ accountId, linkedBy, linkedCount, linkRule }) =>
      `${accountId}  linked by ${linkedBy}, ${linkedCount} accounts (${linkRule})\n`,
  );
  return closed + [...cases.values()].map(printCase).join("") + links.join("");
}

function linksOf(signals: readonly Signal[]): Signal[] {
  return signals.filter(({ type }) => type === "LINKED");
}

function printCase(one: { head: string; evidence: readonly Evidence[]; commands: readonly Command[] }): string {
  const said = one.commands.map(describeCommand).join(", ");
  const last = one.evidence.length - 1;
  const lines = one.evidence.map((evidence, index) => {
    const outcome = index === last && said !== "" ? `  → ${said}` : "";
    return `  ${instantText(evidence.occurredAt)}  ${evidence.summary}${outcome}\n`;
  });
  return `${one.head}\n${lines.join("")}`;
}

function describeCommand(command: Command): string {
  const until = command.expiresAt === null ? "" : ` until ${instantText(command.expiresAt)}`;
  return `${command.action} ${command.scopes.join(" ")}${until}`;
}

function accountOf(detection: Detection): string {
  return detection.group["accountId"] ?? Object.values(detection.group).join(" ");
}

function instantText(at: Instant): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}
