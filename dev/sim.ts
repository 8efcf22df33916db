// `npm run sim`: the laws of correlations on many more streams than `npm test` takes time for. Prints the seed
// first; the same seed gives the same streams.
//
//   npm run sim [-- --runs 10000 --seed 1]

import { strict as assert } from "node:assert";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { drawnEvents, expected, fired } from "../test/core/correlation/streams.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "10000" }, seed: { type: "string" } } });
const numRuns = Number(values.runs);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
console.log(`${numRuns} streams, seed ${seed}`);
fc.assert(
  fc.property(drawnEvents, (drawn) => assert.deepEqual(fired(drawn), expected(drawn))),
  { numRuns, seed },
);
console.log("the groups that fired are those of brute force");
