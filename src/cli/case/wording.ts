// How times, spans and what was said are put into words, the same in the text and on the page. Owns making
// foreign text harmless to a terminal; leaves markup to markup.ts.

import type { Targets } from "../../core/output.ts";
import type { Duration, Instant } from "../../core/time.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../../core/time.ts";
import type { CaseFile, CaseRecord, SaidCommand } from "./case-file.ts";
import { isWhole } from "./protection.ts";

/** `2026-06-09 10:04:05`, UTC. */
export function dateTime(at: Instant): string {
  return new Date(at).toISOString().slice(0, 19).replace("T", " ");
}

/** `10:04:05`, UTC; with the date when it is another day than `day`'s. */
export function timeOn(at: Instant, day: Instant): string {
  const text = dateTime(at);
  return text.slice(0, 10) === dateTime(day).slice(0, 10) ? text.slice(11) : text;
}

/** `4 min`, `1 h 30 min`, `0.8 s`: the two largest units. */
export function span(length: Duration): string {
  if (length < 10 * SECOND) return `${(length / SECOND).toFixed(1)} s`;
  const units = [
    ["d", DAY],
    ["h", HOUR],
    ["min", MINUTE],
    ["s", SECOND],
  ] as const;
  const first = units.findIndex(([, unit]) => length >= unit);
  let rest = length;
  const parts: string[] = [];
  for (const [name, unit] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ");
}

/** `withdrawal w1, address bc1…`; empty: the whole scope. */
export function targetsText(targets: Targets): string {
  if (isWhole(targets)) return "";
  const { withdrawalIds, keyIds, sessionIds, addresses } = targets;
  return [
    ...withdrawalIds.map((id) => `withdrawal ${id}`),
    ...keyIds.map((id) => `key ${id}`),
    ...sessionIds.map((id) => `session ${id}`),
    ...addresses.map((address) => `address ${address}`),
  ].join(", ");
}

/** `Account alice`; of what several accounts share, what that is. */
export function subjectText({ accountId, cases }: Pick<CaseFile, "accountId" | "cases">): string {
  if (accountId !== null) return `Account ${accountId}`;
  return Object.entries(cases[0]?.group ?? {})
    .map(([field, value]) => `${field} ${value}`)
    .join(", ");
}

/** What became of a command: one phrase. */
export function answerText({ command, ack, alarming, times }: SaidCommand): string {
  const again = times > 1 ? `said ${times} times` : "";
  const answer =
    ack !== null
      ? `${ack.value.status.toLowerCase().replace("_", " ")} by ${ack.value.service}`
      : alarming
        ? "NOT ACKNOWLEDGED: it may protect nobody"
        : command.action === "REVIEW"
          ? ""
          : "not acknowledged yet";
  return [answer, again].filter((part) => part !== "").join(", ");
}

/** `0.8 s after the deciding event`; empty: the clocks do not tell, or nobody waits for it. */
export function delayText({ command, saidAt, isByDecision }: SaidCommand): string {
  const delay = saidAt - command.issuedAt;
  if (delay < 0) return "";
  if (delay < 50) return "at once";
  return `${span(delay)} after the ${isByDecision ? "decision" : "deciding event"}`;
}

/** `open until 2026-06-10 10:04:05`. */
export function statusText({ status, until }: Pick<CaseRecord, "status" | "until">): string {
  if (until === null) return status === "open" ? "open" : status;
  return `${status} ${status === "open" ? "until" : "since"} ${dateTime(until)}`;
}

/** Control characters and direction marks of foreign text would steer the terminal, or the eye. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
}

/** As one word of a shell: in single quotes where needed. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
