// One line of a replayed file → an event and where it arrived, or why not. What an event must fulfil is
// the codec's validation (core/event-json.ts, core/validation.ts); the line's own are `topic` and
// `recordTimestamp`.

import { eventFromJson, instantFromJson } from "../../core/event-json.ts";
import type { Arrival, ExchangeEvent, Rejection, RejectReason, Service } from "../../core/event.ts";
import { DAY } from "../../core/time.ts";
import type { Instant } from "../../core/time.ts";
import { LIMITS, validateTime } from "../../core/validation.ts";
import { objectOf } from "./json-line.ts";
import type { Line } from "./lines.ts";

export type LineOutcome =
  | { readonly arrival: Arrival; readonly event: ExchangeEvent }
  | { readonly rejection: Rejection };

export type Inputs = readonly { readonly topic: string; readonly service: Service }[];

/** Reads lines in their order: without `recordTimestamp` a line arrived at the latest event time so far. */
export class EventLines {
  readonly #services: ReadonlyMap<string, Service>;
  #latest: Instant | null = null;

  constructor(inputs: Inputs) {
    this.#services = new Map(inputs.map(({ topic, service }) => [topic, service]));
  }

  read(line: Line): LineOutcome {
    if (line.bytes === null) return reject("TOO_LARGE", `the line is longer than ${LIMITS.recordBytes} bytes`);
    const parsed = objectOf(line.bytes);
    if ("problem" in parsed) return reject("UNDECODABLE", parsed.problem);
    const { topic, recordTimestamp, ...rest } = parsed.object as Record<string, unknown>;
    const service = typeof topic === "string" ? this.#services.get(topic) : undefined;
    if (service === undefined || typeof topic !== "string") return this.#rejectTopic(topic);
    const decoded = eventFromJson(service, rest);
    if ("rejection" in decoded) return decoded;
    const { event } = decoded;
    const appendedAt = this.#appendedAt(event, recordTimestamp);
    if (typeof appendedAt !== "number") return appendedAt;
    this.#latest = Math.max(this.#latest ?? event.occurredAt, event.occurredAt);
    return { event, arrival: { service, topic, partition: 0, offset: line.number, recordTimestamp: appendedAt } };
  }

  #rejectTopic(topic: unknown): LineOutcome {
    const known = [...this.#services.keys()].join(", ");
    if (topic === undefined || topic === null)
      return reject("MISSING_FIELD", `topic is missing; write one of ${known}`);
    return reject("INVALID_FIELD", `topic is ${JSON.stringify(topic)}; write one of ${known}`);
  }

  #appendedAt(event: ExchangeEvent, given: unknown): Instant | LineOutcome {
    if (given !== undefined && given !== null) {
      const at = instantFromJson(given);
      if (at === undefined)
        return reject("INVALID_FIELD", "recordTimestamp must be epoch milliseconds or RFC 3339 text");
      const rejection = validateTime(event, at);
      return rejection === null ? at : { rejection };
    }
    const latest = this.#latest ?? event.occurredAt;
    if (event.occurredAt - latest > DAY) {
      return reject(
        "FUTURE_TIME",
        "occurredAt is more than a day after every line before it; if so it was, write recordTimestamp",
      );
    }
    return Math.max(latest, event.occurredAt);
  }
}

function reject(reason: RejectReason, detail: string): LineOutcome {
  return { rejection: { reason, detail } };
}
