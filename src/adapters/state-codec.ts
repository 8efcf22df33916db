// State ↔ bytes: Avro after schemas/state/, preceded by one byte, the version of the schema they were
// written with. Bytes are deterministic: equal states encode equally. State of an older version is read
// through Avro's resolution; its schema stays in schemas/released/<release>/state/. In memory a profile is
// packed (seen.ts, factor.ts); unpacked it is the record of group.avsc, and only here.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import type { GroupState } from "../core/account.ts";
import type { Factor } from "../core/event.ts";
import {
  FACTORS,
  MARK_KINDS,
  type MarkKind,
  markFactor,
  markKind,
  markTime,
  NO_MARKS,
  packMark,
} from "../core/factor.ts";
import type { LinkState } from "../core/link-group.ts";
import { type LatestTimes, NO_TIMES } from "../core/latest.ts";
import { NO_PAYMENTS, NO_REQUESTS, type PaidList, type RequestList } from "../core/outflow.ts";
import type { PartitionState, StateCodec } from "../core/partition.ts";
import { NO_SHORTCUTS, type Profile, type Shortcuts } from "../core/profile.ts";
import {
  firstSeenAt,
  lastSeenHour,
  NOTHING_SEEN,
  packSeenStamp,
  SEEN_KINDS,
  SEEN_WIDTH,
  seenKind,
  type SeenKind,
  type SeenList,
} from "../core/seen.ts";
import type { Instant } from "../core/time.ts";
import { AvroCursor } from "./avro-cursor.ts";
import { AvroOutput } from "./avro-output.ts";
import { type AvroReader, compileReader } from "./avro-reader.ts";
import { compileWriter } from "./avro-writer.ts";

interface SeenRecord {
  readonly kind: SeenKind;
  readonly value: string | number;
  readonly firstSeen: Instant;
  readonly lastSeenHour: number;
}

interface MarkRecord {
  readonly factor: Factor;
  readonly kind: MarkKind;
  readonly at: Instant;
}

interface RequestRecord {
  readonly eventId: string;
  readonly at: Instant;
  readonly usdCents: number;
}

interface PaidRecord {
  readonly span: number;
  readonly usdCents: number;
}

interface ProfileRecord extends Omit<Profile, "seen" | "factors" | "requests" | "paid" | keyof Shortcuts> {
  readonly seen: readonly SeenRecord[];
  readonly factors: readonly MarkRecord[];
  readonly requests: readonly RequestRecord[];
  readonly paid: readonly PaidRecord[];
}

interface GroupRecord extends Omit<GroupState, "profile"> {
  readonly profile: ProfileRecord | null;
}

/**
 * @param schemas the directory `schemas`; read now, never again
 * @throws Error when a schema is missing or released ones cannot be read as the present one
 */
export function createStateCodec(schemas: string): StateCodec {
  const group = loadSchema<GroupRecord>(schemas, "group");
  const readWaiting = compileReader(group.present, group.present, { without: new Set(["profile"]) });
  const cursor = new AvroCursor();
  const link = loadSchema<LinkState>(schemas, "link");
  const partition = loadSchema<PartitionState>(schemas, "partition");
  return {
    encodeLink: link.encode,
    decodeLink: link.decode,
    encodeGroup: ({ profile, memories, cases, linkedSecond }) =>
      group.encode({ profile: profile && unpackProfile(profile), memories, cases, linkedSecond }),
    decodeGroup: (bytes) => {
      const record = group.decode(bytes);
      return { ...record, profile: record.profile && packProfile(record.profile) };
    },
    rest(bytes) {
      if (bytes[0] !== group.version) return null;
      const buffer = viewOf(bytes);
      const { memories, cases } = cursor.readWhole(readWaiting, buffer, 1) as Pick<GroupRecord, "memories" | "cases">;
      // A byte a character: a text costs its bytes and little more, a buffer as much again as what is in it.
      return memories.length + cases.length === 0 ? buffer.toString("latin1") : null;
    },
    bytesAtRest: (resting) => Buffer.from(resting, "latin1"),
    encodePartition: partition.encode,
    decodePartition: partition.decode,
  };
}

interface VersionedSchema<T> {
  readonly present: avro.Type;
  readonly version: number;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
}

function loadSchema<T>(schemas: string, name: string): VersionedSchema<T> {
  const present = readSchema(join(schemas, "state", `${name}.avsc`));
  const readers = new Map<number, AvroReader>();
  readers.set(present.version, compileReader(present.type, present.type));
  for (const path of releasedSchemas(schemas, name)) {
    const older = readSchema(path);
    if (older.version === present.version) continue;
    readers.set(older.version, compileReader(older.type, present.type));
  }
  const write = compileWriter<T>(present.type);
  const output = new AvroOutput();
  const cursor = new AvroCursor();
  return {
    present: present.type,
    version: present.version,
    encode(value) {
      output.start();
      output.byte(present.version);
      write(output, value);
      return output.take();
    },
    decode(bytes) {
      const read = readers.get(bytes[0] ?? -1);
      if (read === undefined) {
        throw new Error(
          `${name} state of version ${bytes[0]} cannot be read; known are ${[...readers.keys()].join(", ")}: ` +
            "it was written by a newer Holdfast, or its schema is missing from schemas/released",
        );
      }
      return cursor.readWhole(read, viewOf(bytes), 1) as T;
    },
  };
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function readSchema(path: string): { readonly type: avro.Type; readonly version: number } {
  const schema = JSON.parse(readFileSync(path, "utf8")) as avro.Schema & { readonly version?: unknown };
  const { version } = schema;
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1 || version > 255) {
    throw new Error(`${path}: "version" is ${JSON.stringify(version)}, not an integer from 1 to 255`);
  }
  return { type: avro.Type.forSchema(schema, { omitRecordMethods: true }), version };
}

