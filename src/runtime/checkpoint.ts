// The committed checkpoint: what it holds, and its form as the metadata of one committed offset. Owns the
// text form and its checks; writing checkpoints is task.ts's, reading the log they point into restore.ts's.
//
// The metadata of the state partition's committed offset is the only commit point of a task. Everything
// else (blocks, markers, the inputs' own committed offsets) means nothing until it is named here.

import type { LogMark } from "./ports.ts";

/** One writer's blocks that count: offsets `from` (inclusive) to `to` (exclusive) of the state partition. */
export type LineageRange = readonly [writer: string, from: number, to: number];

export interface Checkpoint {
  /** Random id of the task's owner since its last restore. */
  readonly writer: string;
  /** Number of the checkpoint; goes on over writers. */
  readonly n: number;
  /** Where a restore starts to read the state partition. */
  readonly base: number;
  /** Where it ends. At head − 1 stands a marker of this lineage, unless base = head. */
  readonly head: number;
  readonly lineage: readonly LineageRange[];
  /** Next offset of each input topic and of the commands topic. */
  readonly positions: Readonly<Record<string, number>>;
  /** Which logs these positions are in; none of a topic: an earlier release wrote it. */
  readonly marks: Readonly<Record<string, LogMark>>;
  /** Number of tasks when it was written; state of another partitioning means nothing. */
  readonly partitions: number;
  readonly group: string;
}

/** The broker refuses longer metadata, unless it is configured otherwise (`offset.metadata.max.bytes`). */
export const METADATA_BYTES = 4_096;
/** Beyond so many ranges, or bytes of metadata with them, the lineage stands in the marker only. */
const LINEAGE_IN_METADATA = 32;
const METADATA_WITH_LINEAGE_BYTES = 3_500;

/** A checkpoint as read from metadata: `lineage` is null when it has to be read from the marker at head − 1. */
export type CommittedCheckpoint = Omit<Checkpoint, "lineage"> & {
  readonly lineage: readonly LineageRange[] | null;
};

export function checkpointMetadata(checkpoint: Checkpoint): string {
  const { lineage } = checkpoint;
  if (lineage.length > LINEAGE_IN_METADATA) return metadataText(checkpoint, null);
  const whole = metadataText(checkpoint, lineage);
  // Without a lineage there is no marker that could hold it.
  if (lineage.length === 0 || Buffer.byteLength(whole) <= METADATA_WITH_LINEAGE_BYTES) return whole;
  return metadataText(checkpoint, null);
}

function metadataText(checkpoint: Checkpoint, lineage: readonly LineageRange[] | null): string {
  const { writer, n, base, head, positions, marks, partitions, group } = checkpoint;
  return JSON.stringify({ v: 1, writer, n, base, head, lineage, positions, marks, partitions, group });
}

/** Bytes of a checkpoint that names these topics, whatever its numbers; its lineage may stand in the marker. */
export function largestMetadata(topics: readonly string[], group: string): number {
  const most = Number.MAX_SAFE_INTEGER;
  const mark: LogMark = ["an id of 16 bytes here", 0x7fff_ffff];
  const positions = Object.fromEntries(topics.map((topic) => [topic, most]));
  const marks = Object.fromEntries(topics.map((topic) => [topic, mark]));
  const numbers = { n: most, base: most, head: most, partitions: most };
  const largest = { ...numbers, writer: "w".repeat(16), positions, marks, group, lineage: [] };
  return Buffer.byteLength(metadataText(largest, null));
}

/** @returns the checkpoint, or what is wrong with the text (an operator's tool may have written it) */
export function parseCheckpoint(metadata: string): CommittedCheckpoint | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(metadata);
  } catch {
    return { problem: "is not JSON" };
  }
  if (typeof value !== "object" || value === null) return { problem: "is not an object" };
  const v = value as Record<string, unknown>;
  if (v["v"] !== 1) return { problem: `has version ${JSON.stringify(v["v"])}; this release reads version 1` };
  const { writer, n, base, head, lineage, positions, marks = {}, partitions, group } = v;
  if (typeof writer !== "string" || typeof group !== "string") return { problem: "lacks writer or group" };
  if (!isOffset(n) || !isOffset(base) || !isOffset(head) || !isOffset(partitions)) {
    return { problem: "lacks n, base, head or partitions" };
  }
  if (base > head) return { problem: `has base ${base} above head ${head}` };
  if (lineage !== null && !isLineage(lineage)) return { problem: "has no valid lineage" };
  if (!isPositions(positions)) return { problem: "has no valid positions" };
  if (!isMarks(marks)) return { problem: "has no valid marks" };
  return { writer, n, base, head, lineage, positions, marks, partitions, group };
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isLineage(value: unknown): value is LineageRange[] {
  return (
    Array.isArray(value) &&
    value.every(
      (range) =>
        Array.isArray(range) &&
        range.length === 3 &&
        typeof range[0] === "string" &&
        isOffset(range[1]) &&
        isOffset(range[2]),
    )
  );
}

function isPositions(value: unknown): value is Record<string, number> {
  return typeof value === "object" && value !== null && Object.values(value).every(isOffset);
}

function isMarks(value: unknown): value is Record<string, LogMark> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every(
      (mark) =>
        Array.isArray(mark) && mark.length === 2 && typeof mark[0] === "string" && Number.isSafeInteger(mark[1]),
    )
  );
}

/** The lineage after `writer` appended up to `to`; `from` counts only for its first append. */
export function extendLineage(
  lineage: readonly LineageRange[],
  writer: string,
  range: { from: number; to: number },
): LineageRange[] {
  const last = lineage.at(-1);
  if (last?.[0] === writer) return [...lineage.slice(0, -1), [writer, last[1], range.to]];
  return [...lineage, [writer, range.from, range.to]];
}

/** The part of the lineage at or above `base`: nothing below is read any more. */
export function clipLineage(lineage: readonly LineageRange[], base: number): LineageRange[] {
  return lineage
    .filter(([, , to], index) => to > base || index === lineage.length - 1)
    .map(([writer, from, to]): LineageRange => [writer, Math.max(from, base), to]);
}
