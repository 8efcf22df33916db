// The demo's Holdfast processes, with a stand-in program that only answers /readyz.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, execPath } from "node:process";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { startWatchdog } from "../../src/adapters/local-cluster/watchdog.ts";
import type { Instance } from "../../src/cli/demo/instance.ts";
import { allReady, makeInstance } from "../../src/cli/demo/instance.ts";
import { killAtRandom } from "../../src/cli/demo/kills.ts";
import { seededRandom } from "../../src/testing/exchange/random.ts";

const ANSWERS = `
  console.log("up", process.pid, process.argv.at(-1));
  require("node:http").createServer((_, response) => response.end("ok")).listen(process.env.HOLDFAST_HTTP_PORT, "127.0.0.1");
`;

async function instance(
  t: TestContext,
  program: string,
): Promise<{ instance: Instance; deaths: Error[]; log: () => string }> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const watchdog = startWatchdog(directory);
  const deaths: Error[] = [];
  const made = await makeInstance({
    name: "Holdfast 1",
    self: [execPath, "-e", program],
    env,
    directory,
    watchdog,
    onDeath: (why) => deaths.push(why),
  });
  t.after(async () => {
    await made.stop();
    await watchdog.end();
  });
  return { instance: made, deaths, log: () => readFileSync(made.logFile, "utf8") };
}

const deadline = (): AbortSignal => AbortSignal.timeout(10_000);

async function until(condition: () => boolean): Promise<void> {
  const signal = deadline();
  while (!condition()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("an instance is started as `run`, ready when it says so, and can be started again after a kill", async (t) => {
  const { instance: first, deaths, log } = await instance(t, ANSWERS);
  assert.equal(await first.isReady(), false);
  first.start();
  await allReady([first], deadline());
  await first.kill();
  assert.equal(await first.isReady(), false);
  first.start();
  await allReady([first], deadline());
  await first.stop();
  assert.deepEqual(
    log()
      .match(/^up \d+ (.*)$/gm)
      ?.map((line) => line.replace(/\d+/, "N")),
    ["up N run", "up N run"],
  );
  assert.deepEqual(deaths, []);
});

test("a second child beside a running one is refused (I1)", async (t) => {
  const { instance: first } = await instance(t, ANSWERS);
  first.start();
  assert.throws(() => first.start(), /already runs/);
});

test("a child that ends by itself is reported once, with the end of its log (I2)", async (t) => {
  const { instance: first, deaths } = await instance(
    t,
    `console.error("topic auth-events is missing"); process.exit(3);`,
  );
  first.start();
  await until(() => deaths.length > 0);
  assert.match(deaths[0]!.message, /Holdfast 1 ended by itself \(exit code 3\)[\s\S]*topic auth-events is missing/);
  await first.stop();
  assert.equal(deaths.length, 1);
});

test("kills hit one ready instance at a time and end with the signal", async (t) => {
  const { instance: first, deaths } = await instance(t, ANSWERS);
  const stop = new AbortController();
  const said: string[] = [];
  first.start();
  await killAtRandom({
    instances: [first],
    random: seededRandom(1),
    signal: stop.signal,
    say: (line) => {
      said.push(line);
      if (said.length === 3) stop.abort();
    },
    pause: [0, 10],
    down: [0, 10],
  });
  assert.deepEqual(said, ["kill -9 Holdfast 1", "Holdfast 1 starts again", "kill -9 Holdfast 1"]);
  assert.deepEqual(deaths, []);
});
