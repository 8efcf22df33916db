// What one run of a world has left behind, in a form that two runs can be compared by: everything said, by id,
// the dead letters by place, and what the committed checkpoints would restore.

import type { MemoryRecord } from "../../adapters/memory/log.ts";
import type { Command, Detection } from "../../core/output.ts";
import type { LineageRange } from "../../runtime/checkpoint.ts";
import type { StateLogCodec } from "../../runtime/state-log.ts";
import { DRIVER_TOPICS } from "../processor-driver.ts";
import type { FaultyWorld, WorldParts } from "./faulty-world.ts";

export interface Outcome {
  /** By command id; what one id says is told apart where it differs. */
  readonly commands: Readonly<Record<string, string>>;
  /** By kind and case. */
  readonly detections: Readonly<Record<string, string>>;
  /** `topic/partition/offset` of the records they hold. */
  readonly deadLetters: readonly string[];
  /** `task group` → encoded state. */
  readonly state: Readonly<Record<string, string>>;
  /** `account rule ACTION` of everything said. */
  readonly protections: readonly string[];
  /** `account rule` of every case announced. */
  readonly announced: readonly string[];
}

export function outcomeOf(world: FaultyWorld, parts: WorldParts): Outcome {
  const { driver } = world;
  const commands = driver.commands();
  const detections = driver.detections();
  return {
    commands: byId(commands.map((command) => [command.commandId, command])),
    detections: byId(
      detections.map((detection) => [`${detection.kind} ${detection.caseId}`, announcementOf(detection)]),
    ),
    deadLetters: distinct(driver.deadLetters().map(({ headers }) => placeOf(headers))),
    state: committedState(world, parts),
    protections: distinct(commands.map(protectionOf)),
    announced: distinct(detections.map(({ group, ruleId }) => `${group["accountId"]} ${ruleId}`)),
  };
}

/** Without its evidence: whoever announces a case again, having adopted it, may know more of it by then. */
function announcementOf({ kind, caseId, ruleId, ruleHash, level, mode, group, decidedBy }: Detection): object {
  return { kind, caseId, ruleId, ruleHash, level, mode, group, decidedBy };
}

export function protectionOf({ accountId, ruleId, action }: Command): string {
  return `${accountId} ${ruleId} ${action}`;
}

function placeOf(headers: Readonly<Record<string, Buffer | string | undefined>>): string {
  return ["holdfast-topic", "holdfast-partition", "holdfast-offset"].map((name) => String(headers[name])).join("/");
}

function byId(said: readonly (readonly [string, unknown])[]): Record<string, string> {
  const texts = Map.groupBy(said, ([id]) => id);
  return Object.fromEntries(
    Array.from(texts, ([id, each]) => [id, distinct(each.map(([, value]) => JSON.stringify(value))).join(" or ")]),
  );
}

export function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].toSorted();
}

/** Of the marker at the end of a checkpoint, where the lineage is too long for its metadata. */
function lineageIn(marker: MemoryRecord | undefined, codec: StateLogCodec): readonly LineageRange[] {
  if (marker?.value == null) return [];
  return codec.decodeMarker(marker.value, Number(marker.headers["version"] ?? 1)).lineage;
}

/**
 * What the committed checkpoints hold, read without the engine: of every group the latest state in a block of
 * the lineage, blocks of an earlier checkpoint after a later one's left out.
 */
function committedState(world: FaultyWorld, { stateLogCodec }: WorldParts): Record<string, string> {
  const state: Record<string, string> = {};
  for (let task = 0; task < world.scenario.partitions; task++) {
    const checkpoint = world.committed(task);
    if (checkpoint === null) continue;
    const { base, head } = checkpoint;
    const records = world.driver.broker
      .records(DRIVER_TOPICS.state, task)
      .filter(({ offset }) => offset >= base && offset < head);
    const lineage = checkpoint.lineage ?? lineageIn(records.at(-1), stateLogCodec);
    let latest = -1;
    for (const { offset, headers, value } of records) {
      const { kind, writer, n } = headers;
      const counts = lineage.some(([by, from, to], index) => {
        const until = index === lineage.length - 1 ? head : to;
        return by === String(writer) && offset >= from && offset < until;
      });
      if (!counts || Number(n) < latest || value === null) continue;
      latest = Number(n);
      if (String(kind) !== "block") continue;
      for (const { group, state: bytes } of stateLogCodec.decodeBlock(value).groups) {
        if (bytes === null) delete state[`${task} ${group}`];
        else state[`${task} ${group}`] = Buffer.from(bytes).toString("hex");
      }
    }
  }
  return Object.fromEntries(Object.entries(state).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
