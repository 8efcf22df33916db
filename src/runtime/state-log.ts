// The state log of one task: blocks of group states, each checkpoint closed by a marker. Owns how groups
// are packed into records and how a record proves that it is whole. Which records count is restore.ts's.
//
//   offset  …   57      58      59        60
//   record    block   block   marker    block …        one checkpoint = its blocks, then its marker
//   headers   writer, n, checksum, version on every record
//
// Invariants:
//   S1  A record that is not whole, or of a version not known here, is refused, never read as less state.
//   S2  One send stays below the broker's default record-batch limit (1 MiB).

import { crc32 } from "node:zlib";

import type { ChangedGroup } from "../core/partition.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { OutRecord, RecordBatch, RecordHeaders } from "./ports.ts";
import { TaskRefused } from "./task-refused.ts";

/** Of the records' form. Without the header: 1, whose markers do not know what they follow. */
const VERSION = 2;

export interface Block {
  readonly groups: readonly ChangedGroup[];
  /** The partition's own record as of this checkpoint; in the first block only. */
  readonly partition: Uint8Array | null;
}

/** A marker cannot know its own offset: head, and the end of the last range, follow from where it stands. */
export interface MarkedCheckpoint extends Omit<Checkpoint, "head" | "marks"> {
  /** Head of the checkpoint that was committed when this one was written; -1: a marker of version 1. */
  readonly follows: number;
}

/** Bytes of blocks and markers. Deterministic; throws on bytes it did not write. */
export interface StateLogCodec {
  encodeBlock(block: Block): Buffer;
  decodeBlock(value: Buffer): Block;
  encodeMarker(checkpoint: MarkedCheckpoint): Buffer;
  /** @param version of the record's header; the present one by default */
  decodeMarker(value: Buffer, version?: number): MarkedCheckpoint;
}

const BLOCK_BYTES = 256 * 1024;
/** S2: three blocks and their headers. */
const SEND_BYTES = 3 * BLOCK_BYTES;

/** Blocks that go to the broker together. */
export interface BlockSend {
  readonly records: readonly OutRecord[];
  /** The groups in each record. */
  readonly groups: readonly (readonly ChangedGroup[])[];
}

/**
 * The changed groups of a checkpoint as sends of whole blocks, in order.
 * @param options.isOwnDue the partition's own record is sent even if no group is. Default: it is not
 */
export function blockSends(
  changed: readonly ChangedGroup[],
  options: { partition: Uint8Array; writer: string; n: number; codec: StateLogCodec; isOwnDue?: boolean },
): BlockSend[] {
  const sends: { records: OutRecord[]; groups: ChangedGroup[][] }[] = [];
  let send: (typeof sends)[number] = { records: [], groups: [] };
  let sendBytes = 0;
  let groups: ChangedGroup[] = [];
  let blockBytes = 0;
  let partition: Uint8Array | null = options.partition;
  const closeBlock = (): void => {
    const value = options.codec.encodeBlock({ groups, partition });
    if (sendBytes + value.length > SEND_BYTES && send.records.length > 0) {
      sends.push(send);
      send = { records: [], groups: [] };
      sendBytes = 0;
    }
    send.records.push(stateRecord("block", value, options));
    send.groups.push(groups);
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
  if (groups.length > 0 || (changed.length === 0 && options.isOwnDue === true)) closeBlock();
  if (send.records.length > 0) sends.push(send);
  return sends;
}

export function markerRecord(checkpoint: MarkedCheckpoint, codec: StateLogCodec): OutRecord {
  return stateRecord("marker", codec.encodeMarker(checkpoint), checkpoint);
}

function stateRecord(kind: "block" | "marker", value: Buffer, by: { writer: string; n: number }): OutRecord {
  const checksum = crc32(value).toString(16);
  return {
    key: null,
    value,
    headers: { kind, writer: by.writer, n: String(by.n), checksum, version: String(VERSION) },
  };
}

export interface StateRecord {
  readonly kind: "block" | "marker";
  readonly writer: string;
  readonly n: number;
  readonly version: number;
  readonly value: Buffer;
}

/** What a reader of the state log gets to know of a record. */
export interface StateRecordBytes {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

/** @throws TaskRefused naming the offset for a record that is not whole (S1) */
export function stateRecordOf(record: StateRecordBytes): StateRecord {
  const { headers, value } = record;
  const place = `${record.topic} partition ${record.partition} offset ${record.offset}`;
  const kind = String(headers["kind"] ?? "");
  const n = Number(String(headers["n"] ?? "NaN"));
  const version = Number(String(headers["version"] ?? "1"));
  if (version > VERSION) {
    throw new TaskRefused(
      `${place} has format ${version}, and this Holdfast reads up to ${VERSION}: a newer one has written it. ` +
        `Run that release, or a later one; going back below it needs a new group id and an empty state topic.`,
    );
  }
  if (value === null || (kind !== "block" && kind !== "marker") || !Number.isSafeInteger(n)) {
    throw new TaskRefused(
      `${place} is no state record: something else writes to this topic. Let nobody else write there; ` +
        `\`holdfast recover\` says which checkpoint is whole.`,
    );
  }
  if (crc32(value).toString(16) !== String(headers["checksum"])) {
    throw new TaskRefused(
      `${place} is damaged: its checksum does not fit its bytes. If a replica holds it whole, make that one the ` +
        `leader; otherwise \`holdfast recover\` says which checkpoint is whole.`,
    );
  }
  return { kind, writer: String(headers["writer"] ?? ""), n, version, value };
}

/** @throws TaskRefused naming the offset for a record that is not whole (S1) */
export function readStateRecord(batch: RecordBatch, index: number): StateRecord {
  return stateRecordOf({
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsetAt(index),
    value: batch.valueAt(index),
    headers: batch.headersAt(index),
  });
}
