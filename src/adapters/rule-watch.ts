// Watches the rules (and the watch-lists they read) on disk and hands over each new valid set. Owns noticing
// a change, also of a mounted ConfigMap, whose files are links into a directory that is swapped whole.
// Leaves the swap itself to whoever gets the rules.
//
// Invariants:
//   RW1  An invalid or unreadable set is refused whole and reported; what is in force stays in force.
//   RW2  A set is looked at again only when something about its files changed.
//   RW3  A change since the rules in force were read is noticed, however long it takes until they are watched:
//        a start waits for brokers and registry.

import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RuleSet } from "../core/rule.ts";
import type { Clock } from "../runtime/ports.ts";
import type { Telemetry } from "../runtime/telemetry.ts";
import type { LoadedRules } from "../sigma/rule-set.ts";
import { formatProblem } from "../sigma/problem.ts";

export interface RuleWatchOptions {
  /** Files and directories whose change means that the rules may have changed. */
  readonly paths: readonly string[];
  /** Of the files as they were before the rules in force were read (RW3). */
  readonly known: string;
  readonly read: () => Promise<LoadedRules>;
  readonly onRules: (rules: RuleSet) => void;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly signal: AbortSignal;
}

/** Looks until the signal aborts. */
export async function watchRules(options: RuleWatchOptions): Promise<void> {
  const { paths, clock, signal, everyMs } = options;
  let { known } = options;
  for (;;) {
    await clock.sleep(everyMs, signal);
    if (signal.aborted) return;
    const found = await signatureOf(paths);
    if (found === known) continue; // RW2
    known = found;
    await reload(options);
  }
}

/** RW1 */
async function reload({ read, onRules, telemetry }: RuleWatchOptions): Promise<void> {
  const refuse = (problems: readonly string[]): void =>
    telemetry.emit("rules.refused", { problems: problems.length, first: problems[0] ?? "" });
  try {
    const { rules, problems } = await read();
    if (rules === null) return refuse(problems.map(formatProblem));
    onRules(rules);
    telemetry.emit("rules.reloaded", { count: rules.detections.length + rules.correlations.length, hash: rules.hash });
  } catch (error) {
    refuse([error instanceof Error ? error.message : String(error)]);
  }
}

/**
 * Changes when a file comes, goes or is written, or a link leads elsewhere. A link is followed once, and all
 * else asked of where it leads: swapped meanwhile, it would give a signature that is neither the old nor the new.
 */
export async function signatureOf(paths: readonly string[]): Promise<string> {
  const signatures = await Promise.all(
    paths.map(async (path): Promise<string> => {
      try {
        const real = await realpath(path);
        const entry = await stat(real);
        const own = `${path}>${real}:${entry.mtimeMs}:${entry.size}`;
        if (!entry.isDirectory()) return own;
        const names = (await readdir(real)).toSorted();
        return `${own}[${await signatureOf(names.map((name) => join(real, name)))}]`;
      } catch {
        return `${path}>unreadable`;
      }
    }),
  );
  return signatures.join("|");
}
