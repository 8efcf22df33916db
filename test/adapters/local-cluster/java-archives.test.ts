// The cache of archives under interrupted, failing and simultaneous downloads. Maven is a script here: it
// gets the same arguments, and fills the directory it is told.

import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  install,
  isInstalled,
  type Archive,
  type InstallOptions,
} from "../../../src/adapters/local-cluster/java-archives.ts";

const archive: Archive = {
  title: "A thing 1.0",
  name: "thing-1.0",
  sizeMb: 1,
  pom: "<project/>",
  goal: ["copy", "-DoutputDirectory=DIR"],
};

let scratch: string;
let cache: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  cache = join(scratch, "cache");
});
afterEach(() => rmSync(scratch, { recursive: true }));

/** A Maven whose last argument names the directory to fill: `fill` runs in it. */
function maven(fill: string): Omit<InstallOptions, "signal"> & { readonly said: string[] } {
  const command = join(scratch, `mvn-${readdirSync(scratch).length}`);
  const script = `#!/bin/sh\nfor last; do :; done\ndir="\${last#-DoutputDirectory=}"\nmkdir -p "$dir" && cd "$dir" && ${fill}\n`;
  writeFileSync(command, script, { mode: 0o755 });
  const said: string[] = [];
  return { cache, maven: command, env: process.env, onProgress: (line) => said.push(line), said };
}

test("a whole archive is kept, found again, and its download told", async () => {
  const options = maven("echo 'Downloaded from central: there/a.jar (1 MB at 2 MB/s)' && touch a.jar");
  const directory = await install(archive, options);
  assert.deepEqual(readdirSync(directory), ["a.jar"]);
  assert.deepEqual(options.said, [
    "A thing 1.0: downloading 1 MB (only once)",
    "A thing 1.0: 1 files, a.jar (1 MB at 2 MB/s)",
  ]);
  assert.equal(await install(archive, maven("exit 1")), directory);
  assert.deepEqual(readdirSync(cache), [archive.name]);
});

test("a failed download leaves nothing and says what Maven said", async () => {
  const failing = maven("touch half.jar && echo '[ERROR] no route' && exit 1");
  await assert.rejects(install(archive, failing), /A thing 1\.0 could not be downloaded[^]*no route/u);
  assert.equal(await isInstalled(archive, cache), false);
  assert.deepEqual(readdirSync(cache), []);
});

test("without Maven the message names it", async () => {
  await assert.rejects(install(archive, { ...maven("true"), maven: join(scratch, "none") }), /mvn: .*ENOENT/u);
});

test("an aborted download has ended, and leaves nothing, when its failure is told", async () => {
  const ended = join(scratch, "ended");
  const stop = new AbortController();
  const busy = maven(
    `trap 'sleep 0.1; touch late.jar ${ended}; exit 1' TERM && echo 'Downloaded from central: there/a.jar (1 MB)' && ` +
      "while :; do touch half.jar; sleep 0.01; done",
  );
  const onProgress = (line: string): void => {
    if (line.includes("a.jar")) stop.abort(new Error("stopped"));
  };
  await assert.rejects(install(archive, { ...busy, onProgress, signal: stop.signal }), /stopped/u);
  assert.deepEqual([existsSync(ended), readdirSync(cache)], [true, []]);
});

test("of two downloads at once both get the whole archive", async () => {
  const slow = maven("touch a.jar && sleep 0.2");
  const [first, second] = await Promise.all([install(archive, slow), install(archive, slow)]);
  assert.equal(first, second);
  assert.deepEqual(readdirSync(first), ["a.jar"]);
  assert.deepEqual(readdirSync(cache), [archive.name]);
});

test("what a killed download left is removed once it is old, not while it may be under way", async () => {
  const [old, young] = [join(cache, ".partial-old"), join(cache, ".partial-young")];
  mkdirSync(old, { recursive: true });
  mkdirSync(young);
  utimesSync(old, 0, 0);
  await install(archive, maven("touch a.jar"));
  assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
});
