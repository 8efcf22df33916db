// The parts of a case id, `<accountId>/<ruleId>/<eventId of the deciding event>`, percent-encoded. Owns
// telling a case from an account; leaves making ids to the core.

export interface CaseParts {
  readonly accountId: string;
  readonly ruleId: string;
  readonly decidedBy: string;
}

/** @returns undefined: the text is no case's id */
export function partsOf(text: string): CaseParts | undefined {
  const parts = text.split("/");
  if (parts.length !== 3 || parts.some((part) => part === "")) return undefined;
  const [accountId, ruleId, decidedBy] = parts.map(decoded);
  if (accountId === undefined || ruleId === undefined || decidedBy === undefined) return undefined;
  return { accountId, ruleId, decidedBy };
}

/** One part of a case or command id; undefined: nothing was encoded to this. */
export function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined; // a lone percent sign
  }
}
