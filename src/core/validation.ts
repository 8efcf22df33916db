// What an event must fulfil before the core sees it, and the limits on everything an input may carry.
// Runs for every event: straight-line comparisons on the decoded record, nothing allocated unless it
// rejects. A field the decoder projected away (nobody reads it) is absent and not judged.
//
// Only identity and time are demanded. Fields of single types (keyId, amountUsdCents …) may be missing:
// such an event still counts as the step it is, and rules see null. Rejecting it would let money leave
// because a producer forgot a field. JSON input is turned into events by event-json.ts.

import type { ExchangeEvent, Rejection, RejectReason, Service } from "./event.ts";
import { MINUTE } from "./time.ts";
import type { Duration, Instant } from "./time.ts";

/** Limits on input; lengths of strings in UTF-16 units. */
export const LIMITS: {
  readonly recordBytes: number;
  readonly idLength: number;
  readonly stringLength: number;
  readonly arrayItems: number;
  readonly mapEntries: number;
  readonly mapKeyLength: number;
  readonly futureTolerance: Duration;
  readonly earliestInstant: Instant;
  readonly latestInstant: Instant;
  readonly asn: number;
  readonly cents: number;
} = {
  /** One record's value, checked before it is parsed. */
  recordBytes: 256 * 1024,
  /** eventId and accountId: both become part of case and command ids. */
  idLength: 256,
  stringLength: 1_024,
  /** Items of one array. */
  arrayItems: 256,
  /** Entries of `detail`. */
  mapEntries: 64,
  mapKeyLength: 128,
  /** How far `occurredAt` may be ahead of the record's own timestamp. */
  futureTolerance: 5 * MINUTE,
  /** Below (9 September 2001), an instant is no date of an exchange but seconds taken for milliseconds. */
  earliestInstant: 1_000_000_000_000,
  /** The last millisecond of the year 9999. */
  latestInstant: 253_402_300_799_999,
  /** Autonomous system numbers are 32 bits wide. */
  asn: 4_294_967_295,
  /** Beyond 2^53 - 1 a number is no longer exact. */
  cents: Number.MAX_SAFE_INTEGER,
};

/** What the Kafka record around an event says. */
export interface RecordFrame {
  readonly key: Uint8Array | null;
  /** The record's own timestamp. */
  readonly timestamp: Instant;
}

/**
 * Judges a decoded event against its record and the limits.
 * @returns null: processable; otherwise why not, the first reason found
 */
export function validateEvent(service: Service, event: ExchangeEvent, record: RecordFrame): Rejection | null {
  const content = validateContent(service, event);
  if (content !== null) return content;
  if (!keyEquals(record.key, event.accountId)) return wrongKey(record.key);
  return validateTime(event, record.timestamp);
}

/** The part of validateEvent that needs the record's own timestamp only: FUTURE_TIME. */
export function validateTime(event: Pick<ExchangeEvent, "occurredAt">, recordTimestamp: Instant): Rejection | null {
  const ahead = event.occurredAt - recordTimestamp;
  if (ahead <= LIMITS.futureTolerance) return null;
  return rejection(
    "FUTURE_TIME",
    `occurredAt is ${ahead} ms ahead of the record's timestamp (at most ${LIMITS.futureTolerance}): check the producer's clock`,
  );
}

/** The part of validateEvent that needs no record: identity, times, money, sizes. */
export function validateContent(service: Service, event: ExchangeEvent): Rejection | null {
  return validateIdentity(event) ?? validateContext(event) ?? validateOwn(service, event);
}

function validateOwn(service: Service, event: ExchangeEvent): Rejection | null {
  switch (service) {
    case "auth":
      return validateAuth(event);
    case "api_key":
      return validateApiKey(event);
    case "withdrawal":
      return validateWithdrawal(event);
    case "trade":
      return validateTrade(event);
    case "signal":
      return null;
  }
}

