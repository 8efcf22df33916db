// A timeline against rules: feeds its events through the production core, prints what really happened in
// the same notation, and compares the two texts. Silence is asserted on every line without an arrow.

import { strictEqual } from "node:assert/strict";
import type { Action, Outputs } from "../core/output.ts";
import type { RuleSet } from "../core/rule.ts";
import type { Instant } from "../core/time.ts";
import { openDriver } from "./driver.ts";
import type { DriverOptions } from "./driver.ts";
import { parseTimeline, printTimeline } from "./timeline.ts";
import type { Timeline, TimelineEvent, TimelineLine } from "./timeline.ts";

/** A tag for template literals: runs the timeline and throws an AssertionError with a diff if it went otherwise. */
export type TimelineTag = (text: TemplateStringsArray, ...values: readonly unknown[]) => void;

/** @example const takeover = timeline(rules); takeover`00:00 alice PASSWORD_CHANGED → HOLD alice` */
export function timeline(rules: RuleSet, options: Omit<DriverOptions, "rules"> = {}): TimelineTag {
  return (text, ...values) => {
    const expected = parseTimeline(String.raw({ raw: text }, ...values));
    strictEqual(printTimeline(runTimeline(expected, { ...options, rules })), printTimeline(expected));
  };
}

/** The same events with what they really led to. */
export function runTimeline(timeline: Timeline, options: DriverOptions): Timeline {
  return { given: timeline.given, lines: timelineOf(timeline, decisionsOf(timeline, options)) };
}

/** The arrivals, each with the commands that followed it; then what time alone decided. */
export function timelineOf(timeline: Pick<Timeline, "lines">, decided: Decisions): TimelineLine[] {
  const arrivals = timeline.lines.filter((line) => line.arrival !== null);
  const lines = arrivals.map(({ at, arrival }, index): TimelineLine => ({
    at,
    arrival,
    outcome: outcomeOf(decided.perLine[index] ?? []),
  }));
  for (const outcome of decided.atEnd) lines.push({ at: outcome.at, arrival: null, outcome: outcomeOf([outcome]) });
  return lines;
}

/** What a rule said of an account: a command, or that it is linked to others. */
export interface Outcome {
  readonly action: Action | "LINKED";
  readonly accountId: string;
  readonly ruleId: string;
  readonly at: Instant;
}

export interface Decisions {
  /** By arriving event. */
  readonly perLine: readonly (readonly Outcome[])[];
  readonly atEnd: readonly Outcome[];
}

/** Feeds the snapshots, then the arrivals in their order. Record time is the highest event time so far. */
export function decisionsOf(timeline: Timeline, options: DriverOptions): Decisions {
  const driver = openDriver(options);
  let recordTimestamp: Instant = 0;
  let offset = 0;
  const feed = ({ service, event }: TimelineEvent): readonly Outcome[] => {
    recordTimestamp = Math.max(recordTimestamp, event.occurredAt);
    const outputs = driver.apply({ service, topic: service, partition: 0, offset, recordTimestamp }, event);
    offset += 1;
    return outcomesOf(outputs);
  };
  for (const snapshot of timeline.given) feed(snapshot);
  const perLine = timeline.lines.flatMap(({ arrival }) => (arrival === null ? [] : [feed(arrival)]));
  return { perLine, atEnd: outcomesOf(driver.finish()) };
}

function outcomesOf(outputs: readonly Outputs[]): Outcome[] {
  return outputs.flatMap(({ commands, signals }) => [
    ...commands.map(({ action, accountId, ruleId, issuedAt: at }): Outcome => ({ action, accountId, ruleId, at })),
    ...signals.flatMap(({ type, accountId, ruleId, occurredAt: at }): Outcome[] =>
      type === "LINKED" ? [{ action: "LINKED", accountId, ruleId, at }] : [],
    ),
  ]);
}

function outcomeOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ action, accountId }) => `${action} ${accountId}`);
}
