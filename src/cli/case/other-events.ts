// What else happened to an account while a case ran: what a fraud desk wants to see between the events that
// count, as a log-in of the owner's in the middle of a takeover. Pure. Owns which events belong to a case and how
// many are listed; leaves reading them to account-events.ts.
//
// Invariants:
//   OE1 no event is evidence and beside the evidence of one case

import { inEventOrder } from "../../core/entry.ts";
import type { Instant } from "../../core/time.ts";
import type { CaseFile, CaseRecord, OtherEvent } from "./case-file.ts";

export interface Period {
  readonly from: Instant;
  /** Inclusive. */
  readonly to: Instant;
}

/** Listed with one case; the first of them, for what began it matters most. */
const LISTED = 30;

/**
 * From a case's first evidence to the last command that a match called for. What people made Holdfast say may be
 * days later.
 * @returns null: nothing that is known happened
 */
export function periodOf({ evidence, commands }: CaseRecord): Period | null {
  const [first] = evidence;
  if (first === undefined) return null;
  const said = commands.filter(({ isByDecision }) => !isByDecision).map(({ saidAt }) => saidAt);
  return { from: first.occurredAt, to: Math.max(evidence.at(-1)!.occurredAt, ...said) };
}

/** Those that overlap as one; the latest first. */
export function joined(periods: readonly Period[]): Period[] {
  const all: Period[] = [];
  for (const each of periods.toSorted((a, b) => b.to - a.to)) {
    const last = all.at(-1);
    if (last === undefined || each.to < last.from) all.push(each);
    else all[all.length - 1] = { from: Math.min(last.from, each.from), to: last.to };
  }
  return all;
}

/** @param events of the account, of any time, some perhaps twice */
export function withOtherEvents(file: CaseFile, events: readonly OtherEvent[]): CaseFile {
  const all = [...new Map(events.map((event) => [event.eventId, event])).values()].sort(inEventOrder);
  const cases = file.cases.map((record) => {
    const period = periodOf(record);
    // Evidence that is not listed could not be told from the rest.
    if (period === null || record.evidenceCount > record.evidence.length) return record;
    const { from, to } = period;
    const evidence = new Set(record.evidence.map(({ eventId }) => eventId));
    const meanwhile = all.filter(
      ({ eventId, occurredAt }) => occurredAt >= from && occurredAt <= to && !evidence.has(eventId), // OE1
    );
    return { ...record, otherEvents: meanwhile.slice(0, LISTED), otherEventCount: meanwhile.length };
  });
  return { ...file, cases };
}
