// The demo's live part over a stage in memory, with the real core in Holdfast's place: it succeeds with
// the shipped rules, and without rules the money leaves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import type { Stage } from "../../src/cli/demo/performance.ts";
import type { Ack } from "../../src/core/decision.ts";
import { perform } from "../../src/cli/demo/performance.ts";
import { makeReport, paintFor } from "../../src/cli/demo/report.ts";
import { takeoverRuleIds } from "../../src/cli/demo/takeover-rules.ts";
import type { Trial } from "../../src/cli/demo/trial.ts";
import { makeTrial } from "../../src/cli/demo/trial.ts";
import { SERVICES } from "../../src/core/event.ts";
import { openPartition } from "../../src/core/partition.ts";
import { DAY, MINUTE, SECOND } from "../../src/core/time.ts";
import { loadRules } from "../../src/sigma/rule-set.ts";
import type { LoadedRules } from "../../src/sigma/rule-set.ts";
import { makeExchange } from "../../src/testing/exchange/exchange.ts";

/** A broker with one partition, and Holdfast behind it, which says everything twice; `answers` hears the acks. */
function stageWith(loaded: LoadedRules, answers: Ack[]): Stage {
  let offset = 0;
  let onCommand: Parameters<Stage["listen"]>[0];
  const partition = openPartition({
    rules: loaded.rules!,
    settings: { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" },
    codec: {
      encodeGroup: () => assert.fail("not needed"),
      decodeGroup: () => assert.fail("not needed"),
      rest: () => assert.fail("not needed"),
      bytesAtRest: () => assert.fail("not needed"),
      encodeLink: () => assert.fail("not needed"),
      decodeLink: () => assert.fail("not needed"),
      encodePartition: () => assert.fail("not needed"),
      decodePartition: () => assert.fail("not needed"),
    },
    services: SERVICES,
    emit: ({ commands }) => {
      const evidenceAt = Promise.resolve(Date.now());
      for (const command of [...commands, ...commands]) onCommand({ command, appendedAt: Date.now(), evidenceAt });
    },
  });
  return {
    listen: async (listener) => void (onCommand = listener),
    acknowledge: (ack) => void answers.push(ack),
    append: async (postings) => {
      for (const { service, event } of postings) {
        const recordTimestamp = Date.now();
        partition.apply(
          { service, topic: service, partition: 0, offset: offset++, recordTimestamp },
          event,
          recordTimestamp,
        );
      }
    },
  };
}

async function performWith(
  loaded: LoadedRules,
): Promise<{ trial: Trial; text: string; events: number; answers: readonly Ack[] }> {
  const from = Date.now() + 50;
  const options = {
    seed: 5,
    accounts: 300,
    takeovers: 7,
    oddities: 1,
    rate: 100,
    from,
    length: 2 * SECOND,
    pace: 0.002,
    lag: 50,
    review: 300,
  };
  const exchange = makeExchange(options);
  const trial = makeTrial(exchange, takeoverRuleIds(loaded.documents));
  let text = "";
  const report = makeReport({
    write: (line) => (text += line),
    paint: paintFor(false),
    elapsed: () => (Date.now() - from) / 1000,
  });
  const answers: Ack[] = [];
  const stage = stageWith(loaded, answers);
  const events = await perform({ exchange, from, stage, trial, report, signal: new AbortController().signal });
  return { trial, text, events, answers };
}

test("with the shipped rules every takeover is frozen before its money leaves, and the terminal says so", async () => {
  const { trial, text, events, answers } = await performWith(await readRules("rules"));
  assert.deepEqual(trial.failures(), []);
  assert.equal(trial.takeovers.length, 7);
  for (const { told } of trial.takeovers) {
    const lines = text.split("\n").filter((line) => line.includes(told.account.id));
    assert.match(lines.join("\n"), /→ FREEZE [A-Z_,0-9]+ after \d+ ms: [\s\S]*the money stayed/);
    assert.ok(lines.length >= told.postings.length, lines.join("\n"));
  }
  assert.ok(!text.includes("\u001b"), "colour where there is no terminal");
  for (const takeover of trial.takeovers) {
    const { command, appliedAt } = trial.freezeOf(takeover)!;
    const own = answers.filter(({ commandId }) => commandId === command.commandId);
    assert.deepEqual(
      own.map(({ status }) => status),
      ["APPLIED", "ALREADY_APPLIED"],
    );
    assert.equal(own[0]!.appliedAt, appliedAt);
  }
  assert.ok(trial.summary("memory", events).protectionMs.p99! >= 0);
});

test("without rules every takeover gets away with the money, and the verdict says which", async () => {
  const { trial, text } = await performWith(loadRules([]));
  assert.equal(trial.failures().length, 7);
  for (const failure of trial.failures())
    assert.match(failure, /^T\d acct-\d+ \([a-z0-9-]+\) lost [\d,]+ USD: no rule said anything$/);
  assert.match(text, /the money left: [\d,]+ USD/);
});
