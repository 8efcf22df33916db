// `holdfast replay` and its parts.

import { deepEqual, match, strictEqual } from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { replay } from "../../src/cli/replay.ts";
import type { ReplayOptions } from "../../src/cli/replay.ts";
import { linesOf } from "../../src/cli/replay/lines.ts";
import type { CoreSettings } from "../../src/core/partition.ts";
import { DAY, MINUTE } from "../../src/core/time.ts";
import { openConsole } from "./console.ts";

/** Two of the shipped rules, so that what a replay prints does not grow with the pack. */
const RULES = await mkdtemp(join(tmpdir(), "holdfast-replay-rules-"));
after(() => rm(RULES, { recursive: true }));
for (const name of ["takeover/takeover_steps.yml", "takeover/notice_bypass_key.yml", "policy/credential_changed.yml"])
  await copyFile(fileURLToPath(new URL(`../../rules/${name}`, import.meta.url)), join(RULES, basename(name)));

const SETTINGS: CoreSettings = { mode: "enforce", allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY };
const OPTIONS: ReplayOptions = {
  rules: RULES,
  file: "-",
  json: false,
  inputs: [
    { topic: "auth-events", service: "auth" },
    { topic: "api-key-events", service: "api_key" },
    { topic: "withdrawal-events", service: "withdrawal" },
  ],
  settings: SETTINGS,
};

type Line = Readonly<Record<string, unknown>>;

const NOTICE: Line = {
  topic: "auth-events",
  eventId: "a1",
  accountId: "alice",
  type: "RISK_NOTICE_SENT",
  occurredAt: "2024-06-09T02:00:00+02:00",
  channel: "SMS",
};
const SWITCH: Line = {
  topic: "auth-events",
  eventId: "a2",
  accountId: "alice",
  type: "FACTOR_SWITCHED",
  occurredAt: 1_717_891_320_000,
  factor: "TOTP",
  toFactor: "SMS",
};
const KEY: Line = {
  topic: "api-key-events",
  eventId: "a3",
  accountId: "alice",
  type: "API_KEY_CREATED",
  occurredAt: "2024-06-09T00:04:00.000Z",
  rights: ["WITHDRAW"],
};

async function run(lines: readonly (Line | string)[], given: Partial<ReplayOptions> = {}, isTTY = false) {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const { io, out, err } = openConsole({ stdin: [text], isTTY });
  const code = await replay({ ...OPTIONS, ...given }, io);
  const printed = isTTY
    ? []
    : out()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { code, printed, out: out(), err: err() };
}

test("detections and commands are NDJSON with the records' field names; evidence has line numbers as offsets", async () => {
  const { code, printed, err } = await run([NOTICE, "", SWITCH, KEY]);
  strictEqual(code, 0);
  strictEqual(err, "3 events, 0 lines rejected, 2 detections, 1 commands\n");
  deepEqual(
    printed.map((line) => [line["kind"], line["detectionKind"] ?? line["action"]]),
    [
      ["detection", "OPENED"],
      ["command", "FREEZE"],
      ["detection", "CLOSED"],
    ],
  );
  const command = printed[1]!;
  strictEqual(command["caseId"], "alice/a7bc9420-e856-411b-bfe1-c5c0200da563/a3");
  strictEqual(command["expiresAt"], 1_717_891_440_000 + DAY);
  const evidence = command["evidence"] as Record<string, unknown>[];
  deepEqual(
    evidence.map(({ eventId, topic, partition, offset }) => [eventId, topic, partition, offset]),
    [
      ["a1", "auth-events", 0, 1],
      ["a2", "auth-events", 0, 3],
      ["a3", "api-key-events", 0, 4],
    ],
  );
});

