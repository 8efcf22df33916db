// The whole processor on the memory broker: production worker, core, codecs and shipped rules; only the
// broker and the clock are not the real ones. What it does when nothing fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DrivenEvent } from "../../src/testing/processor-driver.ts";
import { DRIVER_TOPICS } from "../../src/testing/processor-driver.ts";
import {
  committedCheckpoint,
  committedState,
  frozen,
  openDriver,
  ready,
  SESSION_MS,
  startReady,
  takeover,
} from "./driver-fixture.ts";

const MINUTE = 60_000;

test("a takeover gives one hold and one freeze; the evidence says where its events lie", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  const places = await takeover(driver, "alice");
  await driver.settle();
  const said = driver.commands();
  assert.deepEqual(
    said.map(({ accountId, action }) => `${action} ${accountId}`),
    ["HOLD alice", "FREEZE alice"],
  );
  for (const { eventId, topic, partition, offset } of said[1]!.evidence) {
    assert.deepEqual({ topic, partition, offset }, places[Number(eventId.slice("alice-".length)) - 1]);
  }
  assert.equal(said[1]!.evidence.at(-1)!.eventId, "alice-3");
  assert.deepEqual(
    driver.detections().map(({ kind }) => kind),
    ["OPENED", "OPENED"],
  );
});

test("a command is there before time passes, and its checkpoint follows at once (T1, T2)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  await takeover(driver, "alice");
  const before = committedCheckpoint(driver, 0)!;
  await driver.settle();
  assert.deepEqual(frozen(driver), ["alice"]);
  const after = committedCheckpoint(driver, 0)!;
  assert.ok(after.n > before.n);
  assert.equal(after.positions["api-key-events"], 1);
  assert.equal(after.positions[DRIVER_TOPICS.commands], 2);
});

test("nothing new is no checkpoint; a routine event is one without blocks (T2)", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  const login = {
    accountId: "alice",
    type: "LOGIN_SUCCEEDED",
    deviceId: "d1",
    country: "CH",
    asn: 1,
    verifiedWith: ["TOTP"],
  } as const;
  driver.produce(login);
  await driver.advance(3_000);
  const written = driver.records(DRIVER_TOPICS.state).length;
  const { n } = committedCheckpoint(driver, 0)!;
  await driver.advance(10_000);
  assert.equal(committedCheckpoint(driver, 0)!.n, n, "nothing arrived");
  driver.produce(login);
  await driver.advance(3_000);
  const { positions } = committedCheckpoint(driver, 0)!;
  assert.equal(positions["auth-events"], 2);
  assert.equal(driver.records(DRIVER_TOPICS.state).length, written);
});

test("an event delivered twice is an event once", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  await takeover(driver, "alice");
  await takeover(driver, "alice");
  await driver.advance(5_000);
  assert.deepEqual(frozen(driver), ["alice"]);
});

test("the takeover's records in any order across the topics freeze the account at the last of them", async () => {
  const steps: readonly DrivenEvent[] = [
    { accountId: "alice", eventId: "notice", type: "RISK_NOTICE_SENT", channel: "SMS" },
    { accountId: "alice", eventId: "switch", type: "FACTOR_SWITCHED", factor: "TOTP", toFactor: "SMS" },
    {
      accountId: "alice",
      eventId: "key",
      type: "API_KEY_CREATED",
      keyId: "k",
      rights: ["WITHDRAW"],
      verifiedWith: ["SMS"],
    },
  ];
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]) {
    const driver = await openDriver();
    await startReady(driver, "first");
    const began = driver.now();
    for (const [index, step] of order.entries()) {
      assert.deepEqual(frozen(driver), [], `${String(order)}: not before the last`);
      driver.produce({ ...steps[step]!, occurredAt: began + step * 1_000 });
      if (index < 2) await driver.advance(10_000);
    }
    await driver.settle();
    assert.deepEqual(frozen(driver), ["alice"], String(order));
    const ids = driver.commands().map(({ caseId }) => caseId.split("/").at(-1));
    assert.deepEqual([...new Set(ids)], ["key"], "the deciding event is the last in event time");
  }
});

test("what lies in the topics at the start is worked off as if it had come live", async () => {
  const accounts = Array.from({ length: 15 }, (_, index) => `account-${index}`);
  const driver = await openDriver({ partitions: 2, maxFetchRecords: 7 });
  for (const account of accounts) {
    // A crowd of log-ins makes one topic much longer than the others.
    for (let i = 0; i < 5; i++)
      driver.produce({ accountId: account, type: "LOGIN_SUCCEEDED", deviceId: "d1", verifiedWith: ["TOTP"] });
    await takeover(driver, account, 20_000);
    await driver.advance(20_000);
  }
  await startReady(driver, "first");
  await driver.advance(5_000);
  assert.deepEqual(frozen(driver).toSorted(), accounts.toSorted());
  const live = await openDriver({ partitions: 2 });
  await startReady(live, "first");
  for (const account of accounts) {
    for (let i = 0; i < 5; i++)
      live.produce({ accountId: account, type: "LOGIN_SUCCEEDED", deviceId: "d1", verifiedWith: ["TOTP"] });
    await takeover(live, account, 20_000);
    await live.advance(20_000);
  }
  const said = (of: typeof driver): string[] => of.commands().map(({ action, accountId }) => `${action} ${accountId}`);
  assert.deepEqual(said(driver).toSorted(), said(live).toSorted());
});

