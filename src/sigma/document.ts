// Checked Sigma documents: what a rule file says, as plain data with positions where later checks need
// them. Made by rule-file.ts, joined by rule-set.ts, compiled by compile.ts.

import type { Service } from "../core/event.ts";
import type { Mode } from "../core/output.ts";
import type { CorrelationCondition, CorrelationType, ResponseAction } from "../core/rule.ts";
import type { Duration } from "../core/time.ts";
import type { Expression } from "./expression.ts";
import type { Position } from "./problem.ts";

/** Rule text and the path its problems are reported under. */
export interface RuleText {
  readonly path: string;
  readonly text: string;
  /** The file is no text: it says nothing, and this is its problem. */
  readonly fault?: TextFault;
}

/** Where a file stops being text. `offset` counts bytes. */
export interface TextFault {
  readonly at: Position;
  readonly found: string;
  readonly instead: string;
}

/** A line of text and where it stands. */
export interface Placed {
  readonly text: string;
  readonly at: Position;
}

/** One case of `holdfast.tests`; its lines are in the timeline notation. */
export interface RuleTest {
  readonly name: string;
  readonly at: Position;
  /** Snapshots by account: field → value, as YAML has them. */
  readonly given: readonly { readonly account: string; readonly fields: ReadonlyMap<string, SnapshotValue> }[];
  readonly events: readonly Placed[];
  /** `00:04 alice FREEZE`: what the rules of this file command, in order. */
  readonly expect: readonly Placed[];
}

export type SnapshotValue = string | number | boolean | readonly (string | number | boolean)[];

interface RuleDocument {
  /** Nothing in it was refused. What was refused means nothing; the rest is checked against other documents. */
  readonly sound: boolean;
  readonly file: string;
  readonly at: Position;
  readonly title: string;
  /** Why the rule exists, and what else may look like it: for people. */
  readonly description: string;
  readonly falsePositives: readonly string[];
  readonly id: string | null;
  readonly name: string | null;
  /** What keys the rule's state and commands: its id, else its name, else its title (names.ts tells equal ones apart). */
  readonly identity: string;
  readonly level: string;
  readonly tags: readonly string[];
  /** What the whole document says, layout and comments apart: the text its hash is taken of. */
  readonly canonical: string;
  readonly respond: readonly ResponseAction[];
  /** Where `respond` stands; null without one. */
  readonly respondAt: Position | null;
  readonly mode: Mode;
  /** null: not given. */
  readonly quiet: Duration | null;
  readonly tests: readonly RuleTest[];
}

/** null: any. Which rules a filter is for is decided by all three, where events come from by the service. */
export interface LogSource {
  readonly category: string | null;
  readonly product: string | null;
  readonly service: string | null;
}

export interface DetectionDocument extends RuleDocument {
  readonly kind: "detection";
  /** null: refused. */
  readonly logsource: LogSource | null;
  /** null: every service. */
  readonly service: Service | null;
  readonly expression: Expression;
  /** Something in its section was warned of, which may be why it never matches. */
  readonly warned: boolean;
}

export interface CorrelationDocument extends RuleDocument {
  readonly kind: "correlation";
  readonly type: CorrelationType;
  /** Names or ids (as names.ts compares them), in the written order; of a condition alone, in its order. */
  readonly rules: readonly Placed[];
  readonly groupBy: readonly Placed[];
  readonly aliases: readonly Alias[];
  readonly timespan: Duration;
  /** As written; empty but for value_*. */
  readonly valueFields: readonly Placed[];
  /** Over `rules`, by index. */
  readonly condition: CorrelationCondition;
  /** The referred rules open cases of their own too. */
  readonly generate: boolean;
}

/** `alias: { rule: field }`: what it stands for in each rule's events. */
export interface Alias {
  readonly name: string;
  readonly at: Position;
  /** null: something in it was refused. */
  readonly fields: readonly { readonly rule: Placed; readonly field: Placed }[] | null;
}

/** Narrows the detections it names: they match what its expression matches too. */
export interface FilterDocument {
  readonly kind: "filter";
  readonly sound: boolean;
  readonly file: string;
  readonly at: Position;
  readonly id: string | null;
  readonly name: string | null;
  readonly title: string;
  /** What the whole document says: part of the hash of the rules it narrows. */
  readonly canonical: string;
  /** null: refused. */
  readonly logsource: LogSource | null;
  readonly rules: readonly Placed[];
  readonly expression: Expression;
}

export type CheckedRule = DetectionDocument | CorrelationDocument;

export type CheckedDocument = CheckedRule | FilterDocument;
