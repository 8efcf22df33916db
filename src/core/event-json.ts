// Turns a parsed JSON object into an event, for input that never was Avro (`holdfast replay`). Stricter
// than the Avro reader on purpose: there an unknown field is a newer producer's, here it is a typo that
// would silently never match. Leaves envelope fields (topic, recordTimestamp) to the caller.

import { EVENT_FIELDS, REQUIRED_FIELDS } from "./event-fields.ts";
import type { FieldKind } from "./event-fields.ts";
import type { ExchangeEvent, Rejection, Service } from "./event.ts";
import type { Instant } from "./time.ts";
import { validateContent } from "./validation.ts";

export type JsonOutcome = { readonly event: ExchangeEvent } | { readonly rejection: Rejection };

/**
 * Checks names and types by the service's field table, then content and limits (not the record's
 * timestamp: validateTime is the caller's, who knows it). `occurredAt` and `createdAt` may be RFC 3339
 * text or epoch milliseconds; null and absent mean the same.
 */
export function eventFromJson(service: Service, value: unknown): JsonOutcome {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return invalid("an event must be a JSON object");
  }
  const fields = EVENT_FIELDS[service];
  const event: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(value)) {
    const field = fields.get(name);
    if (field === undefined) {
      return invalid(`unknown field ${name}; ${service} events have ${[...fields.keys()].join(", ")}`);
    }
    if (given === null) continue;
    const held = valueOf(field, given);
    if (held === undefined) return invalid(`${name} must be ${expectation(field)}`);
    event[name] = held;
  }
  for (const name of REQUIRED_FIELDS) {
    if (event[name] === undefined) return { rejection: { reason: "MISSING_FIELD", detail: `${name} is missing` } };
  }
  // Every field was checked against the table that mirrors ExchangeEvent; required ones are present.
  const typed = event as unknown as ExchangeEvent;
  const rejection = validateContent(service, typed);
  return rejection === null ? { event: typed } : { rejection };
}

/**
 * An instant from JSON: epoch milliseconds as a number, or RFC 3339 text with any offset.
 * @returns undefined: neither
 */
export function instantFromJson(value: unknown): Instant | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
  return typeof value === "string" ? parseRfc3339(value) : undefined;
}

/** @returns the value as the event holds it; undefined: it is of another type */
function valueOf(field: FieldKind, given: unknown): unknown {
  switch (field.kind) {
    case "id":
    case "text":
      // A lone surrogate has no UTF-8: every writer of it would make something else of it.
      return typeof given === "string" && given.isWellFormed() ? given : undefined;
    case "symbol":
      return typeof given === "string" && field.symbols.includes(given) ? given : undefined;
    case "instant":
      return instantFromJson(given);
    case "cents":
    case "asn":
    case "int":
      return typeof given === "number" ? given : undefined;
    case "flag":
      return typeof given === "boolean" ? given : undefined;
    case "texts":
      return isArrayOf(given, "string") ? given : undefined;
    case "asns":
      return isArrayOf(given, "number") ? given : undefined;
    case "symbols":
      return isArrayOf(given, "string") && given.every((item) => field.symbols.includes(item as string))
        ? given
        : undefined;
    case "map":
      return isTextMap(given) ? Object.assign(Object.create(null), given) : undefined;
  }
}

function expectation(field: FieldKind): string {
  switch (field.kind) {
    case "id":
    case "text":
      return "a string of well-formed Unicode";
    case "symbol":
      return `one of ${field.symbols.join(", ")}`;
    case "instant":
      return "epoch milliseconds or RFC 3339 text";
    case "cents":
    case "asn":
    case "int":
      return "a number";
    case "flag":
      return "true or false";
    case "texts":
      return "an array of strings";
    case "asns":
      return "an array of numbers";
    case "symbols":
      return `an array of ${field.symbols.join(", ")}`;
    case "map":
      return "an object of strings";
  }
}

function invalid(detail: string): JsonOutcome {
  return { rejection: { reason: "INVALID_FIELD", detail } };
}

function isArrayOf(value: unknown, type: "string" | "number"): value is unknown[] {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}

function isTextMap(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === "string");
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function parseRfc3339(text: string): Instant | undefined {
  const parts = RFC3339.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const daysInMonth = month === 2 && isLeap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
  const offsetMinutes = Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0);
  if (day < 1 || day > daysInMonth || hour > 23 || minute > 59 || second > 60) return undefined;
  if (Number(parts[9] ?? 0) > 23 || Number(parts[10] ?? 0) > 59) return undefined;
  const millis = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const minutes =
    (daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute - (parts[8] === "-" ? -offsetMinutes : offsetMinutes);
  return (minutes * 60 + second) * 1_000 + millis;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
