// The simulator is tested by what it has to find: engines broken on purpose (dev/sim/mutants.ts).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { catchMutant } from "../../dev/sim/mutant-table.ts";
import { MUTANTS, mutated } from "../../dev/sim/mutants.ts";

const root = join(import.meta.dirname, "..", "..");

for (const mutant of MUTANTS) {
  test(`found: ${mutant.name}`, async () => {
    for (const { file } of mutant.edits) mutated(mutant, file, readFileSync(join(root, file), "utf8"));
    assert.notEqual(await catchMutant(mutant, { first: 0, runs: 1_000 }), null, mutant.breaks);
  });
}
