// One case as a sequence of moments: what happened, as evidence or beside it, what Holdfast said, what was
// answered, what people decided. Owns their order. Pure; the text and the page show the same.
//
// Invariants:
//   MO1 a command stands after the event that decided it, an answer after its command, whatever the clocks of
//      those who wrote them say

import type { Instant } from "../../core/time.ts";
import type { Evidence } from "../../core/output.ts";
import type { CaseRecord, MadeDecision, OtherEvent, SaidCommand } from "./case-file.ts";

export type Moment = { readonly at: Instant } & (
  | { readonly kind: "event"; readonly evidence: Evidence; readonly decides: boolean }
  | { readonly kind: "other"; readonly event: OtherEvent }
  | { readonly kind: "command"; readonly said: SaidCommand }
  | { readonly kind: "ack"; readonly said: SaidCommand }
  | { readonly kind: "decision"; readonly made: MadeDecision }
  | { readonly kind: "end"; readonly status: "released" | "ended" }
);

/** At equal times in this order. */
const RANK = { event: 0, other: 1, decision: 2, command: 3, ack: 4, end: 5 } as const;

export function momentsOf(record: CaseRecord): Moment[] {
  const deciders = new Set(record.commands.map(({ calledForBy }) => calledForBy));
  deciders.add(record.decidedBy);
  const moments: Moment[] = [
    ...record.evidence.map((evidence): Moment => {
      return { at: evidence.occurredAt, kind: "event", evidence, decides: deciders.has(evidence.eventId) };
    }),
    ...record.otherEvents.map((event): Moment => ({ at: event.occurredAt, kind: "other", event })),
    ...record.decisions.map((made): Moment => ({ at: made.decision.decidedAt, kind: "decision", made })),
    ...record.commands.flatMap(momentsOfCommand),
  ];
  // A release is a command already.
  if (record.status === "ended" && record.until !== null) {
    moments.push({ at: record.until, kind: "end", status: "ended" });
  }
  return moments.sort((a, b) => a.at - b.at || RANK[a.kind] - RANK[b.kind]);
}

/** MO1 */
function momentsOfCommand(said: SaidCommand): Moment[] {
  const at = Math.max(said.saidAt, said.command.issuedAt);
  const command: Moment = { at, kind: "command", said };
  if (said.ack === null) return [command];
  return [command, { at: Math.max(at, said.ack.value.appliedAt), kind: "ack", said }];
}
