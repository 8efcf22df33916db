// `holdfast test` and `holdfast explain`.

import { deepEqual, match, strictEqual } from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runProgram } from "../../src/cli/program.ts";
import { openConsole } from "./console.ts";

const directory = await mkdtemp(join(tmpdir(), "holdfast-rules-"));
after(() => rm(directory, { recursive: true }));

const rules = join(directory, "rules.yml");
await writeFile(
  rules,
  `title: Password changed
name: password
logsource: { product: exchange, service: auth }
detection: { s: { type: PASSWORD_CHANGED }, condition: s }
---
title: Factor removed
name: factor
logsource: { product: exchange, service: auth }
detection: { s: { type: FACTOR_REMOVED }, condition: s }
---
title: Taken & emptied
name: taken
correlation: { type: temporal_ordered, rules: [password, factor], group-by: [accountId], timespan: 15m }
holdfast:
    respond: [{ hold: [WITHDRAW], for: 1h, reason: X }]
    tests:
        - { name: holds, events: [00:00 PASSWORD_CHANGED, 00:01 FACTOR_REMOVED], expect: [00:01 alice HOLD] }
        - { name: "<wrong>", events: [00:00 PASSWORD_CHANGED, 00:01 FACTOR_REMOVED], expect: [] }
        - { name: broken, events: [00:00 PASSWORD_CHANGD], expect: [] }
`,
);

async function run(...argv: readonly string[]) {
  const { io, out, err } = openConsole();
  return { code: await runProgram(argv, io), out: out(), err: err() };
}

test("tests that fail are timelines, and JUnit's XML where asked for", async () => {
  const junit = join(directory, "junit.xml");
  const { code, out, err } = await run("test", "--rules", rules, "--junit", junit);
  deepEqual([code, out], [1, "1 test passed, 2 failed\n"]);
  match(err, /the unknown type "PASSWORD_CHANGD"; did you mean PASSWORD_CHANGED\?/u);
  match(
    err,
    /what happened\n {4}00:00 {2}alice {2}PASSWORD_CHANGED\n {4}00:01 {2}alice {2}FACTOR_REMOVED {2}→ HOLD alice\n/u,
  );
  const xml = await readFile(junit, "utf8");
  match(xml, /tests="3" failures="1" errors="1"/u);
  match(xml, /classname="Taken &amp; emptied" name="&lt;wrong&gt;"/u);
  strictEqual(xml.match(/<testcase /gu)?.length, 3);
});

const event = (at: string, accountId: string, type: string): string =>
  JSON.stringify({
    topic: "auth-events",
    eventId: `${accountId}${at}`,
    accountId,
    type,
    occurredAt: `2024-06-09T${at}:00Z`,
  });

test("explain says why it fired, or how far it came", async () => {
  const file = join(directory, "events.ndjson");
  const lines = [
    event("00:00", "alice", "PASSWORD_CHANGED"),
    event("00:01", "alice", "FACTOR_REMOVED"),
    event("00:02", "bob", "FACTOR_REMOVED"),
    event("00:03", "bob", "FACTOR_REMOVED"),
    event("00:04", "carol", "LOGOUT"),
  ];
  await writeFile(file, lines.join("\n"));
  const { code, out, err } = await run("explain", "taken", file, "--rules", rules, "--topic-auth", "auth-events");
  deepEqual([code, err], [0, ""]);
  strictEqual(
    out,
    `Taken & emptied (temporal_ordered within 900 s): fired once on 5 events
  alice: fired once
    decided by alice00:01
      password: 2024-06-09T00:00:00.000Z PASSWORD_CHANGED (alice00:00)
      factor: 2024-06-09T00:01:00.000Z FACTOR_REMOVED (alice00:01)
began, and did not fire
  bob: 1 of 2 steps seen
    password: none
    factor: 2, the latest 2024-06-09T00:03:00.000Z FACTOR_REMOVED (bob00:03)
`,
  );
});

