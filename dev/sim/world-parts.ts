// What the simulated worlds are made of: the shipped rules and schemas, the production codecs and core.

import { join } from "node:path";
import { createStateCodec } from "../../src/adapters/state-codec.ts";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import { readRules, readRuleTexts } from "../../src/adapters/rule-files.ts";
import { WatchListFiles, watchListsBeside } from "../../src/adapters/watch-list-files.ts";
import { loadSchemas } from "../../src/adapters/schema-files.ts";
import { openPartition } from "../../src/core/partition.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import type { WorldParts } from "../../src/testing/simulator/faulty-world.ts";
import { changedRules } from "../../src/testing/simulator/rule-changes.ts";

const root = join(import.meta.dirname, "..", "..");

export async function readWorldParts(): Promise<WorldParts> {
  const path = join(root, "rules");
  const watchLists = new WatchListFiles(await watchListsBeside(path));
  await watchLists.reload();
  const { rules, problems } = await readRules(path, { watchLists });
  if (rules === null) throw new Error(problems.map(formatProblem).join("\n"));
  const schemas = join(root, "schemas");
  return {
    rules,
    ruleChanges: changedRules(await readRuleTexts(path), { watchLists: watchLists.lists }),
    schemas: await loadSchemas(schemas),
    openPartition,
    stateCodec: createStateCodec(schemas),
    stateLogCodec: createStateLogCodec(schemas),
  };
}
