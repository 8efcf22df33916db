// A process of `npm run sim`: runs a share of the seeds and tells its parent of each. Ends after the last one,
// or after the first that fails if it is to look for one only.

import { createSimulator } from "../../src/testing/simulator/simulation.ts";
import type { Simulated } from "../../src/testing/simulator/simulation.ts";
import { readWorldParts } from "./world-parts.ts";

/** As arguments, in this order. */
export interface Share {
  readonly first: number;
  readonly count: number;
  /** How many failing seeds to shorten. */
  readonly shorten: number;
  readonly stopAtFailure: boolean;
}

/** Of a seed. `shortened` for the first ones that failed. */
export interface Told {
  readonly simulated: Simulated;
  readonly shortened: Simulated | null;
}

const [share] = process.argv.slice(2).map((text) => JSON.parse(text) as Share);
if (share === undefined || process.send === undefined) throw new Error("this is started by dev/sim.ts");
/** Resolves when the parent has it: whoever ends at once takes nothing with it. */
const tell = (told: Told): Promise<void> =>
  new Promise((resolve, reject) => process.send!(told, (error) => (error === null ? resolve() : reject(error))));
const simulator = createSimulator(await readWorldParts());
let toShorten = share.shorten;
for (let index = 0; index < share.count; index++) {
  const simulated = await simulator.run(share.first + index);
  const failed = simulated.problems.length > 0;
  const shortened = failed && toShorten-- > 0 ? await simulator.shorten(simulated) : null;
  await tell({ simulated, shortened });
  if (failed && share.stopAtFailure) break;
}
if (process.connected) process.disconnect();
