// Watch-lists on disk: found beside the rules, read again when they change.

import { deepEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import { WatchListFiles, watchListsBeside } from "../../src/adapters/watch-list-files.ts";
import { NO_FACTS, detectionRule, event } from "../sigma/loading.ts";

const root = await mkdtemp(join(tmpdir(), "watch-lists-"));
after(() => rm(root, { recursive: true }));
const rules = join(root, "rules", "watch");
const lists = join(root, "watchlists");
await mkdir(rules, { recursive: true });
await mkdir(lists);
await writeFile(join(rules, "w.yml"), detectionRule("s: { address|expand: '%wallets%' }\ncondition: s"));

test("a rule's placeholder reads the list beside the rules, as it is now", async () => {
  strictEqual((await readRules(rules)).problems.length, 1);
  await writeFile(join(lists, "wallets.txt"), "a\n# c\n");
  strictEqual(await watchListsBeside(join(rules, "w.yml")), lists);
  const files = new WatchListFiles(lists);
  deepEqual(await files.reload(), ["wallets"]);
  const loaded = await readRules(join(root, "rules"), { watchLists: files });
  const matches = loaded.rules!.detections[0]!.matches;
  const found = (): boolean[] => ["a", "b"].map((address) => matches(event({ address }), NO_FACTS));
  deepEqual(found(), [true, false]);
  await writeFile(join(lists, "new"), "b\n");
  await rename(join(lists, "new"), join(lists, "wallets.txt"));
  deepEqual(found(), [true, false]);
  deepEqual(await files.reload(), ["wallets"]);
  deepEqual(found(), [false, true]);
  deepEqual(await files.reload(), []);
});

test("a list that is no UTF-8 is refused with its place, and the values it had stay", async () => {
  const directory = join(root, "latin");
  await mkdir(directory);
  const file = join(directory, "names.txt");
  await writeFile(file, "\ufeffanna\n");
  const files = new WatchListFiles(directory);
  await files.reload();
  const long = `anna\n${"x\n".repeat(40_000)}m`;
  await writeFile(file, Buffer.concat([Buffer.from(long), Buffer.from([0xfc, 0x6c, 0x6c, 0x0a])]));
  await rejects(
    files.reload(),
    new RegExp(
      `names\\.txt:40002:2: the byte 0xfc at byte ${long.length}, which is no UTF-8; save the file as UTF-8$`,
      "u",
    ),
  );
  const list = files.lists.get("names")!;
  deepEqual([list.size, list.has("anna", true)], [1, true]);
  await writeFile(file, Buffer.from([0x61, 0xef, 0xbf]));
  await rejects(files.reload(), /names\.txt:1:3: the end of the file at byte 3, which is no UTF-8/u);
  await mkdir(join(root, "beside"));
  await mkdir(join(root, "beside", "rules"));
  await rename(directory, join(root, "beside", "watchlists"));
  await rejects(readRules(join(root, "beside", "rules")), /^RulesUnreadable: \S+names\.txt:1:3: the end/u);
});

test("no directory is no list", async () => {
  const files = new WatchListFiles(null);
  deepEqual(await files.reload(), []);
  strictEqual(files.lists.size, 0);
});

test("a long list is read in pieces, between which everything else goes on", async () => {
  const directory = join(root, "long");
  await mkdir(directory);
  const values = Array.from({ length: 20_000 }, (_, index) => `0xAbCdEf${String(index).padStart(34, "0")}`);
  await writeFile(join(directory, "long.txt"), values.join("\r\n"));
  const files = new WatchListFiles(directory);
  let turns = 0;
  let reading = true;
  const turn = (): void => {
    turns++;
    if (reading) setImmediate(turn);
  };
  turn();
  await files.reload();
  reading = false;
  const list = files.lists.get("long")!;
  strictEqual(list.size, values.length);
  strictEqual(
    values.filter((value) => !list.has(value.toUpperCase(), false) || list.has(`${value}0`, false)).length,
    0,
  );
  ok(turns > 5, `${turns} turns`);
});
