// What the committed checkpoint of a task would restore, read from the state log without the engine: of every
// group the latest state in a block of the lineage. A block of an earlier checkpoint that stands after a later
// one's is a send that arrived twice and counts for nothing.

import type { MemoryRecord } from "../../adapters/memory/log.ts";
import type { LineageRange } from "../../runtime/checkpoint.ts";
import type { StateLogCodec } from "../../runtime/state-log.ts";
import { DRIVER_TOPICS } from "../processor-driver.ts";
import type { FaultyWorld } from "./faulty-world.ts";

/** Group → encoded state; empty while there is no checkpoint. */
export function committedGroups(world: FaultyWorld, task: number): Map<string, Buffer> {
  const groups = new Map<string, Buffer>();
  const checkpoint = world.committed(task);
  if (checkpoint === null) return groups;
  const { stateLogCodec: codec } = world.parts;
  const { base, head } = checkpoint;
  const records = world.driver.broker
    .records(DRIVER_TOPICS.state, task)
    .filter(({ offset }) => offset >= base && offset < head);
  const lineage = checkpoint.lineage ?? lineageIn(records.at(-1), codec);
  let latest = -1;
  for (const { offset, headers, value } of records) {
    const n = Number(headers["n"]);
    const counts = lineage.some(([by, from, to], index) => {
      const until = index === lineage.length - 1 ? head : to;
      return by === String(headers["writer"]) && offset >= from && offset < until;
    });
    if (!counts || n < latest || value === null) continue;
    latest = n;
    if (String(headers["kind"]) !== "block") continue;
    for (const { group, state } of codec.decodeBlock(value).groups) {
      if (state === null) groups.delete(group);
      else groups.set(group, Buffer.from(state));
    }
  }
  return groups;
}

/** Of the marker at the end of a checkpoint, where the lineage is too long for its metadata. */
function lineageIn(marker: MemoryRecord | undefined, codec: StateLogCodec): readonly LineageRange[] {
  if (marker?.value == null) return [];
  return codec.decodeMarker(marker.value, Number(marker.headers["version"] ?? 1)).lineage;
}
