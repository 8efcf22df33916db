// `npm run sim`: the simulator on many seeds. A world of one memory broker and several instances goes through
// faults at every call and must end where it would without them; and streams of events, far more than `npm test`
// takes time for, must match in the correlations what brute force finds. The same seed gives the same run.
//
//   npm run sim [-- --runs 10000 --seed 1]         half of the runs worlds, half streams
//   npm run sim -- --worlds --seed 7 --runs 1      worlds only: one seed again
//   npm run sim -- --streams                       streams only
//   npm run sim -- --mutants [--only lease]        does it find what is broken on purpose?

import { Command, InvalidArgumentError } from "commander";
import { atLeastOne, whole } from "./options.ts";
import { MUTANTS } from "./sim/mutants.ts";
import { simulateMutants } from "./sim/mutant-table.ts";
import { simulateStreams } from "./sim/streams.ts";
import { simulateWorlds } from "./sim/worlds.ts";

const options = new Command("npm run sim --")
  .description("The simulator on many seeds: worlds under faults, and streams against brute force.")
  .option("--runs <number>", "how many, half of them worlds and half streams", atLeastOne, 10_000)
  .option("--seed <number>", "of the first; a drawn one by default", whole)
  .option("--worlds", "worlds only", false)
  .option("--streams", "streams only", false)
  .option("--mutants", "does it find what is broken on purpose?", false)
  .option("--only <text>", "of the mutants those whose name holds this", ofAMutant, "")
  .parse()
  .opts<{
    readonly runs: number;
    readonly seed?: number;
    readonly worlds: boolean;
    readonly streams: boolean;
    readonly mutants: boolean;
    readonly only: string;
  }>();
const { runs } = options;
const first = options.seed ?? Math.floor(Math.random() * 2 ** 31);
const both = options.worlds === options.streams;
const share = both ? Math.ceil(runs / 2) : runs;

let failed = false;
/** Worlds in which the rarest of the broken engines shows from nearly any seed; most show within fifty. */
const RARE = 10_000;
if (options.mutants) failed = !(await simulateMutants({ first, runs: Math.max(runs, RARE), only: options.only }));
else {
  if (both || options.streams) simulateStreams({ seed: first, runs: both ? runs - share : share });
  if (both || options.worlds) failed = !(await simulateWorlds({ first, runs: share }));
}
process.exitCode = failed ? 1 : 0;

/** None to be caught would be all caught. */
function ofAMutant(text: string): string {
  if (MUTANTS.some(({ name }) => name.includes(text))) return text;
  throw new InvalidArgumentError(`No mutant's name holds it: ${MUTANTS.map(({ name }) => name).join(", ")}.`);
}
