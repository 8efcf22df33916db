// Compares what was said with what had to be said. Pure, so that its own test can show each finding red.

import { releaseIdOf } from "./desk.ts";
import { PROGRESS_WITHIN_MS } from "./judged.ts";
import type { Disturbance, EndingDecision, Judged, SaidCommand } from "./judged.ts";
import type { Link } from "./links.ts";
import { EXPECTING, LASTS_MS } from "./oracle.ts";
import type { Expectation } from "./oracle.ts";
import { judgeAnswers } from "./repetition.ts";
import type { Answering, Asked } from "./repetition.ts";
import { isOpening, judgeWaves, WAVE_RULE } from "./waves.ts";
import type { Breaking, Waves } from "./waves.ts";

/** A signal that tells an account what it shares with others. */
export interface ToldLink {
  readonly eventId: string;
  readonly accountId: string;
  readonly occurredAt: number;
}

/** A record that must end in the dead letters, or one that did: by its place, with the reason. */
export interface Refusal {
  readonly place: string;
  readonly reason: string;
}

export interface Evidence extends Omit<Judged, "boundOf">, Pick<Asked, "answers" | "timeoutMs">, Waves {
  readonly expectations: readonly Expectation[];
  readonly links: readonly Link[];
  readonly told: readonly ToldLink[];
  /** Event time of every event in the topics. */
  readonly times: ReadonlyMap<string, number>;
  readonly poison: readonly Refusal[];
  readonly buried: readonly Refusal[];
}

export interface Verdict extends Omit<Answering & Breaking, "findings"> {
  /** What is wrong, one line each; empty: every promise was kept. */
  readonly findings: readonly string[];
  /** Groups that had to fire. */
  readonly expected: number;
  readonly missing: number;
  readonly wrong: number;
  /** Said, but later than 30 s after the last disturbance around it. */
  readonly late: number;
  /** Records that repeat a known command id. */
  readonly repeated: number;
  /** Further cases of a group whose match may be decided by more than one event. */
  readonly secondCases: number;
  /** Cases taken back. */
  readonly released: number;
  /** Links there had to be, those that were told more than once, and accounts held for one. */
  readonly links: number;
  readonly repeatedLinks: number;
  readonly held: number;
  readonly deadLetters: number;
  readonly repeatedDeadLetters: number;
  /** Milliseconds from the last needed append to the command's; ascending. Absences left out. */
  readonly latencies: readonly number[];
}

/** Without a disturbance; generous, for a busy machine. */
const PROMPT_MS = 15_000;
/** The absence's own span and the grace after it. */
export const ABSENCE_DECIDED_MS = 100_000;

export function judge(evidence: Evidence): Verdict {
  const findings: string[] = [];
  const cases = new Map<string, SaidCommand[]>();
  const releases: SaidCommand[] = [];
  const known = new Map<string, SaidCommand>();
  let repeated = 0;
  for (const command of evidence.said.toSorted((a, b) => a.appendedAt - b.appendedAt)) {
    const before = known.get(command.commandId);
    if (before !== undefined) {
      repeated += 1;
      if (effectOf(before) !== effectOf(command)) findings.push(`altered: ${command.commandId} has two effects`);
      continue;
    }
    known.set(command.commandId, command);
    if (command.action === "RELEASE") {
      releases.push(command);
      continue;
    }
    if (command.ruleId === WAVE_RULE) continue;
    const group = `${command.accountId} ${command.ruleId}`;
    const own = cases.get(group);
    if (own === undefined) cases.set(group, [command]);
    else own.push(command);
  }

  const counts = { missing: 0, late: 0, secondCases: 0 };
  const latencies: number[] = [];
  for (const expectation of evidence.expectations) {
    const group = `${expectation.accountId} ${expectation.rule}`;
    const commands = cases.get(group) ?? [];
    cases.delete(group);
    if (commands.length === 0) {
      if (expectation.open) continue;
      counts.missing += 1;
      findings.push(`missing: ${group}, due since ${new Date(expectation.since).toISOString()}`);
      continue;
    }
    findings.push(...commands.flatMap((command) => flawsOf(command, expectation, evidence.times)));
    const several = new Set(commands.map(({ caseId }) => caseId)).size;
    if (several > 1 && expectation.deciders.length === 1) findings.push(`doubled: ${group} has ${several} cases`);
    counts.secondCases += several - 1;
    const latency = commands[0]!.appendedAt - expectation.since;
    const allowed = expectation.rule === "chaos_absence" ? ABSENCE_DECIDED_MS : PROMPT_MS;
    if (commands[0]!.appendedAt > boundOf(expectation.since, allowed, evidence.disturbances)) {
      counts.late += 1;
      findings.push(`late: ${group} after ${latency} ms`);
    }
    if (expectation.rule !== "chaos_absence") latencies.push(latency);
  }
  for (const [group] of cases) findings.push(`wrong: ${group} must not fire`);

  findings.push(...judgeReleases(releases, evidence.decisions));
  const sinceOf = new Map<string, number>(
    evidence.expectations.map((each) => [`${each.accountId} ${each.rule}`, each.since]),
  );
  for (const { accountId, since } of evidence.wanted) sinceOf.set(`${accountId} ${WAVE_RULE}`, since);
  const timely = { ...evidence, boundOf: (due: number) => boundOf(due, PROMPT_MS, evidence.disturbances) };
  const waves = judgeWaves(timely);
  const answering = judgeAnswers({
    ...timely,
    sinceOf: ({ accountId, ruleId }) => sinceOf.get(`${accountId} ${ruleId}`),
  });
  const links = judgeLinks(evidence);
  const letters = judgeDeadLetters(evidence);
  return {
    ...counts,
    ...answering,
    ...waves,
    findings: [...findings, ...answering.findings, ...waves.findings, ...links.findings, ...letters.findings],
    expected: evidence.expectations.filter(({ open }) => !open).length,
    wrong: cases.size,
    repeated,
    released: releases.length,
    links: evidence.links.length,
    repeatedLinks: links.repeated,
    held: evidence.expectations.filter(({ rule, open }) => rule === "chaos_started" && !open).length,
    deadLetters: evidence.poison.length,
    repeatedDeadLetters: letters.repeated,
    latencies: latencies.sort((a, b) => a - b),
  };
}

