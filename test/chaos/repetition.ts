// What enforcing services answered, and what had to be said once more for want of an answer. Pure, so that its
// own test can show each finding red.
//
//   said ●──────────── time-out ──●───────────►  nobody answered: once more, the same to the byte
//        ╰ a copy here is a send's whose answer    ╰ LATE: from here on a copy is Holdfast's own decision
//          was lost, or a dying owner's

import { PROGRESS_WITHIN_MS } from "./judged.ts";
import type { Judged, SaidCommand } from "./judged.ts";

/** An enforcing service's word. */
export interface Answer {
  readonly commandId: string;
  readonly status: string;
  /** By the broker's clock. */
  readonly appendedAt: number;
}

export interface Asked extends Judged {
  readonly answers: readonly Answer[];
  /** How long a service may take. */
  readonly timeoutMs: number;
  /** When what it takes to say it was there; undefined: nobody knows. */
  readonly sinceOf: (command: SaidCommand) => number | undefined;
}

export interface Answering {
  readonly findings: readonly string[];
  /** Commands that were answered before their time-out. */
  readonly answered: number;
  /** Commands said once more because nobody had answered, or somebody rejected them. */
  readonly unanswered: number;
  /** Of these, said a third time by an owner that took over from one that had just repeated it. */
  readonly repeatedAgain: number;
}

/** In time-outs, after the first copy. */
const LATE = 0.75;
/** In time-outs: a fault as long as this may have held back a send's answer, and what comes of it is a copy. */
const LONG = 0.5;

export function judgeAnswers(asked: Asked): Answering {
  const findings: string[] = [];
  const counts = { answered: 0, unanswered: 0, repeatedAgain: 0 };
  const answers = Map.groupBy(asked.answers, ({ commandId }) => commandId);
  const decided = new Set(asked.decisions.map(({ caseId }) => caseId));
  const protections = asked.said.filter(({ action }) => action === "HOLD" || action === "FREEZE");
  for (const [id, all] of Map.groupBy(protections, ({ commandId }) => commandId)) {
    const copies = all.toSorted((a, b) => a.appendedAt - b.appendedAt);
    const own = (answers.get(id) ?? []).toSorted((a, b) => a.appendedAt - b.appendedAt);
    const found = judgeOne(copies, own, { ...asked, isDecided: decided.has(copies[0]!.caseId) });
    findings.push(...found.findings);
    if (found.isAnswered) counts.answered += 1;
    if (found.again > 0) counts.unanswered += 1;
    if (found.again > 1) counts.repeatedAgain += 1;
  }
  return { ...counts, findings };
}

function judgeOne(
  copies: readonly SaidCommand[],
  answers: readonly Answer[],
  by: Asked & { readonly isDecided: boolean },
): { findings: string[]; isAnswered: boolean; again: number } {
  const { timeoutMs, disturbances } = by;
  const first = copies[0]!;
  const { commandId: id, appendedAt: saidAt } = first;
  const settled = answers.find(({ status }) => status !== "REJECTED")?.appendedAt ?? Infinity;
  const rejected = answers.find(({ status }) => status === "REJECTED")?.appendedAt ?? Infinity;
  const findings: string[] = [];

  // A rejected one is said again at once.
  const rejectedFirst = rejected < Math.min(settled, saidAt + LATE * timeoutMs);
  const from = rejectedFirst ? rejected : saidAt + LATE * timeoutMs;
  const again = copies.slice(1).filter((copy) => copy.appendedAt >= from && !isHeldBack(copy, { first, ...by }));
  if (again.some(({ content }) => content !== first.content))
    findings.push(`altered: ${id} is not repeated to the byte`);

  const since = by.sinceOf(first);
  const isAnswered = since !== undefined && settled < since + timeoutMs && rejected > settled;
  if (isAnswered && again.length > 0)
    findings.push(
      `repeated: ${id} was answered after ${settled - saidAt} ms, and again ${again[0]!.appendedAt - saidAt} ms`,
    );

  const nobodyAnswered = settled === Infinity && !by.isDecided;
  const due = Math.min(saidAt + timeoutMs, rejected);
  if (nobodyAnswered && copies.length === 1 && due + PROGRESS_WITHIN_MS < by.endedAt)
    findings.push(`unrepeated: nobody had answered ${id} by ${new Date(due).toISOString()}`);
  if (nobodyAnswered && copies.length > 1 && copies[1]!.appendedAt > by.boundOf(due))
    findings.push(`late: ${id} is repeated after ${copies[1]!.appendedAt - saidAt} ms`);

  const words = apart(again, LATE * timeoutMs);
  const [second, third] = words;
  const isExcused = disturbances.some(
    (each) =>
      third !== undefined && each.from <= third.appendedAt && each.to + PROGRESS_WITHIN_MS >= second!.appendedAt,
  );
  if (words.length > 2 || (third !== undefined && !isExcused))
    findings.push(
      `repeated: ${id} is said ${copies.length} times, the last ${copies.at(-1)!.appendedAt - saidAt} ms on`,
    );
  return { findings, isAnswered, again: words.length };
}

/** The first, and each that comes at least so long after the one before. */
function apart(copies: readonly SaidCommand[], ms: number): SaidCommand[] {
  const words: SaidCommand[] = [];
  for (const copy of copies)
    if (words.length === 0 || copy.appendedAt >= words.at(-1)!.appendedAt + ms) words.push(copy);
  return words;
}

/** Whether a fault so long lies between the first copy and this one that it may be a send made again. */
function isHeldBack(
  copy: SaidCommand,
  { first, disturbances, timeoutMs }: Pick<Asked, "disturbances" | "timeoutMs"> & { readonly first: SaidCommand },
): boolean {
  return disturbances.some(
    ({ from, to }) =>
      to - from >= LONG * timeoutMs &&
      first.appendedAt <= to &&
      from <= copy.appendedAt &&
      copy.appendedAt <= to + PROGRESS_WITHIN_MS,
  );
}
