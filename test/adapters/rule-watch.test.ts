import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { readRules } from "../../src/adapters/rule-files.ts";
import { signatureOf, watchRules } from "../../src/adapters/rule-watch.ts";
import { systemClock } from "../../src/adapters/system-clock.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import type { Telemetry } from "../../src/runtime/telemetry.ts";

/** A mounted ConfigMap: `rules` leads through `..data` to a directory that is swapped whole. */
async function configMap(): Promise<{
  path: string;
  root: string;
  publish: (version: string, edit: (text: string) => string) => Promise<void>;
}> {
  const root = await mkdtemp(join(tmpdir(), "holdfast-rules-"));
  const path = join(root, "rules");
  const publish = async (version: string, edit: (text: string) => string): Promise<void> => {
    const data = join(root, version);
    await mkdir(data);
    await cp("rules/policy/factor_weakened.yml", join(data, "rule.yml"));
    await writeFile(join(data, "rule.yml"), edit(await readFile(join(data, "rule.yml"), "utf8")));
    await symlink(data, join(root, "next"));
    await rename(join(root, "next"), path);
  };
  return { path, root, publish };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "not in time");
    await systemClock.sleep(5);
  }
}

test("a swapped link is a new set; an invalid one is refused whole and the next valid one taken (RW1, RW2)", async () => {
  const { path, root, publish } = await configMap();
  await publish("v1", (text) => text);
  const stop = new AbortController();
  const said: string[] = [];
  const telemetry: Telemetry = { emit: (name, fields) => said.push(`${name} ${JSON.stringify(fields)}`) };
  const titles: (string | undefined)[] = [];
  let reads = 0;
  const watching = watchRules({
    paths: [path],
    known: await signatureOf([path]),
    read: () => {
      reads++;
      return readRules(path);
    },
    onRules: (rules) => titles.push(rules.detections[0]?.title),
    everyMs: 5,
    clock: systemClock,
    telemetry,
    signal: stop.signal,
  });
  await systemClock.sleep(50);
  assert.equal(reads, 0, "nothing changed, nothing is read");
  await publish("v2", (text) => text.replace(/^title: .*$/mu, "title: second"));
  await until(() => titles.length === 1);
  await publish("v3", (text) => text.replace("condition:", "conditio:"));
  await until(() => said.length === 2);
  await publish("v4", (text) => text.replace(/^title: .*$/mu, "title: fourth"));
  await until(() => titles.length === 2);
  stop.abort();
  await watching;
  assert.deepEqual(titles, ["second", "fourth"]);
  assert.deepEqual(
    said.map((line) => line.split(" ")[0]),
    ["rules.reloaded", "rules.refused", "rules.reloaded"],
  );
  assert.match(said[1] ?? "", /rule\.yml:\d+:\d+/u, "the refusal says where");
  await rm(root, { recursive: true });
});

test("what changed after the first reading and before the watch began is read (RW3)", async () => {
  const { path, root, publish } = await configMap();
  await publish("v1", (text) => text);
  const known = await signatureOf([path]);
  await publish("v2", (text) => text.replace(/^title: .*$/mu, "title: second"));
  const stop = new AbortController();
  const titles: (string | undefined)[] = [];
  const watching = watchRules({
    paths: [path],
    known,
    read: () => readRules(path),
    onRules: (rules) => titles.push(rules.detections[0]?.title),
    everyMs: 5,
    clock: systemClock,
    telemetry: SILENT,
    signal: stop.signal,
  });
  await until(() => titles.length > 0);
  stop.abort();
  await watching;
  assert.deepEqual(titles, ["second"]);
  await rm(root, { recursive: true });
});
