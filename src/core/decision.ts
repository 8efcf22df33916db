// What comes back to Holdfast: a person's word on a case (Decision) and an enforcing service's answer to a
// command (Ack). The shapes are the Avro records of schemas/commands/. Leaves their effect to the modules
// that take them in.

import type { Instant } from "./time.ts";

export const VERDICTS = ["RELEASE", "FALSE_POSITIVE", "CONFIRMED_TAKEOVER", "EXTEND"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Decision {
  /** The same id again is the same decision. */
  readonly decisionId: string;
  readonly accountId: string;
  /** null: all open cases of the account. */
  readonly caseId: string | null;
  readonly verdict: Verdict;
  /** EXTEND and CONFIRMED_TAKEOVER: protection until then. */
  readonly until: Instant | null;
  readonly decidedBy: string;
  readonly decidedAt: Instant;
  readonly note: string | null;
}

export const ACK_STATUSES = ["APPLIED", "ALREADY_APPLIED", "REJECTED", "EXPIRED"] as const;
export type AckStatus = (typeof ACK_STATUSES)[number];

export interface Ack {
  readonly commandId: string;
  readonly accountId: string;
  readonly status: AckStatus;
  readonly appliedAt: Instant;
  /** Who answers. */
  readonly service: string;
}
