import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { LINES_PER_SECOND, SAME_AGAIN_MS, openTelemetry } from "../../src/adapters/telemetry.ts";
import type { TelemetryAdapter, TelemetryOptions } from "../../src/adapters/telemetry.ts";
import { EVENTS } from "../../src/adapters/telemetry/event-table.ts";
import { METRICS } from "../../src/adapters/telemetry/metric-table.ts";
import type { MetricName } from "../../src/adapters/telemetry/metric-table.ts";
import { metricsReference } from "../../src/adapters/telemetry/metrics-reference.ts";
import { createManualClock } from "../../src/adapters/memory/clock.ts";
import type { ManualClock } from "../../src/adapters/memory/clock.ts";
import type { TelemetryEvents } from "../../src/runtime/telemetry.ts";

const SERIES_BUDGET = 2_000;
const NAMES = Object.keys(METRICS) as MetricName[];

interface Probe {
  readonly telemetry: TelemetryAdapter;
  readonly clock: ManualClock;
  lines(): Record<string, unknown>[];
  /** Series → value, of our own metrics. */
  series(): Promise<Map<string, number>>;
}

function probe(options: Partial<TelemetryOptions> = {}): Probe {
  const written: string[] = [];
  const clock = createManualClock(Date.UTC(2024, 5, 9));
  const telemetry = openTelemetry({
    logLevel: "debug",
    logAccountIds: false,
    pseudonymKey: "key",
    write: (line) => written.push(line),
    clock,
    version: "1.2.3",
    node: "v24.0.0",
    ...options,
  });
  return {
    telemetry,
    clock,
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    async series() {
      const { text } = await telemetry.metrics();
      const own = text.split("\n").filter((line) => line.startsWith("holdfast_"));
      return new Map(
        own.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
      );
    },
  };
}

const COMMAND: TelemetryEvents["command.acknowledged"] = {
  rule: "r1",
  action: "FREEZE",
  mode: "enforce",
  latencySeconds: 0.02,
  accountId: "alice",
  caseId: "alice/r1/e7",
};

/** Any event with any fields: texts and numbers from a large space, in the shape the event has. */
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.uuid(), fc.constantFrom("ok", "constructor", "__proto__"));
const count = fc.nat({ max: 10_000 });
const anyEvent: { [K in keyof TelemetryEvents]: fc.Arbitrary<TelemetryEvents[K]> } = {
  "process.started": fc.record({ version: text, tasks: count, rulesHash: text, rules: count }),
  "http.listening": fc.record({ url: text }),
  "process.stopping": fc.record({ signal: text }),
  "process.stopped": fc.record({ cleanly: fc.boolean() }),
  "group.suspended": fc.record({ generation: count }),
  "group.assigned": fc.record({ generation: count, tasks: fc.array(count), seconds: count }),
  "group.fenced": fc.record({ task: count, reason: fc.constantFrom("lease", "commit") }),
  "task.restoring": fc.record({ task: count, records: count }),
  "task.restoreProgress": fc.record({ task: count, remaining: count }),
  "task.restored": fc.record({ task: count, groups: count, seconds: count }),
  "task.kept": fc.record({ task: count, groups: count }),
  "task.adopted": fc.record({ task: count, commands: count }),
  "task.running": fc.record({ task: count, positions: fc.dictionary(text, count) }),
  "task.stopped": fc.record({ task: count, reason: text }),
  "checkpoint.done": fc.record({
    task: count,
    result: fc.constantFrom("committed", "rejected", "failed"),
    seconds: count,
    groups: count,
    bytes: count,
    stateBytes: count,
    logBytes: count,
  }),
  "checkpoint.unneeded": fc.record({ task: count }),
  "outbox.sent": fc.record({ topic: text, records: count, seconds: count }),
  "command.acknowledged": fc.record({
    rule: text,
    action: text,
    mode: text,
    latencySeconds: count,
    accountId: text,
    caseId: text,
  }),
  "command.suppressed": fc.record({ reason: text, count }),
  "command.answered": fc.record({
    rule: text,
    status: text,
    seconds: fc.option(count),
    service: text,
    accountId: text,
    caseId: text,
  }),
  "command.repeated": fc.record({ rule: text, action: text, mode: text, accountId: text, caseId: text }),
  "commands.unanswered": fc.record({ task: count, count }),
  "decision.taken": fc.record({ rule: text, verdict: text, accountId: text, caseId: text }),
  "decision.idle": fc.record({ verdict: text, accountId: text }),
  "breaker.opened": fc.record({ rule: text, bound: text, caseId: text }),
  "breaker.closed": fc.record({ rule: text, bound: text, caseId: text }),
  "breaker.observed": fc.record({ task: count, rule: text, open: fc.boolean() }),
  "money.withdrawn": fc.record({ channel: text, usd: count }),
  "money.protected": fc.record({ rule: text, usd: count }),
  "records.consumed": fc.record({ topic: text, count }),
  "records.processed": fc.record({
    topic: text,
    ok: count,
    late: count,
    stale: count,
    rejected: count,
    misrouted: count,
    seconds: count,
  }),
  "records.misrouted": fc.record({ topic: text, partition: count, count }),
  "quarantine.begun": fc.record({
    topic: text,
    partition: count,
    records: count,
    reason: text,
    detail: text,
    held: count,
  }),
  "quarantine.ended": fc.record({ topic: text, partition: count, held: count }),
  "record.deadLettered": fc.record({ topic: text, reason: text, partition: count, offset: count, detail: text }),
  "time.observed": fc.record({ topic: text, partition: count, eventTime: count, latenessSeconds: count }),
  "lag.observed": fc.record({ topic: text, partition: count, records: count, seconds: fc.option(count) }),
  "loop.observed": fc.record({ process: count, checkpoint: count, poll: count, idle: count }),
  "alignment.paused": fc.record({ topic: text }),
  "state.observed": fc.record({ task: count, accounts: count }),
  "sequences.counted": fc.record({ task: count, rule: text, stage: count, accounts: count }),
  "absence.contradicted": fc.record({ count }),
  "state.evicted": fc.record({ reason: text, count }),
  "broker.failed": fc.record({ code: text, disposition: text, doing: text, detail: text }),
  "registry.failed": fc.record({ code: text, disposition: text, doing: text, detail: text }),
  "registry.requested": fc.record({ result: fc.constantFrom("ok", "unknown_id", "refused", "unreachable") }),
  "rules.loaded": fc.record({ count, hash: text }),
  "rules.reloaded": fc.record({ count, hash: text }),
  "rules.refused": fc.record({ problems: fc.nat(), first: fc.string() }),
};

