// Reads the Avro schemas of a schemas/ directory, parsed and as their exact text. Owns where each lies.
// Leaves comparing them to compatibility.ts and registering them to cli/schemas.ts.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import avro from "avsc";
import type { ExchangeService } from "../core/event.ts";

export interface SchemaFile {
  /** Path inside the directory, with `/`: `events/auth-event.avsc`. */
  readonly path: string;
  /** As written; what the registry is given. */
  readonly text: string;
  readonly json: avro.Schema;
  readonly type: avro.types.RecordType;
}

export interface Schemas {
  readonly events: Readonly<Record<ExchangeService, SchemaFile>>;
  readonly decision: SchemaFile;
  readonly ack: SchemaFile;
  readonly signal: SchemaFile;
  readonly command: SchemaFile;
  readonly detection: SchemaFile;
}

/** The schemas this version was built with. */
export const SCHEMAS_DIRECTORY: string = fileURLToPath(new URL("../../schemas/", import.meta.url));

const PATHS = {
  auth: "events/auth-event.avsc",
  api_key: "events/api-key-event.avsc",
  withdrawal: "events/withdrawal-event.avsc",
  trade: "events/trade-event.avsc",
  decision: "commands/decision.avsc",
  ack: "commands/ack.avsc",
  signal: "signals/signal.avsc",
  command: "commands/command.avsc",
  detection: "commands/detection.avsc",
  deadLetter: "dead-letter/headers.avsc",
};

/** The schemas of what goes over topics. @throws what is missing or no Avro record, with its path */
export async function loadSchemas(directory: string): Promise<Schemas> {
  const read = (path: string): Promise<SchemaFile> => readSchema(directory, path);
  const [auth, apiKey, withdrawal, trade, decision, ack, signal, command, detection] = await Promise.all([
    read(PATHS.auth),
    read(PATHS.api_key),
    read(PATHS.withdrawal),
    read(PATHS.trade),
    read(PATHS.decision),
    read(PATHS.ack),
    read(PATHS.signal),
    read(PATHS.command),
    read(PATHS.detection),
  ]);
  return { events: { auth, api_key: apiKey, withdrawal, trade }, decision, ack, signal, command, detection };
}

/** Every schema whose evolution is promised, the dead letter's headers included; by path. */
export async function loadContract(directory: string): Promise<ReadonlyMap<string, SchemaFile>> {
  const files = await Promise.all(Object.values(PATHS).map((path) => readSchema(directory, path)));
  return new Map(files.map((file) => [file.path, file]));
}

/**
 * The contract of each released version, in the names' natural order; a release may lack a later file. The
 * state's schemas are no contract: state-codec.ts alone reads them.
 */
export async function loadReleased(directory: string): Promise<ReadonlyMap<string, ReadonlyMap<string, SchemaFile>>> {
  const versions = await readdir(join(directory, "released"));
  versions.sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  const released = new Map<string, ReadonlyMap<string, SchemaFile>>();
  for (const version of versions) {
    const root = join(directory, "released", version);
    const paths = (await readdir(root, { recursive: true }))
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => path.endsWith(".avsc") && !path.startsWith("state/"))
      .sort();
    const files = await Promise.all(paths.map((path) => readSchema(root, path)));
    released.set(version, new Map(files.map((file) => [file.path, file])));
  }
  return released;
}

async function readSchema(directory: string, path: string): Promise<SchemaFile> {
  const text = await readFile(join(directory, path), "utf8");
  try {
    return parseSchema(path, text);
  } catch (error) {
    throw new Error(`${join(directory, path)}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws when the text is no Avro schema of a record */
export function parseSchema(path: string, text: string): SchemaFile {
  const json = JSON.parse(text) as avro.Schema;
  const type = parseType(json);
  if (type.typeName !== "record") throw new Error(`not a record but ${type.typeName}`);
  return { path, text, json, type: type as avro.types.RecordType };
}

/** Logical types are left as what they are written as: a timestamp is a number. */
export function parseType(json: avro.Schema): avro.Type {
  return avro.Type.forSchema(json, { registry: {}, logicalTypes: {} });
}
