// The enforcing service's ledger: what Holdfast's commands close, account by account. Pure; the one who
// reads `holdfast.commands` feeds it, the one who pays out asks it. Leaves step-ups and reviews to
// services that can ask customers and people: they close nothing.
//
// Invariants:
// E1 A command id is applied once; a repetition changes nothing.
// E2 Every case speaks for itself: a scope is closed until the latest expiry among the open cases that
//    name it, so the end or release of one case never opens what another keeps closed.
// E3 RELEASE takes its case out of the sum for good, also one never heard of: what a dying owner still
//    appends to it afterwards closes nothing.
// E4 A command with targets closes its scopes for these only: one target named is enough.

import type { ExchangeEvent } from "../../core/event.ts";
import type { Command, Scope } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";

/** A withdrawal as the enforcer sees it, or an order that is about to be filled: the event's own fields. */
export type Exit = Partial<Pick<ExchangeEvent, "type">> &
  Pick<ExchangeEvent, "accountId" | "channel" | "via" | "withdrawalId" | "keyId" | "sessionId" | "address">;

export interface Ledger {
  /** Commands in the log's order. */
  apply(command: Command): "applied" | "known";
  /** The commands that keep this exit closed at `at`; empty: the money may leave. */
  closing(exit: Exit, at: Instant): Command[];
}

const CHANNEL_SCOPE: Readonly<Record<string, Scope>> = {
  ON_CHAIN: "WITHDRAW",
  FIAT: "WITHDRAW",
  P2P: "P2P",
  INTERNAL: "TRANSFER",
  GIFT: "TRANSFER",
};

export function makeLedger(): Ledger {
  const known = new Set<string>();
  const released = new Set<string>();
  /** Protections by account; of every open case all that was said, for each has its own expiry. */
  const protections = new Map<string, Command[]>();

  return {
    apply(command) {
      if (known.has(command.commandId)) return "known"; // E1
      known.add(command.commandId);
      const standing = protections.get(command.accountId) ?? [];
      if (command.action === "RELEASE") {
        released.add(command.caseId); // E3
        protections.set(
          command.accountId,
          standing.filter((each) => each.caseId !== command.caseId),
        ); // E2
      } else if (closes(command) && !released.has(command.caseId)) {
        protections.set(command.accountId, [...standing, command]);
      }
      return "applied";
    },
    closing(exit, at) {
      const standing = protections.get(exit.accountId) ?? [];
      return standing.filter((command) => command.expiresAt! > at && covers(command, exit));
    },
  };
}

function closes(command: Command): boolean {
  return (command.action === "HOLD" || command.action === "FREEZE") && command.expiresAt !== null;
}

/** Does what this command closes, while it stands, include this exit? */
export function covers(command: Command, exit: Exit): boolean {
  const scopes = scopesOf(exit);
  return command.scopes.some((scope) => scopes.includes(scope)) && names(command, exit);
}

/** The scopes any of which, closed, stops this exit. A channel not known here counts as a withdrawal. */
function scopesOf(exit: Exit): Scope[] {
  const scope = exit.type === "TRADE_FILLED" ? "TRADE" : (CHANNEL_SCOPE[exit.channel ?? ""] ?? "WITHDRAW");
  return exit.via === "API" ? [scope, "API_KEYS"] : [scope];
}

/** E4 */
function names(command: Command, exit: Exit): boolean {
  const { withdrawalIds, keyIds, sessionIds, addresses } = command.targets;
  const lists = [withdrawalIds, keyIds, sessionIds, addresses];
  if (lists.every((list) => list.length === 0)) return true;
  const ids = [exit.withdrawalId, exit.keyId, exit.sessionId, exit.address];
  return ids.some((id, index) => id != null && lists[index]!.includes(id));
}
