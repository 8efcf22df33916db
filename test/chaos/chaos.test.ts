// The short form of `npm run chaos`: one broker of its own, two Holdfast processes, some of the faults, and
// the oracle's judgement. Not on the shared broker: that one must live.

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { execPath } from "node:process";
import { test } from "node:test";
import { NoLocalCluster } from "../../src/adapters/local-cluster/local-cluster.ts";
import { isClean, reportText } from "./chaos-report.ts";
import { runCourse } from "./course.ts";

const root = join(import.meta.dirname, "../..");
const LIMIT_MS = 240_000;
const { TEST_SEED = "1" } = process.env;

test(
  "killed, stopped, cut off and disturbed, it loses nothing and doubles nothing",
  { timeout: LIMIT_MS },
  async (t) => {
    try {
      const report = await runCourse({
        brokers: 1,
        slots: 3,
        partitions: 4,
        kept: join(root, ".holdfast"),
        rules: join(import.meta.dirname, "rules"),
        holdfast: [execPath, join(root, "src/main.ts")],
        env: process.env,
        signal: t.signal,
        say: (line) => t.diagnostic(line),
        // The same order each time; when each strikes depends on the machine.
        seed: TEST_SEED === "random" ? String(Date.now()) : TEST_SEED,
        lastsMs: 30_000,
        brief: true,
        once: true,
        only: [
          "kill -9 after a command's append",
          "SIGSTOP past the session time-out",
          "broker killed",
          "registry down",
          "nothing but poison",
          "a wave of freezes",
          "the enforcer down",
        ],
        accountsPerSecond: 20,
      });
      t.diagnostic(reportText(report));
      assert.ok(isClean(report), reportText(report));
      const { expected, held, answered, unanswered } = report.verdict;
      assert.ok(expected > 100, "hardly anything had to be said");
      assert.ok(held > 10, "hardly anybody was held for a link");
      assert.ok(answered > 100 && unanswered > 10, "hardly anything was answered, or left without an answer");
      assert.ok(report.faults.length > 0, "nothing was disturbed");
    } catch (error) {
      if (!(error instanceof NoLocalCluster)) throw error;
      t.skip(error.message.split("\n")[0]);
    }
  },
);
