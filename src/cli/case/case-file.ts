// An account's cases as a fraud desk reads them: out of what the topics hold, who said what about each case,
// what came of it, and what is closed now. Pure. Leaves reading the topics to account-records.ts and showing
// it to case-text.ts and case-page.ts.

import type { Ack, Decision } from "../../core/decision.ts";
import { inEventOrder } from "../../core/entry.ts";
import type { Command, Detection, Evidence, Mode } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import { SECOND } from "../../core/time.ts";
import { decoded, partsOf } from "./case-id.ts";
import { protectionsAt } from "./protection.ts";
import type { Protection } from "./protection.ts";

/** An event of the account that no rule of the case needed. */
export type OtherEvent = Omit<Evidence, "rule">;

/** A record and when the broker took it. */
export interface Appended<T> {
  readonly value: T;
  readonly at: Instant;
}

/** What the topics hold of one account, each list in the log's order. */
export interface AccountRecords {
  readonly commands: readonly Appended<Command>[];
  readonly detections: readonly Appended<Detection>[];
  readonly decisions: readonly Appended<Decision>[];
  readonly acks: readonly Appended<Ack>[];
}

/** A command, however often it was said. */
export interface SaidCommand {
  readonly command: Command;
  /** When it was said first. */
  readonly saidAt: Instant;
  readonly times: number;
  /** eventId or decisionId that called for it. */
  readonly calledForBy: string;
  readonly isByDecision: boolean;
  /** The first answer of the enforcing service; null: none yet. */
  readonly ack: Appended<Ack> | null;
  /** It should protect, and nobody says that it does. */
  readonly alarming: boolean;
}

export interface MadeDecision {
  readonly decision: Decision;
  /** Holdfast has said a command because of it. */
  readonly carriedOut: boolean;
}

/** What the rule's own file says about it, for the reader. */
export interface RuleNotes {
  readonly description: string;
  readonly falsePositives: readonly string[];
}

export interface CaseRecord {
  readonly caseId: string;
  readonly ruleId: string;
  readonly ruleTitle: string;
  readonly ruleHash: string;
  /** Sigma's; null: the detection is not in the topic any more. */
  readonly level: string | null;
  readonly tags: readonly string[];
  readonly mode: Mode;
  readonly reasons: readonly string[];
  readonly notes: RuleNotes | null;
  /** What the case is about: `accountId`, or what several accounts share. */
  readonly group: Readonly<Record<string, string>>;
  readonly openedAt: Instant;
  readonly status: "open" | "released" | "ended";
  /** Until when, or since when; null: until it is decided. */
  readonly until: Instant | null;
  /** eventId of the deciding event. */
  readonly decidedBy: string;
  readonly evidence: readonly Evidence[];
  /** Also counts what is not listed. */
  readonly evidenceCount: number;
  /** What else happened to the account meanwhile (other-events.ts), the first of it; empty until it was read. */
  readonly otherEvents: readonly OtherEvent[];
  /** Also counts what is not listed. */
  readonly otherEventCount: number;
  readonly commands: readonly SaidCommand[];
  readonly decisions: readonly MadeDecision[];
}

export interface CaseFile {
  /** null: about what several accounts share. */
  readonly accountId: string | null;
  readonly asOf: Instant;
  /** What is closed at `asOf`, all cases together. */
  readonly protections: readonly Protection[];
  /** The latest first. */
  readonly cases: readonly CaseRecord[];
  /** What could not be read, for the reader to know that something may be missing. */
  readonly gaps: readonly string[];
  /** Other customers' identifiers are replaced (redaction.ts). */
  readonly redacted: boolean;
}

/** After so long without an answer nobody may rely on a protection. */
const ANSWER_WITHIN = 30 * SECOND;

/** @param key of the records: an account's id, or the value of what several accounts share */
export function caseFileOf(
  key: string,
  records: AccountRecords,
  options: {
    readonly asOf: Instant;
    readonly notesOf?: (ruleId: string) => RuleNotes | null;
    readonly gaps?: readonly string[];
  },
): CaseFile {
  const { asOf, notesOf = () => null, gaps = [] } = options;
  const ids = new Set([...records.detections, ...records.commands].map(({ value }) => value.caseId));
  const cases = [...ids]
    .map((caseId) => caseRecord(caseId, records, { asOf, notesOf }))
    .filter((each) => each !== null)
    .toSorted((a, b) => b.openedAt - a.openedAt || (a.caseId < b.caseId ? -1 : 1));
  // A device may be called as an account is.
  const own = cases.filter(({ group }) => group["accountId"] !== undefined);
  const about = own.length > 0 || cases.length === 0 ? { accountId: key, cases: own } : { accountId: null, cases };
  const said = about.cases.flatMap(({ commands }) => commands.map(({ command }) => command));
  return { ...about, asOf, protections: protectionsAt(said, asOf), gaps, redacted: false };
}