test("on a terminal a case is a timeline, with --json it stays NDJSON", async () => {
  const { out } = await run([NOTICE, SWITCH, KEY], {}, true);
  strictEqual(
    out,
    `alice  API key with power over money after a bypassed second factor (critical, enforce)
  2024-06-09T00:00:00Z  RISK_NOTICE_SENT channel=SMS
  2024-06-09T00:02:00Z  FACTOR_SWITCHED factor=TOTP toFactor=SMS
  2024-06-09T00:04:00Z  API_KEY_CREATED rights=[WITHDRAW]  → FREEZE WITHDRAW P2P TRANSFER TRADE API_KEYS until 2024-06-10T00:04:00Z
alice  API key with power over money after a bypassed second factor: closed
`,
  );
  match((await run([NOTICE, SWITCH, KEY], { json: true }, true)).out, /^\{"kind":"detection"/u);
});

test("every bad line is one message with its number and reason; the others go on", async () => {
  const { code, printed, err } = await run([
    NOTICE,
    "{not json",
    "[1]",
    { ...SWITCH, topic: undefined },
    { ...SWITCH, topic: "auth" },
    { ...SWITCH, eventId: undefined },
    { ...SWITCH, factor: "TOPT" },
    { ...SWITCH, occurredAt: "yesterday" },
    { ...SWITCH, colour: "red" },
    { ...SWITCH, recordTimestamp: "soon" },
    { ...SWITCH, recordTimestamp: "2024-06-08T23:00:00Z" },
    { ...SWITCH, occurredAt: "2024-06-10T00:00:00.001Z" },
    `{"userAgent":"${"x".repeat(300_000)}"}`,
    SWITCH,
    KEY,
  ]);
  strictEqual(code, 1);
  strictEqual(printed.filter((line) => line["kind"] === "command").length, 1);
  deepEqual(
    err
      .split("\n")
      .map((line) => line.split(": ").slice(0, 2).join(": "))
      .slice(0, -2),
    [
      "-:2: UNDECODABLE",
      "-:3: UNDECODABLE",
      "-:4: MISSING_FIELD",
      "-:5: INVALID_FIELD",
      "-:6: MISSING_FIELD",
      "-:7: INVALID_FIELD",
      "-:8: INVALID_FIELD",
      "-:9: INVALID_FIELD",
      "-:10: INVALID_FIELD",
      "-:11: FUTURE_TIME",
      "-:12: FUTURE_TIME",
      "-:13: TOO_LARGE",
    ],
  );
});

test("a gap of more than a day needs recordTimestamp, exactly a day does not", async () => {
  const later = (occurredAt: string): Line => ({ ...SWITCH, eventId: "b", occurredAt });
  strictEqual((await run([NOTICE, later("2024-06-10T00:00:00Z")])).code, 0);
  strictEqual((await run([NOTICE, later("2024-06-10T00:00:00.001Z")])).code, 1);
  strictEqual(
    (await run([NOTICE, { ...later("2024-08-01T00:00:00Z"), recordTimestamp: "2024-08-01T00:00:01Z" }])).code,
    0,
  );
});

test("topics take part in one frontier: a late line is judged by it, a stale command is not said", async () => {
  const change: Line = {
    topic: "auth-events",
    eventId: "p",
    accountId: "alice",
    type: "PASSWORD_CHANGED",
    occurredAt: "2024-06-09T00:00:00Z",
  };
  const ahead: Line = { ...KEY, eventId: "k", accountId: "bob", occurredAt: "2024-06-10T00:00:00Z" };
  const further: Line = { ...KEY, eventId: "l", accountId: "bob", occurredAt: "2024-06-10T23:00:00Z" };
  deepEqual(
    (await run([ahead, change])).printed.map((line) => line["kind"]),
    ["detection", "detection"],
    "expired by the frontier at its arrival",
  );
  deepEqual(
    (await run([change, ahead, further])).printed.map((line) => line["kind"]),
    ["detection", "command", "detection"],
  );
});

test("the global mode lowers the rules'", async () => {
  const { printed } = await run([NOTICE, SWITCH, KEY], { settings: { ...SETTINGS, mode: "observe" } });
  deepEqual(
    printed.map((line) => [line["kind"], line["mode"]]),
    [
      ["detection", "observe"],
      ["detection", "observe"],
    ],
  );
});

const directory = await mkdtemp(join(tmpdir(), "holdfast-replay-"));
after(() => rm(directory, { recursive: true }));

test("a file, broken rules, rules or a file that are not there", async () => {
  const file = join(directory, "events.ndjson");
  await writeFile(file, `\uFEFF${[NOTICE, SWITCH, KEY].map((line) => JSON.stringify(line)).join("\r\n")}`);
  strictEqual((await run([], { file })).printed.length, 3);
  const absent = await run([], { file: join(directory, "absent.ndjson") });
  deepEqual([absent.code, absent.err.includes("absent.ndjson cannot be read (ENOENT)")], [2, true]);
  const nowhere = await run([NOTICE], { rules: join(directory, "nowhere") });
  deepEqual([nowhere.code, nowhere.err.includes("cannot be read (ENOENT)")], [2, true]);
  await writeFile(join(directory, "broken.yml"), "title: T\n");
  const broken = await run([NOTICE], { rules: join(directory, "broken.yml") });
  deepEqual(
    [broken.code, broken.err.includes("broken.yml:1:1: a document with neither detection nor correlation")],
    [2, true],
  );
});

test("without rules there is a warning and nothing is detected", async () => {
  const empty = await mkdtemp(join(directory, "empty-"));
  const { code, printed, err } = await run([NOTICE, SWITCH, KEY], { rules: empty });
  deepEqual([code, printed, err.startsWith("warning: ")], [0, [], true]);
});

test("however the bytes are cut into chunks, the lines are the same", async () => {
  const text = fc.array(
    fc.string({ unit: "grapheme" }).map((line) => line.replaceAll(/[\r\n]/gu, "")),
    { minLength: 1 },
  );
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 7 })), async (lines, cuts) => {
      const bytes = Buffer.from(lines.join("\n"));
      const chunks: Buffer[] = [];
      for (let at = 0, index = 0; at < bytes.length; index++) {
        const size = cuts[index % Math.max(1, cuts.length)] ?? bytes.length;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      const read: [number, string | undefined][] = [];
      for await (const line of linesOf(openConsole({ stdin: chunks }).io.stdin, 1_000_000))
        read.push([line.number, line.bytes?.toString()]);
      const expected = lines.map((line, index): [number, string] => [index + 1, line]);
      if (expected.at(-1)?.[1] === "") expected.pop();
      deepEqual(read, expected);
    }),
  );
});
