// A rehearsal says what the whole processor said (worker, checkpoints and all) when the same records came in
// live; and counts what it should.

import { deepEqual, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "../../../src/adapters/rule-files.ts";
import { murmur2Partitioner } from "../../../src/adapters/kafka/partitioner.ts";
import { loadSchemas } from "../../../src/adapters/schema-files.ts";
import { Rehearsal } from "../../../src/cli/backtest/rehearsal.ts";
import type { Rehearsed } from "../../../src/cli/backtest/rehearsal.ts";
import { rerun } from "../../../src/cli/backtest/rerun.ts";
import type { Rerun } from "../../../src/cli/backtest/rerun.ts";
import { Verdicts } from "../../../src/cli/backtest/verdicts.ts";
import { RESPONSE_SETTINGS, responseSettingsOf } from "../../../src/config/response-settings.ts";
import type { ExchangeEvent } from "../../../src/core/event.ts";
import type { CoreSettings } from "../../../src/core/partition.ts";
import type { RuleSet } from "../../../src/core/rule.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../../../src/core/time.ts";
import type { Instant } from "../../../src/core/time.ts";
import { servicesRead } from "../../../src/runtime/topics.ts";
import type { RecordBatch } from "../../../src/runtime/ports.ts";
import { loadRules } from "../../../src/sigma/rule-set.ts";
import { makeExchange } from "../../../src/testing/exchange/exchange.ts";
import { EVERYTHING } from "../../../src/testing/exchange/repertoire.ts";
import { DRIVER_TOPICS } from "../../../src/testing/processor-driver.ts";
import type { ProcessorDriver } from "../../../src/testing/processor-driver.ts";
import { openDriver, ready, takeover } from "../../runtime/driver-fixture.ts";

const PARTITIONS = 3;
const INPUTS = [...DRIVER_TOPICS.inputs, { topic: "trade-events", service: "trade" } as const];
const SETTINGS = { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" } as const;
const schemas = await loadSchemas("schemas");
const { rules } = await readRules("rules");
ok(rules);

/** What a partition of the memory broker holds, as one batch. */
function batchOf(driver: ProcessorDriver, topic: string, partition: number): RecordBatch {
  const records = driver.broker.records(topic, partition);
  const nextOffset = (records.at(-1)?.offset ?? -1) + 1;
  return {
    topic,
    partition,
    fetchedFrom: 0,
    nextOffset,
    endOffset: nextOffset,
    length: records.length,
    bytes: 0,
    offsetAt: (index) => records[index]!.offset,
    timestampAt: (index) => records[index]!.timestamp,
    keyAt: (index) => records[index]!.key,
    valueAt: (index) => records[index]!.value,
    headersAt: () => ({}),
    leaderEpochAt: () => -1,
    flawAt: () => null,
  };
}

async function rehearse(
  driver: ProcessorDriver,
  of: { readonly rules?: RuleSet; readonly countFrom?: Instant; readonly settings?: Partial<CoreSettings> } = {},
): Promise<{ rehearsed: Rehearsed; read: Rerun }> {
  const stretches = INPUTS.flatMap(({ topic }) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, from: 0, to: Infinity })),
  );
  const batches = stretches.map(({ topic, partition }): (RecordBatch | null)[] => [batchOf(driver, topic, partition)]);
  const services = new Map(INPUTS.map(({ topic, service }) => [topic, service]));
  const rehearsal = new Rehearsal({
    rules: of.rules ?? rules!,
    settings: { ...SETTINGS, ...of.settings },
    services: servicesRead({ ...DRIVER_TOPICS, inputs: INPUTS }),
    partitions: PARTITIONS,
    partitioner: murmur2Partitioner,
    countFrom: of.countFrom ?? 0,
  });
  const read = await rerun({
    source: { next: (stretch) => Promise.resolve(batches[stretch]!.shift() ?? null) },
    stretches,
    topics: { ...DRIVER_TOPICS, inputs: INPUTS },
    codec: {
      decode: (topic, { value }) => ({
        event: schemas.events[services.get(topic)!].type.fromBuffer(value!.subarray(5)) as ExchangeEvent,
      }),
    },
    rehearsals: [rehearsal],
    verdicts: new Verdicts(),
    to: Infinity,
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  rehearsal.finish(driver.now());
  return { rehearsed: rehearsal.result(), read };
}

function said(driver: ProcessorDriver): { cases: string[]; commands: Record<string, number> } {
  const opened = driver.detections().filter(({ kind }) => kind === "OPENED");
  const commands: Record<string, number> = {};
  const ids = new Set<string>();
  for (const { commandId, ruleId, action } of driver.commands()) {
    if (ids.has(commandId)) continue;
    ids.add(commandId);
    commands[`${ruleId} ${action}`] = (commands[`${ruleId} ${action}`] ?? 0) + 1;
  }
  return { cases: opened.map(({ caseId }) => caseId).toSorted(), commands };
}

function counted({ cases, commands }: Rehearsed): ReturnType<typeof said> {
  const flat = [...commands].flatMap(([ruleId, byAction]) =>
    Array.from(byAction, ([action, count]) => [`${ruleId} ${action}`, count] as const),
  );
  return { cases: [...cases.keys()].toSorted(), commands: Object.fromEntries(flat) };
}

test("a rehearsal of what came in says what the processor said of it", async () => {
  const driver = await openDriver({ partitions: PARTITIONS, tuning: { checkpointIntervalMs: 30_000 } });
  const processor = driver.start("live", { trades: true });
  await ready(driver, processor);
  const exchange = makeExchange({
    seed: 5,
    accounts: 120,
    takeovers: 25,
    oddities: 1,
    rate: 0.5,
    from: driver.now() + SECOND,
    length: 15 * MINUTE,
    pace: 1,
    lag: 0,
    review: MINUTE,
    repertoire: EVERYTHING,
  });
  for (const { event } of exchange.past()) driver.produce(event);
  await driver.advance(SECOND);
  for (const { at, event } of exchange.live()) {
    if (at > driver.now()) await driver.advance(at - driver.now());
    driver.produce(event);
  }
  await driver.advance(30 * MINUTE);
  strictEqual(processor.end().how, "running");
  const live = said(driver);
  ok(live.cases.length > 10, `only ${live.cases.length} cases`);
  deepEqual(counted((await rehearse(driver)).rehearsed), live);
});

test("what is decided by events of before the time asked for is remembered, and not counted", async () => {
  const driver = await openDriver({ partitions: PARTITIONS });
  await takeover(driver, "alice", MINUTE);
  const countFrom = driver.now() + 1;
  await driver.advance(MINUTE);
  await takeover(driver, "bob", MINUTE);
  const { rehearsed, read } = await rehearse(driver, { countFrom });
  strictEqual(read.events, 6);
  deepEqual([...rehearsed.accounts], ["bob"]);
  ok([...rehearsed.cases.values()].every(({ accountId }) => accountId === "bob"));
  deepEqual([...(await rehearse(driver)).rehearsed.accounts].toSorted(), ["alice", "bob"]);
  // Begun before, completed after.
  const middle = await rehearse(driver, { countFrom: countFrom + 2 * MINUTE });
  deepEqual([...middle.rehearsed.accounts], ["bob"]);
});

test("what time alone decides is decided in its time, although nothing more comes in there", async () => {
  const step = (name: string, type: string): string =>
    `title: ${name}\nname: ${name}\nlogsource: { product: exchange, service: auth }\ndetection: { s: { type: ${type} }, condition: s }\n---\n`;
  const text = `${step("notice", "RISK_NOTICE_SENT")}${step("login", "LOGIN_SUCCEEDED")}title: silence
id: 5d6a3b8e-0f43-4f0c-9a37-5c8d3a6c1a03
correlation: { type: temporal, condition: notice and not login, group-by: [accountId], timespan: 15m }
holdfast: { respond: [{ hold: [WITHDRAW], for: 1h, reason: TEST }] }
---
${step("gone", "LOGOUT")}`;
  const loaded = loadRules([{ path: "r.yml", text }]);
  deepEqual(loaded.problems, []);
  const driver = await openDriver({ partitions: PARTITIONS });
  const place = driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT" });
  await driver.advance(5 * HOUR);
  // In another partition: alice's hears of no time.
  const others = ["b", "c", "d", "e"].map((accountId) => driver.produce({ accountId, type: "LOGOUT" }));
  ok(others.some(({ partition }) => partition !== place.partition));
  await driver.advance(5 * HOUR);
  const quick = await rehearse(driver, { rules: loaded.rules! });
  deepEqual([...quick.rehearsed.commands.values()], [new Map([["HOLD", 1]])]);
  const opened = Array.from(quick.rehearsed.cases.values(), ({ rule }) => rule);
  deepEqual(opened, ["silence", "gone", "gone", "gone", "gone"]);
  strictEqual(quick.rehearsed.suppressed.get("stale") ?? 0, 0);
});

test("a rule that matches everybody shows as what its breaker would have left of it", async () => {
  const text = `title: Everybody
id: 5d6a3b8e-0f43-4f0c-9a37-5c8d3a6c1a04
logsource: { product: exchange, service: auth }
detection: { s: { type: LOGIN_SUCCEEDED }, condition: s }
holdfast: { respond: [{ freeze: [WITHDRAW], for: 24h, reason: TEST }] }
`;
  const { rules: bad } = loadRules([{ path: "r.yml", text }]);
  const driver = await openDriver({ partitions: PARTITIONS });
  for (let index = 0; index < 120; index++) driver.produce({ accountId: `a${index}`, type: "LOGIN_SUCCEEDED" });
  const byDefault = Object.fromEntries(Object.entries(RESPONSE_SETTINGS).map(([name, row]) => [name, row.default]));
  const settings = responseSettingsOf(byDefault as never);
  const { rehearsed } = await rehearse(driver, { rules: bad!, settings });
  strictEqual(rehearsed.cases.size, 120);
  const [said] = rehearsed.commands.values();
  const floor = settings.breaker!.floor;
  deepEqual(Object.fromEntries(said!), {
    FREEZE: PARTITIONS * floor,
    HOLD: 120 - PARTITIONS * floor,
    REVIEW: 120 - PARTITIONS * floor,
  });
  deepEqual([...rehearsed.breakers.values()], [PARTITIONS]);
  ok(rehearsed.suppressed.get("breaker")! > 0);
  strictEqual((await rehearse(driver, { rules: bad! })).rehearsed.commands.values().next().value!.get("FREEZE"), 120);
});
