// `npm run sim`: the simulator on many seeds. A world of one memory broker and several instances goes through
// faults at every call and must end where it would without them; and streams of events, far more than `npm test`
// takes time for, must match in the correlations what brute force finds. The same seed gives the same run.
//
//   npm run sim [-- --runs 10000 --seed 1]         half of the runs worlds, half streams
//   npm run sim -- --worlds --seed 7 --runs 1      worlds only: one seed again
//   npm run sim -- --streams                       streams only
//   npm run sim -- --mutants [--only lease]        does it find what is broken on purpose?

import { parseArgs } from "node:util";
import { simulateMutants } from "./sim/mutant-table.ts";
import { simulateStreams } from "./sim/streams.ts";
import { simulateWorlds } from "./sim/worlds.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string" },
    worlds: { type: "boolean", default: false },
    streams: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const both = values.worlds === values.streams;
const share = both ? Math.ceil(runs / 2) : runs;

let failed = false;
/** Worlds in which the rarest of the broken engines shows from nearly any seed; most show within fifty. */
const RARE = 10_000;
if (values.mutants) failed = !(await simulateMutants({ first, runs: Math.max(runs, RARE), only: values.only }));
else {
  if (both || values.streams) simulateStreams({ seed: first, runs: both ? runs - share : share });
  if (both || values.worlds) failed = !(await simulateWorlds({ first, runs: share }));
}
process.exitCode = failed ? 1 : 0;
