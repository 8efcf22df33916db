// Record batches made by hand, for tests of what reads them.

import type { OutRecord, RecordBatch } from "../../src/runtime/ports.ts";

export interface BatchSpec {
  readonly topic: string;
  readonly partition?: number;
  /** Offset and timestamp of each record. */
  readonly records: readonly (Partial<OutRecord> & { readonly offset: number; readonly timestamp?: number })[];
  readonly fetchedFrom?: number;
  readonly endOffset?: number;
  readonly bytes?: number;
}

export function recordBatch(spec: BatchSpec): RecordBatch {
  const { records } = spec;
  const last = records.at(-1)?.offset ?? (spec.fetchedFrom ?? 0) - 1;
  const at = (index: number): BatchSpec["records"][number] => {
    const record = records[index];
    if (record === undefined) throw new RangeError(`no record ${index}`);
    return record;
  };
  return {
    topic: spec.topic,
    partition: spec.partition ?? 0,
    fetchedFrom: spec.fetchedFrom ?? records[0]?.offset ?? 0,
    nextOffset: last + 1,
    endOffset: spec.endOffset ?? last + 1,
    length: records.length,
    bytes: spec.bytes ?? records.length * 100,
    offsetAt: (index) => at(index).offset,
    timestampAt: (index) => at(index).timestamp ?? 0,
    keyAt: (index) => at(index).key ?? null,
    valueAt: (index) => at(index).value ?? null,
    headersAt: (index) => at(index).headers ?? {},
    leaderEpochAt: () => -1,
    flawAt: () => null,
  };
}
