// An event that matched something, as it is remembered: what evidence, targets and every kind of
// correlation need of it, and no more. Owns the copy out of the decoded event and its one-line summary.

import type { Arrival, ExchangeEvent } from "./event.ts";
import type { Evidence } from "./output.ts";
import type { Instant } from "./time.ts";

/** The record of the same name in schemas/state/group.avsc. */
export interface Entry {
  readonly eventId: string;
  readonly occurredAt: Instant;
  /** Bit i: it matches step i of the rule. */
  steps: number;
  readonly type: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly summary: string;
  readonly withdrawalId: string | null;
  readonly keyId: string | null;
  readonly sessionId: string | null;
  readonly address: string | null;
  /** A match that ends in it was reported. */
  reported: boolean;
  /** value_sum, value_avg, value_percentile: the event's number. */
  readonly value: number | null;
  /** value_count: the event's values, each a JSON text. */
  values: readonly string[];
  /** The event's fields that correlations over this one read, each a JSON text. */
  readonly carried: readonly string[];
}

/** What one correlation remembers of an event beyond the event itself. */
export interface EntryValues {
  readonly value: number | null;
  readonly values: readonly string[];
  readonly carried: readonly string[];
}

const NOTHING: readonly string[] = [];
export const NO_VALUES: EntryValues = { value: null, values: NOTHING, carried: NOTHING };

/** Event fields entries keep, whatever the rules read: the decoder must not project them away. */
export const ENTRY_READS: ReadonlySet<string> = new Set([
  "eventId",
  "type",
  "occurredAt",
  "withdrawalId",
  "keyId",
  "sessionId",
  "address",
  "channel",
  "factor",
  "toFactor",
  "rights",
  "amountUsdCents",
  "asset",
  "symbol",
  "side",
  "notionalUsdCents",
  "priceDeviationBps",
  "via",
  "verifiedWith",
  "country",
  "asn",
  "deviceId",
]);

const SUMMARY_LENGTH = 160;

export function newEntry(arrival: Arrival, event: ExchangeEvent, steps: number): Entry {
  return {
    eventId: event.eventId,
    occurredAt: event.occurredAt,
    steps,
    type: event.type,
    topic: arrival.topic,
    partition: arrival.partition,
    offset: arrival.offset,
    summary: summarise(event),
    withdrawalId: event.withdrawalId ?? null,
    keyId: event.keyId ?? null,
    sessionId: event.sessionId ?? null,
    address: event.address ?? null,
    reported: false,
    value: null,
    values: NOTHING,
    carried: NOTHING,
  };
}

/** The same event as another correlation remembers it. Field by field: one hidden class for all entries. */
export function entryFor(seen: Entry, steps: number, { value, values, carried }: EntryValues): Entry {
  return {
    eventId: seen.eventId,
    occurredAt: seen.occurredAt,
    steps,
    type: seen.type,
    topic: seen.topic,
    partition: seen.partition,
    offset: seen.offset,
    summary: seen.summary,
    withdrawalId: seen.withdrawalId,
    keyId: seen.keyId,
    sessionId: seen.sessionId,
    address: seen.address,
    reported: false,
    value,
    values,
    carried,
  };
}

/** @param rule name (else id) of the rule or step it matched */
export function evidenceOf(entry: Entry, rule: string): Evidence {
  const { eventId, type, topic, partition, offset, occurredAt, summary } = entry;
  return { eventId, type, topic, partition, offset, occurredAt, rule, summary };
}

/** Event order: by time, at equal times by id, so that it does not depend on arrival. */
export function inEventOrder(
  a: { readonly occurredAt: Instant; readonly eventId: string },
  b: { readonly occurredAt: Instant; readonly eventId: string },
): number {
  if (a.occurredAt !== b.occurredAt) return a.occurredAt - b.occurredAt;
  return a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0;
}

/** One line in the timeline notation, the telling fields first: `API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS]`. */
export function summarise(event: ExchangeEvent): string {
  let line = event.type;
  if (event.channel != null) line += " channel=" + word(event.channel);
  if (event.factor != null) line += " factor=" + word(event.factor);
  if (event.toFactor != null) line += " toFactor=" + word(event.toFactor);
  if (event.rights != null) line += " rights=" + list(event.rights);
  if (event.amountUsdCents != null) line += " amountUsdCents=" + event.amountUsdCents;
  if (event.asset != null) line += " asset=" + word(event.asset);
  if (event.symbol != null) line += " symbol=" + word(event.symbol);
  if (event.side != null) line += " side=" + word(event.side);
  if (event.notionalUsdCents != null) line += " notionalUsdCents=" + event.notionalUsdCents;
  if (event.priceDeviationBps != null) line += " priceDeviationBps=" + event.priceDeviationBps;
  if (event.via != null) line += " via=" + word(event.via);
  if (event.verifiedWith != null) line += " verifiedWith=" + list(event.verifiedWith);
  if (event.country != null) line += " country=" + word(event.country);
  if (event.asn != null) line += " asn=" + event.asn;
  if (event.deviceId != null) line += " deviceId=" + word(event.deviceId);
  if (event.address != null) line += " address=" + word(event.address);
  if (event.linkedBy != null) line += " linkedBy=" + word(event.linkedBy);
  if (event.linkedCount != null) line += " linkedCount=" + event.linkedCount;
  if (event.linkRule != null) line += " linkRule=" + word(event.linkRule);
  return line.length <= SUMMARY_LENGTH ? line : `${line.slice(0, SUMMARY_LENGTH - 1)}…`;
}

function list(values: readonly string[]): string {
  return `[${values.map(word).join(",")}]`;
}

/** Words of the notation have no space, comma or bracket; anything else is quoted. */
function word(value: string): string {
  return /^[\w.:@/+-]+$/.test(value) ? value : JSON.stringify(value);
}
