// What a task holds beside its accounts is kept when it changes, even if no account does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUR, MINUTE } from "../../src/core/time.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import { openDriver, ready, startReady, takeover, TAKEOVER_MS } from "./driver-fixture.ts";

const breaker = {
  fraction: 0.005,
  linkedFraction: 0.05,
  holdFraction: 0.05,
  floor: 2,
  holdFloor: 1_000,
  window: 10 * MINUTE,
  hold: HOUR,
};

test("a breaker that a person closed is closed for the next owner, too", async () => {
  const driver = await openDriver({ settings: { breaker } });
  const first = await startReady(driver, "first");
  for (let account = 0; account < 5; account++) await takeover(driver, `a${account}`, 10);
  await driver.advance(3_000);
  const openings = driver.detections().filter(({ kind }) => kind === "BREAKER_OPENED");
  assert.ok(openings.length > 0);
  const blocks = driver.records(DRIVER_TOPICS.state).length;
  for (const { caseId } of openings) driver.decide({ accountId: caseId.split("/", 1)[0]!, caseId });
  await driver.advance(3_000);
  const closings = (): number => driver.detections().filter(({ kind }) => kind === "BREAKER_CLOSED").length;
  assert.equal(closings(), openings.length);
  assert.equal(driver.records(DRIVER_TOPICS.state).length, blocks + 2, "a block without a group, and its marker");
  first.kill();
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS);
  await ready(driver, second);
  await takeover(driver, "another", 10);
  await driver.advance(1_000);
  const said = driver.commands().filter(({ accountId }) => accountId === "another");
  assert.ok(
    said.some(({ action }) => action === "FREEZE"),
    "it is frozen as written",
  );
});
