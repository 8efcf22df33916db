import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { drawnEvents, expected, fired, isImmediate } from "./streams.ts";

const NAMES = /^(.*) (g\d)$/;

test("every kind fires for the groups that brute force finds, in any order of arrival, over two topics, repeated, ticked and restarted anywhere (L1, L2, L5)", () => {
  fc.assert(
    fc.property(drawnEvents, (drawn) => assert.deepEqual(fired(drawn), expected(drawn))),
    { numRuns: 400 },
  );
});

test("what fires at once does so however late within the lateness (L2, L3)", () => {
  const atOnce = (names: readonly string[]): string[] => names.filter((each) => isImmediate(NAMES.exec(each)![1]!));
  fc.assert(
    fc.property(drawnEvents, (drawn) => assert.deepEqual(atOnce(fired(drawn, 10)), atOnce(expected(drawn)))),
    { numRuns: 200 },
  );
});

test("relabelling groups relabels what fires, whatever the frontier of the others does (L4)", () => {
  const next = (name: string): string => name.replace(/g(\d)$/, (_, group: string) => `g${(Number(group) + 1) % 3}`);
  fc.assert(
    fc.property(drawnEvents, (drawn) => {
      const all = fired(drawn);
      const relabelled = fired(drawn.map((each) => ({ ...each, group: (each.group + 1) % 3 })));
      assert.deepEqual(relabelled, all.map(next).toSorted());
    }),
    { numRuns: 100 },
  );
});
