// The state log of one task: blocks of group states, each checkpoint closed by a marker. Owns how groups
// are packed into records and how a record proves that it is whole. Which records count is restore.ts's.
//
//   offset  …   57      58      59        60
//   record    block   block   marker    block …        one checkpoint = its blocks, then its marker
//   headers   writer, n, checksum on every record
//
// Invariants:
//   S1  A record whose checksum does not fit its bytes is an error, never an empty state.
//   S2  One send stays below the broker's default record-batch limit (1 MiB).

import { crc32 } from "node:zlib";

import type { ChangedGroup } from "../core/partition.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { OutRecord, RecordBatch } from "./ports.ts";

export interface Block {
  readonly groups: readonly ChangedGroup[];
  /** The partition's own record as of this checkpoint; in the first block only. */
  readonly partition: Uint8Array | null;
}

/** A marker cannot know its own offset: head, and the end of the last range, follow from where it stands. */
export type MarkedCheckpoint = Omit<Checkpoint, "head">;

/** Bytes of blocks and markers. Deterministic; throws on bytes it did not write. */
export interface StateLogCodec {
  encodeBlock(block: Block): Buffer;
  decodeBlock(value: Buffer): Block;
  encodeMarker(checkpoint: MarkedCheckpoint): Buffer;
  decodeMarker(value: Buffer): MarkedCheckpoint;
}

const BLOCK_BYTES = 256 * 1024;
/** S2: three blocks and their headers. */
const SEND_BYTES = 3 * BLOCK_BYTES;

/** The changed groups of a checkpoint as sends of whole blocks, in order. */
export function blockSends(
  changed: readonly ChangedGroup[],
  options: { partition: Uint8Array; writer: string; n: number; codec: StateLogCodec },
): OutRecord[][] {
  const sends: OutRecord[][] = [];
  let send: OutRecord[] = [];
  let sendBytes = 0;
  let groups: ChangedGroup[] = [];
  let blockBytes = 0;
  let partition: Uint8Array | null = options.partition;
  const closeBlock = (): void => {
    const value = options.codec.encodeBlock({ groups, partition });
    if (sendBytes + value.length > SEND_BYTES && send.length > 0) {
      sends.push(send);
      send = [];
      sendBytes = 0;
    }
    send.push(stateRecord("block", value, options));
    sendBytes += value.length;
    partition = null;
    groups = [];
    blockBytes = 0;
  };
  for (const group of changed) {
    const bytes = group.group.length + (group.state?.length ?? 0) + 8;
    if (blockBytes + bytes > BLOCK_BYTES && groups.length > 0) closeBlock();
    groups.push(group);
    blockBytes += bytes;
  }
  if (groups.length > 0) closeBlock();
  if (send.length > 0) sends.push(send);
  return sends;
}

export function markerRecord(checkpoint: MarkedCheckpoint, codec: StateLogCodec): OutRecord {
  return stateRecord("marker", codec.encodeMarker(checkpoint), checkpoint);
}

function stateRecord(kind: "block" | "marker", value: Buffer, by: { writer: string; n: number }): OutRecord {
  return {
    key: null,
    value,
    headers: { kind, writer: by.writer, n: String(by.n), checksum: crc32(value).toString(16) },
  };
}

export interface StateRecord {
  readonly kind: "block" | "marker";
  readonly writer: string;
  readonly n: number;
  readonly value: Buffer;
}

/** @throws Error naming the offset for a record that is not whole (S1) */
export function readStateRecord(batch: RecordBatch, index: number): StateRecord {
  const headers = batch.headersAt(index);
  const value = batch.valueAt(index);
  const kind = String(headers["kind"] ?? "");
  const n = Number(String(headers["n"] ?? "NaN"));
  if (value === null || (kind !== "block" && kind !== "marker") || !Number.isSafeInteger(n)) {
    throw new Error(`${place(batch, index)} is no state record: something else writes to this topic`);
  }
  if (crc32(value).toString(16) !== String(headers["checksum"])) {
    throw new Error(`${place(batch, index)} is damaged: its checksum does not fit its bytes`);
  }
  return { kind, writer: String(headers["writer"] ?? ""), n, value };
}

function place(batch: RecordBatch, index: number): string {
  return `${batch.topic} partition ${batch.partition} offset ${batch.offsetAt(index)}`;
}
