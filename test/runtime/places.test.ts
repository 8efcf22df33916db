// The rolling base against a log replayed from scratch: whatever is written, removed and written again,
// reading from the base gives the latest states, and the base keeps moving.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ChangedGroup } from "../../src/core/partition.ts";
import { Places } from "../../src/runtime/places.ts";

const state = (text: string): Uint8Array => Buffer.from(text);

/** A log of blocks, one each offset, and what it holds from an offset on. */
class Log {
  readonly blocks: ChangedGroup[][] = [];

  append(places: Places, groups: ChangedGroup[]): number {
    const offset = this.blocks.push(groups) - 1;
    const bytes = groups.reduce((sum, { state: s }) => sum + (s?.length ?? 0), 0);
    places.put({ offset, bytes, groups });
    return offset;
  }

  from(base: number): Map<string, string> {
    const held = new Map<string, string>();
    for (const { group, state: bytes } of this.blocks.slice(base).flat()) {
      if (bytes === null) held.delete(group);
      else held.set(group, Buffer.from(bytes).toString());
    }
    return held;
  }
}

test("from the base on the log holds every latest state, whatever was written, removed and written again (L1)", () => {
  const write = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.boolean());
  const checkpoint = fc.record({ writes: fc.array(write, { minLength: 1, maxLength: 4 }), again: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(checkpoint, { maxLength: 40 }), (checkpoints) => {
      const places = new Places();
      const log = new Log();
      const latest = new Map<string, string>();
      let base = 0;
      for (const [n, { writes, again }] of checkpoints.entries()) {
        const changed = new Map<string, Uint8Array | null>();
        for (const [group, removes] of writes) {
          if (removes) latest.delete(group);
          else latest.set(group, `${group}${n}`);
          changed.set(group, removes ? null : state(`${group}${n}`));
        }
        const others = places.oldest(3 * again, new Set(changed.keys()));
        const groups = [...changed].map(([group, bytes]) => ({ group, state: bytes }));
        const rewritten = others.map((group) => ({ group, state: state(latest.get(group)!) }));
        const from = log.append(places, groups);
        if (rewritten.length > 0) log.append(places, rewritten);
        const next = places.advanceBase(from);
        assert.ok(next >= base, "it never goes back");
        base = next;
        assert.deepEqual(Object.fromEntries(log.from(base)), Object.fromEntries(latest));
        assert.equal(
          places.liveBytes,
          [...latest].reduce((sum, [group, text]) => sum + group.length + text.length, 0),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("a group that nobody writes is written again and the base passes its old block", () => {
  const places = new Places();
  const log = new Log();
  log.append(places, [{ group: "quiet", state: state("quiet") }]);
  let from = 0;
  for (let n = 0; n < 10; n++) from = log.append(places, [{ group: "busy", state: state(`busy${n}`) }]);
  assert.equal(places.advanceBase(from), 0);
  assert.deepEqual(places.oldest(1, new Set(["busy"])), ["quiet"]);
  from = log.append(places, [{ group: "quiet", state: state("quiet") }]);
  assert.equal(places.advanceBase(from), from - 1, "where the busy one lies");
  assert.equal(places.logBytes, "busy9".length + "quiet".length);
});

test("a tombstone stays in the log as long as what it hides", () => {
  const places = new Places();
  const log = new Log();
  log.append(places, [{ group: "a", state: state("a") }]);
  log.append(places, [{ group: "b", state: state("b") }]);
  log.append(places, [{ group: "b", state: null }]);
  assert.equal(places.advanceBase(2), 0, "it hides b at 1, and the base is at a");
  assert.equal(log.from(0).has("b"), false);
  const from = log.append(places, [{ group: "a", state: state("a2") }]);
  assert.equal(places.advanceBase(from), 3, "nothing below hides or is hidden");
  assert.deepEqual(places.oldest(100, new Set()), ["a"]);
});
