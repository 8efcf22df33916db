// Minutes, hours, days, weeks, months and years of an instant, in UTC, from arithmetic alone: the proleptic
// Gregorian calendar and ISO 8601 weeks. Days to civil dates after Howard Hinnant's `civil_from_days`.

import { DAY, HOUR, MINUTE, SECOND } from "../core/time.ts";
import type { Instant } from "../core/time.ts";

export type TimePart = "minute" | "hour" | "day" | "week" | "month" | "year";
export const TIME_PARTS: readonly TimePart[] = ["minute", "hour", "day", "week", "month", "year"];

/** What each part can be. */
export const PART_RANGES: Readonly<Record<TimePart, readonly [least: number, most: number]>> = {
  minute: [0, 59],
  hour: [0, 23],
  day: [1, 31],
  week: [1, 53],
  month: [1, 12],
  year: [0, 9999],
};

/** `instant`: milliseconds since the epoch; within some 270,000 years of it. */
export function partOf(instant: Instant, part: TimePart): number {
  const days = Math.floor(instant / DAY);
  switch (part) {
    case "minute":
      return Math.floor((instant - days * DAY) / MINUTE) % 60;
    case "hour":
      return Math.floor((instant - days * DAY) / HOUR);
    case "week":
      return isoWeek(days);
    default:
      return civil(days)[part];
  }
}

function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Days since the epoch of a civil date: the inverse of `civil`. */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The week of the year its Thursday lies in. */
function isoWeek(days: number): number {
  const weekday = (((days + 3) % 7) + 7) % 7;
  const thursday = days - weekday + 3;
  return 1 + Math.floor((thursday - daysOf(civil(thursday).year, 1, 1)) / 7);
}

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?$/u;

/** Milliseconds since the epoch; null for text that is no date (2024-02-31). Without an offset, it is UTC. */
export function parseInstant(text: string): Instant | null {
  if (text.length > 40) return null;
  const found = RFC_3339.exec(text);
  if (found === null) return null;
  const number = (index: number): number => Number(found[index] ?? 0);
  const [year, month, day, hour, minute] = [number(1), number(2), number(3), number(4), number(5)];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || number(6) > 60) return null;
  const days = daysOf(year, month, day);
  // A day that the month does not have is another month's.
  if (civil(days).day !== day) return null;
  const offset = (number(9) * HOUR + number(10) * MINUTE) * (found[8] === "-" ? -1 : 1);
  const milliseconds = Math.floor(Number(`0.${found[7] ?? "0"}`) * 1_000);
  return days * DAY + hour * HOUR + minute * MINUTE + number(6) * SECOND + milliseconds - offset;
}
