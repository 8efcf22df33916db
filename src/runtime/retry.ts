// The one retry loop towards the broker. Rechecks the ownership before each try (T1), reports each
// failure, and passes on what will never succeed.

import { OwnershipLost } from "./ownership.ts";
import type { Ownership } from "./ownership.ts";
import { BrokerFailure } from "./ports.ts";
import type { Clock } from "./ports.ts";
import { failed } from "./telemetry.ts";
import type { Telemetry } from "./telemetry.ts";

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Runs `attempt` until it succeeds, while the ownership is held.
 * @param options.doing for the log: "append to holdfast.commands"
 * @throws OwnershipLost when the task is no longer ours; BrokerFailure with disposition `halt`
 */
export async function retryWhileOwned<T>(
  attempt: () => Promise<T>,
  options: { ownership: Ownership; clock: Clock; telemetry: Telemetry; doing: string },
): Promise<T> {
  const { ownership, clock, telemetry, doing } = options;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    await ownership.whenHeld();
    try {
      const result = await attempt();
      ownership.assertNotLost();
      return result;
    } catch (error) {
      if (!(error instanceof BrokerFailure)) throw error;
      // What fails because we are gone is nobody's fault; told, it would bury the reason why we are.
      if (error.disposition !== "halt" && ownership.lost()) throw new OwnershipLost();
      telemetry.emit("broker.failed", failed(error, doing));
      if (error.disposition === "halt") throw error;
      if (error.disposition === "rejoin") ownership.revoke();
      if (ownership.lost()) throw new OwnershipLost();
      await clock.sleep(pause);
    }
  }
}
