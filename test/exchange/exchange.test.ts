// The simulated exchange as such: reproducible, valid, in order, jittered across topics only.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../src/adapters/schema-files.ts";
import type { Service } from "../../src/core/event.ts";
import { MINUTE, SECOND } from "../../src/core/time.ts";
import { validateContent } from "../../src/core/validation.ts";
import type { ExchangeOptions } from "../../src/testing/exchange/exchange.ts";
import { makeExchange } from "../../src/testing/exchange/exchange.ts";
import { HONEST_STORIES, ROUTINES } from "../../src/testing/exchange/honest.ts";
import { seededRandom } from "../../src/testing/exchange/random.ts";
import type { Posting } from "../../src/testing/exchange/story.ts";
import { rejected } from "../../src/testing/exchange/story.ts";
import { TAKEOVERS } from "../../src/testing/exchange/takeovers.ts";

const FROM = Date.UTC(2024, 5, 9, 12);

const DEMO: ExchangeOptions = {
  seed: 1,
  accounts: 500,
  takeovers: 7,
  oddities: 2,
  rate: 50,
  from: FROM,
  length: MINUTE,
  pace: 0.02,
  lag: 1_500,
  review: 13 * SECOND,
};

function everything(options: ExchangeOptions): Posting[] {
  const exchange = makeExchange(options);
  return [...exchange.past(), ...exchange.live()];
}

test("one seed is one exchange, another seed another", () => {
  assert.deepEqual(everything(DEMO), everything(DEMO));
  assert.notDeepEqual(everything(DEMO), everything({ ...DEMO, seed: 2 }));
});

test("more takeovers do not change the accounts", () => {
  assert.deepEqual(makeExchange(DEMO).accounts, makeExchange({ ...DEMO, takeovers: 3 }).accounts);
});

test("every event is valid and its id its own", () => {
  const postings = everything(DEMO);
  for (const { service, event } of postings) {
    assert.equal(validateContent(service, event), null, JSON.stringify(event));
    assert.ok(Number.isInteger(event.occurredAt));
  }
  assert.equal(new Set(postings.map(({ event }) => event.eventId)).size, postings.length);
});

test("every event is a record of its topic's schema, no field of it unknown there", async () => {
  const { events } = await loadSchemas(SCHEMAS_DIRECTORY);
  for (const { service, event } of everything(DEMO)) {
    const { type } = events[service];
    const known = new Set(type.fields.map(({ name }) => name));
    assert.deepEqual(
      Object.keys(event).filter((field) => !known.has(field)),
      [],
      event.type,
    );
    const read = type.fromBuffer(type.toBuffer(event)) as Record<string, unknown>;
    for (const [field, value] of Object.entries(event)) assert.deepEqual(read[field], value, `${event.type} ${field}`);
  }
});

test("live traffic comes in the order of its appends, begins with `from` and ends within the length", () => {
  const live = [...makeExchange(DEMO).live()];
  assert.ok(live.length > DEMO.rate * 40, `${live.length} events`);
  for (const [index, posting] of live.entries()) {
    assert.ok(index === 0 || posting.at >= live[index - 1]!.at);
    assert.ok(posting.at >= FROM && posting.at < FROM + DEMO.length, `${posting.event.type} ${posting.at - FROM}`);
    assert.ok(posting.at >= posting.event.occurredAt, "nothing is appended before it happens");
  }
});

test("each topic tells a takeover in order, but some of its topics overtake each other", () => {
  const stories = [1, 2, 3, 4, 5].flatMap((seed) => makeExchange({ ...DEMO, seed }).takeovers);
  let overtaken = 0;
  for (const { postings } of stories) {
    const appended = postings.filter(({ settles }) => settles === null).toSorted((left, right) => left.at - right.at);
    for (const service of ["auth", "api_key", "withdrawal"] satisfies Service[]) {
      const happened = appended.filter((posting) => posting.service === service).map(({ event }) => event.occurredAt);
      assert.deepEqual(
        happened,
        happened.toSorted((left, right) => left - right),
      );
    }
    overtaken += Number(
      appended.some(({ event }, index) => event.occurredAt < (appended[index - 1]?.event.occurredAt ?? 0)),
    );
  }
  assert.ok(overtaken > 0, "no takeover arrived out of order");
});

