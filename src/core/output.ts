// What Holdfast says: commands for enforcing services, detections for people. The shapes are the Avro
// records of schemas/commands/, field by field; times are epoch milliseconds, event time.

import type { Signal } from "./signal.ts";
import type { Instant } from "./time.ts";

export type Action = "HOLD" | "FREEZE" | "STEP_UP" | "REVIEW" | "RELEASE";

export const SCOPES = ["WITHDRAW", "P2P", "TRANSFER", "TRADE", "API_KEYS", "SESSIONS", "ADDRESS_BOOK"] as const;
export type Scope = (typeof SCOPES)[number];

export type Mode = "observe" | "step-up" | "enforce";

/** One event that made a match, with its place in the log, so that anybody can read it again. */
export interface Evidence {
  readonly eventId: string;
  readonly type: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly occurredAt: Instant;
  /** Name (else id) of the rule or step it matched. */
  readonly rule: string;
  /** One line in the timeline notation: `API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS]`. */
  readonly summary: string;
}

export interface Targets {
  readonly withdrawalIds: readonly string[];
  readonly keyIds: readonly string[];
  readonly sessionIds: readonly string[];
  readonly addresses: readonly string[];
}

export interface Command {
  /** `<accountId>/<ruleId>/<eventId of the deciding event>`, parts percent-encoded. */
  readonly caseId: string;
  /**
   * `<caseId>/<eventId deciding this match>/<index of the action in the rule>`, with what became of the action
   * (response.ts); by a decision `<caseId>/release/<decisionId>`, `<caseId>/extend/<decisionId>`.
   */
  readonly commandId: string;
  readonly accountId: string;
  readonly action: Action;
  readonly scopes: readonly Scope[];
  readonly targets: Targets;
  readonly reasonCode: string;
  readonly ruleId: string;
  readonly ruleTitle: string;
  readonly ruleHash: string;
  readonly mode: Mode;
  readonly issuedAt: Instant;
  readonly effectiveAt: Instant;
  /** null only for RELEASE. */
  readonly expiresAt: Instant | null;
  /** At most 32, in event order: the first, the deciding, the latest. */
  readonly evidence: readonly Evidence[];
  readonly evidenceCount: number;
}

export interface Detection {
  readonly kind: "OPENED" | "CLOSED" | "BREAKER_OPENED" | "BREAKER_CLOSED";
  readonly caseId: string;
  readonly ruleId: string;
  readonly ruleName: string | null;
  readonly ruleTitle: string;
  readonly ruleHash: string;
  readonly level: string;
  readonly tags: readonly string[];
  readonly mode: Mode;
  /** Group-by field → value. */
  readonly group: Readonly<Record<string, string>>;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  /** eventId of the deciding event. */
  readonly decidedBy: string;
  readonly evidence: readonly Evidence[];
  readonly evidenceCount: number;
}

/** Outputs of one decision leave together, in this order. */
export interface Outputs {
  readonly commands: readonly Command[];
  readonly detections: readonly Detection[];
  readonly signals: readonly Signal[];
  /** The commands were said before, and nobody has acknowledged them. */
  readonly isRepetition?: true;
}
