// What a killed starter leaves behind: nothing.

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startWatchdog } from "../../../src/adapters/local-cluster/watchdog.ts";

const watchdogModule = new URL("../../../src/adapters/local-cluster/watchdog.ts", import.meta.url).href;

/** A process that starts `sleep`, puts it under a watchdog, prints its id, and waits. */
const starter = `
import { spawn } from "node:child_process";
import { startWatchdog } from ${JSON.stringify(watchdogModule)};
const watchdog = startWatchdog(process.argv[1]);
const sleep = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
watchdog.add(sleep.pid);
console.log(sleep.pid);
setInterval(() => {}, 1000);
`;

test("kill -9 of the starter ends what it started and removes its directory", async () => {
  const directory = scratch();
  const process = spawn(globalThis.process.execPath, ["--input-type=module-typescript", "-e", starter, directory]);
  const [line] = (await once(process.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  assert.ok(isRunning(pid));
  process.kill("SIGKILL");
  await until(() => !isRunning(pid) && !existsSync(directory), `${pid} or ${directory} is still there`);
});

test("end() kills what is left, spares what was removed, and may be called twice", async () => {
  const directory = scratch();
  const watchdog = startWatchdog(directory);
  const [kept, spared] = [spawn("sleep", ["600"]), spawn("sleep", ["600"])];
  watchdog.add(kept.pid!);
  watchdog.add(spared.pid!);
  watchdog.remove(spared.pid!);
  const ended = once(kept, "exit");
  await watchdog.end();
  await watchdog.end();
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.equal(existsSync(directory), false);
  assert.ok(isRunning(spared.pid!));
  spared.kill();
});

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  writeFileSync(join(directory, "data"), "x");
  return directory;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function until(condition: () => boolean, otherwise: string): Promise<void> {
  for (const deadline = performance.now() + 5_000; !condition(); await delay(20)) {
    assert.ok(performance.now() < deadline, otherwise);
  }
}
