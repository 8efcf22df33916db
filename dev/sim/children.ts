// The simulator's processes: one starts for each share of the seeds, and tells of each seed as it is done.

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Share, Told } from "./child.ts";
import { MUTANT_VARIABLE } from "./mutants.ts";

const child = join(import.meta.dirname, "child.ts");
const loader = join(import.meta.dirname, "mutant-loader.ts");

/**
 * Resolves when the share is done.
 * @param options.mutant its name; null: the engine as it is
 * @throws Error when the process could not do it
 */
export async function runShare(
  share: Share,
  options: { readonly mutant: string | null; readonly onTold: (told: Told) => void },
): Promise<void> {
  const { mutant, onTold } = options;
  const running = fork(child, [JSON.stringify(share)], {
    execArgv: mutant === null ? [] : ["--import", loader],
    env: mutant === null ? process.env : { ...process.env, [MUTANT_VARIABLE]: mutant },
    serialization: "advanced",
  });
  running.on("message", (told) => onTold(told as Told));
  const [code, signal] = (await once(running, "exit")) as [number | null, string | null];
  if (code !== 0) throw new Error(`a process of the simulator ended with ${signal ?? code}, see above`);
}