function validateIdentity(event: ExchangeEvent): Rejection | null {
  const { eventId, accountId, occurredAt } = event;
  if (eventId.length === 0) return empty("eventId");
  if (accountId.length === 0) return empty("accountId");
  if (accountId.charCodeAt(0) === 0) return invalid("accountId", "begins with NUL; such keys are Holdfast's own");
  if (eventId.length > LIMITS.idLength) return tooLong("eventId", eventId.length, LIMITS.idLength);
  if (accountId.length > LIMITS.idLength) return tooLong("accountId", accountId.length, LIMITS.idLength);
  if (!isInstant(occurredAt)) return badInstant("occurredAt", occurredAt);
  return null;
}

function validateContext(event: ExchangeEvent): Rejection | null {
  if (isLong(event.ip)) return longText("ip", event.ip);
  if (isLong(event.country)) return longText("country", event.country);
  if (isLong(event.deviceId)) return longText("deviceId", event.deviceId);
  if (isLong(event.sessionId)) return longText("sessionId", event.sessionId);
  if (isLong(event.userAgent)) return longText("userAgent", event.userAgent);
  if (isBadAsn(event.asn)) return badNumber("asn", event.asn, LIMITS.asn);
  return (
    validateList("verifiedWith", event.verifiedWith) ??
    validateList("enrolledFactors", event.enrolledFactors) ??
    (event.detail === undefined || event.detail === null ? null : validateDetail(event.detail))
  );
}

function validateAuth(event: ExchangeEvent): Rejection | null {
  if (isLong(event.issuedDeviceId)) return longText("issuedDeviceId", event.issuedDeviceId);
  if (isLong(event.issuedCountry)) return longText("issuedCountry", event.issuedCountry);
  if (isBadAsn(event.issuedAsn)) return badNumber("issuedAsn", event.issuedAsn, LIMITS.asn);
  const { createdAt } = event;
  if (createdAt !== undefined && createdAt !== null && !isInstant(createdAt)) {
    return badInstant("createdAt", createdAt);
  }
  return (
    validateTexts("knownDevices", event.knownDevices) ??
    validateTexts("knownCountries", event.knownCountries) ??
    validateTexts("knownAddresses", event.knownAddresses) ??
    validateAsns("knownAsns", event.knownAsns)
  );
}

function validateApiKey(event: ExchangeEvent): Rejection | null {
  if (isLong(event.keyId)) return longText("keyId", event.keyId);
  return validateList("rights", event.rights) ?? validateTexts("ipList", event.ipList);
}

function validateWithdrawal(event: ExchangeEvent): Rejection | null {
  if (isLong(event.withdrawalId)) return longText("withdrawalId", event.withdrawalId);
  if (isLong(event.keyId)) return longText("keyId", event.keyId);
  if (isLong(event.asset)) return longText("asset", event.asset);
  if (isLong(event.network)) return longText("network", event.network);
  if (isLong(event.address)) return longText("address", event.address);
  if (isBadCents(event.amountUsdCents)) return badNumber("amountUsdCents", event.amountUsdCents, LIMITS.cents);
  if (isBadCents(event.balanceUsdCents)) return badNumber("balanceUsdCents", event.balanceUsdCents, LIMITS.cents);
  return null;
}

function validateTrade(event: ExchangeEvent): Rejection | null {
  const { notionalUsdCents, priceDeviationBps, symbolDailyVolumeUsdCents } = event;
  if (isLong(event.symbol)) return longText("symbol", event.symbol);
  if (isLong(event.counterpartyAccountId)) return longText("counterpartyAccountId", event.counterpartyAccountId);
  if (isLong(event.keyId)) return longText("keyId", event.keyId);
  if (isBadCents(notionalUsdCents)) return badNumber("notionalUsdCents", notionalUsdCents, LIMITS.cents);
  if (isBadCents(symbolDailyVolumeUsdCents)) {
    return badNumber("symbolDailyVolumeUsdCents", symbolDailyVolumeUsdCents, LIMITS.cents);
  }
  // What 32 bits hold: `| 0` leaves it as it is.
  if (priceDeviationBps != null && (priceDeviationBps | 0) !== priceDeviationBps) {
    return invalid("priceDeviationBps", `is ${priceDeviationBps}; it must be an integer of 32 bits`);
  }
  return null;
}

