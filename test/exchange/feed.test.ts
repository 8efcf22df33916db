// The demo's feed: everything once, not before its time, and no withdrawal paid without asking.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUR, SECOND } from "../../src/core/time.ts";
import { feed } from "../../src/cli/demo/feed.ts";
import { makeExchange } from "../../src/testing/exchange/exchange.ts";
import type { Posting } from "../../src/testing/exchange/story.ts";

function shortExchange(from = Date.now()): Posting[] {
  const exchange = makeExchange({
    seed: 3,
    accounts: 300,
    takeovers: 7,
    oddities: 1,
    rate: 200,
    from,
    length: SECOND,
    pace: 0.001,
    lag: 50,
    review: 300,
  });
  return [...exchange.live()];
}

test("every posting is appended once, in order and when it is due; blocked withdrawals are rejected", async () => {
  const postings = shortExchange();
  const appended: Posting[] = [];
  const asked: string[] = [];
  await feed(postings, {
    append: async (batch) => {
      for (const posting of batch) assert.ok(posting.at <= Date.now() + 10, "before its time");
      appended.push(...batch);
    },
    mayLeave: (request) => {
      assert.ok(
        appended.some(({ event }) => event.eventId === request.eventId),
        "asked before it was requested",
      );
      asked.push(request.withdrawalId!);
      return request.via === "API";
    },
    onPosting: () => {},
    signal: new AbortController().signal,
  });
  assert.deepEqual(
    appended.map(({ event }) => event.eventId),
    postings.map(({ event }) => event.eventId),
  );
  const settled = appended.filter(({ settles }) => settles !== null);
  assert.ok(settled.length >= 7);
  assert.deepEqual(
    asked,
    settled.map(({ event }) => event.withdrawalId),
  );
  for (const { event, settles } of settled) {
    assert.equal(event.type, settles!.via === "API" ? "WITHDRAWAL_COMPLETED" : "WITHDRAWAL_REJECTED");
  }
});

test("late, as after a stall, it asks for a withdrawal all the same only after its request was appended", async () => {
  const appended = new Set<string>();
  let asked = 0;
  await feed(shortExchange(Date.now() - HOUR), {
    append: async (batch) => {
      for (const { event } of batch) appended.add(event.eventId);
    },
    mayLeave: ({ eventId }) => {
      asked += 1;
      assert.ok(appended.has(eventId), "asked before it was requested");
      return true;
    },
    onPosting: () => {},
    signal: new AbortController().signal,
  });
  assert.ok(asked >= 7);
});

test("an abort ends it at once", async () => {
  const stop = new AbortController();
  const [last, ...others] = shortExchange().toReversed();
  let appends = 0;
  const fed = feed([...others.toReversed(), { ...last!, at: Date.now() + HOUR }], {
    append: async () => {
      appends += 1;
      stop.abort(new Error("enough"));
    },
    mayLeave: () => true,
    onPosting: () => {},
    signal: stop.signal,
  });
  await assert.rejects(fed, /enough|aborted/);
  assert.equal(appends, 1);
});
