// Encodes records as a producer does: its schema registered under the topic's subject, the registry's header
// before the Avro body.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import avro from "avsc";

const SCHEMAS = join(import.meta.dirname, "../../schemas");
const HEADER_BYTES = 5;

export type Encode = (record: object) => Buffer;

interface AvroRecord {
  readonly fields: readonly object[];
}

/**
 * @param of.file the schema's file, below `schemas/`
 * @param of.further fields that it does not have
 * @throws Error when the registry does not take it
 */
export async function registerSchema(
  registryUrl: string,
  topic: string,
  of: { readonly file: string; readonly further?: readonly object[] },
): Promise<Encode> {
  const record = JSON.parse(await readFile(join(SCHEMAS, of.file), "utf8")) as AvroRecord;
  const schema = JSON.stringify({ ...record, fields: [...record.fields, ...(of.further ?? [])] });
  const answer = await fetch(`${registryUrl}/subjects/${topic}-value/versions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ schema }),
  });
  if (!answer.ok) throw new Error(`the registry does not take a schema: ${answer.status} ${await answer.text()}`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32BE(((await answer.json()) as { id: number }).id, 1);
  const type = avro.Type.forSchema(JSON.parse(schema));
  return (value) => Buffer.concat([header, type.toBuffer(value)]);
}