/** What an enforcer would do: the same id must always mean the same. */
function effectOf({ accountId, caseId, action, scopes, expiresAt }: SaidCommand): string {
  return JSON.stringify([accountId, caseId, action, scopes, expiresAt]);
}

function flawsOf(
  command: SaidCommand,
  { accountId, rule, deciders, times: ownTimes }: Expectation,
  times: ReadonlyMap<string, number>,
): string[] {
  const { action, scopes } = EXPECTING[rule];
  const decider = deciders.find((id) => command.caseId === [accountId, rule, id].map(encodeURIComponent).join("/"));
  if (decider === undefined) return [`altered: ${command.caseId} names none of ${deciders.join(", ")}`];
  const flaws: string[] = [];
  const issuedAt = ownTimes?.get(decider) ?? [times.get(decider)];
  if (command.commandId !== `${command.caseId}/${encodeURIComponent(decider)}/0`)
    flaws.push(`altered: command id ${command.commandId}`);
  if (command.action !== action || command.scopes.join() !== scopes.join())
    flaws.push(`altered: ${command.caseId} says ${command.action} ${command.scopes.join()}`);
  if (!issuedAt.includes(command.issuedAt) || command.expiresAt !== command.issuedAt + LASTS_MS)
    flaws.push(`altered: ${command.caseId} is issued at ${command.issuedAt}, expires at ${command.expiresAt}`);
  return flaws;
}

/** Until when what is due must have been said: 30 s after the last disturbance that reaches into its time. */
function boundOf(due: number, allowedMs: number, disturbances: readonly Disturbance[]): number {
  let bound = due + allowedMs;
  for (const { from, to } of disturbances.toSorted((a, b) => a.from - b.from)) {
    if (from <= bound && to + PROGRESS_WITHIN_MS > due) bound = Math.max(bound, to + PROGRESS_WITHIN_MS);
  }
  return bound;
}

/** One for each decision that ends a case, and no other. */
function judgeReleases(releases: readonly SaidCommand[], decisions: readonly EndingDecision[]): string[] {
  const ending = decisions.filter(({ caseId }) => !isOpening(caseId));
  const due = new Map(ending.map((decision) => [releaseIdOf(decision), decision]));
  const findings = releases.flatMap(({ commandId, accountId, caseId, expiresAt }) => {
    const decision = due.get(commandId);
    due.delete(commandId);
    if (decision === undefined) return [`wrong: nobody decided on ${commandId}`];
    const asDecided = accountId === decision.accountId && caseId === decision.caseId && expiresAt === null;
    return asDecided ? [] : [`altered: ${commandId} releases ${caseId} of ${accountId}`];
  });
  return [...findings, ...[...due.keys()].map((id) => `missing: ${id}`)];
}

/** Every account that shares something is told so, and no other. */
function judgeLinks({ links, told }: Evidence): { findings: string[]; repeated: number } {
  const due = new Map(links.flatMap((link) => link.eventIds.map((eventId) => [eventId, link])));
  const findings: string[] = [];
  const known = new Set<Link>();
  for (const { eventId, accountId, occurredAt } of told) {
    const link = due.get(eventId);
    if (link === undefined) {
      findings.push(`wrong link: ${eventId} of ${accountId}`);
      continue;
    }
    if (accountId !== link.accountId || !link.at.includes(occurredAt))
      findings.push(`altered link: ${eventId} tells ${accountId} of ${occurredAt}`);
    known.add(link);
  }
  for (const link of links) if (!known.has(link)) findings.push(`missing link: ${link.eventIds[0]}`);
  return { findings, repeated: told.length - known.size };
}

function judgeDeadLetters({ poison, buried }: Evidence): { findings: string[]; repeated: number } {
  const findings: string[] = [];
  const reasons = new Map<string, string>();
  let repeated = 0;
  for (const { place, reason } of buried) {
    if (reasons.has(place)) repeated += 1;
    reasons.set(place, reason);
  }
  for (const { place, reason } of poison) {
    const found = reasons.get(place);
    reasons.delete(place);
    if (found === undefined) findings.push(`dead letter missing: ${place} (${reason})`);
    else if (found !== reason) findings.push(`dead letter of ${place} says ${found}, not ${reason}`);
  }
  for (const [place, reason] of reasons) findings.push(`dead letter of a good record: ${place} (${reason})`);
  return { findings, repeated };
}