function validateList(field: string, list: readonly unknown[] | null | undefined): Rejection | null {
  if (list === undefined || list === null || list.length <= LIMITS.arrayItems) return null;
  return rejection("TOO_LARGE", `${field} has ${list.length} items (at most ${LIMITS.arrayItems})`);
}

function validateTexts(field: string, texts: readonly string[] | null | undefined): Rejection | null {
  if (texts === undefined || texts === null) return null;
  if (texts.length > LIMITS.arrayItems) return validateList(field, texts);
  for (const text of texts) {
    if (text.length > LIMITS.stringLength) return tooLong(`an item of ${field}`, text.length, LIMITS.stringLength);
  }
  return null;
}

function validateAsns(field: string, asns: readonly number[] | null | undefined): Rejection | null {
  if (asns === undefined || asns === null) return null;
  if (asns.length > LIMITS.arrayItems) return validateList(field, asns);
  for (const asn of asns) {
    if (isBadAsn(asn)) return badNumber(`an item of ${field}`, asn, LIMITS.asn);
  }
  return null;
}

function validateDetail(detail: Readonly<Record<string, string>>): Rejection | null {
  let entries = 0;
  for (const key in detail) {
    const value = detail[key]!;
    if (++entries > LIMITS.mapEntries) {
      return rejection("TOO_LARGE", `detail has more than ${LIMITS.mapEntries} entries`);
    }
    if (key.length > LIMITS.mapKeyLength) return tooLong("a key of detail", key.length, LIMITS.mapKeyLength);
    if (value.length > LIMITS.stringLength) return tooLong("a value of detail", value.length, LIMITS.stringLength);
  }
  return null;
}

/** Compares UTF-8 bytes with a string; ASCII, which account ids are, without making a string. */
export function keyEquals(key: Uint8Array | null, text: string): boolean {
  if (key === null) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return new TextDecoder().decode(key) === text;
    if (key[index] !== code) return false;
  }
  return key.length === text.length;
}

export function isInstant(value: Instant): boolean {
  return Number.isInteger(value) && value >= LIMITS.earliestInstant && value <= LIMITS.latestInstant;
}

function isLong(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text.length > LIMITS.stringLength;
}

function isBadAsn(value: number | null | undefined): value is number {
  return value !== undefined && value !== null && !(value >= 0 && value <= LIMITS.asn && Number.isInteger(value));
}

function isBadCents(value: number | null | undefined): value is number {
  return value !== undefined && value !== null && !(value >= 0 && Number.isSafeInteger(value));
}

export function rejection(reason: RejectReason, detail: string): Rejection {
  return { reason, detail };
}

function invalid(field: string, what: string): Rejection {
  return rejection("INVALID_FIELD", `${field} ${what}`);
}

function empty(field: string): Rejection {
  return rejection("MISSING_FIELD", `${field} is empty`);
}

function tooLong(field: string, length: number, limit: number): Rejection {
  return rejection("TOO_LARGE", `${field} is ${length} characters long (at most ${limit})`);
}

function longText(field: string, text: string): Rejection {
  return tooLong(field, text.length, LIMITS.stringLength);
}

function badNumber(field: string, value: number, limit: number): Rejection {
  return invalid(field, `is ${value}; it must be an integer from 0 to ${limit}`);
}

export function badInstant(field: string, value: number): Rejection {
  return invalid(field, `is ${value}; it must be milliseconds since the epoch, UTC, between 2001 and 9999`);
}

export function wrongKey(key: Uint8Array | null): Rejection {
  const found = key === null ? "the record has no key" : `the record's key (${key.length} bytes) is another`;
  return rejection("WRONG_KEY", `${found}: key the topic by accountId as a UTF-8 string`);
}
