// What decisions, acknowledgements and signals must fulfil before the core sees them: identity, key, times
// and sizes, as validation.ts demands of events. A verdict or status newer than this version is rejected:
// acting on half of what somebody decided is worse than saying that it was not understood.

import { ACK_STATUSES, type Ack, type Decision, VERDICTS } from "./decision.ts";
import type { Rejection } from "./event.ts";
import { encodePart } from "./response.ts";
import { type Signal, signalKey } from "./signal.ts";
import {
  badInstant,
  isInstant,
  keyEquals,
  LIMITS,
  type RecordFrame,
  rejection,
  validateTime,
  wrongKey,
} from "./validation.ts";

/** Characters of caseId and commandId: several ids, percent-encoded. */
const LONG_ID = 8_192;

export function validateDecision(decision: Decision, record: RecordFrame): Rejection | null {
  const { decisionId, accountId, caseId, verdict, until, decidedBy, decidedAt, note } = decision;
  const wrong =
    idProblem("decisionId", decisionId, LIMITS.idLength) ??
    idProblem("accountId", accountId, LIMITS.idLength) ??
    (caseId === null ? null : idProblem("caseId", caseId, LONG_ID)) ??
    textProblem("decidedBy", decidedBy) ??
    textProblem("note", note) ??
    instantProblem("decidedAt", decidedAt) ??
    (until === null ? null : instantProblem("until", until)) ??
    symbolProblem("verdict", verdict, VERDICTS);
  if (wrong !== null) return wrong;
  if (caseId !== null && !isCaseOf(caseId, accountId)) {
    return rejection("INVALID_FIELD", "caseId is no case of the account: copy it from its detection or command");
  }
  if (verdict === "EXTEND" && until === null) return rejection("MISSING_FIELD", "until is missing: EXTEND needs it");
  return keyEquals(record.key, accountId) ? null : wrongKey(record.key);
}

export function validateAck(ack: Ack, record: RecordFrame): Rejection | null {
  const { commandId, accountId, status, appliedAt, service } = ack;
  const wrong =
    idProblem("commandId", commandId, LONG_ID) ??
    idProblem("accountId", accountId, LIMITS.idLength) ??
    textProblem("service", service) ??
    instantProblem("appliedAt", appliedAt) ??
    symbolProblem("status", status, ACK_STATUSES);
  if (wrong !== null) return wrong;
  return keyEquals(record.key, accountId) ? null : wrongKey(record.key);
}

export function validateSignal(signal: Signal, record: RecordFrame): Rejection | null {
  const { eventId, accountId, type, occurredAt } = signal;
  const wrong =
    idProblem("eventId", eventId, LONG_ID) ??
    idProblem("accountId", accountId, LIMITS.idLength) ??
    instantProblem("occurredAt", occurredAt) ??
    symbolProblem("type", type, ["FACT", "LINKED"]);
  if (wrong !== null) return wrong;
  if (!keyEquals(record.key, signalKey(signal))) return wrongKey(record.key);
  return validateTime({ occurredAt }, record.timestamp);
}

/** `<account>/<rule>/<event>`, parts percent-encoded; a breaker's opening has one part more. */
function isCaseOf(caseId: string, accountId: string): boolean {
  const parts = caseId.split("/");
  if (parts.length < 3 || parts.length > 4 || parts.includes("") || parts[0] !== encodePart(accountId)) return false;
  try {
    return parts.every((part) => encodePart(decodeURIComponent(part)) === part);
  } catch {
    return false;
  }
}

function idProblem(field: string, id: string, most: number): Rejection | null {
  if (id.length === 0) return rejection("MISSING_FIELD", `${field} is empty`);
  if (id.length <= most) return null;
  return rejection("TOO_LARGE", `${field} is ${id.length} characters long (at most ${most})`);
}

function textProblem(field: string, text: string | null): Rejection | null {
  if (text === null || text.length <= LIMITS.stringLength) return null;
  return rejection("TOO_LARGE", `${field} is ${text.length} characters long (at most ${LIMITS.stringLength})`);
}

function instantProblem(field: string, at: number): Rejection | null {
  return isInstant(at) ? null : badInstant(field, at);
}

function symbolProblem(field: string, symbol: string, known: readonly string[]): Rejection | null {
  if (known.includes(symbol)) return null;
  return rejection("INVALID_FIELD", `${field} is none of ${known.join(", ")}: is its writer newer than this version?`);
}