test("every story is told, of accounts of their own, and routine leaves these alone", () => {
  const exchange = makeExchange(DEMO);
  const told = [...exchange.takeovers, ...exchange.oddities];
  const names = new Set(told.map(({ story }) => story.name));
  for (const { name } of [...TAKEOVERS, ...HONEST_STORIES]) assert.ok(names.has(name), name);
  assert.equal(new Set(told.map(({ account }) => account.id)).size, told.length);
  const own = new Set(told.flatMap(({ postings }) => postings.map(({ event }) => event.eventId)));
  const involved = new Set(told.map(({ account }) => account.id));
  for (const { event } of exchange.live()) assert.equal(involved.has(event.accountId), own.has(event.eventId));
});

test("names of stories are unique", () => {
  const names = [...TAKEOVERS, ...HONEST_STORIES, ...ROUTINES].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

test("a takeover is over well within the window of the rules, and every withdrawal has one outcome after its review", () => {
  const exchange = makeExchange({
    ...DEMO,
    accounts: 2_000,
    pace: 1,
    lag: 30 * SECOND,
    length: 60 * MINUTE,
    review: 20 * MINUTE,
  });
  for (const { postings } of exchange.takeovers) {
    const requests = postings.filter(({ event }) => event.type === "WITHDRAWAL_REQUESTED");
    assert.ok(requests.length > 0);
    assert.ok(requests.at(-1)!.event.occurredAt - postings[0]!.event.occurredAt < 15 * MINUTE);
    for (const request of requests) {
      const outcomes = postings.filter(({ settles }) => settles === request.event);
      assert.deepEqual(
        outcomes.map(({ at, event }) => [at, event.type, event.withdrawalId]),
        [[request.at + 20 * MINUTE, "WITHDRAWAL_COMPLETED", request.event.withdrawalId]],
      );
      assert.equal(rejected(outcomes[0]!).event.type, "WITHDRAWAL_REJECTED");
    }
  }
});

test("a slow story keeps its real length, so its beginning lies before the live traffic", () => {
  const exchange = makeExchange(DEMO);
  const slow = exchange.oddities.find(({ story }) => story.slow)!;
  const [first, last] = [slow.postings[0]!, slow.postings.at(-1)!];
  assert.ok(last.event.occurredAt - first.event.occurredAt >= 55 * MINUTE);
  assert.ok(first.at < FROM && last.at >= FROM);
  assert.deepEqual(
    exchange
      .past()
      .filter(({ event }) => event.accountId === slow.account.id)
      .map(({ event }) => event.type),
    ["ACCOUNT_SNAPSHOT", "RISK_NOTICE_SENT", "FACTOR_REMOVED", "FACTOR_ENROLLED"],
  );
});

test("too few accounts for the stories is said, not worked around", () => {
  assert.throws(() => makeExchange({ ...DEMO, accounts: 10 }), /more accounts are needed/);
});

test("forks of a seed are independent of each other and of how much was drawn", () => {
  const random = seededRandom(7);
  const before = random.fork("a").hex(16);
  random.next();
  assert.equal(random.fork("a").hex(16), before);
  assert.notEqual(random.fork("b").hex(16), before);
});

test("random numbers fill their ranges evenly", () => {
  const random = seededRandom("even");
  const counts = new Map<number, number>();
  for (let i = 0; i < 60_000; i++) {
    const face = random.integer(1, 6);
    counts.set(face, (counts.get(face) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].toSorted(), [1, 2, 3, 4, 5, 6]);
  for (const count of counts.values()) assert.ok(Math.abs(count - 10_000) < 500, String(count));
});
