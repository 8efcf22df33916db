// Taking up what a previous owner said after its last checkpoint (T3). Its commands are in the log, what it
// remembered of them is not: so a case is put in force as its commands say, and whatever else belongs to
// the case (its detection, commands that were not sent) goes out when its match recurs.
//
// Invariants:
//   AD1 adopting a command twice is adopting it once; a release stays, whatever is read after it
//   AD2 what was adopted is in force: the same match, or another order of the same events, does not say it again

import { stopWaiting } from "./acknowledgement.ts";
import { addCase, addEvidence, caseIdOf, type CaseState, newCase, noteDecision, putInForce } from "./case.ts";
import type { Command } from "./output.ts";
import type { Duration } from "./time.ts";

export interface Adopted {
  readonly changed: boolean;
  /** undefined: nothing is known of the case that was released. */
  readonly current?: CaseState;
  /** The case had nothing of the kind in force. */
  readonly isFirst: boolean;
}

/** Opens, extends or releases the command's case, in place. */
export function adoptCommand(
  cases: CaseState[],
  command: Command,
  by: { readonly remember: Duration; readonly onEvicted: () => void },
): Adopted {
  const found = cases.find((each) => caseIdOf(each, command.accountId) === command.caseId);
  const { action, scopes, targets, issuedAt, expiresAt: until } = command;
  if (action === "RELEASE") return { changed: found !== undefined && release(found, command), isFirst: false };
  if (until === null) return { changed: false, isFirst: false };
  const current = found ?? openAdopted(cases, command, by);
  const isFirst = !current.said.some((each) => each.action === action && each.until > issuedAt);
  const before = JSON.stringify(current);
  for (const each of command.evidence) addEvidence(current, each);
  current.evidenceCount = Math.max(current.evidenceCount, command.evidenceCount);
  putInForce(current, { action, scopes, targets, until }, by.remember);
  noteDecisionOf(current, command, "extend");
  return { changed: found === undefined || JSON.stringify(current) !== before, current, isFirst };
}

function release(current: CaseState, command: Command): boolean {
  const changed = !current.released;
  current.released = true; // AD1
  stopWaiting(current);
  return noteDecisionOf(current, command, "release") || changed;
}

/** A command that a person's decision made names it. */
function noteDecisionOf(current: CaseState, { caseId, commandId }: Command, verb: "extend" | "release"): boolean {
  const start = `${caseId}/${verb}/`;
  if (!commandId.startsWith(start)) return false;
  return noteDecision(current, decodePart(commandId.slice(start.length).split("/")[0]!));
}

function openAdopted(
  cases: CaseState[],
  command: Command,
  by: { readonly remember: Duration; readonly onEvicted: () => void },
): CaseState {
  const decidedBy = decodePart(command.caseId.slice(command.caseId.lastIndexOf("/") + 1));
  const openedAt = command.evidence.find((each) => each.eventId === decidedBy)?.occurredAt ?? command.issuedAt;
  const opened = newCase(command.ruleId, { decidedBy, openedAt, expiresAt: openedAt, remember: by.remember });
  addCase(cases, opened, by.onEvicted);
  return opened;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // not ours to judge: the id stays as it is
  }
}
