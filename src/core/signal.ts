// What partitions tell each other: facts (FACT), regrouped by something else than the account, and links
// (LINKED), sent back to each account that shares the group. The shape is the Avro record of
// schemas/signals/signal.avsc. A link is read as an event of the service `signal`.

import type { Instant } from "./time.ts";
import { encodePart } from "./response.ts";

export type SignalType = "FACT" | "LINKED";

export interface Signal {
  /** FACT: the matching event's; LINKED: rule/group/account. */
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
}

/** The record's key: the account of a link, the group of a fact. */
export function signalKey(signal: Pick<Signal, "type" | "ruleId" | "group" | "accountId">): string {
  return signal.type === "LINKED" ? signal.accountId : groupKey(signal.ruleId, Object.values(signal.group));
}

/** A group of facts as a key: rule id and group values, percent-encoded. */
export function groupKey(ruleId: string, values: readonly string[]): string {
  return [ruleId, ...values].map(encodePart).join("/");
}
