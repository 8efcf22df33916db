// What an account asked to move out and what was paid: the requests of the last day, each by its event id,
// and the largest payment of each span of 30 days. Flat arrays that are never changed in place, as in
// seen.ts, so "nothing changed" is identity.
//
// Invariants:
//   OF1 requests are a set keyed by event id; the latest REQUESTS_KEPT of the last KEPT_FOR of them stay,
//       and what is dropped at that cap makes the sum a lower bound, never too high
//   OF2 payments are one maximum a span: in any order, any number of times, the same

import { DAY, type Duration, HOUR, type Instant } from "./time.ts";

/** `[eventId, at, cents, eventId, …]`, by time, at equal times by id. */
export type RequestList = readonly (string | number)[];

/** `[span, cents, span, …]`, ascending; a span is a number of 30-day spans since the epoch. */
export type PaidList = readonly number[];

/** Shared by every account without any. */
export const NO_REQUESTS: RequestList = [];
export const NO_PAYMENTS: PaidList = [];

export const REQUESTS_KEPT = 64;

const WINDOW: Duration = DAY;
/** Some more than the window, for events that arrive late. */
const KEPT_FOR: Duration = WINDOW + HOUR;
const REQUEST = 3;

const SPAN: Duration = 30 * DAY;
const SPANS = 3;
const PAID = 2;

export interface WithdrawalRequest {
  readonly eventId: string;
  readonly at: Instant;
  readonly cents: number;
}

/** The list with the request; the same one when it is known, or older than all there is room for. OF1 */
export function addRequest(
  list: RequestList,
  request: WithdrawalRequest,
  onEvicted: (kind: "requests") => void,
): RequestList {
  const { eventId, at, cents } = request;
  for (let index = 0; index < list.length; index += REQUEST) if (list[index] === eventId) return list;
  const latest = list.length === 0 ? at : (list[list.length - 2] as Instant);
  const oldest = Math.max(latest, at) - KEPT_FOR;
  if (at < oldest) return list;
  const from = firstAtOrAfter(list, oldest);
  const place = placeOf(list, request);
  const next = new Array<string | number>(list.length - from + REQUEST); // no room to spare
  let to = 0;
  for (let index = from; index < place; index++) next[to++] = list[index]!;
  next[to++] = eventId;
  next[to++] = at;
  next[to++] = cents;
  for (let index = place; index < list.length; index++) next[to++] = list[index]!;
  if (next.length <= REQUESTS_KEPT * REQUEST) return next;
  onEvicted("requests");
  return place === from ? list : next.slice(REQUEST);
}

function firstAtOrAfter(list: RequestList, at: Instant): number {
  let index = 0;
  while (index < list.length && (list[index + 1] as Instant) < at) index += REQUEST;
  return index;
}

function placeOf(list: RequestList, { eventId, at }: WithdrawalRequest): number {
  let index = list.length;
  while (index > 0 && isAfter(list, index - REQUEST, { eventId, at })) index -= REQUEST;
  return index;
}

function isAfter(list: RequestList, index: number, than: { eventId: string; at: Instant }): boolean {
  const at = list[index + 1] as Instant;
  return at === than.at ? list[index]! > than.eventId : at > than.at;
}

/** US cents requested in the 24 hours that end at `at`, both ends included. */
export function requestedUntil(list: RequestList, at: Instant): number {
  let cents = 0;
  for (let index = 0; index < list.length; index += REQUEST) {
    const requestedAt = list[index + 1] as Instant;
    if (requestedAt <= at && requestedAt >= at - WINDOW) cents += list[index + 2] as number;
  }
  return cents;
}

/** The list with the payment; the same one when it is no new maximum. OF2 */
export function addPayment(list: PaidList, at: Instant, cents: number): PaidList {
  const span = Math.floor(at / SPAN);
  let place = 0;
  while (place < list.length && list[place]! < span) place += PAID;
  if (list[place] === span) return list[place + 1]! >= cents ? list : list.with(place + 1, cents);
  if (place === 0 && list.length === SPANS * PAID) return list;
  return list.toSpliced(place, 0, span, cents).slice(-SPANS * PAID);
}

/** The largest payment in the span of `at` and the two before it, in US cents; 0: none. */
export function largestPayment(list: PaidList, at: Instant): number {
  const span = Math.floor(at / SPAN);
  let largest = 0;
  for (let index = 0; index < list.length; index += PAID) {
    const age = span - list[index]!;
    if (age >= 0 && age < SPANS && list[index + 1]! > largest) largest = list[index + 1]!;
  }
  return largest;
}
