import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import {
  addPayment,
  addRequest,
  largestPayment,
  NO_PAYMENTS,
  NO_REQUESTS,
  type PaidList,
  requestedUntil,
  type RequestList,
  REQUESTS_KEPT,
  type WithdrawalRequest,
} from "../../src/core/outflow.ts";
import { DAY, HOUR } from "../../src/core/time.ts";

function requestsOf(requests: readonly WithdrawalRequest[], onEvicted: () => void = () => {}): RequestList {
  return requests.reduce<RequestList>((list, each) => addRequest(list, each, onEvicted), NO_REQUESTS);
}

/** Requests with ids of their own, and the same ones shuffled with repetitions. */
function shuffledRequests(options: { readonly most: number }): fc.Arbitrary<readonly (readonly WithdrawalRequest[])[]> {
  const at = fc.integer({ min: 0, max: 40 }).map((hours) => hours * HOUR);
  const request = fc.record({ at, cents: fc.integer({ min: 1, max: 9 }) });
  return fc
    .array(request, { maxLength: options.most })
    .map((list) => list.map((each, index) => ({ ...each, eventId: `w${index}` })))
    .chain((list) =>
      fc
        .tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length }))
        .map(([once, some]) => [once, [...some, ...once.toReversed()]]),
    );
}

test("requests are a set, in any order and number, past the cap as well (OF1)", () => {
  fc.assert(
    fc.property(shuffledRequests({ most: 2 * REQUESTS_KEPT }), ([once, again]) => {
      const list = requestsOf(once!);
      assert.deepEqual(requestsOf(again!), list);
      for (const each of once!)
        assert.equal(
          addRequest(list, each, () => {}),
          list,
          "known, or too old",
        );
    }),
  );
});

test("what was requested in a day is what a recount says, while there is room (OF1)", () => {
  fc.assert(
    fc.property(shuffledRequests({ most: REQUESTS_KEPT }), fc.nat(HOUR), ([once, again], late) => {
      const latest = Math.max(0, ...once!.map(({ at }) => at));
      const at = latest - late; // an hour is how late an event may be and find the whole day before it
      const expected = once!.filter((each) => each.at <= at && each.at >= at - DAY);
      assert.equal(
        requestedUntil(requestsOf(again!), at),
        expected.reduce((sum, { cents }) => sum + cents, 0),
      );
    }),
  );
});

test("past the cap the earliest request goes, which is counted, and the sum is a lower bound (OF1)", () => {
  let evicted = 0;
  const many = Array.from({ length: REQUESTS_KEPT + 3 }, (_, at) => ({ eventId: `w${at}`, at, cents: 1 }));
  const list = requestsOf(many, () => evicted++);
  assert.equal(evicted, 3);
  assert.equal(requestedUntil(list, many.length), REQUESTS_KEPT);
  assert.equal(
    addRequest(list, many[0]!, () => evicted++),
    list,
  );
});

test("both ends of the day count", () => {
  const list = requestsOf([
    { eventId: "before", at: HOUR - 1, cents: 1 },
    { eventId: "first", at: HOUR, cents: 10 },
    { eventId: "last", at: HOUR + DAY, cents: 100 },
    { eventId: "after", at: HOUR + DAY + 1, cents: 1_000 },
  ]);
  assert.equal(requestedUntil(list, HOUR + DAY), 110);
});

const SPAN = 30 * DAY;
const payment = fc.record({ at: fc.integer({ min: 0, max: 6 * SPAN }), cents: fc.integer({ min: 1, max: 99 }) });

function paymentsOf(payments: readonly { readonly at: number; readonly cents: number }[]): PaidList {
  return payments.reduce((list, { at, cents }) => addPayment(list, at, cents), NO_PAYMENTS);
}

test("the largest payment is that of three spans, in any order and number (OF2)", () => {
  const shuffled = fc
    .array(payment)
    .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: list.length })));
  fc.assert(
    fc.property(shuffled, ([once, some]) => {
      const again = paymentsOf([...some, ...once]);
      assert.deepEqual(again, paymentsOf(once));
      for (const { at, cents } of once) assert.equal(addPayment(again, at, cents), again);
      const latest = Math.max(0, ...once.map(({ at }) => at));
      const spanOf = (at: number): number => Math.floor(at / SPAN);
      const within = once.filter(({ at }) => spanOf(at) > spanOf(latest) - 3);
      assert.equal(largestPayment(again, latest), Math.max(0, ...within.map(({ cents }) => cents)));
    }),
  );
});

test("a late event is compared with the payments of its own spans, as far as they are kept", () => {
  const list = paymentsOf([
    { at: SPAN, cents: 5 },
    { at: 2 * SPAN, cents: 7 },
    { at: 3 * SPAN, cents: 9 },
  ]);
  const at = [SPAN - 1, SPAN, 2 * SPAN, 3 * SPAN, 4 * SPAN, 5 * SPAN, 6 * SPAN];
  assert.deepEqual(
    at.map((each) => largestPayment(list, each)),
    [0, 5, 7, 9, 9, 9, 0],
  );
});
