// What a compiled rule is to the core: data and one pure function a detection. Made by src/sigma from
// Sigma text, read by partition.ts. Knows nothing of YAML or of Sigma's grammar.

import type { ExchangeEvent, Service } from "./event.ts";
import type { Action, Mode, Scope } from "./output.ts";
import type { ProfileFacts } from "./profile-facts.ts";
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
  /** The Sigma id, else the name, else the title. Stable: keys state and commands. */
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
  /** The event types it can match, of its services; null: any. Others need not be tried. */
  readonly types: ReadonlySet<string> | null;
  readonly matches: Matcher;
  /** Opens cases of its own; false when only correlations use it (Sigma: no `generate`). */
  readonly standalone: boolean;
}

export type CorrelationType =
  | "event_count"
  | "value_count"
  | "value_sum"
  | "value_avg"
  | "value_percentile"
  | "temporal"
  | "temporal_ordered";

/** What feeds a correlation: the matches of a detection, or of another correlation (chaining). */
export interface CorrelationInput {
  readonly kind: "detection" | "correlation";
  /** Into RuleSet.detections or RuleSet.correlations. */
  readonly index: number;
  /**
   * The event field behind each group-by entry, aliases resolved for this input. Of a correlation's match
   * they are read from its last event.
   */
  readonly groupFields: readonly string[];
  /** value_*: the event fields of the condition, aliases resolved; several count tuples. Else empty. */
  readonly valueFields: readonly string[];
}

export interface Comparison {
  readonly operator: "lt" | "lte" | "gt" | "gte" | "eq" | "neq";
  readonly value: number;
}

/** A boolean expression over a correlation's inputs, by their index (SEP 198). */
export type InputExpression =
  | { readonly kind: "input"; readonly input: number }
  | { readonly kind: "not"; readonly of: InputExpression }
  | { readonly kind: "and" | "or"; readonly of: readonly InputExpression[] };

export type CorrelationCondition =
  /** temporal and temporal_ordered without a condition: all inputs. */
  | { readonly kind: "all" }
  /** All comparisons hold: of events (event_count), distinct inputs (temporal), or the aggregate (value_*). */
  | { readonly kind: "compare"; readonly comparisons: readonly Comparison[]; readonly percentile: number | null }
  /** temporal and temporal_ordered. */
  | { readonly kind: "expression"; readonly expression: InputExpression };

export interface CorrelationRule extends RuleIdentity {
  readonly kind: "correlation";
  readonly type: CorrelationType;
  /** Index in RuleSet.correlations; an input's index is always lower. */
  readonly index: number;
  /** In the written order. */
  readonly inputs: readonly CorrelationInput[];
  readonly timespan: Duration;
  /** As written, aliases included. */
  readonly groupBy: readonly string[];
  readonly condition: CorrelationCondition;
  /** Opens cases of its own; false when only other correlations use it. */
  readonly standalone: boolean;
}

export interface RuleSet {
  readonly detections: readonly DetectionRule[];
  readonly correlations: readonly CorrelationRule[];
  /** Event fields any matcher reads (without `profile.`), for the decoder's projection. */
  readonly fields: ReadonlySet<string>;
  /** Profile fields any matcher reads. */
  readonly profileFields: ReadonlySet<string>;
  readonly hash: string;
  /** Accounts that no rule may hold or freeze; asked as things are at each match. Default: none. */
  readonly protects?: (accountId: string) => boolean;
}
