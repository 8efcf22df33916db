// Reading rule files from disk.

import { deepEqual, rejects, strictEqual } from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readRuleTexts, readRules } from "../../src/adapters/rule-files.ts";
import { formatProblem } from "../../src/sigma/problem.ts";

const directory = await mkdtemp(join(tmpdir(), "holdfast-rules-"));
after(() => rm(directory, { recursive: true }));

test("files below a directory are found in the order of their paths, hidden ones are not", async () => {
  const root = join(directory, "some");
  await mkdir(join(root, "deep", ".git"), { recursive: true });
  for (const name of ["b.yml", "a.yaml", "deep/c.yml", "notes.txt", ".hidden.yml", "deep/.git/d.yml"])
    await writeFile(join(root, name), name);
  await symlink(join(root, "b.yml"), join(root, "z.yml"));
  const texts = await readRuleTexts(root);
  deepEqual(
    texts.map(({ path, text }) => [path.slice(root.length + 1), text]),
    [
      ["a.yaml", "a.yaml"],
      ["b.yml", "b.yml"],
      ["deep/c.yml", "deep/c.yml"],
      ["z.yml", "b.yml"],
    ],
  );
  strictEqual((await readRuleTexts(join(root, "b.yml"))).length, 1);
});

test("an empty directory is a warning, with a rule set of nothing", async () => {
  const empty = join(directory, "empty");
  await mkdir(empty);
  const { rules, warnings } = await readRules(empty);
  deepEqual(rules?.detections, []);
  deepEqual(warnings, [
    {
      file: empty,
      line: 1,
      column: 1,
      found: "no rule files",
      instead: "nothing will be detected; put .yml files there",
    },
  ]);
});

test("a file that is no UTF-8 is a problem at its first such byte, beside those of the others", async () => {
  const root = join(directory, "encodings");
  await mkdir(root);
  const rule = (title: string) =>
    `# é\ntitle: ${title}\nlogsource: { product: exchange }\ndetection: { s: { ip: x }, condition: s }\n`;
  await writeFile(join(root, "a.yml"), `\ufeff${rule("Zürich\ufffd")}`);
  await writeFile(join(root, "b.yml"), Buffer.from(rule("Zürich").replace("é", "e"), "latin1"));
  await writeFile(join(root, "c.yml"), Buffer.from(`\ufeff${rule("C")}`, "utf16le"));
  await writeFile(join(root, "d.yml"), rule("D").replace("ip:", "ipp:"));
  const { rules, problems } = await readRules(root);
  strictEqual(rules, null);
  deepEqual(
    problems.map((problem) => formatProblem(problem).slice(root.length + 1)),
    [
      "b.yml:2:9: the byte 0xfc at byte 12, which is no UTF-8; save the file as UTF-8",
      "c.yml:1:1: the byte 0xff at byte 0, which is no UTF-8; save the file as UTF-8",
      'd.yml:4:19: the unknown field "ipp"; did you mean ip?',
    ],
  );
});

test("a path that is not there is one message", async () => {
  await rejects(
    readRules(join(directory, "nowhere")),
    /nowhere cannot be read \(ENOENT\); give a directory of \.yml files, or one file$/u,
  );
});
