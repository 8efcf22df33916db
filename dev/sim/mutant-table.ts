// Does the simulator find what is broken on purpose? One row a mutant: after how many worlds, and by which check.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Told } from "./child.ts";
import { runShare } from "./children.ts";
import { misfit, MUTANTS } from "./mutants.ts";
import type { Mutant } from "./mutants.ts";

const root = join(import.meta.dirname, "..", "..");

/** The engine as it is has to hold in so many of the worlds: what fails without a mutant catches none. */
const SOUND_WORLDS = 50;

/** @param options.only a part of the names of those to try @returns whether all are caught */
export async function simulateMutants(options: {
  readonly first: number;
  readonly runs: number;
  readonly only: string;
}): Promise<boolean> {
  const unsound = await catchMutant(null, { ...options, runs: SOUND_WORLDS });
  if (unsound !== null) {
    console.log(`the engine as it is fails: ${unsound}`);
    return false;
  }
  const waiting = MUTANTS.filter(({ name }) => name.includes(options.only));
  console.log(`${waiting.length} mutants, at most ${options.runs} worlds each from seed ${options.first}`);
  let alive = 0;
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const row = (result: string, how: string): void => console.log(`  ${result}  ${mutant.name.padEnd(46)} ${how}`);
      const wrong = misfit(mutant, (file) => readFileSync(join(root, file), "utf8"));
      const caught = wrong === null ? await catchMutant(mutant, options) : null;
      if (caught === null) alive += 1;
      if (wrong !== null) row("NOT MADE  ", wrong);
      else row(caught === null ? "NOT CAUGHT" : "caught    ", caught ?? mutant.breaks);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  console.log(alive === 0 ? "  all are caught" : `  ${alive} not caught`);
  return alive === 0;
}

/** How it was caught; null: it was not. @param mutant null: the engine as it is */
export async function catchMutant(
  mutant: Mutant | null,
  { first, runs }: { readonly first: number; readonly runs: number },
): Promise<string | null> {
  let worlds = 0;
  let caught: string | null = null;
  const onTold = ({ simulated: { seed, problems } }: Told): void => {
    worlds += 1;
    const [problem] = problems;
    if (problem !== undefined)
      caught = `world ${worlds} (seed ${seed}), ${problem.check}: ${problem.detail.split("\n")[0]!.slice(0, 90)}`;
  };
  await runShare({ first, count: runs, shorten: 0, stopAtFailure: true }, { mutant: mutant?.name ?? null, onTold });
  return caught;
}
