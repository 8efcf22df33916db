// `--kill`: ends one of the demo's Holdfast processes with kill -9 at random moments and starts it
// again, for as long as it is let. Only ever one at a time, and only after both had their tasks: two
// lost owners in a row may take longer to replace than a withdrawal's review.

import { setTimeout as sleep } from "node:timers/promises";
import type { Duration } from "../../core/time.ts";
import type { Random } from "../../testing/exchange/random.ts";
import type { Instance } from "./instance.ts";
import { allReady } from "./instance.ts";

export interface KillOptions {
  readonly instances: readonly Instance[];
  readonly random: Random;
  /** Ends it; a process that is down then stays down. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Between both being ready and the next kill, drawn between the two. */
  readonly pause: readonly [Duration, Duration];
  /** How long the killed one stays down. */
  readonly down: readonly [Duration, Duration];
}

/** Resolves once the signal aborts. */
export async function killAtRandom(options: KillOptions): Promise<void> {
  const { instances, random, signal, say } = options;
  try {
    for (;;) {
      await allReady(instances, signal);
      await sleep(random.between(...options.pause), undefined, { signal });
      const victim = random.pick(instances);
      await victim.kill();
      say(`kill -9 ${victim.name}`);
      await sleep(random.between(...options.down), undefined, { signal });
      victim.start();
      say(`${victim.name} starts again`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
