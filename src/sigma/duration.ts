// Sigma's time spans: a whole number and one of s, m, h, d.

import { DAY, HOUR, MINUTE, SECOND } from "../core/time.ts";
import type { Duration } from "../core/time.ts";

const UNITS: Readonly<Record<string, Duration>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };
const LONGEST: Duration = 366 * DAY;

export const DURATION_ADVICE = "write a whole number and s, m, h or d, at most 366d, such as 15m";

/** Milliseconds, or null for text that is no time span (or one beyond a leap year). */
export function parseDuration(text: string): Duration | null {
  const found = /^(\d{1,9})([smhd])$/u.exec(text);
  if (found === null) return null;
  const span = Number(found[1]) * (UNITS[found[2] ?? ""] ?? Number.NaN);
  return span <= LONGEST ? span : null;
}
