// The limit on dead letters: a topic-partition that is mostly rejected is held, looked at, and let go on,
// without a record lost or buried twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Rejection } from "../../src/core/event.ts";
import { openPartition } from "../../src/core/partition.ts";
import type { Partition } from "../../src/core/partition.ts";
import { Intake } from "../../src/runtime/intake.ts";
import type { Clock, Codec, Group } from "../../src/runtime/ports.ts";
import { Quarantine } from "../../src/runtime/quarantine.ts";
import { RejectionWindow, WINDOW_RECORDS } from "../../src/runtime/rejection-window.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";
import type { ProcessorDriver } from "../../src/testing/processor-driver.ts";
import { recordBatch } from "./batch.ts";
import { committedCheckpoint, frozen, openDriver, startReady, takeover, TAKEOVER_MS } from "./driver-fixture.ts";

const TOPIC = "auth-events";
const KEY = Buffer.from("mallory");

function poison(driver: ProcessorDriver, count: number): void {
  for (let i = 0; i < count; i++) driver.produceRaw(TOPIC, 0, { key: KEY, value: Buffer.from(`poison ${i}`) });
}

function good(driver: ProcessorDriver, count: number): void {
  for (let i = 0; i < count; i++) driver.produce({ accountId: "bob", type: "LOGOUT" });
}

function buried(driver: ProcessorDriver): number[] {
  return driver.deadLetters().map(({ headers }) => Number(headers["holdfast-offset"]));
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, offset) => offset);

test("more than half of a thousand, and only then", () => {
  const window = new RejectionWindow();
  for (let i = 0; i < WINDOW_RECORDS - 1; i++) assert.equal(window.add(true), false, "the window is not full");
  assert.equal(window.add(true), true);
  for (let i = 0; i < 499; i++) window.add(false);
  assert.equal(window.add(true), true, "501 of the last 1,000");
  window.add(false);
  window.add(false);
  assert.equal(window.add(true), false, "the oldest went out: 500 of 1,000");
  window.clear();
  assert.equal(window.add(true), false);
});

test("a topic of nothing but poison is held after a thousand; the others go on", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  poison(driver, 2_000);
  await driver.advance(2_000);
  assert.deepEqual(buried(driver), upTo(1_000));
  assert.equal(committedCheckpoint(driver, 0)!.positions[TOPIC], 1_000);
  const [begun] = processor.reports("quarantine.begun");
  assert.deepEqual([begun?.topic, begun?.partition, begun?.reason, begun?.held], [TOPIC, 0, "UNDECODABLE", 1]);
  driver.produce({ accountId: "bob", type: "ADDRESS_ADDED", address: "a" });
  await driver.advance(60_000);
  assert.equal(committedCheckpoint(driver, 0)!.positions["withdrawal-events"], 1);
  assert.deepEqual(buried(driver), upTo(1_000), "looks bury nothing (Q1)");
  assert.match(JSON.stringify(processor.status()), /"quarantine":\{"since":"2024-06-09T[^"]+","reason":"UNDECODABLE"/);
});

test("poison at a third is buried and holds nothing", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  for (let i = 0; i < 700; i++) {
    poison(driver, 1);
    good(driver, 2);
  }
  await driver.advance(2_000);
  assert.equal(buried(driver).length, 700);
  assert.deepEqual(processor.reports("quarantine.begun"), []);
});

test("good records at the end let it go on within ten seconds; every bad one is buried once (Q2)", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  poison(driver, 5_000);
  await driver.advance(20_000);
  assert.equal(buried(driver).length, 1_000);
  good(driver, 20);
  await takeover(driver, "alice");
  await driver.advance(10_000);
  assert.equal(processor.reports("quarantine.ended").length, 1);
  assert.deepEqual(buried(driver), upTo(5_000));
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.equal(committedCheckpoint(driver, 0)!.positions[TOPIC], 5_022);
});

test("a few good records behind a held one are enough, if nothing else is behind it", async () => {
  const driver = await openDriver();
  await startReady(driver, "first");
  poison(driver, 1_000);
  await driver.advance(2_000);
  await takeover(driver, "alice");
  await driver.advance(10_000);
  assert.deepEqual(frozen(driver), ["alice"]);
  assert.deepEqual(buried(driver), upTo(1_000));
});

