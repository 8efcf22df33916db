// Bytes of the state log's blocks and markers: Avro by schemas/state/, without a registry, since only
// Holdfast reads them. What a group's own bytes hold is state-codec.ts's.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import avsc from "avsc";

import type { LineageRange } from "../runtime/checkpoint.ts";
import type { StateLogCodec } from "../runtime/state-log.ts";

interface AvroBlock {
  readonly groups: readonly { readonly group: string; readonly state: Buffer | null }[];
  readonly partition: Buffer | null;
}

interface AvroMarker {
  readonly writer: string;
  readonly n: number;
  readonly base: number;
  readonly lineage: readonly { readonly writer: string; readonly from: number; readonly to: number }[];
  readonly positions: Readonly<Record<string, number>>;
  readonly partitions: number;
  readonly group: string;
}

/** @param schemas the directory that holds `state/` */
export function createStateLogCodec(schemas: string): StateLogCodec {
  const type = (name: string): avsc.Type =>
    avsc.Type.forSchema(JSON.parse(readFileSync(join(schemas, "state", name), "utf8")) as avsc.Schema);
  const blocks = type("block.avsc");
  const markers = type("marker.avsc");
  return {
    encodeBlock({ groups, partition }) {
      return blocks.toBuffer({
        groups: groups.map(({ group, state }) => ({ group, state: bytes(state) })),
        partition: bytes(partition),
      } satisfies AvroBlock);
    },
    decodeBlock: (value) => blocks.fromBuffer(value) as AvroBlock,
    encodeMarker({ writer, n, base, lineage, positions, partitions, group }) {
      const ranges = lineage.map(([by, from, to]) => ({ writer: by, from, to }));
      return markers.toBuffer({
        writer,
        n,
        base,
        positions,
        partitions,
        group,
        lineage: ranges,
      } satisfies AvroMarker);
    },
    decodeMarker(value) {
      const { lineage, ...marker } = markers.fromBuffer(value) as AvroMarker;
      return {
        ...marker,
        positions: { ...marker.positions },
        lineage: lineage.map(({ writer, from, to }): LineageRange => [writer, from, to]),
      };
    },
  };
}

/** avsc takes Buffers only; no copy. */
function bytes(value: Uint8Array | null): Buffer | null {
  return value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
