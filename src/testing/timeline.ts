// The notation of timelines: events with their times, and what followed. Requirements, rule tests and
// failures are written in it.
//
//   given  alice  enrolledFactors=[TOTP,SMS] knownDevices=[d1]     a snapshot taken before the first line
//   00:00  alice  RISK_NOTICE_SENT channel=SMS country=HK
//   00:04  alice  API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS]  → FREEZE alice, HOLD alice
//   +1d00:04  → CLOSED alice                                        what time alone decided
//
// Lines stand in the order of arrival; times are event times. The account is alice unless written. Owns
// parsing and printing of lines; leaves to driver.ts what happens, and to core what an event may hold.

import { EVENT_FIELDS } from "../core/event-fields.ts";
import type { FieldKind } from "../core/event-fields.ts";
import { eventFromJson } from "../core/event-json.ts";
import type { ExchangeEvent, Service } from "../core/event.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../core/time.ts";
import type { Instant } from "../core/time.ts";
import { KNOWN_TYPES, serviceOfType } from "../sigma/fields.ts";
import { nearest } from "../sigma/nearest.ts";

/** What 00:00 stands for: midnight UTC on the day of the takeovers this project learned from. */
export const TIMELINE_START: Instant = 1_717_891_200_000;

/** When the accounts' snapshots were taken. */
const SNAPSHOT_AT: Instant = TIMELINE_START - DAY;

export interface TimelineEvent {
  readonly service: Service;
  readonly event: ExchangeEvent;
}

export interface TimelineLine {
  readonly at: Instant;
  /** null: what time alone decided. */
  readonly arrival: TimelineEvent | null;
  /** `FREEZE alice`, in order. */
  readonly outcome: readonly string[];
}

export interface Timeline {
  readonly given: readonly TimelineEvent[];
  readonly lines: readonly TimelineLine[];
}

/** A line that is not in the notation; the message says what is wrong and what to write. */
export class TimelineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimelineError";
  }
}

/**
 * Events get the ids e1, e2 … by line unless `eventId=` is given.
 * @throws TimelineError
 */
export function parseTimeline(text: string): Timeline {
  const given: TimelineEvent[] = [];
  const lines: TimelineLine[] = [];
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    if (/^given\s/u.test(line)) given.push(parseGiven(line));
    else lines.push(parseLine(line, lines.length + 1));
  }
  return { given, lines };
}

/** @param number of the line, for its event's id. @throws TimelineError */
export function parseLine(line: string, number: number): TimelineLine {
  const all = splitWords(line);
  const arrow = all.findIndex((word) => word === "→" || word === "->");
  const [time = "", ...words] = arrow < 0 ? all : all.slice(0, arrow);
  const outcome = arrow < 0 ? [] : outcomesOf(all.slice(arrow + 1));
  const at = TIMELINE_START + parseTime(time);
  if (words.length === 0) {
    if (outcome.length === 0) throw new TimelineError(`nothing happens in "${line}"; write a type after the time`);
    return { at, arrival: null, outcome };
  }
  const account =
    serviceOfType(words[0] ?? "") === undefined && words.length > 1 && !words[1]?.includes("=")
      ? words.shift()
      : "alice";
  const [type = "", ...fields] = words;
  return { at, arrival: eventOf({ eventId: `e${number}`, accountId: account, type, occurredAt: at }, fields), outcome };
}

function parseGiven(line: string): TimelineEvent {
  const [, account = "", ...fields] = splitWords(line);
  return eventOf(snapshotHead(account), fields);
}

function snapshotHead(account: string): Record<string, unknown> {
  return { eventId: `given-${account}`, accountId: account, type: "ACCOUNT_SNAPSHOT", occurredAt: SNAPSHOT_AT };
}

/** What was known of an account before the first line. @throws TimelineError */
export function snapshotOf(account: string, fields: ReadonlyMap<string, unknown>): TimelineEvent {
  return decode({ ...snapshotHead(account), ...Object.fromEntries(fields) });
}

function eventOf(head: Record<string, unknown>, fields: readonly string[]): TimelineEvent {
  const type = String(head["type"]);
  const service = serviceOfType(type);
  if (service === undefined) throw new TimelineError(unknownType(type));
  const event: Record<string, unknown> = { ...head };
  const detail: Record<string, unknown> = Object.create(null);
  for (const field of fields) {
    const equals = field.indexOf("=");
    if (equals <= 0) throw new TimelineError(`"${field}" after ${type}; write field=value`);
    const name = field.slice(0, equals);
    const value = field.slice(equals + 1);
    if (name.startsWith("detail.")) detail[name.slice("detail.".length)] = unquote(value);
    else event[name] = parseValue(value, EVENT_FIELDS[service].get(name));
  }
  return decode(Object.keys(detail).length === 0 ? event : { ...event, detail });
}

function unknownType(type: string): string {
  const close = nearest(type, KNOWN_TYPES);
  return `the unknown type "${type}"; ${close === null ? "EVENTS lists them" : `did you mean ${close}?`}`;
}

function decode(value: Record<string, unknown>): TimelineEvent {
  const service = serviceOfType(String(value["type"])) ?? "auth";
  const outcome = eventFromJson(service, value);
  if ("rejection" in outcome) throw new TimelineError(`${String(value["type"])}: ${outcome.rejection.detail}`);
  return { service, event: outcome.event };
}

