// The enforcing service's ledger: what is closed, for how long, and what opens it (E1-E4).

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Action, Command, Scope, Targets } from "../../src/core/output.ts";
import type { Exit } from "../../src/testing/exchange/enforcer.ts";
import { makeLedger } from "../../src/testing/exchange/enforcer.ts";

interface Said {
  readonly id?: string;
  readonly case?: string;
  readonly account?: string;
  readonly scopes?: readonly Scope[];
  readonly targets?: Partial<Targets>;
  readonly until?: number | null;
}

let commandNumber = 0;

function command(action: Action, said: Said = {}): Command {
  const caseId = said.case ?? "alice/rule/e1";
  return {
    caseId,
    commandId: said.id ?? `${caseId}/${++commandNumber}`,
    accountId: said.account ?? "alice",
    action,
    scopes: said.scopes ?? ["WITHDRAW", "P2P", "TRANSFER", "API_KEYS"],
    targets: { withdrawalIds: [], keyIds: [], sessionIds: [], addresses: [], ...said.targets },
    reasonCode: "TAKEOVER_SEQUENCE",
    ruleId: "rule",
    ruleTitle: "A rule",
    ruleHash: "00",
    mode: "enforce",
    issuedAt: 0,
    effectiveAt: 0,
    expiresAt: said.until === undefined ? 100 : said.until,
    evidence: [],
    evidenceCount: 0,
  };
}

const onTheWeb: Exit = {
  accountId: "alice",
  channel: "ON_CHAIN",
  via: "WEB",
  withdrawalId: "w1",
  address: "0xa",
  sessionId: "s1",
};
const byKey: Exit = { ...onTheWeb, via: "API", keyId: "k1" };

function isClosed(commands: readonly Command[], exit: Exit, at = 50): boolean {
  const ledger = makeLedger();
  for (const each of commands) ledger.apply(each);
  return ledger.closing(exit, at).length > 0;
}

const CHANNELS: readonly [channel: string, via: string, closedBy: readonly Scope[]][] = [
  ["ON_CHAIN", "WEB", ["WITHDRAW"]],
  ["FIAT", "APP", ["WITHDRAW"]],
  ["P2P", "WEB", ["P2P"]],
  ["INTERNAL", "APP", ["TRANSFER"]],
  ["GIFT", "APP", ["TRANSFER"]],
  ["ON_CHAIN", "API", ["WITHDRAW", "API_KEYS"]],
  ["INTERNAL", "API", ["TRANSFER", "API_KEYS"]],
  ["UNKNOWN", "WEB", ["WITHDRAW"]],
];

for (const [channel, via, closedBy] of CHANNELS) {
  test(`a withdrawal by ${channel} over ${via} is closed by ${closedBy.join(" or ")} alone`, () => {
    for (const scope of ["WITHDRAW", "P2P", "TRANSFER", "TRADE", "API_KEYS", "SESSIONS", "ADDRESS_BOOK"] as const) {
      const exit = { ...onTheWeb, channel, via };
      assert.equal(isClosed([command("FREEZE", { scopes: [scope] })], exit), closedBy.includes(scope), scope);
    }
  });
}

test("HOLD and FREEZE close; STEP_UP, REVIEW and RELEASE do not; neither does another account's command", () => {
  const closing = (["HOLD", "FREEZE", "STEP_UP", "REVIEW", "RELEASE"] as const).filter((action) =>
    isClosed([command(action)], onTheWeb),
  );
  assert.deepEqual(closing, ["HOLD", "FREEZE"]);
  assert.equal(isClosed([command("FREEZE", { account: "bob" })], onTheWeb), false);
});

test("a protection ends at its expiry", () => {
  assert.equal(isClosed([command("HOLD", { until: 100 })], onTheWeb, 99), true);
  assert.equal(isClosed([command("HOLD", { until: 100 })], onTheWeb, 100), false);
});

test("a known command id changes nothing, even after its case was released (E1)", () => {
  const ledger = makeLedger();
  const hold = command("HOLD", { id: "c1" });
  assert.deepEqual([ledger.apply(hold), ledger.apply(hold)], ["applied", "known"]);
  assert.equal(ledger.closing(onTheWeb, 50).length, 1);
  ledger.apply(command("RELEASE", { until: null }));
  assert.equal(ledger.apply(hold), "known");
  assert.equal(ledger.closing(onTheWeb, 50).length, 0);
});

test("a scope is closed until the latest expiry among the open cases, in any order of arrival (E2)", () => {
  const policy = command("HOLD", { case: "alice/policy/e1", until: 60 });
  const takeover = command("FREEZE", { case: "alice/takeover/e2", until: 90 });
  for (const order of [
    [policy, takeover],
    [takeover, policy],
  ]) {
    assert.deepEqual(
      [59, 60, 89, 90].map((at) => isClosed(order, onTheWeb, at)),
      [true, true, true, false],
    );
  }
});

test("a released policy hold never lifts a takeover's freeze (E2)", () => {
  const policy = command("HOLD", { case: "alice/policy/e1" });
  const takeover = command("FREEZE", { case: "alice/takeover/e2" });
  const release = command("RELEASE", { case: "alice/policy/e1", until: null });
  assert.equal(isClosed([policy, takeover, release], onTheWeb), true);
  assert.equal(isClosed([policy, release], onTheWeb), false);
});

test("what comes for a case after its release closes nothing, known or not (E3)", () => {
  const release = command("RELEASE", { until: null });
  assert.equal(isClosed([release, command("FREEZE")], onTheWeb), false);
  assert.equal(isClosed([release, command("FREEZE", { case: "alice/rule/e2" })], onTheWeb), true);
});

const TARGETS: readonly [targets: Partial<Targets>, closesWeb: boolean, closesKey: boolean][] = [
  [{}, true, true],
  [{ withdrawalIds: ["w1"] }, true, true],
  [{ withdrawalIds: ["w2"] }, false, false],
  [{ withdrawalIds: ["w2"], addresses: ["0xa"] }, true, true],
  [{ keyIds: ["k1"] }, false, true],
  [{ keyIds: ["k2"] }, false, false],
  [{ sessionIds: ["s1"] }, true, true],
];

for (const [targets, closesWeb, closesKey] of TARGETS) {
  test(`targets ${JSON.stringify(targets)} narrow a freeze to what they name (E4)`, () => {
    assert.equal(isClosed([command("FREEZE", { targets })], onTheWeb), closesWeb);
    assert.equal(isClosed([command("FREEZE", { targets })], byKey), closesKey);
  });
}
