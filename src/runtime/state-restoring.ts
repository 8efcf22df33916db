// Reads a committed checkpoint's stretch of the state log into the task's memory (T3). Owns the order of
// the reading, its going on where it was interrupted, and its progress; which records count is restore.ts's.

import { extendLineage } from "./checkpoint.ts";
import type { Checkpoint, CommittedCheckpoint, LineageRange } from "./checkpoint.ts";
import type { Asking } from "./log-ranges.ts";
import type { LogReader } from "./log-reader.ts";
import type { PartitionRange } from "./ports.ts";
import { Restore } from "./restore.ts";
import { readStateRecord } from "./state-log.ts";
import type { StateLogCodec } from "./state-log.ts";
import type { TaskMemory } from "./task-memory.ts";
import { TaskRefused } from "./task-refused.ts";

const PROGRESS_EVERY_MS = 1_000;

export interface StateRestoring extends Asking {
  readonly reader: LogReader;
  /** Told of the records still to be read; 0 at the end. */
  readonly onProgress: (remaining: number) => void;
}

/**
 * @param options.log what the state partition holds
 * @returns the checkpoint, its lineage included
 * @throws OwnershipLost; TaskRefused when the log does not hold what the checkpoint needs
 */
export async function restoreState(
  restoring: StateRestoring,
  options: { memory: TaskMemory; found: CommittedCheckpoint; committed: string; log: PartitionRange },
): Promise<Checkpoint> {
  const { context, task, reader, onProgress } = restoring;
  const { memory, found, committed, log } = options;
  const { base, head } = found;
  const { state } = context.topics;
  if (base < head && (log.start > base || log.end < head)) {
    await restoring.ownership.whenHeld(); // as with the marker: a next owner may have trimmed it
    throw new TaskRefused(
      `${state} partition ${task} holds offsets ${log.start} to ${log.end}, but the committed checkpoint needs ` +
        `${base} to ${head}: the log was truncated. Check retention (it must be off) and unclean leader election; ` +
        `\`holdfast recover\` says whether an earlier checkpoint is whole.`,
    );
  }
  const startedAt = context.clock.monotonic();
  const lineage = found.lineage ?? (await lineageFromMarker(restoring, head));
  memory.restoring ??= { committed, restore: restoreInto(memory, { lineage, base, codec: context.stateLogCodec }) };
  const { restore } = memory.restoring;
  context.telemetry.emit("task.restoring", { task, records: head - restore.next });
  onProgress(head - restore.next);
  let reportedAt = startedAt;
  await reader.read(state, { from: restore.next, to: head }, (batch) => {
    restore.read(batch, head);
    onProgress(head - restore.next);
    const now = context.clock.monotonic();
    if (now - reportedAt < PROGRESS_EVERY_MS && restore.next < head) return;
    reportedAt = now;
    context.telemetry.emit("task.restoreProgress", { task, remaining: head - restore.next });
  });
  const checkpoint = { ...found, lineage };
  if (!restore.endsAsMarked(checkpoint)) throw await notItsMarker(restoring, head); // R3
  const own = restore.partition();
  if (own !== null) memory.partition.loadPartition(own);
  const seconds = (context.clock.monotonic() - startedAt) / 1_000;
  context.telemetry.emit("task.restored", { task, groups: memory.partition.groups, seconds });
  return checkpoint;
}

function restoreInto(
  { partition }: TaskMemory,
  of: { lineage: readonly LineageRange[]; base: number; codec: StateLogCodec },
): Restore {
  return new Restore(of, { codec: of.codec, takeGroup: (group, state) => partition.loadGroup(group, state) });
}

/** A long lineage stands in the marker just below head only. */
async function lineageFromMarker(restoring: StateRestoring, head: number): Promise<readonly LineageRange[]> {
  const { context, reader } = restoring;
  const { state } = context.topics;
  const markers: (readonly LineageRange[])[] = [];
  await reader.read(state, { from: head - 1, to: head }, (batch) => {
    for (let i = 0; i < batch.length; i++) {
      if (batch.offsetAt(i) !== head - 1) continue;
      const { kind, value, version } = readStateRecord(batch, i);
      if (kind === "marker") markers.push(context.stateLogCodec.decodeMarker(value, version).lineage);
    }
  });
  const last = markers[0]?.at(-1);
  if (markers[0] === undefined || last === undefined) throw await notItsMarker(restoring, head);
  return extendLineage(markers[0], last[0], { from: last[1], to: head }); // it could not know its own offset
}

/** @throws OwnershipLost: then the next owner may have trimmed the log while it was read, and it is whole */
async function notItsMarker({ context, task, ownership }: StateRestoring, head: number): Promise<TaskRefused> {
  await ownership.whenHeld();
  return new TaskRefused(
    `${context.topics.state} partition ${task} offset ${head - 1} should be the committed checkpoint's marker and is ` +
      `not: the log was cut back and has grown again, or was deleted and created anew. Stop all instances; ` +
      `\`holdfast recover\` says which checkpoint of this log is whole.`,
  );
}
