// Decisions and acknowledgements through the whole processor: a wrong freeze is undone and stays undone, what
// nobody acknowledges is said again, and a load that would freeze everybody is bounded, whatever dies meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../../src/core/output.ts";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import {
  commandsById,
  detectionsById,
  frozen,
  openDriver,
  startReady,
  takeover,
  TAKEOVER_MS,
  tellWith,
} from "./driver-fixture.ts";

const ACK_TIMEOUT = 30_000;

/** What an enforcer has closed that ignores known ids and adds up by case; RELEASE ends a case for good. */
function closed(driver: ProcessorDriver): string[] {
  const known = new Set<string>();
  const released = new Set<string>();
  const cases = new Map<string, Command[]>();
  for (const command of driver.commands()) {
    if (known.has(command.commandId)) continue;
    known.add(command.commandId);
    if (command.action === "RELEASE") released.add(command.caseId);
    else cases.set(command.caseId, [...(cases.get(command.caseId) ?? []), command]);
  }
  return [...cases].flatMap(([caseId, commands]) =>
    released.has(caseId) ? [] : commands.map(({ action, accountId }) => `${action} ${accountId}`),
  );
}

/** A takeover that was none: frozen, released by a person, and the customer goes on. */
async function tell(driver: ProcessorDriver): Promise<void> {
  await takeover(driver, "alice", 200);
  await driver.advance(800);
  driver.decide({ accountId: "alice", decisionId: "d1", verdict: "FALSE_POSITIVE" });
  await driver.advance(1_500);
  driver.produce({ accountId: "alice", eventId: "alice-5", type: "LOGOUT" });
  await driver.advance(TAKEOVER_MS + 2_000);
}

test("a wrong freeze is released by one decision, its hold too; killed at any call, it is released all the same", async () => {
  const fair = await tellWith(tell, () => undefined);
  assert.deepEqual(closed(fair.driver), []);
  const releases = fair.driver.commands().filter(({ action }) => action === "RELEASE");
  assert.equal(releases.length, 2, "a policy's hold and a freeze are two cases");
  for (const n of fair.calls.keys()) {
    for (const applied of [false, true]) {
      const told = await tellWith(tell, (number, _, { driver, first }) => {
        if (number !== n) return undefined;
        first.kill();
        driver.start("second");
        return { applied, answer: "none" };
      });
      const where = `call ${n} (${fair.calls[n]!.kind} ${fair.calls[n]!.topic ?? ""}) ${applied ? "done" : "not done"}`;
      assert.deepEqual(closed(told.driver), [], where);
      assert.deepEqual(commandsById(told.driver), commandsById(fair.driver), where);
      assert.deepEqual(Object.keys(detectionsById(told.driver)), Object.keys(detectionsById(fair.driver)), where);
    }
  }
});

