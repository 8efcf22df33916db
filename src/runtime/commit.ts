// The one place that commits. A checkpoint becomes true here or not at all.

import { checkpointMetadata } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { OwnershipLost } from "./ownership.ts";
import type { Ownership } from "./ownership.ts";
import type { CommitEntry } from "./ports.ts";
import { retryWhileOwned } from "./retry.ts";
import type { TaskContext } from "./task-context.ts";

/**
 * Resolves when the broker has the checkpoint. An unknown outcome is looked up before the next try.
 * @param options.previous metadata that was committed before; anything else found there is another owner's
 * @throws OwnershipLost when the broker refuses the generation, or another owner has committed; BrokerFailure with
 *   disposition `halt`
 */
export async function commitCheckpoint(
  checkpoint: Checkpoint,
  options: { context: TaskContext; ownership: Ownership; task: number; previous: string },
): Promise<void> {
  const { context, ownership, task, previous } = options;
  const metadata = checkpointMetadata(checkpoint);
  const entries = commitEntries(checkpoint, { state: context.topics.state, task });
  let isUnknown = false;
  const attempt = async (): Promise<void> => {
    if (isUnknown) {
      const found = await committedMetadata(options);
      if (found === metadata) return;
      if (found !== previous) lose(options);
      await ownership.whenHeld(); // the answer may have taken long
    }
    isUnknown = true;
    if ((await context.group.commit(ownership.assignment, entries)) === "rejected") lose(options);
  };
  await retryWhileOwned(attempt, { ...context, ownership, doing: "commit a checkpoint" });
}

function lose(options: { context: TaskContext; ownership: Ownership; task: number }): never {
  options.context.telemetry.emit("group.fenced", { task: options.task, reason: "commit" });
  options.ownership.revoke();
  throw new OwnershipLost();
}

/** The committed metadata of the task; empty where there is none. */
export async function committedMetadata(options: {
  context: TaskContext;
  ownership: Ownership;
  task: number;
}): Promise<string> {
  const { context, ownership, task } = options;
  const [committed] = await retryWhileOwned(
    () => context.group.committed([{ topic: context.topics.state, partition: task }]),
    { ...context, ownership, doing: "fetch the committed checkpoint" },
  );
  return committed === undefined || committed.offset < 0 ? "" : committed.metadata;
}

/** What is committed for a checkpoint. The inputs' and commands' own offsets are for lag dashboards only. */
export function commitEntries(checkpoint: Checkpoint, of: { state: string; task: number }): CommitEntry[] {
  const { state, task } = of;
  const metadata = checkpointMetadata(checkpoint);
  const entries: CommitEntry[] = [{ topic: state, partition: task, offset: checkpoint.head, metadata }];
  for (const [topic, offset] of Object.entries(checkpoint.positions)) {
    entries.push({ topic, partition: task, offset, metadata: "" });
  }
  return entries;
}
