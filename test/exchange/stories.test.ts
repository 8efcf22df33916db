// The stories are what they claim, judged by the real core with the shipped rules, whatever the seed:
// every takeover meets a FREEZE of a takeover rule no later than its first request for money, one of
// them no policy hold before that, and honest customers never meet a FREEZE.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import { takeoverRuleIds } from "../../src/cli/demo/takeover-rules.ts";
import { SERVICES } from "../../src/core/event.ts";
import type { Command } from "../../src/core/output.ts";
import type { StateCodec } from "../../src/core/partition.ts";
import { openPartition } from "../../src/core/partition.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { DAY, MINUTE, SECOND } from "../../src/core/time.ts";
import type { Exchange, ExchangeOptions } from "../../src/testing/exchange/exchange.ts";
import { REAL_LIFE, makeExchange } from "../../src/testing/exchange/exchange.ts";
import type { Posting } from "../../src/testing/exchange/story.ts";
import { TAKEOVERS } from "../../src/testing/exchange/takeovers.ts";

const SEEDS = 200;
const FROM = Date.UTC(2024, 5, 9, 12);

const IN_REAL_TIME: Omit<ExchangeOptions, "seed"> = {
  accounts: 300,
  takeovers: TAKEOVERS.length,
  oddities: 2,
  rate: 5,
  from: FROM,
  length: MINUTE,
  pace: 0.02,
  lag: 1_500,
  review: 13 * SECOND,
};

const PACES: Readonly<Record<string, Omit<ExchangeOptions, "seed">>> = {
  "paced as in the demo": IN_REAL_TIME,
  "at real life's pace": { ...IN_REAL_TIME, ...REAL_LIFE, rate: 0.1 },
};

/** Nothing here is written or restored. */
const NO_STATE: StateCodec = {
  encodeGroup: () => assert.fail("not needed"),
  decodeGroup: () => assert.fail("not needed"),
  rest: () => assert.fail("not needed"),
  bytesAtRest: () => assert.fail("not needed"),
  encodeLink: () => assert.fail("not needed"),
  decodeLink: () => assert.fail("not needed"),
  encodePartition: () => assert.fail("not needed"),
  decodePartition: () => assert.fail("not needed"),
};

let rules: RuleSet;
let takeoverRules: ReadonlySet<string>;
/** Rule name → id. */
let ids: ReadonlyMap<string | null, string | null>;

before(async () => {
  const loaded = await readRules("rules");
  assert.ok(loaded.rules, "the shipped rules load");
  rules = loaded.rules;
  takeoverRules = takeoverRuleIds(loaded.documents);
  ids = new Map(loaded.documents.map(({ name, id }) => [name, id]));
});

interface Said {
  readonly command: Command;
  /** What was being applied when it was said. */
  readonly posting: Posting;
}

/** What Holdfast says while the exchange runs, arrivals in the order of the appends. */
function watch(exchange: Exchange): Said[] {
  const said: Said[] = [];
  let posting: Posting;
  const partition = openPartition({
    rules,
    settings: { allowedLateness: 10 * MINUTE, profileWarmup: 14 * DAY, mode: "enforce" },
    codec: NO_STATE,
    services: SERVICES,
    emit: ({ commands }) => said.push(...commands.map((command) => ({ command, posting }))),
  });
  let offset = 0;
  for (posting of [...exchange.past(), ...exchange.live()]) {
    const { service, event, at } = posting;
    const outcome = partition.apply(
      { service, topic: service, partition: 0, offset: offset++, recordTimestamp: at },
      event,
      at,
    );
    assert.equal(outcome, "ok", `${event.type} was late`);
    partition.tick();
  }
  return said;
}

for (const [pace, options] of Object.entries(PACES)) {
  test(`every takeover meets its freeze in time, no honest account any, over ${SEEDS} seeds, ${pace}`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const exchange = makeExchange({ ...options, seed });
      const said = watch(exchange);
      for (const { story, account, postings } of exchange.takeovers) {
        const request = postings.find(({ event }) => event.type === "WITHDRAWAL_REQUESTED")!;
        const where = `seed ${seed}, ${story.name}`;
        const rule = ids.get(story.rule);
        const freeze = said.find(
          ({ command }) => command.accountId === account.id && command.action === "FREEZE" && command.ruleId === rule,
        );
        assert.ok(freeze, `${where}: no freeze`);
        const lastEvidence = Math.max(...freeze.command.evidence.map(({ occurredAt }) => occurredAt));
        assert.ok(lastEvidence <= request.event.occurredAt, `${where}: needs more than the request`);
        assert.ok(freeze.posting.at < request.at + options.review, `${where}: frozen after the review`);
      }
      const victims = new Set(exchange.takeovers.map(({ account }) => account.id));
      const wronged = said.filter(({ command }) => command.action === "FREEZE" && !victims.has(command.accountId));
      assert.deepEqual(
        wronged.map(({ command, posting }) => [seed, command.ruleTitle, posting.event]),
        [],
      );
    }
  });
}

test("the rules that recognise takeovers are those of rules/takeover", () => {
  for (const { rule: name } of TAKEOVERS) assert.ok(takeoverRules.has(ids.get(name)!), name);
  for (const name of ["factor_weakened", "credential_changed"]) assert.ok(!takeoverRules.has(ids.get(name)!), name);
});

test("the takeover without a policy hold meets none on its way to the withdrawal; the others of the pattern do", () => {
  const held = new Map<string, number>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const exchange = makeExchange({ ...IN_REAL_TIME, seed, rate: 0 });
    const said = watch(exchange);
    for (const { story, account, postings } of exchange.takeovers) {
      const request = postings.find(({ event }) => event.type === "WITHDRAWAL_REQUESTED")!;
      const hold = said.some(
        ({ command, posting }) =>
          command.accountId === account.id && command.action === "HOLD" && posting.event !== request.event,
      );
      held.set(story.name, (held.get(story.name) ?? 0) + Number(hold));
    }
  }
  assert.equal(held.get("no-policy-hold"), 0);
  assert.equal(held.get("switch-then-key"), SEEDS);
  assert.equal(held.get("factor-removed-then-key"), SEEDS);
});

test("honest stories are held exactly where their policy says so", () => {
  for (let seed = 0; seed < 50; seed++) {
    const exchange = makeExchange({ ...IN_REAL_TIME, seed });
    const held = new Set(
      watch(exchange)
        .filter(({ command }) => command.action === "HOLD")
        .map(({ command }) => command.accountId),
    );
    for (const { story, account } of exchange.oddities)
      assert.equal(held.has(account.id), story.mayHold, `seed ${seed}, ${story.name}`);
    const involved = new Set([...exchange.takeovers, ...exchange.oddities].map(({ account }) => account.id));
    assert.deepEqual(
      [...held].filter((id) => !involved.has(id)),
      [],
      `seed ${seed}: routine was held`,
    );
  }
});
