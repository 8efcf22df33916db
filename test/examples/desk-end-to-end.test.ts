// From a takeover to its undoing, with nothing but real processes: events, Holdfast, the enforcer, the fraud
// desk's command line; and the same where one of them is dead when it is needed.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { MINUTE, SECOND } from "../../src/core/time.ts";
import { cluster } from "../cluster.ts";
import { ask, metric, openFloor, startEnforcer, startHoldfast, temporaryDirectory, until } from "./floor.ts";
import type { Floor, Running } from "./floor.ts";

const kafka = cluster();
const limits = { skip: kafka.skip, timeout: 180_000 };

const withdrawal = (accountId: string) => ({ accountId, kind: "WITHDRAWAL", channel: "ON_CHAIN", via: "WEB" });
const trade = (accountId: string) => ({ accountId, kind: "TRADE", via: "WEB" });

async function freezeOf(floor: Floor, accountId: string) {
  const commands = await floor.all("commands");
  return commands.filter((each) => each.accountId === accountId && each.action === "FREEZE");
}

async function statusesOf(floor: Floor, commandId: string): Promise<string[]> {
  const acks = (await floor.all("acks")).filter((ack) => ack.commandId === commandId);
  return acks.map(({ status }) => status);
}

async function untilAnswer(enforcer: Running, operation: Record<string, string>, answer: string): Promise<void> {
  const what = `${JSON.stringify(operation)} is ${answer}`;
  await until(async () => (await ask(enforcer, operation)) === answer, { what, processes: [enforcer] });
}

