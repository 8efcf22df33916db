// `npm run chaos -- --minutes 30`: faults on real brokers, a real registry and real Holdfast processes, judged
// by an oracle of its own (test/chaos). Prints what it does, then a report; exits 1 when a promise was broken.
// A seed gives the same faults in the same order; when they strike depends on the machine.
// With `--mutant NAME` the processes are broken on purpose (dev/sim/mutants.ts): then a report without findings
// is the failure.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { isClean, reportText } from "../test/chaos/chaos-report.ts";
import { runCourse } from "../test/chaos/course.ts";
import { FAULTS } from "../test/chaos/faults.ts";
import { MUTANT_VARIABLE } from "./sim/mutants.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    brokers: { type: "string", default: "1" },
    instances: { type: "string", default: "3" },
    partitions: { type: "string", default: "6" },
    rate: { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now()) },
    without: { type: "string", multiple: true },
    only: { type: "string", multiple: true },
    mutant: { type: "string" },
    brief: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

if (values.list) {
  for (const { kind } of FAULTS) console.log(kind);
  process.exit(0);
}
if (values.brokers !== "1" && values.brokers !== "3") throw new Error(`--brokers is 1 or 3, not ${values.brokers}`);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort(new Error(signal)));

const root = join(import.meta.dirname, "..");
const { mutant } = values;
const broken = mutant === undefined ? [] : ["--import", join(import.meta.dirname, "sim/mutant-loader.ts")];
const report = await runCourse({
  brokers: values.brokers === "3" ? 3 : 1,
  // One more than those that run: it comes and goes.
  slots: Number(values.instances) + 1,
  partitions: Number(values.partitions),
  kept: join(root, ".holdfast"),
  rules: join(root, "test/chaos/rules"),
  holdfast: [process.execPath, ...broken, join(root, "src/main.ts")],
  env: process.env,
  ...(mutant === undefined ? {} : { variables: { [MUTANT_VARIABLE]: mutant } }),
  signal: stop.signal,
  say: (line) => console.error(line),
  seed: values.seed,
  lastsMs: Number(values.minutes) * 60_000,
  brief: values.brief,
  accountsPerSecond: Number(values.rate),
  ...(values.without === undefined ? {} : { without: values.without }),
  ...(values.only === undefined ? {} : { only: values.only }),
});
console.log(values.json ? JSON.stringify(report) : reportText(report));
process.exitCode = isClean(report) === (mutant === undefined) ? 0 : 1;
