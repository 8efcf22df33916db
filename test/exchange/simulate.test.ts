// `holdfast simulate`, written to a file and read back as `holdfast replay` reads it.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import { EventLines } from "../../src/cli/replay/event-line.ts";
import { simulate } from "../../src/cli/simulate.ts";
import type { SimulateOptions } from "../../src/cli/simulate.ts";
import { HOUR } from "../../src/core/time.ts";
import { openDriver } from "../../src/testing/driver.ts";
import { openConsole } from "../cli/console.ts";

const directory = await mkdtemp(join(tmpdir(), "holdfast-simulate-"));
after(() => rm(directory, { recursive: true }));

const OPTIONS: SimulateOptions = {
  seed: "1",
  accounts: 300,
  rate: 1,
  takeovers: 21,
  oddities: 1,
  length: 2 * HOUR,
  campaign: null,
  out: null,
  truth: null,
  kafka: false,
  inputs: [
    { topic: "auth-events", service: "auth" },
    { topic: "api-key-events", service: "api_key" },
    { topic: "withdrawal-events", service: "withdrawal" },
    { topic: "trade-events", service: "trade" },
  ],
};

async function run(options: Partial<SimulateOptions> = {}, signal?: AbortSignal) {
  const { io, out, err } = openConsole(signal === undefined ? {} : { signal });
  return { code: await simulate({ ...OPTIONS, ...options }, io), out: out(), err: err() };
}

interface Truth {
  readonly accountId: string;
  readonly rule: string;
  readonly says: string;
  readonly by: string;
}

test("every line is an event, and the rules find in them what the truth says, in time", async () => {
  const truthFile = join(directory, "truth.ndjson");
  const { code, out, err } = await run({ truth: truthFile });
  assert.equal(code, 0, err);
  const loaded = await readRules("rules");
  assert.ok(loaded.rules);
  const ids = new Map(loaded.documents.map(({ name, id }) => [name, id]));
  const driver = openDriver({ rules: loaded.rules });
  const lines = new EventLines(OPTIONS.inputs);
  const said = new Set<string>();
  const hear = (outputs: ReturnType<typeof driver.finish>): void => {
    for (const { commands } of outputs)
      for (const { accountId, ruleId, action } of commands) said.add(`${accountId} ${ruleId} ${action}`);
  };
  for (const [index, text] of out.trimEnd().split("\n").entries()) {
    const outcome = lines.read({ number: index + 1, bytes: Buffer.from(text) });
    assert.ok("event" in outcome, text);
    hear(driver.apply(outcome.arrival, outcome.event));
  }
  hear(driver.finish());
  const truth = (await readFile(truthFile, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Truth);
  assert.equal(truth.length, OPTIONS.takeovers);
  for (const { accountId, rule, says, by } of truth) {
    assert.ok(said.has(`${accountId} ${ids.get(rule)} ${says}`), `${accountId} ${rule}`);
    assert.ok(Date.parse(by) > 0);
  }
});

test("one seed is one file, to standard output or on disk; another seed another", async () => {
  const out = join(directory, "events.ndjson");
  const first = await run({ rate: 0 });
  assert.equal((await run({ rate: 0, out })).out, "");
  assert.equal(await readFile(out, "utf8"), first.out);
  assert.notEqual((await run({ rate: 0, seed: "2" })).out, first.out);
});

test("without a topic of trades no story of trades is told", async () => {
  const { out } = await run({ rate: 0, inputs: OPTIONS.inputs.slice(0, 3), takeovers: 20 });
  assert.ok(!out.includes("TRADE_FILLED"));
  assert.ok(!out.includes("SESSION_USED"), "no story that needs them is begun");
});

test("too few accounts are said, with what to do", async () => {
  const { code, err } = await run({ accounts: 30 });
  assert.equal(code, 2);
  assert.match(err, /more accounts are needed; raise --accounts/u);
});

test("a signal ends it early", async () => {
  const { code } = await run({ length: 1_000 * HOUR, rate: 100 }, AbortSignal.timeout(50));
  assert.equal(code, 1);
});

test("a campaign is a file as well: its accounts are linked by what they share, the others are not", async () => {
  const truthFile = join(directory, "campaign.ndjson");
  const { code, out, err } = await run({ campaign: "device", takeovers: 10, accounts: 60, truth: truthFile });
  assert.equal(code, 0, err);
  assert.match(err, /60 accounts, 10 takeovers/);
  const loaded = await readRules("rules");
  const driver = openDriver({ rules: loaded.rules! });
  const lines = new EventLines(OPTIONS.inputs);
  const linked = new Set<string>();
  for (const [index, text] of out.trimEnd().split("\n").entries()) {
    const outcome = lines.read({ number: index + 1, bytes: Buffer.from(text) });
    assert.ok("event" in outcome, text);
    for (const { signals } of driver.apply(outcome.arrival, outcome.event))
      for (const { type, accountId } of signals) if (type === "LINKED") linked.add(accountId);
  }
  const truth = (await readFile(truthFile, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Truth);
  assert.deepEqual(linked, new Set(truth.map(({ accountId }) => accountId)));
  assert.deepEqual(new Set(truth.map(({ rule, says }) => `${rule} ${says}`)), new Set(["linked_and_started HOLD"]));
  assert.equal((await run({ campaign: "device", takeovers: 61, accounts: 60 })).code, 2);
});
