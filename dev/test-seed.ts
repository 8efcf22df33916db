// Loaded before every test file of `npm test`: properties draw from one seed, so that a commit is green or red for
// good and says so to everyone. TEST_SEED=random looks elsewhere; a failure prints the seed it drew.

import fc from "fast-check";

const given = process.env.TEST_SEED ?? "1";

if (given !== "random") {
  const seed = Number(given);
  if (!Number.isInteger(seed)) throw new Error(`TEST_SEED is ${given}: give a whole number, or "random"`);
  fc.configureGlobal({ seed });
}
