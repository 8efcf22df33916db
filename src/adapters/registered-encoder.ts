// Encodes records as a producer of the exchange does: its schema registered under the topic's subject, the
// registry's header before the Avro body. Holdfast's own outputs are codec.ts's, which registers nothing.

import { subjectOf } from "./codec.ts";
import type { SchemaRegistry } from "./registry.ts";
import type { SchemaFile } from "./schema-files.ts";

const HEADER_BYTES = 5;

/** @throws BrokerFailure when the registry does not take the schema */
export async function registeredEncoder(
  registry: SchemaRegistry,
  { topic, file }: { readonly topic: string; readonly file: SchemaFile },
): Promise<(record: object) => Buffer> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32BE(await registry.register(subjectOf(topic), file.text), 1);
  return (record) => Buffer.concat([header, file.type.toBuffer(record)]);
}
