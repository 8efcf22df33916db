// Writes records as one of Kafka's record batches (message format 2), uncompressed, neither idempotent nor
// transactional. The mirror of record-batch.ts.

import type { OutRecord } from "../../runtime/ports.ts";
import { crc32c } from "./crc32c.ts";
import { WireWriter } from "./wire.ts";

const FORMAT = 2;
/** Fields from the attributes on are under the checksum. */
const CRC_AT = 17;
const HEADER_BYTES = 61;
const LENGTH_AT = 8;
const RECORD_OVERHEAD_BYTES = 32;
const HEADER_OVERHEAD_BYTES = 8;

/** @param timestamp epoch milliseconds, the same for every record (topics with LogAppendTime replace it) */
export function encodeRecordBatch(records: readonly OutRecord[], timestamp: number): Buffer {
  const writer = new WireWriter(HEADER_BYTES + expectedBytes(records));
  writer.int64(0).int32(0).int32(-1).int8(FORMAT).int32(0);
  writer
    .int16(0)
    .int32(records.length - 1)
    .int64(timestamp)
    .int64(timestamp);
  writer.int64(-1).int16(-1).int32(-1).int32(records.length);
  for (const [index, record] of records.entries()) writeRecord(writer, record, index);
  const end = writer.position;
  writer.patchInt32(LENGTH_AT, end - LENGTH_AT - 4);
  const batch = writer.take();
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_AT + 4)), CRC_AT);
  return batch;
}

/** A record begins with its own length, which has to be known before it is written. */
function writeRecord(writer: WireWriter, record: OutRecord, offsetDelta: number): void {
  const { key, value } = record;
  const headers = encodeHeaders(record);
  const length = 1 + 1 + sizeOfVarint(offsetDelta) + sizeOfBytes(key) + sizeOfBytes(value) + headers.length;
  writer.varint(length).int8(0).varint(0).varint(offsetDelta);
  writeBytes(writer, key);
  writeBytes(writer, value);
  writer.raw(headers);
}

const NO_HEADERS = Buffer.of(0);

function encodeHeaders({ headers }: OutRecord): Buffer {
  const names = Object.keys(headers);
  if (names.length === 0) return NO_HEADERS;
  const writer = new WireWriter(64 * names.length);
  writer.varint(names.length);
  for (const name of names) {
    writeBytes(writer, Buffer.from(name));
    const value = headers[name];
    writeBytes(writer, value === undefined ? null : typeof value === "string" ? Buffer.from(value) : value);
  }
  return writer.take();
}

function writeBytes(writer: WireWriter, bytes: Buffer | null): void {
  if (bytes === null) writer.varint(-1);
  else writer.varint(bytes.length).raw(bytes);
}

function sizeOfBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length;
}

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = ((value << 1) ^ (value >> 31)) >>> 0; rest >= 0x80; rest >>>= 7) size += 1;
  return size;
}

/** Enough for all but text beyond ASCII: growing would copy what is written. */
function expectedBytes(records: readonly OutRecord[]): number {
  let bytes = 0;
  for (const { key, value, headers } of records) {
    bytes += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
    for (const name in headers) bytes += HEADER_OVERHEAD_BYTES + name.length + (headers[name]?.length ?? 0);
  }
  return bytes;
}
