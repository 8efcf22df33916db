import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { Frontier } from "../../src/core/frontier.ts";

test("the lowest of the services counts, the highest when all are idle (EF1)", () => {
  const frontier = new Frontier(["auth", "key"]);
  frontier.observe("auth", 100, 110);
  assert.equal(frontier.now, 0, "a service without events holds it back (EF3)");
  frontier.observe("key", 40, 50);
  assert.equal(frontier.now, 40);
  frontier.setIdle("key", true);
  assert.equal(frontier.now, 100);
  frontier.setIdle("auth", true);
  assert.equal(frontier.now, 100);
  frontier.observe("key", 60, 70);
  assert.equal(frontier.now, 100, "it never goes back (EF2)");
  frontier.observe("auth", 200, 200);
  assert.equal(frontier.now, 100, "an event ends its service's idleness");
});

test("neither a fast clock nor a fresh record timestamp moves it", () => {
  const frontier = new Frontier(["auth"]);
  frontier.observe("auth", 9_000, 100);
  assert.equal(frontier.now, 100);
  frontier.observe("auth", 200, 9_000);
  assert.equal(frontier.now, 200);
});

test("services not listed share the first one's", () => {
  const frontier = new Frontier(["all"]);
  frontier.observe("auth", 5, 5);
  frontier.observe("withdrawal", 7, 7);
  assert.equal(frontier.now, 7);
  assert.throws(() => new Frontier([]), /at least one/);
});

test("what it said is taken up again", () => {
  const before = new Frontier(["auth", "key"]);
  before.observe("auth", 100, 100);
  before.setIdle("key", true);
  const after = new Frontier(["auth", "key"]);
  after.load(before.services(), before.now);
  assert.equal(after.now, 100);
  after.observe("key", 50, 50);
  after.observe("auth", 120, 120);
  assert.equal(after.now, 100);
  after.observe("key", 110, 110);
  assert.equal(after.now, 110);
});

test("it never goes back, whatever happens (EF2)", () => {
  const step = fc.oneof(
    fc.record({ service: fc.constantFrom("a", "b"), at: fc.nat(1_000), stamp: fc.nat(1_000) }),
    fc.record({ service: fc.constantFrom("a", "b"), idle: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const frontier = new Frontier(["a", "b"]);
      let before = 0;
      for (const each of steps) {
        if ("idle" in each) frontier.setIdle(each.service, each.idle);
        else frontier.observe(each.service, each.at, each.stamp);
        assert.ok(frontier.now >= before);
        before = frontier.now;
      }
    }),
  );
});
