// Schema ids the codec meets for the first time: asked once, believed late, waited for while the registry
// is silent. Time is moved by hand.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { authRecord, CodecFixture, framed, schemas, verdict, waitOf, WITHDRAWAL_ID } from "./codec-fixture.ts";

let fixture: CodecFixture;

beforeEach(async () => {
  fixture = new CodecFixture();
  assert.deepEqual(await fixture.codec.prepare(), []);
});

describe("ids the codec does not know", () => {
  /** Moves time until the promise settles; the registry answers in between. */
  async function pass(wait: Promise<void>, limitMs: number): Promise<number> {
    const settled = wait.then(() => "settled");
    const from = fixture.clock.monotonic();
    while (fixture.clock.monotonic() - from < limitMs) {
      const turned = fixture.clock.turn().then(() => "turned");
      if ((await Promise.race([settled, turned])) === "settled") return fixture.clock.monotonic() - from;
      fixture.clock.moveTo(fixture.clock.monotonic() + 10);
    }
    throw new Error(`still waiting after ${limitMs} ms`);
  }
  test("one question for all that wait (W1), then decoded", async () => {
    const writer = fixture.evolve(() => {});
    const waits = [1, 2, 3].map(() => waitOf(fixture.decode(authRecord({}, writer))));
    await Promise.all(waits);
    assert.equal(fixture.registry.asked.filter((asked) => asked === writer.id).length, 1);
    assert.equal(verdict(fixture.decode(authRecord({}, writer))), "ok");
  });

  test("an id denied for a minute is a rejection (W2), asked again a minute later (W3)", async () => {
    const value = framed(99, Buffer.alloc(9));
    const took = await pass(waitOf(fixture.decode(value)), 120_000);
    assert.ok(took >= 60_000 && took < 65_000, `took ${took}`);
    assert.match(verdict(fixture.decode(value)), /^UNKNOWN_SCHEMA: the registry does not know schema id 99/);
    fixture.clock.moveTo(fixture.clock.monotonic() + 60_001);
    fixture.registry.put("late", schemas.events.auth.text, 99);
    await waitOf(fixture.decode(value));
    assert.equal(verdict(fixture.decode(authRecord({}, { type: () => schemas.events.auth.type, id: 99 }))), "ok");
  });

  test("an id that a lagging replica learns within the minute is decoded", async () => {
    const value = authRecord({}, { type: () => schemas.events.auth.type, id: 99 });
    const wait = waitOf(fixture.decode(value));
    await fixture.clock.turn();
    fixture.clock.moveTo(30_000);
    fixture.registry.put("late", schemas.events.auth.text, 99);
    await pass(wait, 10_000);
    assert.equal(verdict(fixture.decode(value)), "ok");
  });

  test("a silent registry is waited for without end, and its silence does not count (W2, D3)", async () => {
    const value = authRecord({}, { type: () => schemas.events.auth.type, id: 99 });
    fixture.registry.silent = true;
    const wait = waitOf(fixture.decode(value));
    let settled = false;
    void wait.then(() => (settled = true));
    for (let minute = 0; minute < 30; minute++) {
      await fixture.clock.turn();
      fixture.clock.moveTo(fixture.clock.monotonic() + 60_000);
    }
    assert.equal(settled, false);
    assert.equal(verdict(fixture.decode(authRecord({}))), "ok", "known ids flow");
    fixture.registry.silent = false;
    fixture.registry.put("late", schemas.events.auth.text, 99);
    await pass(wait, 10_000);
    assert.equal(verdict(fixture.decode(value)), "ok");
  });

  test("silence starts the minute anew (W2)", async () => {
    const wait = waitOf(fixture.decode(framed(99, Buffer.alloc(9))));
    const denials = async (ms: number): Promise<void> => {
      for (const until = fixture.clock.monotonic() + ms; fixture.clock.monotonic() < until;) {
        await fixture.clock.turn();
        fixture.clock.moveTo(fixture.clock.monotonic() + 1_000);
      }
    };
    await denials(40_000);
    fixture.registry.silent = true;
    await denials(10_000);
    fixture.registry.silent = false;
    await denials(40_000);
    assert.equal(verdict(fixture.decode(framed(99, Buffer.alloc(9)))), "wait");
    const more = await pass(wait, 60_000);
    assert.ok(more > 10_000 && more < 30_000, `${more}`);
  });

  test("garbage ids share one patience: after the first minute each is rejected as soon as it is asked (W4)", async () => {
    await pass(waitOf(fixture.decode(framed(1_000, Buffer.alloc(9)))), 120_000);
    const began = fixture.clock.monotonic();
    for (let id = 1_001; id < 1_100; id++) {
      await pass(waitOf(fixture.decode(framed(id, Buffer.alloc(9)))), 1_000);
      assert.match(verdict(fixture.decode(framed(id, Buffer.alloc(9)))), /^UNKNOWN_SCHEMA/);
    }
    const took = fixture.clock.monotonic() - began;
    assert.ok(took < 20_000, `100 ids took ${took} ms, of which a tenth comes back as patience`);
  });

  test("without patience an id whose record is new is asked for until the record is two seconds old (W4)", async () => {
    await pass(waitOf(fixture.decode(framed(1_000, Buffer.alloc(9)))), 120_000);
    const value = authRecord({}, { type: () => schemas.events.auth.type, id: 99 });
    const fresh = { timestamp: fixture.clock.now() };
    const wait = waitOf(fixture.decode(value, fresh));
    await fixture.clock.turn();
    fixture.clock.moveTo(fixture.clock.monotonic() + 1_500);
    fixture.registry.put("late", schemas.events.auth.text, 99);
    await pass(wait, 3_000);
    assert.equal(verdict(fixture.decode(value, fresh)), "ok");
    const never = waitOf(fixture.decode(framed(1_001, Buffer.alloc(9)), { timestamp: fixture.clock.now() }));
    const took = await pass(never, 120_000);
    assert.ok(took >= 55_000, `an id that came late gives patience back: ${took}`);
  });

  test("patience comes back, a minute in ten (W4)", async () => {
    await pass(waitOf(fixture.decode(framed(1_000, Buffer.alloc(9)))), 120_000);
    fixture.clock.moveTo(fixture.clock.monotonic() + 300_000);
    const took = await pass(waitOf(fixture.decode(framed(1_001, Buffer.alloc(9)))), 120_000);
    assert.ok(took > 25_000 && took < 40_000, `${took}`);
  });

  test("an id given up is denied by one answer when it comes again (W3)", async () => {
    await pass(waitOf(fixture.decode(framed(1_000, Buffer.alloc(9)))), 120_000);
    fixture.clock.moveTo(fixture.clock.monotonic() + 3_600_000);
    const took = await pass(waitOf(fixture.decode(framed(1_000, Buffer.alloc(9)))), 1_000);
    assert.ok(took < 100, `${took}`);
  });

  test("however many garbage ids come, known ones stay known (W3)", async () => {
    await pass(waitOf(fixture.decode(framed(1_000, Buffer.alloc(9)))), 120_000);
    const ids = Array.from({ length: 1_500 }, (_, index) => 2_000 + index);
    const waits = ids.map((id) => waitOf(fixture.decode(framed(id, Buffer.alloc(9)))));
    await pass(
      Promise.all(waits).then(() => {}),
      5_000,
    );
    fixture.codec.readFields(new Set()); // the codec asks for each schema anew
    assert.equal(verdict(fixture.decode(authRecord({}))), "ok");
  });

  test("an aborted signal ends the waiting", async () => {
    const stop = new AbortController();
    fixture.codec = fixture.create({ signal: stop.signal });
    const wait = waitOf(fixture.decode(framed(99, Buffer.alloc(9))));
    await fixture.clock.turn();
    stop.abort();
    await wait;
  });

  test("an id that was read with is never believed to mean another schema, or none (W5)", async () => {
    const writer = fixture.evolve(() => {});
    const value = authRecord({}, writer);
    assert.equal(verdict(await fixture.decodeFetched(value)), "ok");
    const forget = async (): Promise<void> => {
      // The cache is bounded: a thousand other ids push this one out.
      for (let id = 5_000; id < 6_000; id++) fixture.registry.put("others", schemas.events.auth.text, id);
      for (let id = 5_000; id < 6_000; id++) await waitOf(fixture.decode(framed(id, Buffer.alloc(9))));
      fixture.codec.readFields(new Set());
    };
    await forget();
    fixture.registry.put("restored", schemas.events.withdrawal.text, writer.id);
    const wait = waitOf(fixture.decode(value));
    let settled = false;
    void wait.then(() => (settled = true));
    for (let minute = 0; minute < 5; minute++) {
      await fixture.clock.turn();
      fixture.clock.moveTo(fixture.clock.monotonic() + 60_000);
      if (minute === 2) fixture.registry.remove(writer.id);
    }
    assert.equal(settled, false, "it is no poison");
    assert.equal(verdict(fixture.decode(value)), "wait");
    fixture.registry.put("restored", JSON.stringify(writer.type().schema()), writer.id);
    await pass(wait, 10_000);
    assert.equal(verdict(fixture.decode(value)), "ok");
  });

  test("an id that the registry gives for a schema of ours means that schema before any record does (W5)", async () => {
    fixture.registry.put("swapped", schemas.events.auth.text, WITHDRAWAL_ID);
    const { registry } = fixture;
    const idOf = registry.idOf.bind(registry);
    registry.idOf = (subject, text) =>
      subject === "withdrawal-events-value" ? Promise.resolve(WITHDRAWAL_ID) : idOf(subject, text);
    fixture.codec = fixture.create({});
    await assert.rejects(fixture.codec.prepare(), { code: "REGISTRY_CONTRADICTION", disposition: "retry" });
  });
});
