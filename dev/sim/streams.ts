// The laws of correlations on drawn streams: which groups fire, beside brute force.

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { drawnEvents, expected, fired } from "../../test/core/correlation/streams.ts";

/** @throws Error with the shortest stream on which they differ */
export function simulateStreams({ seed, runs }: { readonly seed: number; readonly runs: number }): void {
  console.log(`${runs} streams, seed ${seed}`);
  fc.assert(
    fc.property(drawnEvents, (drawn) => assert.deepEqual(fired(drawn), expected(drawn))),
    { numRuns: runs, seed },
  );
  console.log("  the groups that fired are those of brute force");
}
