// From the state log back to the groups' latest states (T3). Owns which records count; leaves fetching to
// the task. Feed it every batch from base to head, then take what is left.
//
//   offset     10    11    12    13    14    15    16
//   writer     a     a     z     a     b     z     b        lineage [[a,10,14],[b,14,17]]
//   counts     ✓     ✓     ·     ✓     ✓     ·     ✓        z wrote under a lost ownership
//
// Rejected alternative: fencing z's appends by a producer epoch needs transactions, whose readers stall
// and whose failures leave the client unusable; a lineage in the commit point costs 40 bytes an owner.
//
// Invariants:
//   R1  A record counts only inside its own writer's range of the lineage.
//   R2  Of several states of one group the highest n counts, whatever the order: a send whose answer was
//       lost may be appended twice, the second time late.

import type { ChangedGroup } from "../core/partition.ts";
import type { LineageRange } from "./checkpoint.ts";
import type { RecordBatch } from "./ports.ts";
import { readStateRecord } from "./state-log.ts";
import type { StateLogCodec } from "./state-log.ts";

interface Latest {
  n: number;
  state: Uint8Array | null;
}

export class Restore {
  readonly #codec: StateLogCodec;
  readonly #ranges: ReadonlyMap<string, readonly LineageRange[]>;
  readonly #groups = new Map<string, Latest>();
  #partition: Latest = { n: -1, state: null };

  constructor(lineage: readonly LineageRange[], codec: StateLogCodec) {
    this.#codec = codec;
    this.#ranges = Map.groupBy(lineage, ([writer]) => writer);
  }

  /** @throws Error for a damaged record that counts */
  read(batch: RecordBatch, head: number): void {
    for (let i = 0; i < batch.length; i++) {
      const offset = batch.offsetAt(i);
      if (offset >= head) return;
      const record = readStateRecord(batch, i);
      if (record.kind === "block" && this.#counts(record.writer, offset)) this.#keep(record.n, record.value);
    }
  }

  // R1
  #counts(writer: string, offset: number): boolean {
    return this.#ranges.get(writer)?.some(([, from, to]) => offset >= from && offset < to) ?? false;
  }

  // R2
  #keep(n: number, value: Buffer): void {
    const block = this.#codec.decodeBlock(value);
    if (block.partition !== null && n >= this.#partition.n) this.#partition = { n, state: block.partition };
    for (const { group, state } of block.groups) {
      const known = this.#groups.get(group);
      if (known === undefined) this.#groups.set(group, { n, state });
      else if (n >= known.n) {
        known.n = n;
        known.state = state;
      }
    }
  }

  partition(): Uint8Array | null {
    return this.#partition.state;
  }

  /** The living groups; tombstones have done their work. */
  *groups(): Generator<ChangedGroup & { readonly state: Uint8Array }> {
    for (const [group, { state }] of this.#groups) {
      if (state !== null) yield { group, state };
    }
  }
}
