// `npm run chaos -- --minutes 30`: faults on real brokers, a real registry and real Holdfast processes, judged
// by an oracle of its own (test/chaos). Prints what it does, then a report; exits 1 when a promise was broken.
// A seed gives the same faults in the same order; when they strike depends on the machine.
// With `--mutant NAME` the processes are broken on purpose (dev/sim/mutants.ts): then a report without findings
// is the failure.

import { join } from "node:path";
import { Command, Option } from "commander";
import { isClean, reportText } from "../test/chaos/chaos-report.ts";
import { runCourse } from "../test/chaos/course.ts";
import { FAULTS } from "../test/chaos/faults.ts";
import { atLeastOne } from "./options.ts";
import { MUTANT_VARIABLE, MUTANTS } from "./sim/mutants.ts";

const kinds = FAULTS.map(({ kind }) => kind);
const options = new Command("npm run chaos --")
  .description("Faults on real brokers and processes, judged by an oracle of its own.")
  .option("--minutes <number>", "how long faults strike", atLeastOne, 5)
  .addOption(new Option("--brokers <number>", "of the cluster").choices(["1", "3"]).default("1"))
  .option("--instances <number>", "Holdfast processes", atLeastOne, 3)
  .option("--partitions <number>", "of each topic", atLeastOne, 6)
  .option("--rate <number>", "new accounts a second", atLeastOne, 30)
  .option("--seed <text>", "the same faults in the same order", String(Date.now()))
  .addOption(new Option("--without <kind...>", "faults that do not strike").choices(kinds))
  .addOption(new Option("--only <kind...>", "the only faults that strike").choices(kinds))
  .addOption(new Option("--mutant <name>", "processes broken on purpose").choices(MUTANTS.map(({ name }) => name)))
  .option("--brief", "the short form of npm test", false)
  .option("--list", "names the faults", false)
  .option("--json", "the report as JSON", false)
  .parse()
  .opts<{
    readonly minutes: number;
    readonly brokers: "1" | "3";
    readonly instances: number;
    readonly partitions: number;
    readonly rate: number;
    readonly seed: string;
    readonly without?: readonly string[];
    readonly only?: readonly string[];
    readonly mutant?: string;
    readonly brief: boolean;
    readonly list: boolean;
    readonly json: boolean;
  }>();

if (options.list) {
  for (const kind of kinds) console.log(kind);
  process.exit(0);
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort(new Error(signal)));

const root = join(import.meta.dirname, "..");
const { mutant } = options;
const broken = mutant === undefined ? [] : ["--import", join(import.meta.dirname, "sim/mutant-loader.ts")];
const report = await runCourse({
  brokers: options.brokers === "3" ? 3 : 1,
  // One more than those that run: it comes and goes.
  slots: options.instances + 1,
  partitions: options.partitions,
  kept: join(root, ".holdfast"),
  rules: join(root, "test/chaos/rules"),
  holdfast: [process.execPath, ...broken, join(root, "src/main.ts")],
  env: process.env,
  ...(mutant === undefined ? {} : { variables: { [MUTANT_VARIABLE]: mutant } }),
  signal: stop.signal,
  say: (line) => console.error(line),
  seed: options.seed,
  lastsMs: options.minutes * 60_000,
  brief: options.brief,
  accountsPerSecond: options.rate,
  ...(options.without === undefined ? {} : { without: options.without }),
  ...(options.only === undefined ? {} : { only: options.only }),
});
console.log(options.json ? JSON.stringify(report) : reportText(report));
process.exitCode = isClean(report) === (mutant === undefined) ? 0 : 1;
