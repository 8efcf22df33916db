// State ↔ bytes: Avro after schemas/state/, preceded by one byte, the version of the schema they were
// written with. Bytes are deterministic: equal states encode equally. State of an older version is read
// through Avro's resolution; its schema stays in schemas/released/<release>/state/. In memory a profile is
// packed (seen.ts, factor.ts); unpacked it is the record of group.avsc, and only here.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import avro from "avsc";
import type { GroupState } from "../core/account.ts";
import {
  FACTORS,
  type FactorMarks,
  MARK_KINDS,
  markFactor,
  markKind,
  markTime,
  NO_MARKS,
  packMark,
} from "../core/factor.ts";
import { type LatestTimes, NO_TIMES } from "../core/latest.ts";
import type { PartitionState, StateCodec } from "../core/partition.ts";
import type { Profile } from "../core/profile.ts";
import { NOTHING_SEEN, type SeenList } from "../core/seen.ts";
import type { Instant } from "../core/time.ts";

interface SeenRecord {
  readonly value: string | number;
  readonly firstSeen: Instant;
  readonly lastSeenHour: number;
}

interface MarkRecord {
  readonly factor: string;
  readonly kind: string;
  readonly at: Instant;
}

interface ProfileRecord extends Omit<Profile, "devices" | "countries" | "networks" | "addresses" | "factors"> {
  readonly devices: readonly SeenRecord[];
  readonly countries: readonly SeenRecord[];
  readonly networks: readonly SeenRecord[];
  readonly addresses: readonly SeenRecord[];
  readonly factors: readonly MarkRecord[];
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
  const partition = loadSchema<PartitionState>(schemas, "partition");
  return {
    encodeGroup: (state) => group.encode({ ...state, profile: state.profile && unpackProfile(state.profile) }),
    decodeGroup: (bytes) => {
      const record = group.decode(bytes);
      return { ...record, profile: record.profile && packProfile(record.profile) };
    },
    encodePartition: (state) => partition.encode(state),
    decodePartition: (bytes) => partition.decode(bytes),
  };
}

interface VersionedSchema<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

function loadSchema<T>(schemas: string, name: string): VersionedSchema<T> {
  const present = readSchema(join(schemas, "state", `${name}.avsc`));
  const readers = new Map<number, (body: Buffer) => unknown>();
  readers.set(present.version, (body) => present.type.fromBuffer(body));
  for (const path of releasedSchemas(schemas, name)) {
    const older = readSchema(path);
    if (older.version === present.version) continue;
    const resolver = present.type.createResolver(older.type);
    readers.set(older.version, (body) => present.type.fromBuffer(body, resolver));
  }
  return {
    encode(value) {
      const body = present.type.toBuffer(value);
      const bytes = Buffer.allocUnsafe(body.length + 1);
      bytes[0] = present.version;
      body.copy(bytes, 1);
      return bytes;
    },
    decode(bytes) {
      const read = readers.get(bytes[0] ?? -1);
      if (read === undefined) {
        throw new Error(
          `${name} state of version ${bytes[0]} cannot be read; known are ${[...readers.keys()].join(", ")}: ` +
            "it was written by a newer Holdfast, or its schema is missing from schemas/released",
        );
      }
      return read(Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1)) as T;
    },
  };
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
  return readdirSync(released)
    .map((release) => join(released, release, "state", `${name}.avsc`))
    .filter((path) => existsSync(path));
}

function unpackProfile(profile: Profile): ProfileRecord {
  return {
    ...profile,
    devices: unpackSeen(profile.devices),
    countries: unpackSeen(profile.countries),
    networks: unpackSeen(profile.networks),
    addresses: unpackSeen(profile.addresses),
    factors: profile.factors.map((mark) => ({
      factor: FACTORS[markFactor(mark)]!,
      kind: MARK_KINDS[markKind(mark)]!,
      at: markTime(mark),
    })),
  };
}

/** Built field by field in the order of newProfile: one hidden class for made and restored profiles. */
function packProfile(record: ProfileRecord): Profile {
  return {
    devices: packSeen(record.devices),
    countries: packSeen(record.countries),
    networks: packSeen(record.networks),
    addresses: packSeen(record.addresses),
    given: record.given,
    factors: packMarks(record.factors),
    createdAt: record.createdAt,
    firstEventAt: record.firstEventAt,
    factorChanges: packTimes(record.factorChanges),
    credentialChanges: packTimes(record.credentialChanges),
    contactChanges: packTimes(record.contactChanges),
    riskNotices: packTimes(record.riskNotices),
    apiKeys: packTimes(record.apiKeys),
  };
}

function unpackSeen(list: SeenList): SeenRecord[] {
  const records: SeenRecord[] = [];
  for (let index = 0; index < list.length; index += 3) {
    records.push({
      value: list[index]!,
      firstSeen: list[index + 1] as Instant,
      lastSeenHour: list[index + 2] as number,
    });
  }
  return records;
}

function packSeen(records: readonly SeenRecord[]): SeenList {
  if (records.length === 0) return NOTHING_SEEN;
  const list = new Array<string | number>(records.length * 3);
  records.forEach((record, index) => {
    list[index * 3] = record.value;
    list[index * 3 + 1] = record.firstSeen;
    list[index * 3 + 2] = record.lastSeenHour;
  });
  return list;
}

function packMarks(records: readonly MarkRecord[]): FactorMarks {
  if (records.length === 0) return NO_MARKS;
  return records.map((record) =>
    packMark(
      FACTORS.indexOf(record.factor as (typeof FACTORS)[number]),
      MARK_KINDS.indexOf(record.kind as (typeof MARK_KINDS)[number]),
      record.at,
    ),
  );
}

function packTimes(times: LatestTimes): LatestTimes {
  return times.length === 0 ? NO_TIMES : times;
}
