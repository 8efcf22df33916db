// What partitions tell each other: facts (FACT), regrouped by something else than the account, and links
// (LINKED), sent back to each account that shares the group. The shape is the Avro record of
// schemas/signals/signal.avsc. A link is read as an event of the service `signal`.

import type { Instant } from "./time.ts";
import { encodePart } from "./response.ts";

export type SignalType = "FACT" | "LINKED";

export interface Signal {
  /** FACT: the matching event's; LINKED: rule/group/account/the account's first fact. */
  readonly eventId: string;
  readonly type: SignalType;
  /** FACT: the matching event's; LINKED: the last fact's. */
  readonly occurredAt: Instant;
  /** Id of the correlation that groups the facts. */
  readonly ruleId: string;
  /** Group-by field → value. */
  readonly group: Readonly<Record<string, string>>;
  readonly accountId: string;
  readonly linkedBy: string | null;
  readonly linkedCount: number | null;
  readonly linkRule: string | null;
  /** FACT: what the group needs of the matching event; null in a link. */
  readonly fact: FactBody | null;
}

/** The record of the same name: an event as a correlation in another partition remembers it. */
export interface FactBody {
  /** The rule's matchHash; under another one the fact means nothing. */
  readonly matchHash: string;
  /** Bit i: it matches input i of the rule. */
  readonly steps: number;
  /** See Entry. */
  readonly value: number | null;
  readonly values: readonly string[];
  readonly carried: readonly string[];
  /** The event itself, for evidence. */
  readonly type: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** One line of the timeline notation. */
  readonly summary: string;
}

/** Of what says nothing to other partitions. */
export const NO_SIGNALS: readonly Signal[] = [];

/** The record's key: the account of a link, the group of a fact. */
export function signalKey(signal: Pick<Signal, "type" | "ruleId" | "group" | "accountId">): string {
  return signal.type === "LINKED" ? signal.accountId : groupKey(signal.ruleId, Object.values(signal.group));
}

/**
 * The id of a link: the same account of the same group is linked once, until all its facts are forgotten. What it
 * does after that is another link, or the cases of the first one would take it for theirs.
 * @param firstFact eventId of the first of the account's facts in the group
 */
export function linkId(key: string, accountId: string, firstFact: string): string {
  return `${key}/${encodePart(accountId)}/${encodePart(firstFact)}`;
}

/**
 * A group of facts as a key: rule id and group values, percent-encoded. It becomes part of links' ids, so long values
 * stand in it by their beginning and a hash.
 */
export function groupKey(ruleId: string, values: readonly string[]): string {
  return [ruleId, ...values].map(keyPart).join("/");
}

/** Characters of a value that stand in a key as they are; of a longer one. */
const WHOLE = 128;
const BEGINNING = 32;

function keyPart(value: string): string {
  if (value.length <= WHOLE) return encodePart(value);
  return `${encodePart(value.slice(0, BEGINNING))}~${value.length}~${hashOf(value, 0x9e3779b1)}${hashOf(value, 0x85ebca6b)}`;
}

/** 32 bits of a multiplicative hash, in hexadecimal. */
function hashOf(text: string, seed: number): string {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) ^ (hash >>> 15);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