test("explain says which event came closest to a detection, and what it lacked", async () => {
  const file = join(directory, "one.ndjson");
  const detection = join(directory, "detection.yml");
  await writeFile(
    detection,
    `title: Abroad
name: abroad
logsource: { product: exchange, service: auth }
detection:
    s: { type: PASSWORD_CHANGED, deviceId|startswith: d }
    t: { country: HK }
    condition: s and not t
`,
  );
  const fields = (country: string, deviceId: string): string =>
    event("00:00", "alice", "PASSWORD_CHANGED").replace("{", `{"country":"${country}","deviceId":"${deviceId}",`);
  await writeFile(file, `${fields("HK", "x")}\n${fields("DE", "y").replace("alice00", "b00")}\n`);
  const { code, out } = await run("explain", "abroad", file, "--rules", detection, "--topic-auth", "auth-events");
  strictEqual(code, 0);
  strictEqual(
    out,
    `Abroad (one event): did not fire on 2 events
began, and did not fire
  alice: 2 of 3 conditions seen
    closest 2024-06-09T00:00:00.000Z PASSWORD_CHANGED country=DE deviceId=y (b00:00), which lacks deviceId: d*
    type: PASSWORD_CHANGED: 2, the latest 2024-06-09T00:00:00.000Z PASSWORD_CHANGED country=DE deviceId=y (b00:00)
    deviceId: d*: none
    not country: HK: 1, the latest 2024-06-09T00:00:00.000Z PASSWORD_CHANGED country=DE deviceId=y (b00:00)
`,
  );
});

test("explain names the rules there are, and what is missing", async () => {
  const unknown = await run("explain", "tken", "-", "--rules", rules);
  deepEqual([unknown.code, unknown.err], [2, 'no rule is called "tken"; did you mean taken?\n']);
  const missing = await run("explain", "taken", "--rules", rules);
  strictEqual(missing.code, 2);
  match(missing.err, /file is missing/u);
});

test("of a rule whose groups are no accounts, explain says what each group heard; of one that reads links, by which", async () => {
  const file = join(directory, "shared.ndjson");
  const campaign = join(directory, "campaign.yml");
  await writeFile(
    campaign,
    `title: Password changed
name: password
logsource: { product: exchange, service: auth }
detection: { s: { type: PASSWORD_CHANGED }, condition: s }
---
title: Shared
name: shared
correlation:
    type: value_count
    rules: [password]
    group-by: [deviceId]
    timespan: 1h
    condition: { field: accountId, gte: 2 }
---
title: Linked
name: linked
logsource: { product: exchange, service: signal }
detection: { s: { type: LINKED }, condition: s }
`,
  );
  const on = (deviceId: string, text: string): string => text.replace("{", `{"deviceId":"${deviceId}",`);
  await writeFile(
    file,
    [
      on("d", event("00:00", "alice", "PASSWORD_CHANGED")),
      on("e", event("00:01", "carol", "PASSWORD_CHANGED")),
      on("d", event("00:02", "bob", "PASSWORD_CHANGED")),
    ].join("\n"),
  );
  const explain = (rule: string) => run("explain", rule, file, "--rules", campaign, "--topic-auth", "auth-events");
  strictEqual(
    (await explain("shared")).out,
    `Shared (value_count within 3600 s): fired once on 3 events
  d: fired once
    decided by bob00:02
      password: 2024-06-09T00:00:00.000Z alice PASSWORD_CHANGED deviceId=d (alice00:00)
      password: 2024-06-09T00:02:00.000Z bob PASSWORD_CHANGED deviceId=d (bob00:02)
began, and did not fire
  e: 1 of 1 steps seen
    password: 1, the latest 2024-06-09T00:01:00.000Z carol PASSWORD_CHANGED deviceId=e (carol00:01)
`,
  );
  match((await explain("linked")).out, /fired 2 times.*alice: fired once.*linkRule=shared.*bob: fired once/su);
  const replayed = await run("replay", file, "--rules", campaign, "--topic-auth", "auth-events");
  deepEqual(
    replayed.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ kind }) => kind === "link")
      .map(({ accountId, linkedBy, linkedCount }) => [accountId, linkedBy, linkedCount]),
    [
      ["alice", "deviceId=d", 2],
      ["bob", "deviceId=d", 2],
    ],
  );
});
