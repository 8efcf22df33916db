// Campaigns over partitions and processors: facts and links find their way, and a crash anywhere on it changes
// nothing about who is linked and held.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../../src/core/output.ts";
import { MINUTE } from "../../src/core/time.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import { openDriver, SESSION_MS, startReady, TAKEOVER_MS } from "./driver-fixture.ts";

const GANG_DEVICE = "gang's phone";
const VICTIMS = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"];
/** Shares nothing with anybody. */
const LONER = "zoe";

function know(driver: ProcessorDriver): void {
  for (const accountId of [...VICTIMS, LONER])
    driver.produce({
      accountId,
      type: "ACCOUNT_SNAPSHOT",
      knownDevices: [`${accountId}'s own`],
      eventId: `known-${accountId}`,
    });
}

async function logIn(driver: ProcessorDriver, accountId: string, deviceId = GANG_DEVICE): Promise<void> {
  driver.produce({
    accountId,
    type: "LOGIN_SUCCEEDED",
    deviceId,
    eventId: `login-${accountId}`,
    verifiedWith: ["SMS"],
  });
  await driver.advance(500);
}

/** Ids of what the campaign's rule said, as a consumer that ignores known ids sees them. */
function heldIds(driver: ProcessorDriver): string[] {
  const isCampaigns = ({ reasonCode, action }: Command): boolean =>
    reasonCode === "LINKED_AND_STARTED" && action === "HOLD";
  return [
    ...new Set(
      driver
        .commands()
        .filter(isCampaigns)
        .map(({ commandId }) => commandId),
    ),
  ].toSorted();
}

function accountsOf(ids: readonly string[]): string[] {
  return ids.map((id) => id.split("/")[0] ?? "");
}

async function wholeCampaign(partitions: number): Promise<ProcessorDriver> {
  const driver = await openDriver({ partitions });
  await startReady(driver, "first");
  if (partitions > 1) await startReady(driver, "second");
  know(driver);
  for (const accountId of VICTIMS) await logIn(driver, accountId);
  await logIn(driver, LONER, "a new phone");
  await driver.until(() => heldIds(driver).length >= VICTIMS.length, { withinMs: MINUTE, what: "all held" });
  await driver.advance(TAKEOVER_MS);
  return driver;
}

test("accounts in every partition are linked through the partition of their group, and held", async () => {
  const driver = await wholeCampaign(4);
  assert.deepEqual(accountsOf(heldIds(driver)), VICTIMS);
  const opened = driver.detections().filter(({ ruleName, kind }) => ruleName === "shared_device" && kind === "OPENED");
  assert.deepEqual(
    opened.map(({ group }) => ({ ...group })),
    [{ deviceId: GANG_DEVICE }],
  );
});

test("how many partitions there are does not show", async () => {
  const [one, four] = [await wholeCampaign(1), await wholeCampaign(4)];
  assert.deepEqual(heldIds(four), heldIds(one));
});

for (const victims of [1, 2, 5]) {
  test(`a processor that dies when ${victims} of 8 have begun loses no link and doubles none`, async () => {
    const whole = await wholeCampaign(4);
    const driver = await openDriver({ partitions: 4 });
    const first = await startReady(driver, "first");
    await startReady(driver, "second");
    know(driver);
    for (const [index, accountId] of VICTIMS.entries()) {
      if (index === victims) {
        driver.produce({
          accountId,
          type: "LOGIN_SUCCEEDED",
          deviceId: GANG_DEVICE,
          eventId: `login-${accountId}`,
          verifiedWith: ["SMS"],
        });
        first.kill(); // between the event and whatever it says
      } else await logIn(driver, accountId);
    }
    await driver.until(() => heldIds(driver).length >= VICTIMS.length, {
      withinMs: SESSION_MS + MINUTE,
      what: "all held",
    });
    await driver.advance(TAKEOVER_MS);
    assert.deepEqual(accountsOf(heldIds(driver)), VICTIMS);
    assert.deepEqual(accountsOf(heldIds(driver)), accountsOf(heldIds(whole)));
    const opened = driver
      .detections()
      .filter(({ ruleName, kind }) => ruleName === "shared_device" && kind === "OPENED");
    assert.equal(new Set(opened.map(({ caseId }) => caseId)).size, 1);
  });
}

test("a group outlives the processors that heard of it", async () => {
  const driver = await openDriver({ partitions: 2 });
  const first = await startReady(driver, "first");
  know(driver);
  await logIn(driver, "ann");
  await driver.advance(5_000);
  first.stop();
  await driver.until(() => first.end().how === "stopped", { withinMs: MINUTE, what: "stopped" });
  await startReady(driver, "second");
  await logIn(driver, "ben");
  await driver.until(() => heldIds(driver).length >= 2, { withinMs: MINUTE, what: "both held" });
  assert.deepEqual(accountsOf(heldIds(driver)), ["ann", "ben"]);
});
