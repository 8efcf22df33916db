// The script every npm command goes through: what reaches the real program, and what comes back.

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { text } from "node:stream/consumers";

const bootstrap = join(import.meta.dirname, "..", "..", "dev", "bootstrap.mjs");
const scratch = mkdtempSync(join(tmpdir(), "holdfast-test-"));
after(() => rmSync(scratch, { recursive: true }));

const script = join(scratch, "script.mjs");
writeFileSync(
  script,
  `process.on("SIGTERM", () => process.exit(7));
console.log(JSON.stringify([process.argv.slice(2), process.versions.node.split(".")[0]]));
if (process.argv[2] === "wait") setInterval(() => {}, 1000);
else process.exitCode = 3;`,
);

test("arguments reach the script on the project's Node, and its exit code comes back", async () => {
  const child = spawn(process.execPath, [bootstrap, script, "--a", "b c"]);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit") as Promise<[number]>]);
  assert.deepEqual(JSON.parse(printed), [["--a", "b c"], "24"]);
  assert.equal(code, 3);
});

test("a signal is passed on", async () => {
  const child = spawn(process.execPath, [bootstrap, script, "wait"]);
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [7, null]);
});

test("a script that a signal ends gives the shell's exit code for it", async () => {
  const dies = join(scratch, "dies.mjs");
  writeFileSync(dies, 'process.kill(process.pid, "SIGKILL");');
  const child = spawn(process.execPath, [bootstrap, dies], { stdio: "ignore" });
  assert.deepEqual(await once(child, "exit"), [137, null]);
});
