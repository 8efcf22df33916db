// Hundreds of rule files, and what pySigma says of each (corpus/verdicts.json, made by corpus/verdicts.py):
// Holdfast says the same, but for the differences that corpus/differences.json and docs/rules.md name.

import { deepEqual, ok, strictEqual } from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatProblem } from "../../src/sigma/problem.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";

const corpus = join(import.meta.dirname, "corpus");
const read = (file: string): string => readFileSync(join(corpus, file), "utf8");
const { verdicts } = JSON.parse(read("verdicts.json")) as { verdicts: Record<string, string> };
const differences = JSON.parse(read("differences.json")) as Record<string, string[]>;
const different = new Map(Object.entries(differences).flatMap(([why, files]) => files.map((file) => [file, why])));

test("every file has a verdict, and every difference a file", () => {
  const files = readdirSync(corpus, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yml"))
    .map((file) => file.replaceAll("\\", "/"));
  deepEqual(files.toSorted(), Object.keys(verdicts).toSorted());
  ok(files.length > 300);
  deepEqual(
    [...different.keys()].filter((file) => !Object.hasOwn(verdicts, file)),
    [],
  );
});

for (const [file, verdict] of Object.entries(verdicts)) {
  const why = different.get(file);
  test(`${file}: pySigma ${verdict}${why === undefined ? "" : `, here otherwise: ${why}`}`, () => {
    const { rules, problems } = loadRules([{ path: file, text: read(file) }]);
    const isAccepted = why === undefined ? verdict === "accepted" : verdict !== "accepted";
    strictEqual(rules !== null, isAccepted, problems.map(formatProblem).join("\n"));
  });
}

test("docs/rules.md names every difference", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/rules.md"), "utf8");
  const [, section = ""] = page.split("## Where Holdfast differs from pySigma\n");
  const rows = section
    .split("\n## ", 1)[0]!
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1);
  deepEqual(rows.map((row) => row.split(" | ")[0]!.slice(2)).toSorted(), Object.keys(differences).toSorted());
});