test(
  "a wrong freeze is undone by one command, also when Holdfast or the enforcer is killed in between",
  limits,
  async (t) => {
    const floor = await openFloor(t, kafka);
    const ledger = join(temporaryDirectory(t), "ledger.sqlite");
    const first = await startHoldfast(t, floor);
    const enforcer = await startEnforcer(t, floor, ledger);
    await until(async () => (await ask(enforcer, trade("alice"))) === "open", {
      what: "the enforcer is up",
      processes: [enforcer],
    });

    const own = { accountId: "alice", eventId: "alice-own", type: "LOGIN_SUCCEEDED", deviceId: "alice-phone" };
    await floor.append("auth", { ...own, verifiedWith: ["PASSWORD", "TOTP"], occurredAt: Date.now() - 3 * MINUTE });
    await floor.takeOver("alice");
    await until(async () => (await ask(enforcer, trade("alice"))) === "closed", {
      what: "the freeze",
      processes: [first, enforcer],
    });
    const [freeze] = await freezeOf(floor, "alice");
    // What is in force is acknowledged a moment later.
    const isAcknowledged = async (): Promise<boolean> => (await statusesOf(floor, freeze!.commandId)).length > 0;
    await until(isAcknowledged, { what: "the freeze's acknowledgement", processes: [enforcer] });
    const shown = await floor.holdfast("case", freeze!.caseId);
    assert.match(shown.out, /TRADE: frozen until/);
    assert.match(shown.out, /✓ FREEZE applied by example-enforcer/);
    assert.match(shown.out, /· RISK_NOTICE_SENT .*\n.*LOGIN_SUCCEEDED .*\(not evidence, .*\n.*· FACTOR_SWITCHED /);

    const falsePositive = await floor.holdfast(
      "decide",
      "FALSE_POSITIVE",
      "--case",
      freeze!.caseId,
      "--by",
      "m.lee",
      "--note",
      "called",
      "--wait",
      "40s",
    );
    assert.equal(falsePositive.exitCode, 0, falsePositive.err + first.log());
    assert.match(falsePositive.out, /RELEASE of alice\S+: applied by example-enforcer/);
    assert.equal(await ask(enforcer, trade("alice")), "open");
    // The policy's hold is a case of its own: nobody has released that.
    assert.equal(await ask(enforcer, withdrawal("alice")), "closed");
    const all = await floor.holdfast("decide", "RELEASE", "--account", "alice", "--by", "m.lee", "--wait", "40s");
    assert.equal(all.exitCode, 0, all.err);
    assert.equal(await ask(enforcer, withdrawal("alice")), "open");

    await floor.takeOver("bob");
    await untilAnswer(enforcer, trade("bob"), "closed");
    await first.kill();
    const decided = await floor.holdfast("decide", "RELEASE", "--account", "bob", "--by", "m.lee", "--wait", "0");
    assert.equal(decided.exitCode, 0, decided.err);
    await enforcer.kill();
    const second = await startHoldfast(t, floor);
    const again = await startEnforcer(t, floor, ledger);
    await until(async () => (await ask(again, withdrawal("bob"))) === "open", {
      what: "bob's release",
      processes: [second, again],
    });
    assert.equal(await ask(again, trade("bob")), "open");
    // What was repeated has the same id, and what was released stays so.
    assert.equal(await ask(again, withdrawal("alice")), "open");
    const releases = (await floor.all("commands")).filter(({ action }) => action === "RELEASE");
    const cases = new Set(releases.map(({ caseId }) => caseId));
    assert.equal(new Set(releases.map(({ commandId }) => commandId)).size, cases.size);
  },
);

test("an enforcer that is down raises the alarm, hears the command again, and acts once", limits, async (t) => {
  const floor = await openFloor(t, { ...kafka, prefix: cluster().prefix });
  const ledger = join(temporaryDirectory(t), "ledger.sqlite");
  const running = await startHoldfast(t, floor, { HOLDFAST_ACK_TIMEOUT_MS: String(2 * SECOND) });
  await floor.takeOver("carol");
  const isRepeated = async (): Promise<boolean> => (await freezeOf(floor, "carol")).length >= 2;
  await until(isRepeated, { what: "the freeze, said again", processes: [running] });
  const [once, again] = await freezeOf(floor, "carol");
  assert.deepEqual(again, once);
  const alarmed = async (): Promise<boolean> => ((await metric(running, "commands_unacknowledged")) ?? 0) >= 1;
  await until(alarmed, { what: "the alarm", processes: [running] });
  assert.match(
    (await floor.holdfast("case", "carol")).out,
    /FREEZE .*(not acknowledged yet|NOT ACKNOWLEDGED), said 2 times|FREEZE .*NOT ACKNOWLEDGED: it may protect nobody, said 2 times/,
  );

  const enforcer = await startEnforcer(t, floor, ledger);
  await untilAnswer(enforcer, trade("carol"), "closed");
  const calm = async (): Promise<boolean> => (await metric(running, "commands_unacknowledged")) === 0;
  await until(calm, { what: "the end of the alarm", processes: [running, enforcer] });
  // The first acknowledgement ends the alarm; that of the repetition follows.
  const isAnsweredTwice = async (): Promise<boolean> => (await statusesOf(floor, once!.commandId)).length >= 2;
  await until(isAnsweredTwice, { what: "both acknowledgements", processes: [enforcer] });
  assert.deepEqual(await statusesOf(floor, once!.commandId), ["APPLIED", "ALREADY_APPLIED"]);
  assert.equal((await freezeOf(floor, "carol")).length, 2);
});

test("what accounts share is a case of its own, and an account's case names the link", limits, async (t) => {
  const floor = await openFloor(t, { ...kafka, prefix: cluster().prefix });
  const running = await startHoldfast(t, floor);
  const now = Date.now();
  for (const [accountId, minutes] of [
    ["alice", 5],
    ["bob", 3],
  ] as const) {
    const snapshot = { enrolledFactors: ["TOTP", "SMS"], knownDevices: [`${accountId}-phone`] } as const;
    const base = { accountId, type: "ACCOUNT_SNAPSHOT", occurredAt: now - 10 * MINUTE };
    await floor.append("auth", { ...base, ...snapshot, eventId: `${accountId}-s` });
    const login = { ...base, type: "LOGIN_SUCCEEDED", deviceId: "d9", occurredAt: now - minutes * MINUTE };
    await floor.append("auth", { ...login, verifiedWith: ["PASSWORD", "SMS"], eventId: `${accountId}-l` });
  }
  const shared = async () => (await floor.all("detections")).find(({ group }) => group["deviceId"] === "d9");
  await until(async () => (await shared()) !== undefined, { what: "the shared device", processes: [running] });
  const found = await floor.holdfast("case", (await shared())!.caseId);
  assert.match(found.out, /^deviceId d9: 1 case/);
  for (const account of ["alice", "bob"]) assert.match(found.out, new RegExp(`[·●] ${account} LOGIN_SUCCEEDED`));
  assert.doesNotMatch((await floor.holdfast("case", (await shared())!.caseId, "--redact")).out, /alice|bob/);

  const noticed = { accountId: "bob", eventId: "bob-n", type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" };
  await floor.append("auth", { ...noticed, occurredAt: now });
  const linked = async () =>
    (await floor.all("commands")).find(({ accountId, evidence }) => {
      return accountId === "bob" && evidence.some(({ type }) => type === "LINKED");
    });
  await until(async () => (await linked()) !== undefined, { what: "the linked account's hold", processes: [running] });
  const { caseId } = (await linked())!;
  assert.match((await floor.holdfast("case", caseId)).out, /LINKED linkedBy="deviceId=d9" linkedCount=2/);
  const redacted = await floor.holdfast("case", caseId, "--redact");
  assert.match(redacted.out, /LINKED linkedCount=2 linkRule=shared_device/);
  assert.doesNotMatch(redacted.out, /alice/);
});
