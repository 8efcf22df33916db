import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import avsc from "avsc";
import fc from "fast-check";

import { createStateLogCodec } from "../../src/adapters/state-log-codec.ts";
import type { LineageRange } from "../../src/runtime/checkpoint.ts";
import type { OutRecord } from "../../src/runtime/ports.ts";
import { Restore } from "../../src/runtime/restore.ts";
import { blockSends, markerRecord } from "../../src/runtime/state-log.ts";
import { recordBatch } from "./batch.ts";

const codec = createStateLogCodec("schemas");

function block(writer: string, n: number, states: Record<string, string | null>): OutRecord {
  const changed = Object.entries(states).map(([group, state]) => ({
    group,
    state: state === null ? null : Buffer.from(state),
  }));
  const [record] = blockSends(changed, { partition: Buffer.from(`p${n}`), writer, n, codec })[0]!.records;
  return record as OutRecord;
}

function restored(lineage: readonly LineageRange[], records: readonly OutRecord[], head = records.length): object {
  const { restore, groups } = reading(lineage);
  restore.read(
    recordBatch({ topic: "state", records: records.map((record, offset) => ({ ...record, offset })) }),
    head,
  );
  const states = Array.from(groups, ([group, state]) => [group, Buffer.from(state).toString()]);
  return { ...Object.fromEntries(states), partition: Buffer.from(restore.partition() ?? "").toString() };
}

function reading(lineage: readonly LineageRange[]): { restore: Restore; groups: Map<string, Uint8Array> } {
  const groups = new Map<string, Uint8Array>();
  const takeGroup = (group: string, state: Uint8Array | null): void => {
    if (state === null) groups.delete(group);
    else groups.set(group, state);
  };
  return { restore: new Restore({ lineage, base: 0 }, { codec, takeGroup }), groups };
}

test("the latest state of each group counts; a tombstone removes", () => {
  const records = [block("a", 1, { alice: "1", bob: "1" }), block("a", 2, { alice: "2", bob: null })];
  assert.deepEqual(restored([["a", 0, 2]], records), { alice: "2", partition: "p2" });
});

test("what a writer appended outside its range counts for nothing (R1)", () => {
  const records = [
    block("a", 1, { alice: "1" }),
    block("z", 2, { alice: "zombie" }),
    block("b", 2, { bob: "2" }),
    block("a", 2, { alice: "after the hand-over" }),
    block("b", 3, { bob: "above head" }),
  ];
  assert.deepEqual(
    restored(
      [
        ["a", 0, 1],
        ["b", 2, 4],
      ],
      records,
      4,
    ),
    { alice: "1", bob: "2", partition: "p2" },
  );
});

test("a record that lies in no writer's range is not looked at, whatever it is (R1)", () => {
  const stranger = { key: null, value: Buffer.from("who reads this?"), headers: {} };
  const records = [block("a", 1, { alice: "1" }), stranger, block("b", 2, { bob: "2" })];
  const lineage: LineageRange[] = [
    ["a", 0, 1],
    ["b", 2, 3],
  ];
  assert.deepEqual(restored(lineage, records), { alice: "1", bob: "2", partition: "p2" });
  assert.throws(() => restored([["a", 0, 3]], records), /offset 1 is no state record/);
});

test("a block that was appended twice, the second time late, does not bring old state back (R2)", () => {
  const records = [block("a", 1, { alice: "1" }), block("a", 2, { alice: "2" }), block("a", 1, { alice: "1" })];
  assert.deepEqual(restored([["a", 0, 3]], records), { alice: "2", partition: "p2" });
});

test("a damaged record is an error that names its place (S1)", () => {
  const whole = block("a", 1, { alice: "1" });
  const bytes = Buffer.from(whole.value ?? "");
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  assert.throws(() => restored([["a", 0, 1]], [{ ...whole, value: bytes }]), /state partition 0 offset 0 is damaged/);
  assert.throws(() => restored([["a", 0, 1]], [{ ...whole, headers: {} }]), /is no state record/);
});

test("large checkpoints are cut into blocks and sends below the broker's limit, nothing lost (S2)", () => {
  const group = fc.record({ group: fc.uuid(), size: fc.integer({ min: 0, max: 65_536 }) });
  fc.assert(
    fc.property(fc.uniqueArray(group, { selector: ({ group: id }) => id, maxLength: 80 }), (specs) => {
      const changed = specs.map(({ group: id, size }) => ({ group: id, state: Buffer.alloc(size, 7) }));
      const sends = blockSends(changed, { partition: Buffer.alloc(10), writer: "a", n: 1, codec });
      for (const send of sends) {
        assert.ok(send.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) < 1_000_000);
        assert.equal(send.groups.length, send.records.length);
      }
      const records = sends.flatMap((send) => send.records).map((record, offset) => ({ ...record, offset }));
      const { restore, groups } = reading([["a", 0, records.length]]);
      restore.read(recordBatch({ topic: "state", records }), records.length);
      const sizes = Array.from(groups, ([id, state]) => [id, state.length]);
      assert.deepEqual(
        sizes,
        specs.map(({ group: id, size }) => [id, size]),
      );
    }),
    { numRuns: 20 },
  );
});

test("a tombstone stays one whatever a late repeat brings (R2)", () => {
  const records = [block("a", 1, { alice: "1" }), block("a", 2, { alice: null }), block("a", 1, { alice: "1" })];
  assert.deepEqual(restored([["a", 0, 3]], records), { partition: "p2" });
  const base = [block("a", 3, { bob: "3" }), block("a", 1, { alice: "1" })];
  assert.deepEqual(restored([["a", 0, 2]], base), { bob: "3", partition: "p3" }, "with the tombstone below the base");
});

test("a record of a later format is refused with the release that is needed (S1)", () => {
  const later = block("a", 1, { alice: "1" });
  const headers = { ...later.headers, version: "9" };
  assert.throws(
    () => restored([["a", 0, 1]], [{ ...later, headers }]),
    /offset 0 has format 9, .* a newer one has written it/,
  );
});

test("a state that nobody here can read is refused with its place, not skipped (S1)", () => {
  const takeGroup = (): void => {
    throw new Error("group state of version 9 cannot be read");
  };
  const restore = new Restore({ lineage: [["a", 0, 1]], base: 0 }, { codec, takeGroup });
  const records = [{ ...block("a", 1, { alice: "1" }), offset: 0 }];
  assert.throws(() => restore.read(recordBatch({ topic: "state", records }), 1), {
    name: "TaskRefused",
    message: /state partition 0 offset 0: group state of version 9 cannot be read\. Run the release that wrote it/,
  });
});

test("markers of the first format are read; they do not say what they follow", () => {
  const type = avsc.Type.forSchema(
    JSON.parse(readFileSync("schemas/released/0.1.0/state/marker.avsc", "utf8")) as avsc.Schema,
  );
  const lineage = [{ writer: "a", from: 5, to: 8 }];
  const old = { writer: "a", n: 3, base: 5, partitions: 12, group: "g", positions: { auth: 9 }, lineage };
  const { follows, ...rest } = codec.decodeMarker(type.toBuffer(old), 1);
  assert.equal(follows, -1);
  assert.deepEqual(rest, { ...old, lineage: [["a", 5, 8]] });
});

test("a marker says again what is committed", () => {
  const marked = {
    writer: "a",
    n: 3,
    base: 5,
    partitions: 12,
    group: "holdfast",
    positions: { "auth-events": 9 },
    follows: 4,
    lineage: [["a", 5, 8] as const],
  };
  assert.deepEqual(codec.decodeMarker(markerRecord(marked, codec).value as Buffer, 2), marked);
});
