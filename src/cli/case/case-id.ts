// The parts of a case id, `<accountId>/<ruleId>/<eventId of the deciding event>`, percent-encoded; a breaker's
// opening has one more. Owns telling a case from an account; leaves making ids to the core.

export interface CaseParts {
  readonly accountId: string;
  readonly ruleId: string;
  readonly decidedBy: string;
  /** The case itself, or the one whose match opened the breaker. */
  readonly caseId: string;
  readonly isOpening: boolean;
}

/** @returns undefined: the text is no case's id */
export function partsOf(text: string): CaseParts | undefined {
  const parts = text.split("/");
  if (parts.length < 3 || parts.length > 4 || parts.some((part) => part === "")) return undefined;
  const [accountId, ruleId, decidedBy] = parts.map(decoded);
  if (accountId === undefined || ruleId === undefined || decidedBy === undefined) return undefined;
  return { accountId, ruleId, decidedBy, caseId: parts.slice(0, 3).join("/"), isOpening: parts.length === 4 };
}

/** One part of a case or command id; undefined: nothing was encoded to this. */
export function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined; // a lone percent sign
  }
}
