import { strict as assert } from "node:assert";
import { test } from "node:test";
import type { BreakerSettings } from "../../src/core/breaker.ts";
import type { ExchangeEvent } from "../../src/core/event.ts";
import { FREEZE, handmadeRules, HOLD } from "../../src/core/rule-set.ts";
import type { ResponseAction, RuleSet } from "../../src/core/rule.ts";
import { DAY, type Duration, HOUR, MINUTE } from "../../src/core/time.ts";
import { event, openWorld, START, type World } from "./world.ts";

const BREAKER: BreakerSettings = {
  fraction: 0.005,
  linkedFraction: 0.05,
  holdFraction: 0.05,
  floor: 5,
  holdFloor: 10,
  window: 10 * MINUTE,
  hold: HOUR,
};

function rules(respond: readonly ResponseAction[], more: { mode?: "observe" } = {}): RuleSet {
  const own = { standalone: true, respond, ...more };
  return handmadeRules({ detections: [{ name: "x", matches: (each) => each.type === "X", ...own }] });
}

function opened(respond: readonly ResponseAction[] = [FREEZE], breaker: Partial<BreakerSettings> = {}): World {
  return openWorld({ rules: rules(respond), breaker: { ...BREAKER, ...breaker }, services: ["auth", "signal"] });
}

function attack(world: World, account: number, at: Duration, id = "1"): void {
  world.apply("auth", event(`${id}-${account}`, at, "X", { accountId: `a${account}` }));
}

/** Log-ins of so many accounts, which makes them active. */
function busy(world: World, accounts: number, at: Duration = 0): void {
  for (let account = 0; account < accounts; account++) {
    world.apply("auth", event(`l${at}-${account}`, at, "LOGIN_SUCCEEDED", { accountId: `a${account}` }));
  }
}

function frozen(world: World): number {
  return world.commands.filter(({ action }) => action === "FREEZE").length;
}

test("a load that makes every account look taken over: freezes stay under the bound, the rest is short and reviewed", () => {
  const world = opened();
  busy(world, 2_000);
  const bound = 0.005 * 2_000 * 1.15;
  for (let account = 0; account < 2_000; account++) attack(world, account, MINUTE + account * 100);
  assert.ok(frozen(world) >= 8 && frozen(world) <= bound, `${frozen(world)} frozen`);
  const others = world.commands.filter(({ accountId }) => accountId === "a1999");
  assert.deepEqual(
    others.map(({ action, scopes, commandId, issuedAt, expiresAt }) => [
      `${action} ${scopes.join("+")} ${commandId}`,
      expiresAt! - issuedAt,
    ]),
    [
      ["HOLD WITHDRAW+P2P+TRANSFER a1999/x/1-1999/1-1999/0-breaker-hold", HOUR],
      ["REVIEW WITHDRAW+P2P+TRANSFER+API_KEYS a1999/x/1-1999/1-1999/0-breaker-review", DAY],
    ],
  );
  const opening = world.detections.find(({ kind }) => kind === "BREAKER_OPENED");
  assert.deepEqual(opening!.group, { ruleId: "x", breaker: "freeze" });
  assert.match(opening!.caseId, /^a\d+\/x\/1-\d+\/breaker-freeze$/);
  assert.deepEqual(world.partition.takeCounts().openBreakers, ["x"]);
  world.pass(MINUTE + 200_000 + 10 * MINUTE + 1);
  assert.equal(world.detections.at(-1)!.kind, "BREAKER_CLOSED");
  assert.equal(world.detections.at(-1)!.caseId, opening!.caseId);
  assert.deepEqual(world.partition.takeCounts().openBreakers, []);
});

