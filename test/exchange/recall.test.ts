// Every story against the shipped rules, at real life's pace: what `npm run recall` measures over many seeds
// holds for a few, and the measure can fail.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readRules } from "../../src/adapters/rule-files.ts";
import type { RuleSet } from "../../src/core/rule.ts";
import { HOUR } from "../../src/core/time.ts";
import { storyOf } from "../../src/testing/exchange/campaign.ts";
import { SHARED_THINGS } from "../../src/testing/exchange/shared-thing.ts";
import { REAL_LIFE, makeExchange } from "../../src/testing/exchange/exchange.ts";
import type { Exchange } from "../../src/testing/exchange/exchange.ts";
import { WATCHED_ADDRESS } from "../../src/testing/exchange/moves.ts";
import { EVERYTHING } from "../../src/testing/exchange/repertoire.ts";
import { seededRandom } from "../../src/testing/exchange/random.ts";
import { reachOf, stepsOf } from "../../src/testing/exchange/script.ts";
import { makeTally } from "../../src/testing/exchange/tally.ts";
import { judgeExchange } from "../../src/testing/exchange/verdict.ts";
import { readFile } from "node:fs/promises";

const SEEDS = 20;

const loaded = await readRules("rules");
assert.ok(loaded.rules, "the shipped rules load");
const { rules } = loaded;
const ids = new Map([...rules.detections, ...rules.correlations].map(({ name, id }) => [name ?? id, id]));

function exchangeOf(seed: number): Exchange {
  return makeExchange({
    ...REAL_LIFE,
    seed,
    accounts: 300,
    takeovers: EVERYTHING.takeovers.length,
    oddities: 1,
    rate: 0.05,
    from: Date.UTC(2024, 5, 9, 12),
    length: 2 * HOUR,
    repertoire: EVERYTHING,
  });
}

function measure(given: RuleSet) {
  const tally = makeTally(ids);
  for (let seed = 0; seed < SEEDS; seed++) tally.add(seed, judgeExchange(exchangeOf(seed), { rules: given, ids }));
  return tally.summary();
}

test(`every takeover is stopped by its rule, no honest account frozen, over ${SEEDS} seeds`, () => {
  const summary = measure(rules);
  assert.deepEqual(summary.notes, []);
  assert.equal(summary.takeovers, SEEDS * EVERYTHING.takeovers.length);
  assert.equal(summary.caught, summary.takeovers);
  assert.equal(summary.honest.frozen, 0);
  assert.equal(summary.honest.heldWithoutReason, 0);
});

test("every shipped rule that holds or freezes has a takeover to recognise", () => {
  const closing = [...rules.detections, ...rules.correlations].filter(({ respond }) =>
    respond.some(({ action }) => action === "HOLD" || action === "FREEZE"),
  );
  const told = [...EVERYTHING.takeovers, ...SHARED_THINGS.map(storyOf)].map(({ rule }) => rule);
  assert.deepEqual(new Set(told), new Set(closing.map(({ name }) => name)));
});

test("a rule that only observes is missed, and the measure says so", () => {
  const silent = new Set(["notice_bypass_key", "session_hijack_trades"]);
  const observe = <T extends { readonly name: string | null }>(list: readonly T[]): T[] =>
    list.map((rule) => (silent.has(rule.name ?? "") ? { ...rule, mode: "observe" } : rule));
  const summary = measure({ ...rules, correlations: observe(rules.correlations) });
  const missed = summary.rules.filter(({ takeovers, caught }) => caught < takeovers);
  assert.deepEqual(new Set(missed.map(({ rule }) => rule)), silent);
  assert.ok(summary.notes.length > 0);
});

test("the watched destination is on the shipped watch-list", async () => {
  assert.ok((await readFile("watchlists/watched_addresses.txt", "utf8")).includes(WATCHED_ADDRESS));
});

test("names of stories are unique", () => {
  const names = [...EVERYTHING.takeovers, ...EVERYTHING.honest].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

test("a script leaves to chance what it says and nothing else", () => {
  const step = (type: string) => ({ after: [1, 2], service: "auth", type, by: "owner", fields: () => ({}) }) as const;
  const [a, b, c] = [step("A"), step("B"), step("C")];
  const plays = (script: Parameters<typeof stepsOf>[0]): string[] => {
    const random = seededRandom("script");
    return [
      ...new Set(
        Array.from({ length: 200 }, () =>
          stepsOf(script, random)
            .map(({ type }) => type)
            .join(""),
        ),
      ),
    ];
  };
  assert.deepEqual(plays([a, b]), ["AB"]);
  assert.deepEqual(plays([{ anyOrder: [[a], [b, c]] }]).toSorted(), ["ABC", "BCA"]);
  assert.deepEqual(plays([a, { oneOf: [[b], [c]] }]).toSorted(), ["AB", "AC"]);
  assert.deepEqual(plays([{ maybe: [a] }, b]).toSorted(), ["AB", "B"]);
  assert.deepEqual(plays([{ repeat: [a], times: [1, 3] }]).toSorted(), ["A", "AA", "AAA"]);
  assert.deepEqual(reachOf([a, { oneOf: [[b], [b, c]] }, { repeat: [a], times: [1, 3] }]), {
    seconds: 2 + 4 + 6,
    withdraws: false,
    trades: false,
  });
});