function caseRecord(
  caseId: string,
  records: AccountRecords,
  { asOf, notesOf }: { asOf: Instant; notesOf: (ruleId: string) => RuleNotes | null },
): CaseRecord | null {
  const said = saidCommands(caseId, records, asOf);
  const detections = records.detections.filter(({ value }) => value.caseId === caseId).map(({ value }) => value);
  const cases = detections.filter(({ kind }) => kind === "OPENED" || kind === "CLOSED");
  // A breaker's opening is no case, and neither is the release of one that nobody knows.
  const source = cases.at(-1) ?? said.find(({ command }) => command.action !== "RELEASE")?.command ?? said[0]?.command;
  if (source === undefined) return null;
  const evidence = evidenceOf([...cases, ...said.map(({ command }) => command)]);
  const decidedBy = cases.at(-1)?.decidedBy ?? partsOf(caseId)?.decidedBy ?? "";
  const openedAt = evidence.find(({ eventId }) => eventId === decidedBy)?.occurredAt ?? openingOf(said, cases);
  return {
    caseId,
    ruleId: source.ruleId,
    ruleTitle: source.ruleTitle,
    ruleHash: source.ruleHash,
    level: cases.at(-1)?.level ?? null,
    tags: cases.at(-1)?.tags ?? [],
    mode: source.mode,
    reasons: [...new Set(said.filter((each) => !each.isByDecision).map(({ command }) => command.reasonCode))],
    notes: notesOf(source.ruleId),
    group: cases.at(-1)?.group ?? { accountId: said[0]!.command.accountId },
    openedAt,
    ...statusOf(said, cases, asOf),
    decidedBy,
    evidence,
    otherEvents: [],
    otherEventCount: 0,
    evidenceCount: Math.max(evidence.length, ...[...cases, ...said.map(({ command }) => command)].map(countOf)),
    commands: said,
    decisions: decisionsOn(caseId, records.decisions, said).filter(
      ({ decision, carriedOut }) => decision.caseId !== null || carriedOut || decision.decidedAt >= openedAt,
    ),
  };
}

function countOf({ evidenceCount }: { readonly evidenceCount: number }): number {
  return evidenceCount;
}

function openingOf(said: readonly SaidCommand[], detections: readonly Detection[]): Instant {
  return Math.min(...said.map(({ command }) => command.issuedAt), ...detections.map(({ firstAt }) => firstAt));
}

function saidCommands(caseId: string, records: AccountRecords, asOf: Instant): SaidCommand[] {
  const own = records.commands.filter(({ value }) => value.caseId === caseId);
  const byId = Map.groupBy(own, ({ value }) => value.commandId);
  return [...byId.values()].map((repeated) => {
    const { value: command, at: saidAt } = repeated[0]!;
    // A rejection may be followed by success, when the command was said again.
    const answers = records.acks.filter(({ value }) => value.commandId === command.commandId);
    const ack = answers.find(({ value }) => value.status !== "REJECTED") ?? answers.at(0) ?? null;
    const shouldProtect = command.action === "HOLD" || command.action === "FREEZE";
    const isOverdue = ack === null ? asOf - saidAt > ANSWER_WITHIN : ack.value.status === "REJECTED";
    return {
      command,
      saidAt,
      times: repeated.length,
      ...calledFor(command),
      ack,
      alarming: shouldProtect && isOverdue,
    };
  });
}

/** `<caseId>/<eventId>/<index>`, or of a decision `<caseId>/release/<decisionId>`, `<caseId>/extend/<decisionId>…`. */
function calledFor({ commandId, caseId, action }: Command): Pick<SaidCommand, "calledForBy" | "isByDecision"> {
  const [first = "", second = ""] = commandId.slice(caseId.length + 1).split("/");
  const isByDecision = action === "RELEASE" || first === "extend";
  const part = isByDecision ? second : first;
  return { calledForBy: decoded(part) ?? part, isByDecision };
}

/** Everything any of them lists, in event order. */
function evidenceOf(sources: readonly { readonly evidence: readonly Evidence[] }[]): Evidence[] {
  const byId = new Map<string, Evidence>();
  for (const { evidence } of sources)
    for (const each of evidence) if (!byId.has(each.eventId)) byId.set(each.eventId, each);
  return [...byId.values()].sort(inEventOrder);
}

function statusOf(
  said: readonly SaidCommand[],
  detections: readonly Detection[],
  asOf: Instant,
): Pick<CaseRecord, "status" | "until"> {
  const released = said.find(({ command }) => command.action === "RELEASE");
  if (released !== undefined) return { status: "released", until: released.saidAt };
  const ends = said.filter(({ command }) => command.action !== "REVIEW").map(({ command }) => command.expiresAt ?? 0);
  const end = ends.length > 0 ? Math.max(...ends) : null;
  if (end !== null) return { status: end > asOf ? "open" : "ended", until: end };
  const isClosed = detections.some(({ kind }) => kind === "CLOSED");
  return { status: isClosed ? "ended" : "open", until: null };
}

function decisionsOn(
  caseId: string,
  decisions: AccountRecords["decisions"],
  said: readonly SaidCommand[],
): MadeDecision[] {
  const byId = new Map(decisions.map(({ value }) => [value.decisionId, value]));
  const carriedOut = new Set(said.filter((each) => each.isByDecision).map(({ calledForBy }) => calledForBy));
  return [...byId.values()]
    .filter((decision) => decision.caseId === caseId || decision.caseId === null)
    .map((decision) => ({ decision, carriedOut: carriedOut.has(decision.decisionId) }));
}
