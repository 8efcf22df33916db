// The simulated exchange's enforcing service: applies each command to its ledger as it is read, and answers it, so
// that Holdfast knows what is in force. Owns what is answered; the ledger owns what is closed.

import type { Ack } from "../../core/decision.ts";
import type { Command } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import type { Ledger } from "../../testing/exchange/enforcer.ts";
import type { ReadCommand, Stage } from "./performance.ts";

const SERVICE = "simulated-exchange";

/** `onApplied` hears each command once, and from when on it counts. */
export async function enforce(
  stage: Stage,
  ledger: Ledger,
  onApplied: (read: ReadCommand, appliedAt: Instant) => void = () => {},
): Promise<void> {
  await stage.listen((read) => {
    // The ledger first, at once: money waits for it, answers and reports do not matter to anybody's money.
    const isKnown = ledger.apply(read.command) === "known";
    const now = Date.now();
    const status = statusOf(read.command, { isKnown, now });
    if (status !== null) {
      const { commandId, accountId } = read.command;
      stage.acknowledge({ commandId, accountId, status, appliedAt: now, service: SERVICE });
    }
    if (!isKnown) onApplied(read, now);
  });
}

/** null: it is for services that ask customers or people. */
function statusOf(
  { action, expiresAt }: Command,
  { isKnown, now }: { readonly isKnown: boolean; readonly now: Instant },
): Ack["status"] | null {
  if (action === "STEP_UP" || action === "REVIEW") return null;
  if (isKnown) return "ALREADY_APPLIED";
  return expiresAt !== null && expiresAt <= now ? "EXPIRED" : "APPLIED";
}
