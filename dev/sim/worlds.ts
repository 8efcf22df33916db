// Many worlds, shared among as many processes as there are cores: progress, the failing ones as short as they
// can be, and what the others went through.

import { availableParallelism } from "node:os";
import { faultText } from "../../src/testing/simulator/faults.ts";
import { simulatedText } from "../../src/testing/simulator/simulation.ts";
import type { Told } from "./child.ts";
import { runShare } from "./children.ts";

const PROGRESS_EVERY = 1_000;

/** @returns whether everything held in all of them */
export async function simulateWorlds(options: { readonly first: number; readonly runs: number }): Promise<boolean> {
  const { first, runs } = options;
  const started = performance.now();
  const failing: number[] = [];
  const went = new Map<string, number>();
  const faults = new Map<string, number>();
  let done = 0;
  const onTold = ({ simulated, shortened }: Told): void => {
    done += 1;
    for (const [name, count] of Object.entries(simulated.tally)) went.set(name, (went.get(name) ?? 0) + count);
    for (const fault of simulated.faults) {
      const name = fault.kind === "call" ? `call ${fault.after}` : fault.kind;
      faults.set(name, (faults.get(name) ?? 0) + 1);
    }
    if (simulated.problems.length > 0) failing.push(simulated.seed);
    if (shortened !== null) console.log(`\n${simulatedText(shortened, faultText)}\n`);
    if (done % PROGRESS_EVERY === 0) console.log(`  ${done} of ${runs} worlds, ${failing.length} failed`);
  };
  console.log(`${runs} worlds, seeds ${first} to ${first + runs - 1}`);
  await Promise.all(
    shares(first, runs, availableParallelism()).map((share) =>
      runShare({ ...share, shorten: 2, stopAtFailure: false }, { mutant: null, onTold }),
    ),
  );
  const seconds = (performance.now() - started) / 1_000;
  console.log(`  ${done} worlds in ${seconds.toFixed(0)} s`);
  console.log(`  faults: ${listed(faults)}`);
  console.log(`  met: ${listed(went)}`);
  if (failing.length === 0) {
    console.log("  everything said and remembered is as without the faults");
    return true;
  }
  console.log(
    `  ${failing.length} failed: seeds ${failing
      .toSorted((a, b) => a - b)
      .slice(0, 20)
      .join(", ")}`,
  );
  console.log(`  one again: npm run sim -- --worlds --seed ${failing[0]} --runs 1`);
  return false;
}

/** Neighbours stay together: they share a scenario. */
function shares(first: number, runs: number, processes: number): { first: number; count: number }[] {
  const size = Math.ceil(runs / processes);
  return Array.from({ length: processes }, (_, index) => ({
    first: first + index * size,
    count: Math.min(size, runs - index * size),
  })).filter(({ count }) => count > 0);
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
