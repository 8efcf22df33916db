// `holdfast replay --plain`, as its user meets it.

import { deepEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runProgram } from "../../src/cli/program.ts";
import { openConsole } from "./console.ts";

const directory = await mkdtemp(join(tmpdir(), "holdfast-plain-"));
after(() => rm(directory, { recursive: true }));
const RULES = join(directory, "rules.yml");
await writeFile(
  RULES,
  `
title: Failed log-in
name: failed
logsource: { product: windows, service: security }
detection:
  sel: { EventID: 4625 }
  condition: sel
---
title: Log-in
name: success
logsource: { product: windows, service: security }
detection:
  sel: { EventID: 4624 }
  condition: sel
---
title: Guessed
id: 0e95725d-7320-415d-80f7-004da920fc11
name: guessed
correlation:
  type: temporal_ordered
  rules: [failed, success]
  group-by: [user]
  timespan: 10m
---
title: Gave up
id: 0e95725d-7320-415d-80f7-004da920fc12
correlation:
  type: temporal
  condition: failed and not success
  group-by: [user]
  timespan: 10m
`,
);

const line = (at: string, EventID: number, user: string, more: object = {}): string =>
  `${JSON.stringify({ timestamp: `2024-06-09T${at}Z`, EventID, user, ...more })}\n`;

async function replay(
  stdin: string,
  ...flags: readonly string[]
): Promise<{ code: number; out: unknown[]; err: string }> {
  const console = openConsole({ stdin: [stdin] });
  const code = await runProgram(["replay", "--plain", "--rules", RULES, "-", ...flags], console.io);
  const out = console
    .out()
    .split("\n")
    .filter(Boolean)
    .map((each): unknown => JSON.parse(each));
  return { code, out, err: console.err() };
}

test("any objects, any rules: one JSON line for each detection, open absences decided at the end", async () => {
  const { code, out, err } = await replay(
    line("00:00:00", 4625, "eve") + line("00:01:00", 4625, "bob", { eventId: "x" }) + line("00:02:00", 4624, "bob"),
  );
  strictEqual(code, 0, err);
  deepEqual(out, [
    {
      kind: "detection",
      ruleId: "0e95725d-7320-415d-80f7-004da920fc11",
      ruleTitle: "Guessed",
      ruleName: "guessed",
      group: { user: "bob" },
      firstAt: Date.UTC(2024, 5, 9, 0, 1),
      lastAt: Date.UTC(2024, 5, 9, 0, 2),
      evidence: ["x", "3"],
    },
    {
      kind: "detection",
      ruleId: "0e95725d-7320-415d-80f7-004da920fc12",
      ruleTitle: "Gave up",
      ruleName: null,
      group: { user: "eve" },
      firstAt: Date.UTC(2024, 5, 9),
      lastAt: Date.UTC(2024, 5, 9),
      evidence: ["1"],
    },
  ]);
  match(err, /3 events, 0 lines rejected, 2 detections/u);
});

test("time and id are of any name, epoch milliseconds too; --quiet 0 tells every completing event", async () => {
  const events = [4625, 4624, 4624].map((EventID, at) =>
    JSON.stringify({ meta: { t: at, n: at + 10 }, EventID, user: "u" }),
  );
  const { out } = await replay(events.join("\n"), "--time-field", "meta.t", "--id-field", "meta.n", "--quiet", "0");
  deepEqual(
    out.map((each) => (each as { evidence: unknown }).evidence),
    [
      ["10", "11"],
      ["10", "12"],
    ],
  );
});

test("lines that are no events are told, each alone, and the exit code says so", async () => {
  const wrong = [`{"a":1,}`, "[]", `{"EventID":4625}`, `{"timestamp":"noon"}`, `{"timestamp":null}`, `{"a":`];
  const { code, out, err } = await replay(`${wrong.join("\n")}\n${line("00:00:00", 4625, "eve")}`);
  deepEqual([code, out.length], [1, 1]);
  match(err, /^-:1: the line is not JSON at column 8; write one object a line$/mu);
  match(err, /^-:2: the line is no JSON object/mu);
  match(err, /^-:3: timestamp is missing; .*--time-field$/mu);
  match(err, /^-:4: timestamp is "noon", which is no time; .*RFC 3339.*--time-field$/mu);
  match(err, /^-:5: timestamp is missing;/mu);
  match(err, /^-:6: the line is not JSON; /mu);
});

test("blank lines are none", async () => {
  const { code, err } = await replay(`\n  \t\r\n${line("00:00:00", 4625, "eve")} \n`);
  strictEqual(code, 0, err);
  match(err, /1 events, 0 lines rejected/u);
});

test("a line's number is not taken for the id of another line", async () => {
  const events = [line("00:00:00", 4625, "u", { eventId: "2" }), line("00:00:00", 4624, "u")];
  const { out } = await replay(events.join(""));
  deepEqual(
    out.map((each) => (each as { evidence: unknown }).evidence),
    [["2", "2"]],
  );
});

test("what came later than the lateness, and what a limit dropped, is said at the end", async () => {
  const first = line("01:00:00", 4624, "u");
  const late = await replay(first + line("00:00:00", 4625, "u") + line("00:00:00", 1, "u"));
  match(late.err, /^1 events came later than the lateness: .*--lateness$/mu);
  const inTime = await replay(first + line("00:00:00", 4625, "u"), "--lateness", "1h");
  doesNotMatch(inTime.err, /lateness/u);
  const users = Array.from({ length: 70 }, (_, index) => index);
  const many = await replay(`${JSON.stringify({ timestamp: 0, EventID: 4625, user: users })}\n`);
  match(many.err, /^\d+ events or groups of events were dropped at a limit: their matches may be missed$/mu);
});

test("its flags need it", async () => {
  const console = openConsole();
  strictEqual(await runProgram(["replay", "--quiet", "0", "--time-field", "t", "-"], console.io), 2);
  match(console.err(), /--time-field is for any JSON objects; add --plain/u);
  match(console.err(), /--quiet is for any JSON objects; add --plain/u);
});