test("what the breaker did not let out is frozen when the account goes on after it has closed", () => {
  const world = opened();
  for (let account = 0; account < 6; account++) attack(world, account, 0);
  assert.equal(frozen(world), 5);
  attack(world, 5, MINUTE, "2");
  assert.equal(world.commands.length, 7, "its hold is in force, and it is reviewed once");
  attack(world, 5, 30 * MINUTE, "3");
  assert.deepEqual(
    world.commands.slice(7).map(({ commandId }) => commandId),
    ["a5/x/1-5/3-5/0"],
  );
});

test("a freeze in force goes on whatever the breaker says, and counts once", () => {
  const world = opened([{ ...FREEZE, for: 20 * MINUTE }]);
  for (let account = 0; account < 6; account++) attack(world, account, 0);
  attack(world, 0, 9 * MINUTE, "2");
  assert.equal(world.commands.at(-1)!.commandId, "a0/x/1-0/2-0/0");
});

test("accounts that share a device or an address have a wider bound of their own; a network is shared by chance", () => {
  const link = (account: number, linkedBy: string): ExchangeEvent =>
    event(`link-${account}`, 0, "LINKED", { accountId: `a${account}`, linkedBy, linkedCount: 40, linkRule: "shared" });
  const world = opened();
  busy(world, 500);
  for (let account = 0; account < 40; account++) {
    world.apply("signal", link(account, account < 20 ? "deviceId=d1" : "asn=1"));
    attack(world, account, MINUTE);
  }
  const accounts = new Set(world.commands.flatMap(({ action, accountId }) => (action === "FREEZE" ? [accountId] : [])));
  for (let account = 0; account < 20; account++) assert.ok(accounts.has(`a${account}`), `a${account} is linked`);
  assert.equal(accounts.size, 25);
  const restarted = world.restarted();
  restarted.apply("auth", event("again", HOUR, "X", { accountId: "a3" }));
  for (let account = 100; account < 120; account++) attack(restarted, account, MINUTE + 1);
  assert.equal(frozen(restarted), 0, "the breaker is open after the restart, too");
});

test("holds have a bound of their own, beyond which they are short", () => {
  const world = opened([HOLD]);
  for (let account = 0; account < 11; account++) attack(world, account, 0);
  const lengths = world.commands.map(({ action, issuedAt, expiresAt }) => [action, expiresAt! - issuedAt]);
  assert.deepEqual(lengths.slice(-3), [
    ["HOLD", DAY],
    ["HOLD", HOUR],
    ["REVIEW", DAY],
  ]);
});

test("a hold that the breaker made short stays short, whatever the account does next", () => {
  const world = opened([{ ...HOLD, extend: true }]);
  for (let account = 0; account < 11; account++) attack(world, account, 0);
  attack(world, 10, MINUTE, "2");
  attack(world, 10, 0, "3");
  const lengths = world.commands.flatMap(({ accountId, action, issuedAt, expiresAt }) =>
    accountId === "a10" && action === "HOLD" ? [expiresAt! - issuedAt] : [],
  );
  assert.deepEqual([...new Set(lengths)], [HOUR]);
});

test("a person closes a breaker by its opening, and as many again are frozen", () => {
  const world = opened();
  for (let account = 0; account < 6; account++) attack(world, account, 0);
  const { caseId } = world.detections.find(({ kind }) => kind === "BREAKER_OPENED")!;
  const word = { decisionId: "d", accountId: "a5", caseId, verdict: "RELEASE", until: null, decidedBy: "ann" } as const;
  const heard = (): unknown => world.partition.decide({ ...word, decidedAt: START + MINUTE, note: null }, 0);
  assert.deepEqual(heard(), [{ rule: "x", caseId, isNew: true }]);
  assert.equal(world.detections.at(-1)!.kind, "BREAKER_CLOSED");
  for (let account = 10; account < 16; account++) attack(world, account, MINUTE);
  assert.equal(frozen(world), 10);
  const commands = world.commands.length;
  heard();
  assert.equal(world.commands.length, commands, "an earlier opening is over");
});

