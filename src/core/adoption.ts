// Taking up what a previous owner said after its last checkpoint (T3). Its commands are in the log, what it
// remembered of them is not: so a case is put in force as its commands say, and whatever else belongs to
// the case (its detection, commands that were not sent) goes out when its match recurs.
//
// Invariants:
//   AD1 adopting a command twice is adopting it once; a release stays, whatever is read after it
//   AD2 what was adopted is in force: the same match, or another order of the same events, does not say it again

import { addCase, addEvidence, caseIdOf, type CaseState, newCase, putInForce } from "./case.ts";
import type { Command } from "./output.ts";
import type { Duration } from "./time.ts";

/**
 * Opens, extends or releases the command's case, in place.
 * @returns whether anything changed
 */
export function adoptCommand(
  cases: CaseState[],
  command: Command,
  by: { readonly remember: Duration; readonly onEvicted: () => void },
): boolean {
  const found = cases.find((each) => caseIdOf(each, command.accountId) === command.caseId);
  if (command.action === "RELEASE") return found !== undefined && release(found);
  if (command.expiresAt === null) return false;
  const current = found ?? openAdopted(cases, command, by);
  const before = JSON.stringify(current);
  for (const each of command.evidence) addEvidence(current, each);
  current.evidenceCount = Math.max(current.evidenceCount, command.evidenceCount);
  putInForce(
    current,
    { action: command.action, scopes: command.scopes, targets: command.targets, until: command.expiresAt },
    by.remember,
  );
  return found === undefined || JSON.stringify(current) !== before;
}

function release(current: CaseState): boolean {
  const changed = !current.released;
  current.released = true; // AD1
  return changed;
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
