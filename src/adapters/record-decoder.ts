// Reads records of one topic as values, by whatever schema each was written with: for tools that look at a
// few records of many. Leaves the pipeline's decoding, which must not wait, to codec.ts.

import { AvroCursor, DecodeFailure } from "./avro-cursor.ts";
import { ResolutionFailure, compileReader } from "./avro-reader.ts";
import type { AvroReader } from "./avro-reader.ts";
import type { SchemaRegistry } from "./registry.ts";
import type { SchemaFile } from "./schema-files.ts";
import { parseType } from "./schema-files.ts";

/** The record cannot be read; the message says why. */
export class Undecodable extends Error {}

const HEADER_BYTES = 5;

export class RecordDecoder<T> {
  readonly #registry: SchemaRegistry;
  readonly #file: SchemaFile;
  readonly #readers = new Map<number, Promise<AvroReader>>();
  readonly #cursor = new AvroCursor();

  /** @param file the record as this version knows it; T is its shape */
  constructor(registry: SchemaRegistry, file: SchemaFile) {
    this.#registry = registry;
    this.#file = file;
  }

  /** @throws Undecodable; BrokerFailure when the registry does not answer */
  async decode(value: Buffer | null): Promise<T> {
    if (value === null) throw new Undecodable("it has no value");
    if (value.length < HEADER_BYTES || value[0] !== 0) throw new Undecodable("it is not in the registry's wire format");
    const id = value.readInt32BE(1);
    let reader = this.#readers.get(id);
    if (reader === undefined) this.#readers.set(id, (reader = this.#readerOf(id)));
    const read = await reader;
    try {
      return this.#cursor.readWhole(read, value, HEADER_BYTES) as T;
    } catch (error) {
      if (error instanceof DecodeFailure || error instanceof RangeError) throw new Undecodable(error.message);
      throw error;
    }
  }

  async #readerOf(id: number): Promise<AvroReader> {
    const found = await this.#registry.schema(id);
    if (found.kind !== "avro") throw new Undecodable(`the registry's schema ${id} is ${found.kind}`);
    try {
      return compileReader(parseType(found.json), this.#file.type);
    } catch (error) {
      if (!(error instanceof ResolutionFailure)) throw error;
      throw new Undecodable(`schema ${id} does not fit: ${error.message}`);
    }
  }
}
