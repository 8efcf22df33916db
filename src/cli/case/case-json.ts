// A case file as JSON for other programs: the same shape, times as RFC 3339 text.

import type { CaseFile } from "./case-file.ts";

const INSTANTS: ReadonlySet<string> = new Set([
  "asOf",
  "at",
  "until",
  "openedAt",
  "occurredAt",
  "issuedAt",
  "effectiveAt",
  "expiresAt",
  "saidAt",
  "appliedAt",
  "decidedAt",
]);

export function caseJson(file: CaseFile): string {
  const withText = (name: string, value: unknown): unknown =>
    typeof value === "number" && INSTANTS.has(name) ? new Date(value).toISOString() : value;
  return `${JSON.stringify(file, withText, 2)}\n`;
}
