// The simulator is tested by what it has to find: engines broken on purpose. `npm run sim -- --mutants` tries all
// of them; here those that few worlds find, and that all of them can be made.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { catchMutant } from "../../dev/sim/mutant-table.ts";
import { misfit, MUTANTS } from "../../dev/sim/mutants.ts";

const root = join(import.meta.dirname, "..", "..");
const FOUND_SOON = [
  "skip the fence",
  "ignore the lease",
  "do not adopt commands already said",
  "take silence of the registry for a denial",
  "start anew with changed rules",
];

test("every mutant's edits fit the sources", () => {
  const misfits = MUTANTS.map((mutant) => misfit(mutant, (file) => readFileSync(join(root, file), "utf8")));
  assert.deepEqual(
    misfits.filter((wrong) => wrong !== null),
    [],
  );
});

test("an edit that does not fit exactly once is no mutant", () => {
  const [mutant] = MUTANTS;
  assert.match(
    misfit(mutant!, () => "")!,
    /holds 0 times, not once/u,
  );
});

for (const name of FOUND_SOON) {
  test(`found: ${name}`, async () => {
    const mutant = MUTANTS.find((each) => each.name === name)!;
    assert.notEqual(await catchMutant(mutant, { first: 0, runs: 100 }), null, mutant.breaks);
  });
}

test("the engine as it is is not found", async () => {
  assert.equal(await catchMutant(null, { first: 0, runs: 20 }), null);
});
