// What the simulated worlds are made of: the shipped rules and schemas, the production codecs and core.

import { basename, join } from "node:path";
import { createStateCodec } from "../../src/adapters/state-codec.ts";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import { readRuleTexts } from "../../src/adapters/rule-files.ts";
import { WatchListFiles, watchListsBeside } from "../../src/adapters/watch-list-files.ts";
import { loadSchemas } from "../../src/adapters/schema-files.ts";
import { openPartition } from "../../src/core/partition.ts";
import { ABSENCE_RULES } from "../../src/testing/simulator/absences.ts";
import type { WorldParts } from "../../src/testing/simulator/faulty-world.ts";
import { changedRules, loadedRules } from "../../src/testing/simulator/rule-changes.ts";

const root = join(import.meta.dirname, "..", "..");

/** It waits for half an hour, and a world ends sooner or later than that as its faults will; ABSENCE_RULES do not. */
const LONG_ABSENCE = "unconfirmed_new_login.yml";

export async function readWorldParts(): Promise<WorldParts> {
  const path = join(root, "rules");
  const watchLists = new WatchListFiles(await watchListsBeside(path));
  await watchLists.reload();
  const shipped = (await readRuleTexts(path)).filter((text) => basename(text.path) !== LONG_ABSENCE);
  const texts = [...shipped, ABSENCE_RULES];
  const options = { watchLists: watchLists.lists };
  const schemas = join(root, "schemas");
  return {
    rules: loadedRules(texts, options),
    ruleChanges: changedRules(texts, options),
    schemas: await loadSchemas(schemas),
    openPartition,
    stateCodec: createStateCodec(schemas),
    stateLogCodec: createStateLogCodec(schemas),
  };
}
