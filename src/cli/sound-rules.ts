// Rules as every command that needs them reads them: what the files say for certain is told on standard
// error, warnings too, and nothing goes on with a set that does not load.

import { RulesUnreadable, readRules } from "../adapters/rule-files.ts";
import type { ReadOptions } from "../adapters/rule-files.ts";
import type { RuleSet } from "../core/rule.ts";
import { formatProblem } from "../sigma/problem.ts";
import type { LoadedRules } from "../sigma/rule-set.ts";
import type { Io } from "./io.ts";

export type SoundRules = LoadedRules & { readonly rules: RuleSet };

/**
 * @param path a directory of rule files, or one file
 * @returns null: they do not load, and every reason was told
 */
export async function readSoundRules(path: string, io: Io, options: ReadOptions = {}): Promise<SoundRules | null> {
  let loaded: LoadedRules;
  try {
    loaded = await readRules(path, options);
  } catch (error) {
    if (!(error instanceof RulesUnreadable)) throw error;
    io.stderr(`${error.message}\n`);
    return null;
  }
  for (const warning of loaded.warnings) io.stderr(`warning: ${formatProblem(warning)}\n`);
  for (const problem of loaded.problems) io.stderr(`${formatProblem(problem)}\n`);
  if (loaded.rules !== null) return { ...loaded, rules: loaded.rules };
  io.stderr(`${loaded.problems.length} problem${loaded.problems.length === 1 ? "" : "s"} in ${path}\n`);
  return null;
}
