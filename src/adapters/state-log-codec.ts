// Bytes of the state log's blocks and markers: Avro by schemas/state/, without a registry, since only
// Holdfast reads them. Markers of an older version are read by its schema in schemas/released. What a
// group's own bytes hold is state-codec.ts's.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import avsc from "avsc";

import type { LineageRange } from "../runtime/checkpoint.ts";
import type { Block, StateLogCodec } from "../runtime/state-log.ts";
import { AvroCursor } from "./avro-cursor.ts";
import { AvroOutput } from "./avro-output.ts";
import { compileReader } from "./avro-reader.ts";
import { compileWriter } from "./avro-writer.ts";

interface AvroMarker {
  readonly writer: string;
  readonly n: number;
  readonly base: number;
  readonly lineage: readonly { readonly writer: string; readonly from: number; readonly to: number }[];
  readonly positions: Readonly<Record<string, number>>;
  readonly partitions: number;
  readonly group: string;
  readonly follows: number;
}

/** @param schemas the directory that holds `state/` and `released/`; read now, never again */
export function createStateLogCodec(schemas: string): StateLogCodec {
  const { type: blocks } = readSchema(join(schemas, "state", "block.avsc"));
  const writeBlock = compileWriter<Block>(blocks);
  const readBlock = compileReader(blocks, blocks);
  const output = new AvroOutput();
  const cursor = new AvroCursor();
  const marker = readSchema(join(schemas, "state", "marker.avsc"));
  const markers = marker.type;
  const olderMarkers = new Map(
    releasedMarkers(schemas)
      .map(readSchema)
      .filter(({ version }) => version !== marker.version)
      .map(({ type, version }) => [version, markers.createResolver(type)]),
  );
  return {
    encodeBlock(block) {
      output.start();
      writeBlock(output, block);
      return output.take();
    },
    decodeBlock: (value) => cursor.readWhole(readBlock, value, 0) as Block,
    encodeMarker({ writer, n, base, lineage, positions, partitions, group, follows }) {
      const ranges = lineage.map(([by, from, to]) => ({ writer: by, from, to }));
      return markers.toBuffer({
        writer,
        n,
        base,
        positions,
        partitions,
        group,
        follows,
        lineage: ranges,
      } satisfies AvroMarker);
    },
    decodeMarker(value, version = marker.version) {
      const { lineage, ...rest } = markers.fromBuffer(value, olderMarkers.get(version)) as AvroMarker;
      return {
        ...rest,
        positions: { ...rest.positions },
        lineage: lineage.map(({ writer, from, to }): LineageRange => [writer, from, to]),
      };
    },
  };
}

function readSchema(path: string): { readonly type: avsc.Type; readonly version: number } {
  const schema = JSON.parse(readFileSync(path, "utf8")) as avsc.Schema & { readonly version?: number };
  return { type: avsc.Type.forSchema(schema), version: schema.version ?? 1 };
}

function releasedMarkers(schemas: string): string[] {
  const released = join(schemas, "released");
  if (!existsSync(released)) return [];
  return readdirSync(released)
    .map((release) => join(released, release, "state", "marker.avsc"))
    .filter((path) => existsSync(path));
}
