// Instants and durations of event time. The event-time frontier of a task is in frontier.ts.

/** Milliseconds since the epoch, UTC. Event time unless a name says otherwise. */
export type Instant = number;

/** Milliseconds. */
export type Duration = number;

export const SECOND: Duration = 1_000;
export const MINUTE: Duration = 60 * SECOND;
export const HOUR: Duration = 60 * MINUTE;
export const DAY: Duration = 24 * HOUR;

/** Whole seconds since the epoch. */
export function toSecond(at: Instant): number {
  return Math.floor(at / SECOND);
}
