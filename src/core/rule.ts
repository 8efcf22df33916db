// What a compiled rule is to the core: data and one pure function a detection. Made by src/sigma from
// Sigma text, read by partition.ts. Knows nothing of YAML or of Sigma's grammar.

import type { ExchangeEvent, Service } from "./event.ts";
import type { Action, Mode, Scope } from "./output.ts";
import type { ProfileFacts } from "./profile.ts";
import type { Duration } from "./time.ts";

/** Total and pure: never throws, whatever the event holds; null fields never match a comparison. */
export type Matcher = (event: ExchangeEvent, profile: ProfileFacts) => boolean;

/** One action of a rule's `respond` list; its index in the list is part of the command's id. */
export interface ResponseAction {
  readonly action: Exclude<Action, "RELEASE">;
  readonly scopes: readonly Scope[];
  readonly for: Duration;
  readonly reason: string;
  /** HOLD only: a further match prolongs the hold, as it always does for FREEZE (L6). */
  readonly extend: boolean;
  /** Event fields of the evidence whose values narrow the command; empty: the whole scope. */
  readonly targets: readonly ("withdrawalId" | "keyId" | "sessionId" | "address")[];
}

/** What detection and correlation rules share. */
interface RuleIdentity {
  /** The Sigma id, else the name. Stable: keys state and commands. */
  readonly id: string;
  readonly name: string | null;
  readonly title: string;
  readonly level: string;
  readonly tags: readonly string[];
  /** Hash of the whole document: what `ruleHash` in commands says. */
  readonly hash: string;
  /** Hash of the matching part only (steps' detections, timespan, group-by): partial matches outlive other edits (L8). */
  readonly matchHash: string;
  readonly respond: readonly ResponseAction[];
  readonly mode: Mode;
  /** Without protection: how long a case stays open. Correlations: default timespan; detections: 0. */
  readonly quiet: Duration;
}

export interface DetectionRule extends RuleIdentity {
  readonly kind: "detection";
  /** Index in RuleSet.detections. */
  readonly index: number;
  /** null: every service. */
  readonly service: Service | null;
  readonly matches: Matcher;
  /** Opens cases of its own; false when only correlations use it (Sigma: no `generate`). */
  readonly standalone: boolean;
}

export interface CorrelationRule extends RuleIdentity {
  readonly kind: "correlation";
  readonly type: "temporal_ordered";
  /** Indexes into RuleSet.detections, in the written order. */
  readonly steps: readonly number[];
  readonly timespan: Duration;
  readonly groupBy: readonly ["accountId"];
}

export interface RuleSet {
  readonly detections: readonly DetectionRule[];
  readonly correlations: readonly CorrelationRule[];
  /** Event fields any matcher reads (without `profile.`), for the decoder's projection. */
  readonly fields: ReadonlySet<string>;
  /** Profile fields any matcher reads. */
  readonly profileFields: ReadonlySet<string>;
  readonly hash: string;
}