test("whatever happens, the number of series stays within the budget and every metric is there (M1)", async () => {
  const { telemetry, series } = probe({ logLevel: "silent" });
  for (const name of Object.keys(anyEvent) as (keyof TelemetryEvents)[]) {
    for (const fields of fc.sample(anyEvent[name] as fc.Arbitrary<never>, { numRuns: 600, seed: 7 })) {
      telemetry.emit(name, fields);
    }
  }
  const { text: page } = await telemetry.metrics();
  const all = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.ok(all.length <= SERIES_BUDGET, `${all.length} series`);
  const names = new Set(
    [...(await series()).keys()].map((key) => key.split("{", 1)[0]!.replace(/_(?:bucket|sum|count)$/, "")),
  );
  for (const name of NAMES) assert.ok(names.has(`holdfast_${name}`), `${name} is missing`);
});

test("names follow the conventions: base units, _total for counters only", () => {
  for (const name of NAMES) {
    const { type, labels, help, bad } = METRICS[name];
    assert.match(name, /^[a-z]+(?:_[a-z]+)*$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.equal(name.endsWith("_info"), type === "info", name);
    assert.doesNotMatch(name, /_(?:ms|millis|milliseconds|minutes|kb|mb)\b/);
    for (const label of Object.keys(labels)) assert.doesNotMatch(label, /account|user|ip|device|offset|error|event/);
    assert.match(help, /\.$/);
    assert.match(bad, /\.$/);
  }
});

test("every metric is moved by an event; only build_info is set at start", () => {
  const moved = new Set(Object.values(EVENTS).flatMap((row) => Object.keys(row.metrics ?? {})));
  assert.deepEqual(
    NAMES.filter((name) => !moved.has(name)),
    ["build_info"],
  );
});

test("counters with closed labels begin at 0", async () => {
  const series = await probe().series();
  assert.equal(series.get('holdfast_checkpoints_total{result="failed"}'), 0);
  assert.equal(series.get("holdfast_rebalances_total"), 0);
});

test("an acknowledged command is counted, timed and logged without the account's id", async () => {
  const { telemetry, lines, series } = probe();
  telemetry.emit("command.acknowledged", COMMAND);
  const counts = await series();
  assert.equal(counts.get('holdfast_commands_total{rule="r1",action="FREEZE",mode="enforce"}'), 1);
  assert.equal(counts.get('holdfast_detection_latency_seconds_bucket{le="0.025",rule="r1"}'), 1);
  const { accountId, caseId, ...rest } = lines()[0]!;
  assert.deepEqual(rest, {
    level: "info",
    time: "2024-06-09T00:00:00.000Z",
    event: "command.acknowledged",
    rule: "r1",
    action: "FREEZE",
    mode: "enforce",
    latencySeconds: 0.02,
    message: "command appended",
  });
  assert.match(String(accountId), /^acct_[\w-]{16}$/);
  assert.equal(caseId, `${String(accountId)}/r1/e7`);
});

test("no case id carries an account's id into the log, that of a breaker's opening neither", () => {
  const { telemetry, lines } = probe();
  const account = "alice@example.com/private";
  const part = encodeURIComponent(account);
  telemetry.emit("breaker.opened", { rule: "r1", bound: "freeze", caseId: `${part}/r1/e7/breaker-freeze` });
  telemetry.emit("breaker.closed", { rule: "r1", bound: "freeze", caseId: `${part}/r1/e7/breaker-freeze` });
  telemetry.emit("command.acknowledged", { ...COMMAND, accountId: account, caseId: `${part}/r1/e7` });
  telemetry.emit("breaker.opened", { rule: "r1", bound: "freeze", caseId: `${account}%/r1` });
  assert.doesNotMatch(JSON.stringify(lines()), /alice|example/);
  const [opened, closed, acknowledged] = lines();
  assert.equal(opened!["caseId"], `${String(acknowledged!["accountId"])}/r1/e7/breaker-freeze`);
  assert.equal(closed!["caseId"], opened!["caseId"]);
  assert.equal(acknowledged!["caseId"], `${String(acknowledged!["accountId"])}/r1/e7`);
});

test("a pseudonym depends on the key alone, and can be turned off", () => {
  const idOf = (options: Partial<TelemetryOptions>): unknown => {
    const { telemetry, lines } = probe(options);
    telemetry.emit("command.acknowledged", COMMAND);
    return lines()[0]!["accountId"];
  };
  assert.equal(idOf({}), idOf({}));
  assert.notEqual(idOf({}), idOf({ pseudonymKey: "another" }));
  assert.notEqual(idOf({ pseudonymKey: undefined }), idOf({ pseudonymKey: undefined }));
  assert.equal(idOf({ logAccountIds: true }), "alice");
});

test("lag of a partition that is gone is gone, and so is what was kept for its task (M2)", async () => {
  const { telemetry, series, clock } = probe();
  for (const task of [0, 1]) {
    telemetry.emit("lag.observed", { topic: "a", partition: task, records: 5, seconds: task });
    telemetry.emit("state.observed", { task, accounts: 10 });
    telemetry.emit("task.running", { task, positions: {} });
    clock.moveTo(clock.monotonic() + 1_000);
  }
  const before = await series();
  assert.equal(before.get("holdfast_accounts"), 20);
  assert.equal(before.get("holdfast_checkpoint_age_seconds"), 2);
  telemetry.emit("task.stopped", { task: 0, reason: "rebalance" });
  const after = await series();
  assert.equal(after.has('holdfast_lag_records{topic="a",partition="0"}'), false);
  assert.equal(after.get('holdfast_lag_records{topic="a",partition="1"}'), 5);
  assert.equal(after.get("holdfast_accounts"), 10);
  assert.equal(after.get("holdfast_checkpoint_age_seconds"), 1);
  telemetry.emit("group.assigned", { generation: 2, tasks: [], seconds: 1 });
  assert.equal((await series()).get("holdfast_accounts"), 0);
});

test("of a task that rejoins the group nothing is owned, and an instance is in one state from its start on", async () => {
  const { telemetry, series } = probe();
  const states = async (): Promise<string[]> =>
    [...(await series())]
      .filter(([key, value]) => key.startsWith("holdfast_state{") && value === 1)
      .map(([key]) => key);
  assert.deepEqual(await states(), ['holdfast_state{state="starting"}']);
  telemetry.emit("process.started", { version: "1", tasks: 2, rulesHash: "aa", rules: 1 });
  assert.deepEqual(await states(), ['holdfast_state{state="joining"}']);
  telemetry.emit("group.assigned", { generation: 1, tasks: [0, 1], seconds: 1 });
  assert.deepEqual(await states(), ['holdfast_state{state="assigned"}']);
  assert.equal((await series()).get("holdfast_assigned_tasks"), 2);
  telemetry.emit("group.suspended", { generation: 1 });
  assert.deepEqual(await states(), ['holdfast_state{state="joining"}']);
  assert.equal((await series()).get("holdfast_assigned_tasks"), 0);
});

test("only a committed checkpoint, or none that was needed, makes the age young again", async () => {
  const { telemetry, series, clock } = probe();
  telemetry.emit("task.running", { task: 0, positions: {} });
  clock.moveTo(3_000);
  const done = { task: 0, seconds: 0.1, groups: 1, bytes: 100, stateBytes: 100, logBytes: 100 };
  telemetry.emit("checkpoint.done", { ...done, result: "failed" });
  assert.equal((await series()).get("holdfast_checkpoint_age_seconds"), 3);
  telemetry.emit("checkpoint.done", { ...done, result: "committed" });
  assert.equal((await series()).get("holdfast_checkpoint_age_seconds"), 0);
  clock.moveTo(6_000);
  telemetry.emit("checkpoint.unneeded", { task: 0 });
  assert.equal((await series()).get("holdfast_checkpoint_age_seconds"), 0);
});

test("of the state logs the longest for its state shows; of the states their sum", async () => {
  const { telemetry, series } = probe();
  const done = { result: "committed" as const, seconds: 0.1, groups: 1, bytes: 100 };
  telemetry.emit("checkpoint.done", { ...done, task: 0, stateBytes: 100, logBytes: 150 });
  telemetry.emit("checkpoint.done", { ...done, task: 1, stateBytes: 200, logBytes: 500 });
  assert.equal((await series()).get("holdfast_state_log_ratio"), 2.5);
  assert.equal((await series()).get("holdfast_state_bytes"), 300);
});

test("the rules in force are one series", async () => {
  const { telemetry, series } = probe();
  telemetry.emit("rules.loaded", { count: 5, hash: "aa" });
  telemetry.emit("rules.loaded", { count: 6, hash: "bb" });
  const found = [...(await series())].filter(([key]) => key.startsWith("holdfast_rules_info"));
  assert.deepEqual(found, [['holdfast_rules_info{hash="bb"}', 1]]);
});

test("a flood of one event is cut short in the log, not in the metrics (B1)", async () => {
  const { telemetry, lines, series, clock } = probe();
  const rejected = { topic: "a", reason: "UNDECODABLE", partition: 0, detail: "no magic byte" };
  const flood = LINES_PER_SECOND + 7;
  for (let offset = 0; offset < flood; offset++) telemetry.emit("record.deadLettered", { ...rejected, offset });
  assert.equal(lines().length, LINES_PER_SECOND);
  clock.moveTo(1_000);
  telemetry.emit("record.deadLettered", { ...rejected, offset: flood });
  assert.equal(lines().at(-1)!["omitted"], 7);
  assert.equal((await series()).get('holdfast_dead_letter_total{topic="a",reason="UNDECODABLE"}'), flood + 1);
});

test("of failures that say the same one is logged in a while, each other one at once; all are counted (B2)", async () => {
  const { telemetry, lines, series, clock } = probe();
  const fail = (doing: string): void =>
    telemetry.emit("broker.failed", { code: "CONNECTION", disposition: "retry", doing, detail: `could not ${doing}` });
  for (let second = 0; second < 10; second++) {
    clock.moveTo(second * 1_000);
    fail("fetch records");
  }
  fail("send a heartbeat");
  clock.moveTo(SAME_AGAIN_MS);
  fail("fetch records");
  assert.deepEqual(
    lines().map(({ doing, omitted }) => [doing, omitted]),
    [
      ["fetch records", undefined],
      ["send a heartbeat", undefined],
      ["fetch records", 9],
    ],
  );
  assert.equal((await series()).get('holdfast_kafka_errors_total{code="CONNECTION"}'), 12);
  telemetry.emit("registry.failed", { code: "CONNECTION", disposition: "retry", doing: "look up", detail: "refused" });
  assert.equal((await series()).get('holdfast_kafka_errors_total{code="CONNECTION"}'), 12, "the registry is not Kafka");
});

test("lines below the level are not written", () => {
  const { telemetry, lines } = probe({ logLevel: "warn" });
  telemetry.emit("command.acknowledged", COMMAND);
  telemetry.emit("rules.loaded", { count: 0, hash: "none" });
  assert.deepEqual(
    lines().map((line) => line["event"]),
    ["rules.loaded"],
  );
});

test("docs/metrics.md is what the tables say (npm run docs writes it)", () => {
  const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  assert.equal(page, metricsReference());
});

test("of the lags the worst task's shows, and none once its task is gone; unknown lag changes nothing", async () => {
  const { telemetry, series } = probe();
  const lag = (partition: number, seconds: number | null): void =>
    telemetry.emit("lag.observed", { topic: "a", partition, records: 1, seconds });
  const shown = async (): Promise<number | undefined> => (await series()).get('holdfast_lag_seconds{topic="a"}');
  lag(0, 7);
  lag(1, 3);
  assert.equal(await shown(), 7);
  lag(0, null);
  assert.equal(await shown(), 7);
  lag(0, 0);
  assert.equal(await shown(), 3);
  telemetry.emit("task.stopped", { task: 1, reason: "rebalance" });
  assert.equal(await shown(), 0);
});
