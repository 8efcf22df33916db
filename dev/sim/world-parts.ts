// What the simulated worlds are made of: the shipped rules and schemas, the production codecs and core.

import { join } from "node:path";
import { createStateCodec } from "../../src/adapters/state-codec.ts";
import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import { readRules } from "../../src/adapters/rule-files.ts";
import { loadSchemas } from "../../src/adapters/schema-files.ts";
import { openPartition } from "../../src/core/partition.ts";
import { formatProblem } from "../../src/sigma/problem.ts";
import type { WorldParts } from "../../src/testing/simulator/faulty-world.ts";

const root = join(import.meta.dirname, "..", "..");

export async function readWorldParts(): Promise<WorldParts> {
  const { rules, problems } = await readRules(join(root, "rules"));
  if (rules === null) throw new Error(problems.map(formatProblem).join("\n"));
  const schemas = join(root, "schemas");
  return {
    rules,
    schemas: await loadSchemas(schemas),
    openPartition,
    stateCodec: createStateCodec(schemas),
    stateLogCodec: createStateLogCodec(schemas),
  };
}