function releasedSchemas(schemas: string, name: string): string[] {
  const released = join(schemas, "released");
  if (!existsSync(released)) return [];
  return readdirSync(released).flatMap((release) => {
    const directory = join(released, release, "state");
    if (!existsSync(directory)) return [];
    // A release may have read more than one version: group.avsc, group.v2.avsc …
    const versions = readdirSync(directory).filter((file) => /^\.(v\d+\.)?avsc$/.test(file.slice(name.length)));
    return versions.filter((file) => file.startsWith(name)).map((file) => join(directory, file));
  });
}

function unpackProfile(profile: Profile): ProfileRecord {
  return {
    seen: unpackSeen(profile.seen),
    factors: profile.factors.map(unpackMark),
    given: profile.given,
    firstEventSecond: profile.firstEventSecond,
    createdSecond: profile.createdSecond,
    factorChanges: profile.factorChanges,
    credentialChanges: profile.credentialChanges,
    contactChanges: profile.contactChanges,
    riskNotices: profile.riskNotices,
    apiKeys: profile.apiKeys,
    requests: unpackRequests(profile.requests),
    paid: unpackPaid(profile.paid),
  };
}

/** Built field by field in the order of newProfile: one hidden class for made and restored profiles. */
function packProfile(record: ProfileRecord): Profile {
  return {
    ...NO_SHORTCUTS,
    seen: packSeen(record.seen),
    factors: record.factors.length === 0 ? NO_MARKS : record.factors.map(packedMark),
    given: record.given,
    firstEventSecond: record.firstEventSecond,
    createdSecond: record.createdSecond,
    factorChanges: packTimes(record.factorChanges),
    credentialChanges: packTimes(record.credentialChanges),
    contactChanges: packTimes(record.contactChanges),
    riskNotices: packTimes(record.riskNotices),
    apiKeys: packTimes(record.apiKeys),
    requests: packRequests(record.requests),
    paid: packPaid(record.paid),
  };
}

function unpackSeen(list: SeenList): SeenRecord[] {
  const records: SeenRecord[] = [];
  for (let index = 0; index < list.length; index += SEEN_WIDTH) {
    records.push({
      kind: SEEN_KINDS[seenKind(list, index)]!,
      value: list[index]!,
      firstSeen: firstSeenAt(list, index),
      lastSeenHour: lastSeenHour(list, index),
    });
  }
  return records;
}

function packSeen(records: readonly SeenRecord[]): SeenList {
  if (records.length === 0) return NOTHING_SEEN;
  const list = new Array<string | number>(records.length * SEEN_WIDTH);
  records.forEach((record, index) => {
    list[index * SEEN_WIDTH] = record.value;
    list[index * SEEN_WIDTH + 1] = record.firstSeen;
    list[index * SEEN_WIDTH + 2] = packSeenStamp(record.lastSeenHour, SEEN_KINDS.indexOf(record.kind));
  });
  return list;
}

function unpackMark(mark: number): MarkRecord {
  return { factor: FACTORS[markFactor(mark)]!, kind: MARK_KINDS[markKind(mark)]!, at: markTime(mark) };
}

function packedMark(record: MarkRecord): number {
  return packMark(FACTORS.indexOf(record.factor), MARK_KINDS.indexOf(record.kind), record.at);
}

function packTimes(times: LatestTimes): LatestTimes {
  return times.length === 0 ? NO_TIMES : times;
}

function unpackRequests(list: RequestList): RequestRecord[] {
  const records: RequestRecord[] = [];
  for (let index = 0; index < list.length; index += 3) {
    const [eventId, at, usdCents] = [list[index] as string, list[index + 1] as Instant, list[index + 2] as number];
    records.push({ eventId, at, usdCents });
  }
  return records;
}

function packRequests(records: readonly RequestRecord[]): RequestList {
  if (records.length === 0) return NO_REQUESTS;
  return records.flatMap(({ eventId, at, usdCents }) => [eventId, at, usdCents]);
}

function unpackPaid(list: PaidList): PaidRecord[] {
  const records: PaidRecord[] = [];
  for (let index = 0; index < list.length; index += 2) {
    records.push({ span: list[index]!, usdCents: list[index + 1]! });
  }
  return records;
}

function packPaid(records: readonly PaidRecord[]): PaidList {
  return records.length === 0 ? NO_PAYMENTS : records.flatMap(({ span, usdCents }) => [span, usdCents]);
}