test("what a dead owner froze counts for the next one", () => {
  const owner = opened();
  for (let account = 0; account < 5; account++) attack(owner, account, 0);
  const next = opened();
  for (const command of owner.commands) {
    next.partition.adopt(command, START);
    next.partition.adopt(command, START);
  }
  for (let account = 0; account < 6; account++) attack(next, account, 0);
  assert.equal(frozen(next), 0);
  assert.equal(next.commands[0]!.accountId, "a5");
});

test("in observe mode nothing is said, and what would have been is counted", () => {
  const world = openWorld({ rules: rules([FREEZE, HOLD], { mode: "observe" }), breaker: BREAKER });
  for (let account = 0; account < 100; account++) attack(world, account, 0);
  assert.deepEqual([world.commands.length, world.detections.length], [0, 100]);
  assert.deepEqual(world.partition.takeCounts().suppressed, { observe: 200 });
});

test("a protected account is detected and reviewed, never held, frozen or stepped up (RP1)", () => {
  const listed = new Set(["alice"]);
  const respond = [FREEZE, { ...HOLD, for: 3 * DAY }, { ...HOLD, action: "REVIEW" as const, scopes: [] }];
  const world = openWorld({ rules: { ...rules(respond), protects: (account) => listed.has(account) } });
  world.apply("auth", event("1", 0, "X"), event("2", 0, "X", { accountId: "bob" }));
  assert.deepEqual(
    world.commands
      .filter(({ accountId }) => accountId === "alice")
      .map((each) => [each.action, each.commandId, each.scopes]),
    [
      ["REVIEW", "alice/x/1/1/0-review", FREEZE.scopes],
      ["REVIEW", "alice/x/1/1/2", []],
    ],
  );
  assert.deepEqual(world.partition.takeCounts().suppressed, { protected: 2 });
  assert.deepEqual(
    world.commands.filter(({ accountId }) => accountId === "bob").map(({ action }) => action),
    ["FREEZE", "HOLD", "REVIEW"],
  );
  listed.clear();
  world.apply("auth", event("3", MINUTE, "X"));
  assert.deepEqual(
    world.commands.slice(-3).map(({ commandId }) => commandId),
    ["alice/x/3/3/0", "alice/x/3/3/1", "alice/x/3/3/2"],
  );
});

test("money asked for while it is held, and money that left, by rule and by exit", () => {
  const world = openWorld({ rules: rules([{ ...FREEZE, scopes: ["WITHDRAW"], for: HOUR }]) });
  const ask = (id: string, at: Duration, more: object, type = "WITHDRAWAL_REQUESTED"): void =>
    world.apply("withdrawal", event(id, at, type, { channel: "ON_CHAIN", amountUsdCents: 1_000, ...more }));
  ask("before", 0, {});
  world.apply("auth", event("1", MINUTE, "X"));
  ask("held", 2 * MINUTE, {});
  ask("held", 2 * MINUTE, {});
  ask("another exit", 3 * MINUTE, { channel: "P2P" });
  ask("fiat", 4 * MINUTE, { channel: "FIAT", amountUsdCents: 50 });
  ask("later", 2 * HOUR, {});
  ask("paid", 2 * HOUR, {}, "WITHDRAWAL_COMPLETED");
  ask("paid somehow", 2 * HOUR, { channel: null, amountUsdCents: 3 }, "WITHDRAWAL_COMPLETED");
  ask("paid by P2P", 2 * HOUR, { channel: "P2P", amountUsdCents: 7 }, "WITHDRAWAL_COMPLETED");
  const { withdrawnUsdCents, protectedUsdCents } = world.partition.takeCounts();
  assert.deepEqual(protectedUsdCents, { x: 1_050 });
  assert.deepEqual(withdrawnUsdCents, { ON_CHAIN: 1_000, UNKNOWN: 3, P2P: 7 });
  assert.deepEqual(world.partition.takeCounts().withdrawnUsdCents, {});
});
