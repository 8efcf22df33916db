// `holdfast recover [--forget TOPIC] [--apply]`: says of each partition whether its committed checkpoint is whole,
// and where it is not, which one in the state log is; with --apply commits that one, without what it knows of the
// topic to forget. Without, it changes nothing. Which checkpoint to trust is runtime/recovery.ts's.

import { createKafkaClient } from "../adapters/kafka/client.ts";
import type { KafkaClient } from "../adapters/kafka/client.ts";
import { createGroupOffsets } from "../adapters/kafka/group-offsets.ts";
import type { GroupOffsets } from "../adapters/kafka/group-offsets.ts";
import { createKafkaLogs } from "../adapters/kafka/logs.ts";
import type { KafkaLogs } from "../adapters/kafka/logs.ts";
import { createStretchReader } from "../adapters/kafka/stretch-reader.ts";
import { SCHEMAS_DIRECTORY } from "../adapters/schema-files.ts";
import { createStateLogCodec } from "../adapters/state-log-codec.ts";
import { topicsOf } from "../config.ts";
import type { KAFKA_SETTINGS, Settings, TOPIC_SETTINGS } from "../config.ts";
import { kafkaConnection } from "../config/kafka-connection.ts";
import type { Checkpoint } from "../runtime/checkpoint.ts";
import { commitEntries } from "../runtime/commit.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import type { PartitionRange } from "../runtime/ports.ts";
import { recoverTask } from "../runtime/recovery.ts";
import type { Recovery, RecoveryOptions } from "../runtime/recovery.ts";
import type { StateLogCodec } from "../runtime/state-log.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

export interface RecoverOptions extends Pick<
  Settings,
  (typeof KAFKA_SETTINGS)[number] | (typeof TOPIC_SETTINGS)[number] | "groupId"
> {
  /** Commit what is found. */
  readonly apply: boolean;
  /** A topic whose position is let go of. */
  readonly forget: string | undefined;
}

/** Empty where the message says it. */
function remedyOf({ code, disposition }: BrokerFailure, { kafkaBrokers }: RecoverOptions): string {
  if (disposition === "halt") return "";
  if (code === "UNKNOWN_TOPIC_OR_PARTITION") return "Are --topic-prefix and --topic-state those of the processor?\n";
  return `Do the brokers run at ${kafkaBrokers.join(", ")}, and may this client ask them?\n`;
}

interface Recovering {
  readonly client: KafkaClient;
  readonly logs: KafkaLogs;
  readonly offsets: GroupOffsets;
  readonly codec: StateLogCodec;
  readonly state: string;
  readonly groupId: string;
  readonly forget: string | undefined;
  readonly io: Io;
}

/** Exit code 1 when a partition has no checkpoint to go on from, or has one that was not committed now. */
export async function recover(options: RecoverOptions, io: Io): Promise<number> {
  const client = createKafkaClient(kafkaConnection(options));
  const logs = createKafkaLogs(client);
  const offsets = createGroupOffsets(client, options.groupId);
  const { state } = topicsOf(options);
  const codec = createStateLogCodec(SCHEMAS_DIRECTORY);
  try {
    const { apply, groupId, forget } = options;
    return await recoverAll({ client, logs, offsets, codec, state, groupId, forget, io }, apply);
  } catch (error) {
    if (!(error instanceof BrokerFailure)) throw error;
    io.stderr(`${error.message}\n${remedyOf(error, options)}`);
    return EXIT.failed;
  } finally {
    logs.close();
    offsets.close();
  }
}

