// Simulated worlds: what is said and remembered under faults equals what is without. `npm run sim` does the same
// on thousands of seeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readWorldParts } from "../../dev/sim/world-parts.ts";
import { faultText } from "../../src/testing/simulator/faults.ts";
import { createSimulator, simulatedText } from "../../src/testing/simulator/simulation.ts";

const parts = await readWorldParts();
const WORLDS = 160;

test(`${WORLDS} worlds under faults end where they would without`, async () => {
  const simulator = createSimulator(parts);
  const tally: Record<string, number> = {};
  for (let seed = 0; seed < WORLDS; seed++) {
    const simulated = await simulator.run(seed);
    if (simulated.problems.length > 0) {
      assert.fail(simulatedText(await simulator.shorten(simulated), faultText));
    }
    for (const [name, count] of Object.entries(simulated.tally)) tally[name] = (tally[name] ?? 0) + count;
  }
  for (const met of [
    "restores",
    "memories kept",
    "commands adopted",
    "checkpoints rejected",
    "calls failed",
    "commands of an added rule",
    "questions to the registry failed",
    "links told",
    "absences found",
    "cases released",
    "commands repeated",
    "breakers opened",
    "breakers closed by people",
    "evicted (accounts)",
    "state logs trimmed",
  ]) {
    assert.ok((tally[met] ?? 0) >= 10, `${met}: ${tally[met]}, so few that nothing is shown`);
  }
});

test("the same seed is the same world, fault by fault and byte by byte", async () => {
  const [once, again] = [await createSimulator(parts).run(17), await createSimulator(parts).run(17)];
  assert.deepEqual(once, again);
});
