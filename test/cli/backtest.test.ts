// The whole command on a real broker: what was appended is judged by two rule sets, against what people
// decided, without joining the group or writing anything.

import { deepEqual, match, ok, strictEqual } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { registeredEncoder } from "../../src/adapters/registered-encoder.ts";
import { createKafkaClient } from "../../src/adapters/kafka/client.ts";
import { createTopics, plannedTopics } from "../../src/adapters/kafka/topics.ts";
import { createKeyedWriter } from "../../src/adapters/kafka/writer.ts";
import { createRegistry } from "../../src/adapters/registry.ts";
import { loadSchemas } from "../../src/adapters/schema-files.ts";
import type { SchemaFile } from "../../src/adapters/schema-files.ts";
import { runProgram } from "../../src/cli/program.ts";
import { SETTING_NAMES, topicsOf } from "../../src/config.ts";
import { readSettings } from "../../src/config/settings-reader.ts";
import type { Decision } from "../../src/core/decision.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { DAY, HOUR, MINUTE } from "../../src/core/time.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import { cluster } from "../cluster.ts";
import { openConsole } from "./console.ts";

const kafka = cluster();
const PARTITIONS = 3;
const directory = await mkdtemp(join(tmpdir(), "holdfast-backtest-"));
after(() => rm(directory, { recursive: true }));

const rule = (name: string, type: string, fields = ""): string =>
  `title: ${name}\nid: ${name === "keys" ? "5d6a3b8e-0f43-4f0c-9a37-5c8d3a6c1a01" : "5d6a3b8e-0f43-4f0c-9a37-5c8d3a6c1a02"}\nname: ${name}\nlogsource: { product: exchange, service: ${name === "keys" ? "api_key" : "auth"} }\ndetection: { s: { type: ${type}${fields} }, condition: s }\nlevel: high\nholdfast:\n  respond: [{ freeze: [WITHDRAW], for: 24h, reason: TEST }]\n`;
await writeFile(join(directory, "current.yml"), rule("keys", "API_KEY_CREATED", ", rights: WITHDRAW"));
await writeFile(
  join(directory, "new.yml"),
  `${rule("keys", "API_KEY_CREATED")}---\n${rule("logins", "LOGIN_SUCCEEDED")}`,
);

const env = {
  HOLDFAST_KAFKA_BROKERS: kafka.brokers.join(","),
  HOLDFAST_REGISTRY_URL: kafka.registryUrl,
  HOLDFAST_TOPIC_PREFIX: kafka.prefix,
  HOLDFAST_PARTITIONS: String(PARTITIONS),
  HOLDFAST_REPLICATION: "1",
};

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const { io, out, err } = openConsole();
  const code = await runProgram(["backtest", ...argv], { ...io, env });
  return { code, out: out(), err: err() };
}

