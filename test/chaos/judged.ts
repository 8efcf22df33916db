// What every verdict of a run is given: what was said and decided, the faults meanwhile, and how long they excuse.

/** A command as a consumer of `holdfast.commands` reads it. */
export interface SaidCommand {
  readonly caseId: string;
  readonly commandId: string;
  readonly accountId: string;
  readonly action: string;
  readonly scopes: readonly string[];
  readonly ruleId: string;
  readonly issuedAt: number;
  readonly expiresAt: number | null;
  /** The same for records that are the same to the byte. */
  readonly content: string;
  /** By the broker's clock. */
  readonly appendedAt: number;
}

/** A person's word that ends a case, or closes a breaker. */
export interface EndingDecision {
  readonly decisionId: string;
  readonly accountId: string;
  readonly caseId: string;
  readonly decidedAt: number;
}

/** A time in which progress may have stood still. */
export interface Disturbance {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** How long after a disturbance everything is as before. */
export const PROGRESS_WITHIN_MS = 30_000;

export interface Judged {
  readonly said: readonly SaidCommand[];
  readonly decisions: readonly EndingDecision[];
  readonly disturbances: readonly Disturbance[];
  /** When Holdfast was told to end. */
  readonly endedAt: number;
  /** Until when something due at that time must have happened. */
  readonly boundOf: (due: number) => number;
}
