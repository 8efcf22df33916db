// Producers of other releases: what they write events with, each under a schema id of its own, which a processor
// has to ask the registry for when it meets the first of them.

import type { ExchangeService } from "../../core/event.ts";
import { parseSchema } from "../../adapters/schema-files.ts";
import type { SchemaFile, Schemas } from "../../adapters/schema-files.ts";
import type { ProcessorDriver } from "../processor-driver.ts";

/** Releases of a producer: the one of the schemas here, and those that have a field more, and two. */
export const RELEASES = 3;

export type Release = (service: ExchangeService) => SchemaFile;

const made = new WeakMap<Schemas, readonly Release[]>();

/** By release; nothing that is read differs between them. */
export function releasesOf(schemas: Schemas): readonly Release[] {
  const known = made.get(schemas);
  if (known !== undefined) return known;
  const releases = Array.from({ length: RELEASES }, (_, release): Release => {
    const files = new Map<ExchangeService, SchemaFile>();
    return (service) => {
      const file = files.get(service) ?? ahead(schemas.events[service], release);
      files.set(service, file);
      return file;
    };
  });
  made.set(schemas, releases);
  return releases;
}

/** All of them stand in the registry; a processor that starts looks up the latest. */
export async function registerReleases(
  driver: ProcessorDriver,
  of: { readonly schemas: Schemas; readonly services: readonly ExchangeService[] },
): Promise<void> {
  for (const release of releasesOf(of.schemas))
    for (const service of of.services) await driver.register(service, release(service));
}

function ahead(schema: SchemaFile, releases: number): SchemaFile {
  if (releases === 0) return schema;
  const json = JSON.parse(schema.text) as { fields: object[] };
  const added = Array.from({ length: releases }, (_, index) => ({
    name: `addedLater${index}`,
    type: ["null", "string"],
    default: null,
  }));
  return parseSchema(schema.path, JSON.stringify({ ...json, fields: [...json.fields, ...added] }));
}