test("held, killed and taken over: nothing is lost, nothing buried past what is committed", async () => {
  const driver = await openDriver();
  const first = await startReady(driver, "first");
  poison(driver, 1_500);
  await driver.advance(5_000);
  first.kill();
  await driver.advance(1_000);
  const second = driver.start("second");
  await driver.advance(TAKEOVER_MS);
  assert.ok(second.ready());
  assert.deepEqual(buried(driver), upTo(1_500), "the next owner counts anew");
  poison(driver, 1_500);
  good(driver, 20);
  await driver.advance(20_000);
  assert.deepEqual(
    buried(driver).toSorted((a, b) => a - b),
    upTo(3_000),
  );
});

/** A driver, and the event time that its only task has come to. */
async function timed(): Promise<{ driver: ProcessorDriver; frontier: () => number }> {
  let partition: Partition | null = null;
  const driver = await openDriver({ openPartition: (options) => (partition = openPartition(options)) });
  return { driver, frontier: () => partition!.frontier() };
}

/** Minutes in which the other topics have events of theirs. */
async function others(driver: ProcessorDriver, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    driver.produce({ accountId: "bob", type: "ADDRESS_ADDED", address: `a${driver.now()}` });
    driver.produce({ accountId: "bob", type: "API_KEY_DELETED", keyId: "k" });
    await driver.advance(60_000);
  }
}

for (const how of ["in a trickle", "in one burst", "in a trickle, and nobody says for a while where the topics end"]) {
  test(`poison ${how}: while its topic is held event time goes on without it, and counts it again afterwards (Q3)`, async () => {
    const { driver, frontier } = await timed();
    const processor = await startReady(driver, "first");
    good(driver, 1);
    await others(driver, 1);
    if (how === "in one burst") {
      good(driver, 1);
      poison(driver, 3_000);
      await driver.advance(3_000);
    } else {
      for (let second = 0; second < 12; second++) {
        poison(driver, 100);
        await driver.advance(1_000);
      }
    }
    assert.equal(processor.reports("quarantine.begun").length, 1);
    if (how.includes("nobody says")) {
      const lost = { applied: false, answer: { disposition: "retry", code: "CONNECTION" } } as const;
      driver.broker.onCall(({ kind }) => (kind === "ranges" ? lost : undefined));
      await driver.advance(5_000);
      driver.broker.onCall(() => undefined);
    }
    await others(driver, 10);
    assert.ok(driver.now() - frontier() <= 61_000, `behind by ${(driver.now() - frontier()) / 1_000} s`);
    // Let go, and not to be fetched: what it has unread holds event time where it is.
    good(driver, 20);
    driver.broker.onCall(({ kind, topic }) =>
      kind === "fetch" && topic === TOPIC && processor.reports("quarantine.ended").length > 0
        ? { applied: false, answer: { disposition: "retry", code: "CONNECTION" } }
        : undefined,
    );
    await driver.advance(10_000);
    assert.equal(processor.reports("quarantine.ended").length, 1);
    const stoodAt = frontier();
    await others(driver, 3);
    assert.equal(frontier(), stoodAt);
    driver.broker.onCall(() => undefined);
    await others(driver, 2);
    assert.ok(driver.now() - frontier() <= 61_000, `behind by ${(driver.now() - frontier()) / 1_000} s`);
  });
}

test("an absence decided while a topic is held does not know what it holds, and is counted when that is read (Q3)", async () => {
  const driver = await openDriver();
  const processor = await startReady(driver, "first");
  driver.produce({ accountId: "alice", type: "ACCOUNT_SNAPSHOT", enrolledFactors: ["TOTP", "SMS"] });
  driver.produce({ accountId: "alice", type: "RISK_NOTICE_SENT", channel: "SMS", country: "HK" });
  driver.produce({ accountId: "alice", type: "ADDRESS_ADDED", address: "TX9", verifiedWith: ["SMS"] });
  await driver.advance(1_000);
  poison(driver, 3_000);
  await driver.advance(60_000);
  driver.produce({ accountId: "alice", type: "LOGIN_SUCCEEDED", verifiedWith: ["PASSWORD", "TOTP"] });
  await others(driver, 40);
  const said = driver.commands().filter(({ reasonCode }) => reasonCode === "UNCONFIRMED_LOGIN");
  assert.deepEqual(
    said.map(({ action }) => action),
    ["REVIEW", "HOLD"],
  );
  good(driver, 20);
  await driver.advance(15_000);
  assert.equal(processor.reports("quarantine.ended").length, 1);
  assert.equal(
    processor.reports("absence.contradicted").reduce((sum, { count }) => sum + count, 0),
    1,
  );
});

