// `holdfast check`.

import { deepEqual, match, strictEqual } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { check } from "../../src/cli/check.ts";
import { openConsole } from "./console.ts";

const SHIPPED = fileURLToPath(new URL("../../rules", import.meta.url));
const directory = await mkdtemp(join(tmpdir(), "holdfast-check-"));
after(() => rm(directory, { recursive: true }));

async function run(rules: string, test = false) {
  const { io, out, err } = openConsole();
  return { code: await check({ rules, test }, io), out: out(), err: err() };
}

test("the shipped rules are sound, and their tests pass", async () => {
  const { code, out, err } = await run(SHIPPED, true);
  deepEqual([code, err], [0, ""]);
  match(out, /^\d+ rules \(\d+ of single events, \d+ of several\), \d+ steps: sound\n\d+ tests passed, 0 failed\n$/u);
});

test("all problems of all files, one a line, and exit code 1", async () => {
  await writeFile(
    join(directory, "a.yml"),
    "title: A\nlogsource: { product: exchange }\ndetection: { a: { ipp: x }, condition: a }\n",
  );
  await writeFile(join(directory, "b.yml"), "title: B\n");
  const { code, out, err } = await run(directory);
  deepEqual([code, out], [1, ""]);
  strictEqual(
    err,
    `${join(directory, "a.yml")}:3:19: the unknown field "ipp"; did you mean ip?
${join(directory, "b.yml")}:1:1: a document with neither detection nor correlation nor filter; write logsource: and detection:, correlation:, or logsource: and filter:
2 problems in ${directory}
`,
  );
});

test("a failing test of a rule is a readable difference and exit code 1", async () => {
  const file = join(directory, "c.yaml");
  await writeFile(
    file,
    `title: Changed
logsource: { product: exchange, service: auth }
detection: { a: { type: PASSWORD_CHANGED }, condition: a }
holdfast:
    respond: [{ hold: [WITHDRAW], for: 1h, reason: X }]
    tests:
        - { name: holds, events: [00:00 PASSWORD_CHANGED], expect: [00:00 alice FREEZE] }
`,
  );
  deepEqual(await run(file, true), {
    code: 1,
    out: "1 rule (1 of single events, 0 of several), 0 steps: sound\n0 tests passed, 1 failed\n",
    err: `${file}:7: Changed: holds\n  expected\n    00:00 alice FREEZE\n  but the rules command\n    00:00 alice HOLD\n  what happened\n    00:00  alice  PASSWORD_CHANGED  → HOLD alice\n`,
  });
});

test("a path that is not there is one message", async () => {
  const { code, err } = await run(join(directory, "nowhere"));
  strictEqual(code, 1);
  match(err, /cannot be read \(ENOENT\)/u);
});