test("a rule set is tried on what the topics hold", { skip: kafka.skip, timeout: 60_000 }, async () => {
  const read = readSettings(SETTING_NAMES, { env, flags: {} });
  ok("settings" in read);
  const topics = topicsOf(read.settings);
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "test" });
  await createTopics(client, plannedTopics(topics, { partitions: PARTITIONS, replication: 1 }));
  const registry = createRegistry({ url: kafka.registryUrl, telemetry: SILENT });
  const schemas = await loadSchemas("schemas");
  const writer = createKeyedWriter(client);
  after(() => writer.close());
  async function append(
    topic: string,
    file: SchemaFile,
    ...values: readonly (ExchangeEvent | Decision)[]
  ): Promise<void> {
    const encode = await registeredEncoder(registry, { topic, file });
    await writer.write(
      topic,
      values.map((value) => ({ key: value.accountId, value: encode(value) })),
    );
  }

  const now = Date.now();
  const [auth, keys] = topics.inputs.map(({ topic }) => topic);
  const event = (accountId: string, type: string, ago: number, fields: Partial<ExchangeEvent> = {}): ExchangeEvent => ({
    eventId: `${accountId}-${type}-${ago}`,
    accountId,
    type,
    occurredAt: now - ago,
    ...fields,
  });
  await append(
    auth!,
    schemas.events.auth,
    event("alice", "LOGIN_SUCCEEDED", HOUR),
    event("bob", "LOGIN_SUCCEEDED", HOUR),
    event("dave", "LOGIN_SUCCEEDED", 2 * DAY),
  );
  await writer.write(auth!, [{ key: "alice", value: Buffer.from("no event") }]);
  await append(
    keys!,
    schemas.events.api_key,
    event("alice", "API_KEY_CREATED", 30 * MINUTE, { keyId: "k", rights: ["READ"] }),
    event("carol", "API_KEY_CREATED", 20 * MINUTE, { keyId: "k", rights: ["READ", "WITHDRAW"] }),
  );
  const decision = (accountId: string, verdict: Decision["verdict"]): Decision => ({
    decisionId: `d-${accountId}`,
    accountId,
    caseId: null,
    verdict,
    until: null,
    decidedBy: "desk",
    decidedAt: now,
    note: null,
  });
  const decisions = [decision("carol", "CONFIRMED_TAKEOVER"), decision("bob", "FALSE_POSITIVE")];
  await append(topics.decisions, schemas.decision, ...decisions);

  const rules = ["--rules", join(directory, "new.yml"), "--against", join(directory, "current.yml")];
  const { code, out, err } = await run(...rules, "--from", "1d", "--warm-up", "0", "--json");
  strictEqual(code, 0, err);
  const report = JSON.parse(out) as Record<string, never>;
  const {
    read: found,
    new: next,
    current,
    difference,
    judged,
    complete,
  } = report as Record<string, Record<string, unknown>>;
  strictEqual(complete, true);
  deepEqual(found, { events: 5, decisions: 2, rejected: { UNDECODABLE: 1 } });
  deepEqual([next!["cases"], next!["accounts"], next!["commands"]], [4, 3, { FREEZE: 4 }]);
  deepEqual([current!["cases"], current!["accounts"], current!["commands"]], [1, 1, { FREEZE: 1 }]);
  deepEqual([next!["confirmedAccounts"], next!["falseAccounts"]], [1, 1]);
  deepEqual([current!["confirmedAccounts"], current!["falseAccounts"]], [1, 0]);
  deepEqual(judged, { confirmed: 1, false: 1 });
  deepEqual([difference!["same"], difference!["accountsAdded"], difference!["accountsRemoved"]], [1, 2, 0]);
  deepEqual(
    (difference!["added"] as { rule: string; accountId: string; judged: string | null }[])
      .map((each) => `${each.rule} ${each.accountId} ${each.judged}`)
      .toSorted(),
    ["keys alice null", "logins alice null", "logins bob false"],
  );

  const text = await run(...rules, "--from", "1d", "--warm-up", "0");
  strictEqual(text.code, 0);
  match(text.out, /^cases +1 +4$/mu);
  match(text.out, /^confirmed takeovers met +1 of 1 +1 of 1$/mu);
  match(text.out, /^false alarms repeated +0 of 1 +1 of 1$/mu);
  match(text.out, /^keys +enforce +1→2 +1 +0 +FREEZE 1→2$/mu);
  match(text.out, /^logins +enforce +0→2 +0 +0→1 +FREEZE 0→2$/mu);
  match(text.out, /not read: UNDECODABLE 1/u);
  match(text.out, /only with the new rules: 3 \(accounts that notice only these: 2\)/u);

  // Nothing was joined, committed or written.
  const admin = client.admin();
  await admin.connect();
  const { groups } = await admin.listGroups();
  deepEqual(
    groups.filter(({ groupId }) => groupId.includes("backtest") || groupId === "holdfast"),
    [],
  );
  for (const topic of [topics.commands, topics.detections, topics.signals, topics.state, topics.deadLetter]) {
    const offsets = await admin.fetchTopicOffsets(topic);
    ok(
      offsets.every(({ high }) => high === "0"),
      topic,
    );
  }
  await admin.disconnect();
});

test("a broker that is not there, and rules that do not load, end it with what to do", async () => {
  const env = { HOLDFAST_KAFKA_BROKERS: "127.0.0.1:1", HOLDFAST_REGISTRY_URL: "http://127.0.0.1:1" };
  await writeFile(join(directory, "broken.yml"), "title: x\n");
  const broken = openConsole();
  const from = ["--from", "2024-06-09", "--to", "2024-06-10"];
  const argv = ["backtest", "--rules", join(directory, "broken.yml"), ...from];
  strictEqual(await runProgram(argv, { ...broken.io, env }), 2);
  match(broken.err(), /broken\.yml:1:1/u);
  await writeFile(join(directory, "sound.yml"), rule("logins", "LOGIN_SUCCEEDED"));
  const nobody = openConsole();
  const sound = ["backtest", "--rules", join(directory, "sound.yml"), ...from];
  strictEqual(await runProgram(sound, { ...nobody.io, env }), 1);
  match(nobody.err(), /Do the brokers run at 127\.0\.0\.1:1/u);
});

test("facts that need a longer past than is read are named", { skip: kafka.skip }, async () => {
  const newDevices = rule("logins", "LOGIN_SUCCEEDED", ", profile.newDevice: true");
  await writeFile(join(directory, "devices.yml"), newDevices);
  const warned = async (warmUp: string): Promise<boolean> => {
    const { err } = await run("--rules", join(directory, "devices.yml"), "--from", "1h", "--warm-up", warmUp);
    return /warning: profile\.newDevice: unknown of accounts .*--warm-up 14d/u.test(err);
  };
  deepEqual([await warned("1d"), await warned("14d")], [true, false]);
});

test("wrong flags are told at once", async () => {
  const { code, err } = await run("--to", "soon", "--warm-up", "2y");
  strictEqual(code, 2);
  match(err, /--from is missing/u);
  match(err, /--to "soon" must be a time/u);
  match(err, /warm/u);
  match(
    (await run("--from", "2024-06-10", "--to", "2024-06-09")).err,
    /--from 2024-06-10 is not before --to 2024-06-09/u,
  );
});