/** An intake and its quarantine over records that decode while `readable` says so; every fetch is answered. */
function held(records: number, readable: (offset: number) => boolean) {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.resolve(),
    turn: () => Promise.resolve(),
  };
  const fetches: number[] = [];
  let sought = 0;
  const answer = (): void => {
    fetches.push(sought);
    const offsets = Array.from({ length: Math.min(50, records - sought) }, (_, index) => sought + index);
    intake.add(recordBatch({ topic: "t", records: offsets.map((offset) => ({ offset })), endOffset: records }));
  };
  const group = {
    seek: (_topic: string, _partition: number, offset: number) => (sought = offset),
    pause: () => {},
    resume: () => {},
  } as unknown as Group;
  const intake = new Intake(new Map([["t", { position: 0, endOffset: records }]]), {
    partition: 0,
    group,
    clock,
    alignmentMs: 60_000,
    bufferBytes: 1_000_000_000,
    onAlignmentPause: () => {},
  });
  const rejection: Rejection = { reason: "UNDECODABLE", detail: "" };
  let looked = -1;
  const codec = {
    // The fixture's records hold nothing: which one is asked for is known by the order of a look.
    decode: () => (readable((looked += 1)) ? { event: {} } : { rejection }),
  } as unknown as Codec;
  const quarantine = new Quarantine(["t"], {
    task: 0,
    intake,
    codec,
    clock,
    telemetry: SILENT,
    onHeld: () => {},
    onProgress: () => {},
  });
  intake.add(recordBatch({ topic: "t", records: upTo(records).map((offset) => ({ offset })), endOffset: records }));
  for (let cursor = intake.peek(); cursor !== null; cursor = intake.peek()) {
    const offset = cursor.batch.offsetAt(cursor.index);
    intake.advance(cursor);
    quarantine.count("t", offset, rejection);
  }
  return {
    intake,
    fetches,
    isHeld: () => quarantine.statusOf("t") !== undefined,
    /** Five seconds later: the look, and what the broker answers to it. */
    look(answers: number): void {
      now += 5_000;
      quarantine.look();
      for (let i = 0; i < answers; i++) {
        looked = sought - 1;
        answer();
      }
    },
  };
}

test("what a corrected registry can read again is read from where it was held, not buried", () => {
  let corrected = false;
  const { intake, fetches, isHeld, look } = held(3_000, () => corrected);
  assert.deepEqual([isHeld(), intake.positions()], [true, { t: 1_000 }]);
  assert.equal(intake.peek(), null);
  look(2);
  assert.deepEqual([isHeld(), fetches], [true, [1_000, 2_980]]);
  corrected = true;
  look(1);
  assert.deepEqual([isHeld(), fetches.at(-1), intake.positions()], [false, 1_000, { t: 1_000 }]);
});

test("a look at the end goes by the last records of what it fetched", () => {
  const { isHeld, look, fetches } = held(3_000, (offset) => offset >= 2_990);
  look(2);
  assert.deepEqual([isHeld(), fetches], [true, [1_000, 2_980]], "half of them is not most");
  const most = held(3_000, (offset) => offset >= 2_989);
  most.look(2);
  assert.equal(most.isHeld(), false);
});

test("a batch fetched before the hold is dropped, and comes again when the topic is let go (N3)", () => {
  let corrected = false;
  const { intake, look, isHeld } = held(1_500, () => corrected);
  const late = recordBatch({ topic: "t", records: [{ offset: 1_500 }], endOffset: 1_501 });
  intake.add(late);
  assert.deepEqual([intake.peek(), intake.positions()], [null, { t: 1_000 }]);
  corrected = true;
  look(1);
  assert.equal(isHeld(), false);
  assert.throws(() => intake.add(late), /fetched from 1500, expected 1000/u);
  intake.add(recordBatch({ topic: "t", records: [{ offset: 1_000 }], endOffset: 1_501 }));
  assert.equal(intake.peek()?.batch.offsetAt(0), 1_000);
});