test("after a release what happens next is judged anew", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  await tell(driver);
  await driver.advance(HOUR);
  driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" });
  driver.produce({ accountId: "alice", type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" });
  driver.produce({
    accountId: "alice",
    type: "API_KEY_CREATED",
    keyId: "k2",
    rights: ["WITHDRAW"],
    verifiedWith: ["SMS"],
  });
  await driver.advance(1_000);
  assert.ok(closed(driver).includes("FREEZE alice"));
});

test("what no service acknowledges is said again once, whoever owns the task by then, and the alarm says so", async () => {
  const driver = await openDriver({ settings: { ackTimeout: ACK_TIMEOUT } });
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  await driver.advance(1_000);
  const [hold, freeze] = driver.commands();
  driver.acknowledge({ accountId: "alice", commandId: hold!.commandId });
  await driver.advance(1_500);
  first.kill();
  const second = driver.start("second");
  await driver.advance(ACK_TIMEOUT);
  assert.deepEqual(
    driver.commands().map(({ commandId }) => commandId),
    [hold!.commandId, freeze!.commandId, freeze!.commandId],
  );
  assert.deepEqual(driver.commands()[2], driver.commands()[1]);
  const count = (): number | undefined => {
    const reported = second.reported.findLast(({ name }) => name === "commands.unanswered");
    return (reported?.fields as { count: number } | undefined)?.count;
  };
  await driver.advance(2_000);
  assert.equal(count(), 1);
  assert.equal(second.reported.filter(({ name }) => name === "command.repeated").length, 1);
  assert.equal(second.reported.filter(({ name }) => name === "command.acknowledged").length, 0);
  driver.acknowledge({ accountId: "alice", commandId: freeze!.commandId, status: "ALREADY_APPLIED" });
  await driver.advance(2_000);
  assert.equal(count(), 0);
  await driver.advance(10 * MINUTE);
  assert.equal(driver.commands().length, 3);
});

test("what was acknowledged while nobody read it is not said again", async () => {
  const driver = await openDriver({ settings: { ackTimeout: ACK_TIMEOUT } });
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  await driver.advance(1_500);
  first.kill();
  for (const { accountId, commandId } of driver.commands()) driver.acknowledge({ accountId, commandId });
  for (let noise = 0; noise < 50; noise++) driver.acknowledge({ accountId: "alice", commandId: `unknown-${noise}` });
  await driver.advance(10 * MINUTE);
  const second = await startReady(driver, "second");
  await driver.advance(MINUTE);
  assert.equal(driver.commands().length, 2);
  assert.equal(second.reported.filter(({ name }) => name === "command.answered").length, 2);
});

test("a command adopted from a dead owner is waited for, too", async () => {
  const driver = await openDriver({ settings: { ackTimeout: ACK_TIMEOUT }, tuning: { checkpointIntervalMs: 20_000 } });
  const first = await startReady(driver, "first");
  driver.broker.onCall((call) =>
    call.process === "first" && call.kind === "commit" ? { applied: false, answer: "none" } : undefined,
  );
  await takeover(driver, "alice", 10);
  await driver.advance(100);
  first.kill();
  driver.start("second");
  await driver.advance(TAKEOVER_MS + ACK_TIMEOUT);
  assert.deepEqual(frozen(driver), ["alice", "alice"]);
  assert.equal(new Set(driver.commands().map((command) => JSON.stringify(command))).size, 2);
});

test("a load that would freeze every account is bounded, also when its owner dies in the middle", async () => {
  const settings = {
    breaker: {
      fraction: 0.005,
      linkedFraction: 0.05,
      holdFraction: 0.05,
      floor: 5,
      holdFloor: 1_000,
      window: 10 * MINUTE,
      hold: HOUR,
    },
  };
  const driver = await openDriver({ settings });
  const first = await startReady(driver, "first");
  const wave = async (from: number): Promise<void> => {
    for (let account = from; account < from + 20; account++) await takeover(driver, `a${account}`, 1);
    await driver.advance(1_000);
  };
  await wave(0);
  first.kill();
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS);
  await wave(20);
  const freezes = driver.commands().filter(({ action }) => action === "FREEZE");
  const byRule = Map.groupBy(freezes, ({ ruleId }) => ruleId);
  for (const [rule, some] of byRule) assert.equal(new Set(some.map(({ accountId }) => accountId)).size, 5, rule);
  const reduced = driver.commands().filter(({ commandId }) => commandId.endsWith("-breaker-hold"));
  assert.equal(new Set(reduced.map(({ accountId }) => accountId)).size, 35);
  const openings = driver.detections().filter(({ kind }) => kind === "BREAKER_OPENED");
  assert.equal(new Set(openings.map(({ caseId }) => caseId)).size, byRule.size);
  const open = second.reported.filter(
    ({ name, fields }) => name === "breaker.observed" && (fields as { open: boolean }).open,
  );
  assert.ok(open.length > 0);
  await driver.advance(12 * MINUTE);
  const closings = driver.detections().filter(({ kind }) => kind === "BREAKER_CLOSED");
  assert.deepEqual(
    new Set(closings.map(({ caseId }) => caseId)),
    new Set(openings.map(({ caseId }) => caseId)),
    "by itself, although no event moves time",
  );
});
