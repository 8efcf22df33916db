// A wave that a breaker takes as it should, and every way in which it can get it wrong.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import { LASTS_MS } from "./oracle.ts";
import type { SaidCommand } from "./judged.ts";
import { judgeWaves, WAVE } from "./waves.ts";
import type { Breaking, BreakerWord, Wanted, WavesJudged } from "./waves.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const WINDOW_MS = 60_000;
const HOUR_MS = 3_600_000;

function wantedAt(ms: number, ...accounts: string[]): Wanted[] {
  return accounts.map((accountId) => ({
    accountId,
    eventId: `e-${accountId}`,
    partition: 0,
    at: NOW + ms,
    since: NOW + ms + 5,
  }));
}

const command = ({ accountId, eventId, at }: Wanted, suffix: string): SaidCommand => ({
  caseId: `${accountId}/chaos_wave/${eventId}`,
  commandId: `${accountId}/chaos_wave/${eventId}/${eventId}/${suffix}`,
  accountId,
  action: suffix === "0" ? "FREEZE" : suffix.endsWith("hold") ? "HOLD" : "REVIEW",
  scopes: suffix.endsWith("hold") ? ["WITHDRAW", "P2P", "TRANSFER"] : ["WITHDRAW", "P2P", "TRADE"],
  ruleId: "chaos_wave",
  issuedAt: at,
  expiresAt: at + (suffix.endsWith("hold") ? HOUR_MS : LASTS_MS),
  content: "",
  appendedAt: at + 100,
});
const frozen = (wanted: Wanted): SaidCommand[] => [command(wanted, "0")];
const held = (wanted: Wanted): SaidCommand[] => [
  command(wanted, "0-breaker-hold"),
  command(wanted, "0-breaker-review"),
];

const word = (kind: "OPENED" | "CLOSED", account: string, ms: number): BreakerWord => ({
  kind: `BREAKER_${kind}`,
  caseId: `${account}/chaos_wave/e-${account}/breaker-freeze`,
  ruleId: "chaos_wave",
  lastAt: NOW + ms,
  appendedAt: NOW + ms + 100,
});

const [a, b, c] = wantedAt(0, "a", "b", "c") as [Wanted, Wanted, Wanted];
const opened = word("OPENED", "c", 0);
const closed = word("CLOSED", "c", WINDOW_MS + 1);
const byWord = { decisionId: "d", accountId: "c", caseId: opened.caseId, decidedAt: NOW + 10_000 };
const killed = [{ kind: "kill -9", from: NOW, to: NOW + 1_000 }];

const good: WavesJudged = {
  wanted: [a, b, c],
  breakers: [opened, closed],
  breakerBound: 2,
  breakerWindowMs: WINDOW_MS,
  said: [...frozen(a), ...frozen(b), ...held(c)],
  decisions: [],
  disturbances: [{ kind: WAVE, from: NOW, to: NOW + 1_000 }],
  eventsEndAt: NOW + 900_000,
  endedAt: NOW + 1_000_000,
  boundOf: (due) => due + 15_000,
};
const judged = (given: Partial<WavesJudged>): Breaking => judgeWaves({ ...good, ...given });

test("a wave that is bounded, and a breaker that closes after a quiet window", () => {
  assert.deepEqual(judged({}), { findings: [], frozen: 2, reduced: 1, opened: 1, closedByWord: 0, closedByQuiet: 1 });
});

test("a breaker that a person closes lets out as many again", () => {
  const more = wantedAt(20_000, "f", "g");
  const found = judged({
    wanted: [...good.wanted, ...more],
    breakers: [opened, word("CLOSED", "c", 10_000)],
    decisions: [byWord],
    said: [...good.said, ...more.flatMap(frozen)],
  });
  assert.deepEqual(found.findings, []);
  assert.equal(found.closedByWord, 1);
});

test("a dying owner and its successor may let out and open on their own", () => {
  const found = judged({
    said: [...good.said, ...frozen(c), ...held(b)],
    breakers: [word("OPENED", "b", 0), opened, closed],
    disturbances: killed,
  });
  assert.deepEqual(found.findings, []);
});

test("what is still open at the end may be so when nothing was quiet for a window", () => {
  assert.deepEqual(judged({ breakers: [opened], eventsEndAt: NOW + WINDOW_MS }).findings, []);
});

const later = wantedAt(30_000, "f")[0]!;
const FLAWS: readonly (readonly [what: string, change: Partial<WavesJudged>, says: RegExp])[] = [
  ["an account of which nothing is said", { said: [...frozen(a), ...frozen(b)] }, /^missing: c .* neither/u],
  ["a hold at which nobody looks", { said: good.said.slice(0, -1) }, /^missing: c .* not both/u],
  ["an account frozen and held", { said: [...good.said, ...held(b)] }, /^doubled: b is frozen and held/u],
  ["a freeze for nobody", { wanted: [a, b] }, /^wrong: c chaos_wave/mu],
  ["another length", { said: [...frozen(a), ...frozen(b), ...held({ ...c, at: c.at + 1 })] }, /^altered: c/u],
  ["more than the bound", { said: [...frozen(a), ...frozen(b), ...frozen(c)] }, /^unbounded: 3 accounts/u],
  [
    "more than the bound over two waves",
    {
      wanted: [...good.wanted, later],
      said: [...good.said, ...frozen(later)],
    },
    /^unbounded: 3 accounts/u,
  ],
  ["fewer than the bound allows", { said: [...frozen(a), ...held(b), ...held(c)] }, /^held back: 1 accounts/u],
  ["too late", { said: good.said.map((each) => ({ ...each, appendedAt: NOW + 16_000 })) }, /^late: a/u],
  ["an opening that nobody is told of", { breakers: [] }, /^missing: partition 0 opened no breaker/u],
  [
    "another rule's breaker",
    { breakers: [{ ...opened, caseId: "x/chaos_sum/e/breaker-freeze" }] },
    /^wrong: a breaker/u,
  ],
  ["two openings", { breakers: [opened, word("OPENED", "b", 1), closed] }, /^doubled: the breaker/u],
  ["a closing without an opening", { breakers: [closed] }, /^wrong: .* never opened/u],
  [
    "a closing while it is wanted",
    { wanted: [...good.wanted, later], said: [...good.said, ...held(later)] },
    /^early: /u,
  ],
  ["one that stays open", { breakers: [opened] }, /^missing: the breaker .* was never closed/u],
  [
    "one that a person could not close",
    { breakers: [opened], decisions: [byWord], eventsEndAt: NOW + 50_000 },
    /never closed/u,
  ],
];

for (const [what, change, says] of FLAWS) {
  test(`${what} is found`, () => assert.match(judged(change).findings.join("\n"), says));
}