test("every bad record is one dead letter with its reason and place, and the good ones go on", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  const key = Buffer.from("alice");
  const bad = [
    { reason: "UNDECODABLE", place: driver.produceRaw("auth-events", 0, { key, value: Buffer.from("no avro") }) },
    { reason: "UNDECODABLE", place: driver.produceRaw("api-key-events", 0, { key, value: null }) },
    { reason: "TOO_LARGE", place: driver.produceRaw("auth-events", 0, { key, value: Buffer.alloc(300_000) }) },
    {
      reason: "FUTURE_TIME",
      place: driver.produce({ accountId: "alice", type: "LOGOUT", occurredAt: driver.now() + 10 * MINUTE }),
    },
    { reason: "MISSING_FIELD", place: driver.produce({ accountId: "", type: "LOGOUT" }) },
  ];
  const stolen = driver.produce({ accountId: "alice", type: "LOGOUT" });
  const { value } = driver.records("auth-events").find(({ offset }) => offset === stolen.offset)!;
  bad.push({ reason: "WRONG_KEY", place: driver.produceRaw("auth-events", 0, { key: Buffer.from("bob"), value }) });
  await takeover(driver, "alice");
  await driver.advance(5_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  const letters = driver.deadLetters().map(({ headers, key: letterKey, value: letterValue }) => ({
    reason: String(headers["holdfast-reason"]),
    place: {
      topic: String(headers["holdfast-topic"]),
      partition: Number(headers["holdfast-partition"]),
      offset: Number(headers["holdfast-offset"]),
    },
    key: letterKey,
    value: letterValue,
  }));
  const originals = bad.map(({ reason, place }) => {
    const original = driver.records(place.topic).find(({ offset }) => offset === place.offset)!;
    return { reason, place, key: original.key, value: original.value };
  });
  const byPlace = (a: { place: object }, b: { place: object }): number =>
    JSON.stringify(a.place) < JSON.stringify(b.place) ? -1 : 1;
  assert.deepEqual(letters.toSorted(byPlace), originals.toSorted(byPlace));
});

test("an unknown schema id holds up its own topic only, and is a dead letter after a minute", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  driver.produceRaw("withdrawal-events", 0, { key: Buffer.from("alice"), value: Buffer.from([0, 0, 0, 9, 9, 1]) });
  await takeover(driver, "alice");
  await driver.settle();
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.deepEqual(driver.deadLetters(), []);
  driver.produce({ accountId: "alice", type: "ADDRESS_ADDED", address: "a" });
  await driver.advance(2 * MINUTE);
  assert.deepEqual(
    driver.deadLetters().map(({ headers }) => headers["holdfast-reason"]?.toString()),
    ["UNKNOWN_SCHEMA"],
  );
  assert.equal(committedCheckpoint(driver, 0)!.positions["withdrawal-events"], 2);
});

test("told to stop, it commits what it has done, leaves, and the next goes on at once without repeating", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  await takeover(driver, "alice");
  driver.produce({ accountId: "bob", type: "RISK_NOTICE_SENT", channel: "SMS" });
  await driver.settle();
  first.stop();
  await driver.advance(500);
  assert.deepEqual(first.end(), { how: "stopped" });
  assert.equal(committedCheckpoint(driver, 0)!.positions["auth-events"], 3);
  const said = driver.commands().length;
  const second = driver.start("second");
  await driver.advance(SESSION_MS / 10);
  assert.ok(second.ready(), "no session had to run out");
  driver.produce({ accountId: "bob", type: "API_KEY_CREATED", keyId: "k", rights: ["TRADE"], verifiedWith: ["SMS"] });
  driver.produce({
    accountId: "bob",
    type: "FACTOR_SWITCHED",
    factor: "TOTP",
    toFactor: "SMS",
    occurredAt: driver.now(),
  });
  await driver.advance(2_000);
  assert.deepEqual(frozen(driver), ["alice", "bob"], "the notice was remembered across the restart");
  const since = driver
    .commands()
    .slice(said)
    .map(({ accountId }) => accountId);
  assert.deepEqual([...new Set(since)], ["bob"]);
});

test("tasks move between processors that come and go mid-stream; every account is frozen once", async () => {
  const driver = await openDriver({ partitions: 4, maxFetchRecords: 3 });
  const first = await startReady(driver, "first");
  const accounts = Array.from({ length: 30 }, (_, index) => `account-${index}`);
  const second = { at: 8, processor: null as ReturnType<typeof driver.start> | null };
  for (const [index, account] of accounts.entries()) {
    if (index === second.at) second.processor = driver.start("second");
    if (index === 20) first.stop();
    await takeover(driver, account, 700);
  }
  await driver.advance(10_000);
  await ready(driver, second.processor!);
  assert.deepEqual(first.end(), { how: "stopped" });
  assert.deepEqual(frozen(driver).toSorted(), accounts.toSorted());
  const assigned = second.processor!.reports("group.assigned").map(({ tasks }) => tasks.length);
  assert.deepEqual([assigned[0], assigned.at(-1)], [2, 4], "half of the tasks first, all of them in the end");
});

test("restored state is the state a processor has that saw everything itself", async () => {
  const run = async (restarts: number): Promise<Record<string, string>> => {
    const driver = await openDriver();
    let processor = await startReady(driver, "p0");
    for (let round = 0; round < 4; round++) {
      await takeover(driver, `account-${round % 3}`, 800);
      await driver.advance(1_000);
      driver.produce({ accountId: "carol", type: "FACTOR_ENROLLED", factor: "TOTP", eventId: `carol-${round}` });
      await driver.advance(1_500);
      if (round < restarts) processor.stop();
      await driver.advance(100);
      if (round < restarts) processor = driver.start(`p${round + 1}`);
      await driver.advance(900);
    }
    await driver.advance(5_000);
    assert.ok(processor.ready());
    return committedState(driver, 0);
  };
  const never = await run(0);
  assert.equal(Object.keys(never).length, 4);
  assert.deepEqual(await run(3), never);
});