const NUMERIC: ReadonlySet<FieldKind["kind"] | undefined> = new Set(["cents", "asn", "asns", "int"]);

/** By the field's kind, so that `asn=64500` is a number and `keyId=64500` is text. */
function parseValue(text: string, field: FieldKind | undefined): unknown {
  if (text === "null") return null;
  const scalar = (word: string): unknown => {
    if (NUMERIC.has(field?.kind)) return Number(word);
    if (field?.kind === "instant") return /^-?\d+$/u.test(word) ? Number(word) : word;
    if (field?.kind === "flag") return word === "true" ? true : word === "false" ? false : word;
    return unquote(word);
  };
  if (!text.startsWith("[")) return scalar(text);
  if (!text.endsWith("]")) throw new TimelineError(`the list ${text} is not closed; end it with ]`);
  const inner = text.slice(1, -1).trim();
  return inner === "" ? [] : splitList(inner).map(scalar);
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    throw new TimelineError(`the quoted text ${text}; write it as in JSON`);
  }
}

const WORDS = /(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\s"[])+/gu;

/** Words are separated by spaces, except inside quotes and brackets. */
function splitWords(text: string): string[] {
  if (text.replaceAll(WORDS, "").trim() !== "")
    throw new TimelineError(`an open quote or bracket in "${text}"; close it`);
  return text.match(WORDS) ?? [];
}

function splitList(text: string): string[] {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/gu) ?? []).map((item) => item.trim());
}

/** `FREEZE alice, HOLD alice`. */
function outcomesOf(words: readonly string[]): string[] {
  return words
    .join(" ")
    .split(",")
    .map((outcome) => outcome.trim())
    .filter((outcome) => outcome !== "");
}

const TIME = /^(?:\+(\d+)d)?(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?$/u;

/** Milliseconds after TIMELINE_START. @throws TimelineError */
export function parseTime(text: string): number {
  const parts = TIME.exec(text);
  const [days, hours, minutes, seconds, milliseconds] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  if (parts === null || (hours ?? 0) > 23 || (minutes ?? 0) > 59 || (seconds ?? 0) > 59) {
    throw new TimelineError(`the time "${text}"; write hh:mm, hh:mm:ss, hh:mm:ss.mmm or +3d04:00`);
  }
  return (
    (days ?? 0) * DAY + (hours ?? 0) * HOUR + (minutes ?? 0) * MINUTE + (seconds ?? 0) * SECOND + (milliseconds ?? 0)
  );
}

/** The shortest way to write it that parseTime reads back. */
export function printTime(at: Instant): string {
  const offset = at - TIMELINE_START;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const days = Math.floor(offset / DAY);
  const hours = `${two((offset / HOUR) % 24)}:${two((offset / MINUTE) % 60)}`;
  const milliseconds = offset % SECOND;
  const seconds = offset % MINUTE === 0 ? "" : `:${two((offset / SECOND) % 60)}`;
  const rest = milliseconds === 0 ? "" : `.${String(milliseconds).padStart(3, "0")}`;
  return `${days > 0 ? `+${days}d` : ""}${hours}${seconds}${rest}`;
}

/** The text two timelines share exactly when they say the same; columns are aligned. */
export function printTimeline({ given, lines }: Timeline): string {
  const cells = [
    ...given.map(({ event }) => ({ time: "given", account: event.accountId, event: printFields(event), outcome: "" })),
    ...lines.map(({ at, arrival, outcome }) => ({
      time: printTime(at),
      account: arrival?.event.accountId ?? "",
      event: arrival === null ? "" : printEvent(arrival.event),
      outcome: outcome.length === 0 ? "" : `→ ${outcome.join(", ")}`,
    })),
  ];
  const width = (read: (cell: (typeof cells)[number]) => string): number =>
    Math.max(0, ...cells.map((cell) => read(cell).length));
  const [time, account] = [width((cell) => cell.time), width((cell) => cell.account)];
  return cells
    .map((cell) =>
      `${cell.time.padEnd(time)}  ${cell.account.padEnd(account)}  ${cell.event}${cell.outcome === "" ? "" : `  ${cell.outcome}`}`.trimEnd(),
    )
    .join("\n");
}

/** Type and fields as a line has them. */
export function printEvent(event: ExchangeEvent): string {
  return `${event.type} ${printFields(event)}`.trimEnd();
}

const HEAD: ReadonlySet<string> = new Set(["accountId", "type", "occurredAt"]);

function printFields(event: ExchangeEvent): string {
  const words: string[] = [];
  for (const [name, value] of Object.entries(event)) {
    if (HEAD.has(name) || value === null || value === undefined) continue;
    if (name === "eventId" && /^(?:e\d+|given-.*)$/u.test(String(value))) continue;
    if (name === "detail")
      words.push(...Object.entries(value as object).map(([key, text]) => `detail.${key}=${word(text)}`));
    else words.push(`${name}=${Array.isArray(value) ? `[${value.map(word).join(",")}]` : word(value)}`);
  }
  return words.join(" ");
}

/** Bare where the notation can read it back, else quoted as JSON. */
function word(value: unknown): string {
  const text = String(value);
  return /^[^\s"[\],=→]+$/u.test(text) && text !== "null" && !text.includes("->") ? text : JSON.stringify(text);
}
