// The finder against a Map: whatever is kept, dropped and moved as it grows, it never finds the wrong thing.

import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { Finder } from "../../src/core/finder.ts";

/** Few enough to meet again, some alike in all that is hashed of them. */
const ids = fc
  .tuple(fc.constantFrom("a", "b", ""), fc.nat(40))
  .map(([before, n]) => `${before}${String(n).padStart(16, "0")}`);
const steps = fc.array(fc.tuple(fc.constantFrom("keep", "drop", "grow"), ids), { maxLength: 200 });

test("what is found was kept under that id and not dropped since (FD1)", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const finder = new Finder<{ readonly id: string }>();
      const held = new Map<string, { readonly id: string }>();
      let others = 0;
      for (const [step, id] of taken) {
        const known = held.get(id);
        if (step === "grow") for (let n = 0; n < 512; n++) finder.keep({ id: `other-${others++}` });
        else if (step === "keep" && known === undefined) {
          const thing = { id };
          held.set(id, thing);
          finder.keep(thing);
        } else if (step === "drop" && known !== undefined) {
          held.delete(id);
          finder.drop(known);
        }
        const found = finder.find(id);
        assert.ok(found === undefined || found === held.get(id));
      }
    }),
  );
});

test("nearly all of many are found", () => {
  const finder = new Finder<{ readonly id: string }>();
  const things = Array.from({ length: 10_000 }, (_, n) => ({ id: `account-${n}` }));
  for (const thing of things) finder.keep(thing);
  const found = things.filter((thing) => finder.find(thing.id) === thing).length;
  assert.ok(found > 9_500, `${found}`);
});

test("what is guessed of ids is what is found, and nothing where nothing is known", () => {
  const finder = new Finder<{ readonly id: string }>();
  const things = Array.from({ length: 100 }, (_, n) => ({ id: `account-${n}` }));
  for (const thing of things) finder.keep(thing);
  const guessed: ({ readonly id: string } | undefined)[] = [];
  finder.guess([...things.map(({ id }) => id), "nobody"], guessed);
  assert.deepEqual(guessed, [...things.map(({ id }) => finder.find(id)), undefined]);
  assert.ok(guessed.filter((thing) => thing !== undefined).length > 90);
});

test("of ids that are alike in all that is hashed a bucket's worth is found, and the rest is not looked for (FD2)", () => {
  const finder = new Finder<{ readonly id: string }>();
  const things = Array.from({ length: 500 }, (_, n) => ({
    id: `${String(n).padStart(4, "0")}-the-same-ending-for-all`,
  }));
  for (const thing of things) finder.keep(thing);
  assert.equal(things.filter((thing) => finder.find(thing.id) === thing).length, 8);
});
