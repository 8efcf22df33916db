// The ledger alone, over long histories: how long the log gets, how much is written for it, what may be
// deleted, and what becomes of a checkpoint that was given up.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Partition } from "../../src/core/partition.ts";
import { checkpointMetadata } from "../../src/runtime/checkpoint.ts";
import type { Checkpoint } from "../../src/runtime/checkpoint.ts";
import { Ledger } from "../../src/runtime/ledger.ts";

const START: Checkpoint = {
  writer: "a",
  n: 0,
  base: 0,
  head: 0,
  lineage: [],
  positions: {},
  marks: {},
  partitions: 1,
  group: "g",
};
const GROUPS_IN_BLOCK = 1_000;

/** A ledger over groups of 200 bytes each, and the log it is told of. */
class Bench {
  readonly ledger: Ledger;
  readonly #states = new Map<string, Uint8Array>();
  readonly #partition: Partition;
  #changed = new Set<string>();
  #end = 0;
  written = 0;

  constructor(slackBytes: number) {
    this.ledger = new Ledger({ checkpoint: START, committed: checkpointMetadata(START) }, { writer: "a", slackBytes });
    const own = {
      takeChanged: () => {
        const groups = [...this.#changed].map((group) => ({ group, state: this.#states.get(group) ?? null }));
        this.#changed = new Set();
        return groups;
      },
      encodeGroup: (group: string) => this.#states.get(group) ?? null,
      takeOwnChange: () => false,
    };
    this.#partition = own as unknown as Partition;
  }

  change(group: number): void {
    this.#states.set(`g${group}`, new Uint8Array(200));
    this.#changed.add(`g${group}`);
  }

  /** Takes one and appends its blocks; the checkpoint as it would be committed. */
  take(): { checkpoint: Checkpoint; groups: string[] } {
    const { n, groups } = this.ledger.take(this.#partition);
    this.written += groups.length;
    const from = groups.length === 0 ? -1 : this.#end;
    for (let at = 0; at < groups.length; at += GROUPS_IN_BLOCK) {
      const part = groups.slice(at, at + GROUPS_IN_BLOCK);
      this.ledger.appended({ offset: this.#end++, bytes: part.length * 205, groups: part });
    }
    const next = this.ledger.next(n, { from, positions: {}, marks: {} });
    this.#end++;
    return { checkpoint: { ...next, head: this.#end }, groups: groups.map(({ group }) => group) };
  }

  commit(): Checkpoint {
    const { checkpoint } = this.take();
    this.ledger.attempt(checkpoint);
    this.ledger.confirm(checkpoint);
    return checkpoint;
  }
}

for (const [cold, hot, churn] of [
  [5_000, 300, 300],
  [5_000, 10, 10],
  [5_000, 3_000, 1_000],
  [0, 3_000, 300],
] as const) {
  test(`${cold} quiet groups, ${churn} of ${hot} others a checkpoint: the log stays near three times the state at worst, for twice the writing (T6)`, () => {
    const bench = new Bench(0);
    for (let group = 0; group < cold + hot; group++) bench.change(group);
    let asked = cold + hot;
    let worst = 0;
    for (let n = 0; n < 1_000; n++) {
      bench.commit();
      if (n > 0) worst = Math.max(worst, bench.ledger.logBytes / bench.ledger.liveBytes);
      for (let nth = 0; nth < churn; nth++) bench.change(cold + ((n * churn + nth) % hot));
      asked += churn;
    }
    assert.ok(worst < 3.2, `${worst} times`);
    assert.ok(bench.written / asked < 2.1, `${bench.written} written for ${asked}`);
  });
}

test("what was taken for a checkpoint that is given up goes into the next one, under another number (LG1, LG2)", () => {
  const bench = new Bench(1e9);
  bench.change(1);
  bench.commit();
  bench.change(2);
  const given = bench.take();
  bench.change(3);
  const next = bench.take();
  assert.deepEqual(given.groups, ["g2"]);
  assert.deepEqual(next.groups, ["g2", "g3"]);
  assert.ok(next.checkpoint.n > given.checkpoint.n);
  bench.ledger.confirm(next.checkpoint);
  bench.change(4);
  assert.deepEqual(bench.take().groups, ["g4"]);
});

test("only what lies below the base of the checkpoint before the last one may be deleted (LG3)", () => {
  const bench = new Bench(0);
  const bases: number[] = [];
  for (let n = 0; n < 50; n++) {
    bench.change(n % 2);
    bases.push(bench.commit().base);
    assert.equal(bench.ledger.deletableBelow, bases.at(-2) ?? 0);
  }
  assert.ok(bench.ledger.deletableBelow > 50);
});

test("what the log takes lies above all it has taken, whoever else appends; otherwise it has gone back (LG4)", () => {
  const { ledger } = new Bench(0);
  assert.equal(ledger.extend(0, 2), true);
  assert.equal(ledger.extend(5, 1), true, "somebody else appended in between");
  assert.equal(ledger.extend(5, 1), false);
  assert.equal(ledger.extend(6, 1), true);
  const head = { ...START, head: 10 };
  const restored = new Ledger(
    { checkpoint: head, committed: checkpointMetadata(head) },
    { writer: "b", slackBytes: 0 },
  );
  assert.equal(restored.extend(9, 1), false);
  assert.equal(restored.extend(10, 1), true);
});

test("its own metadata it recognises, those of an attempt without an answer too; anything else is another's (T4)", () => {
  const bench = new Bench(0);
  bench.change(1);
  const committed = checkpointMetadata(bench.commit());
  bench.change(2);
  const { checkpoint } = bench.take();
  bench.ledger.attempt(checkpoint);
  assert.equal(bench.ledger.recognises(checkpointMetadata({ ...checkpoint, writer: "b" })), false);
  bench.ledger.attempt(checkpoint);
  assert.equal(bench.ledger.recognises(checkpointMetadata(checkpoint)), true);
  assert.deepEqual(bench.ledger.last, checkpoint);
  assert.equal(bench.ledger.recognises(committed), false, "it is past that");
});

test("a long lineage is worked off faster than anything else would be (T2)", () => {
  const bench = new Bench(1e9);
  for (let group = 0; group < 100; group++) bench.change(group);
  bench.commit();
  const many = Array.from({ length: 20 }, (_, at) => [`w${at}`, 0, 0] as const);
  bench.ledger.confirm({ ...bench.ledger.last, lineage: [...many, ...bench.ledger.last.lineage] });
  bench.change(0);
  const { groups, checkpoint } = bench.take();
  assert.equal(groups.length, 100, "all that is left of the old ones");
  assert.equal(checkpoint.lineage.length, 1);
});
