import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../src/runtime/outbox.ts";
import { Ownership } from "../../src/runtime/ownership.ts";
import { BrokerFailure } from "../../src/runtime/ports.ts";
import type { Clock, Group, OutRecord, Producer } from "../../src/runtime/ports.ts";
import { SILENT } from "../../src/runtime/telemetry.ts";

const record = (text: string): OutRecord => ({ key: null, value: Buffer.from(text), headers: {} });
const texts = (records: readonly OutRecord[]): string => records.map(({ value }) => String(value)).join(" ");

/** A partition whose answers the test gives by hand. */
function desk(): {
  outbox: Outbox;
  sends: string[];
  answer: (outcome: number | BrokerFailure) => Promise<void>;
  lose: () => void;
  failures: unknown[];
  told: string[];
} {
  const sends: string[] = [];
  const waiting: { resolve: (base: number) => void; reject: (error: unknown) => void }[] = [];
  const producer: Producer = {
    send: (_topic, _partition, records) => {
      sends.push(texts(records));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
  let generation = 1;
  const never = (): never => assert.fail("not an outbox's business");
  const group: Group = {
    generation: () => generation,
    lastHeartbeatAt: () => 0,
    start: never,
    stop: never,
    seek: never,
    pause: never,
    resume: never,
    commit: never,
    committed: never,
  };
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: () => Promise.resolve(),
    turn: () => Promise.resolve(),
  };
  const ownership = new Ownership({ generation: 1, member: "m", tasks: [0] }, { group, clock, sessionTimeoutMs: 10 });
  const failures: unknown[] = [];
  const told: string[] = [];
  const outbox = new Outbox({
    producer,
    ownership,
    clock,
    telemetry: { ...SILENT, emit: (event) => told.push(event) },
    onFailure: (error) => failures.push(error),
    onAcknowledged: () => {},
  });
  return {
    outbox,
    sends,
    failures,
    told,
    lose: () => (generation = -1),
    answer: async (outcome) => {
      const next = waiting.shift();
      if (typeof outcome === "number") next?.resolve(outcome);
      else next?.reject(outcome);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a send leaves at once; what is decided meanwhile goes together in the next one (X1)", async () => {
  const { outbox, sends, answer } = desk();
  outbox.add("commands", 0, [{ record: record("a") }]);
  await settle();
  outbox.add("commands", 0, [{ record: record("b") }, { record: record("c") }]);
  outbox.add("commands", 0, [{ record: record("d") }]);
  await settle();
  assert.deepEqual(sends, ["a"]);
  await answer(10);
  assert.deepEqual(sends, ["a", "b c d"]);
});

test("a mark is flushed when everything before it is acknowledged, and knows the offset after it (X3)", async () => {
  const { outbox, answer } = desk();
  outbox.add("commands", 0, [{ record: record("a") }]);
  await settle();
  outbox.add("commands", 0, [{ record: record("b") }]);
  const mark = outbox.mark();
  outbox.add("commands", 0, [{ record: record("c") }]);
  let flushed = false;
  const waiting = outbox.flushed(mark).then(() => (flushed = true));
  await answer(10);
  assert.equal(flushed, false);
  await answer(20); // b at 20, c at 21
  await waiting;
  assert.equal(outbox.nextOffset(mark, "commands", 0), 21);
  assert.equal(outbox.nextOffset(mark, "commands", 1), -1);
  const later = outbox.mark();
  await outbox.flushed(later);
  assert.equal(outbox.nextOffset(later, "commands", 0), 22);
});

test("a retriable failure is retried with the same records; order is kept", async () => {
  const { outbox, sends, answer } = desk();
  outbox.add("commands", 0, [{ record: record("a") }]);
  await settle();
  outbox.add("commands", 0, [{ record: record("b") }]);
  await answer(new BrokerFailure("leader moved", { disposition: "retry", code: "NOT_LEADER_FOR_PARTITION" }));
  await answer(3);
  await answer(4);
  assert.deepEqual(sends, ["a", "a", "b"]);
  assert.equal(outbox.pending, 0);
});

test("what piles up behind a slow send leaves in sends a broker takes, one decision's outputs together (X1, X4)", async () => {
  const { outbox, sends, answer } = desk();
  const large = (letter: string): { record: OutRecord } => ({ record: record(letter.repeat(200_000)) });
  const headed = (letter: string): { record: OutRecord } => ({
    record: { key: Buffer.from("k"), value: null, headers: { letter: letter.repeat(600_000) } },
  });
  outbox.add("dead", 0, [large("a")]);
  await settle();
  for (const letter of "bcd") outbox.add("dead", 0, [large(letter)]);
  outbox.add("dead", 0, [large("e"), large("f"), large("g"), large("h")]);
  outbox.add("dead", 0, [headed("i")]);
  outbox.add("dead", 0, [large("j")]);
  for (let send = 0; send < 6; send++) await answer(send);
  const letters = sends.map((text) =>
    text
      .split(" ")
      .map((value) => value[0])
      .join(""),
  );
  assert.deepEqual(letters, ["a", "bc", "d", "efgh", "n", "j"]); // n: null
  assert.equal(outbox.pending, 0);
});

test("a record the broker refuses as too large goes out in its minimal form, its neighbours as they are", async () => {
  const { outbox, sends, answer, failures } = desk();
  const tooLarge = new BrokerFailure("too large", { disposition: "halt", code: "MESSAGE_TOO_LARGE" });
  outbox.add("commands", 0, [{ record: record("a") }, { record: record("LARGE"), minimal: () => record("small") }]);
  await settle();
  await answer(tooLarge);
  await answer(0);
  await answer(tooLarge);
  await answer(1);
  assert.deepEqual(sends, ["a LARGE", "a", "LARGE", "small"]);
  assert.deepEqual(failures, []);
});

test("after the ownership is lost nothing is sent, and who waits for a mark is told (X2)", async () => {
  const { outbox, sends, answer, lose, failures } = desk();
  outbox.add("commands", 0, [{ record: record("a") }]);
  await settle();
  outbox.add("commands", 0, [{ record: record("b") }]);
  const flushed = outbox.flushed(outbox.mark());
  lose();
  const rejected = assert.rejects(flushed, { name: "OwnershipLost" });
  await answer(0);
  await rejected;
  assert.deepEqual(sends, ["a"]);
  assert.equal(failures.length, 1);
});

test("what fails because the ownership is over is not told", async () => {
  const { outbox, answer, lose, told } = desk();
  outbox.add("commands", 0, [{ record: record("a") }]);
  await settle();
  const closed = new BrokerFailure("closed", { disposition: "retry", code: "CONNECTION" });
  await answer(closed);
  assert.deepEqual(told, ["broker.failed"]);
  await settle();
  lose();
  await answer(closed);
  assert.deepEqual(told, ["broker.failed"]);
});

test("it is full by number or by bytes, until that is acknowledged", async () => {
  const large = { key: null, value: Buffer.alloc(1024 * 1024), headers: {} };
  const rows: readonly (readonly [what: OutRecord, room: number])[] = [
    [record("a"), 4_999],
    [large, 31],
  ];
  for (const [what, room] of rows) {
    const { outbox, answer } = desk();
    for (let index = 0; index < room; index += 1) outbox.add("dead-letter", 0, [{ record: what }]);
    assert.equal(outbox.isFull, false, `${room} of them`);
    outbox.add("dead-letter", 0, [{ record: what }]);
    assert.equal(outbox.isFull, true, "one more");
    await settle();
    await answer(0);
    assert.equal(outbox.isFull, false, "one send acknowledged");
  }
});