async function recoverAll(recovering: Recovering, apply: boolean): Promise<number> {
  const { logs, offsets, state, io } = recovering;
  const partitions = (await logs.partitionCounts([state])).get(state) ?? 0;
  const pairs = Array.from({ length: partitions }, (_, partition) => ({ topic: state, partition }));
  const [ranges, committed] = await Promise.all([logs.ranges(pairs), offsets.committed(pairs)]);
  let open = 0;
  let forgotten = 0;
  for (const [task, log] of ranges.entries()) {
    const { offset, metadata } = committed[task]!;
    const found = await recoverTask({
      task,
      partitions,
      log,
      groupId: recovering.groupId,
      codec: recovering.codec,
      committed: offset < 0 ? "" : metadata,
      read: (range, onRecord) => read(recovering, { task, range, onRecord }),
    });
    io.stdout(`${textOf(task, found)}\n`);
    if (found.kind === "lost") open++;
    if (found.kind === "lost" || found.kind === "empty") continue;
    const checkpoint = forgetting(found.checkpoint, recovering.forget);
    if (checkpoint !== found.checkpoint) {
      forgotten++;
      io.stdout(`    offset ${found.checkpoint.positions[recovering.forget!]} of ${recovering.forget} is let go of\n`);
    } else if (found.kind === "committed") continue;
    for (const problem of await unreachable(recovering, { task, checkpoint })) {
      io.stdout(`    ${problem}\n`);
    }
    if (!apply) open++;
    else {
      await offsets.commit(commitEntries(checkpoint, { state, task }));
      io.stdout("    committed\n");
    }
  }
  if (recovering.forget !== undefined && forgotten === 0) {
    io.stderr(`No checkpoint has a position in ${recovering.forget}: is that the topic's whole name?\n`);
    return EXIT.failed;
  }
  if (open > 0 && !apply) io.stderr("Nothing was changed. Stop all instances of the group, then add --apply.\n");
  return open > 0 ? EXIT.failed : EXIT.ok;
}

function forgetting(checkpoint: Checkpoint, topic: string | undefined): Checkpoint {
  if (topic === undefined || checkpoint.positions[topic] === undefined) return checkpoint;
  const others = <T>(of: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(of).filter(([name]) => name !== topic));
  return { ...checkpoint, positions: others(checkpoint.positions), marks: others(checkpoint.marks) };
}

async function read(
  { client, state }: Recovering,
  of: {
    task: number;
    range: { readonly from: number; readonly to: number };
    onRecord: Parameters<RecoveryOptions["read"]>[1];
  },
): Promise<void> {
  const { task: partition, range, onRecord } = of;
  const reader = createStretchReader(client, [{ topic: state, partition, ...range }]);
  try {
    for (let batch = await reader.next(0); batch !== null; batch = await reader.next(0)) {
      for (let index = 0; index < batch.length; index++) {
        const offset = batch.offsetAt(index);
        if (offset >= range.to) return;
        onRecord({ topic: state, partition, offset, value: batch.valueAt(index), headers: batch.headersAt(index) });
      }
    }
  } finally {
    reader.close();
  }
}

function textOf(task: number, found: Recovery): string {
  switch (found.kind) {
    case "committed":
      return `ok       partition ${task}: checkpoint ${found.checkpoint.n} is committed and whole, ${found.groups} groups`;
    case "empty":
      return `ok       partition ${task}: nothing was written yet`;
    case "lost":
      return `lost     partition ${task}: ${found.because}`;
    case "found": {
      const { n, base, head } = found.checkpoint;
      const trust = found.certain ? "it was committed" : "everything decided before it was said";
      return (
        `found    partition ${task}: ${found.because}; the state log holds checkpoint ${n} ` +
        `(offsets ${base} to ${head}, ${found.groups} groups): ${trust}`
      );
    }
  }
}

/** What the checkpoint would go on reading, and the topics hold no more. */
async function unreachable(
  { logs, state }: Recovering,
  { task, checkpoint }: { task: number; checkpoint: Checkpoint },
): Promise<string[]> {
  const positions = Object.entries(checkpoint.positions).filter(([topic]) => topic !== state);
  const ranges = await logs.ranges(positions.map(([topic]) => ({ topic, partition: task })));
  return positions.flatMap(([topic, position], index) => {
    const { start, end } = ranges[index] as PartitionRange;
    if (position >= start && position <= end) return [];
    return [`it goes on at offset ${position} of ${topic}, which holds ${start} to ${end}: a start will be refused`];
  });
}
