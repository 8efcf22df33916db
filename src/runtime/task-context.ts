// Everything a task needs from outside, made once by the composition root and shared by all tasks.

import type { CoreSettings, OpenPartition, StateCodec } from "../core/partition.ts";
import type { RuleSet } from "../core/rule.ts";
import type { Duration } from "../core/time.ts";
import type { Clock, Codec, Group, Logs, Partitioner, Producer } from "./ports.ts";
import type { StateLogCodec } from "./state-log.ts";
import type { Telemetry } from "./telemetry.ts";
import type { Topics } from "./topics.ts";

/** Where the inputs of a task without checkpoint begin; a number: that many milliseconds back. */
export type StartFrom = "earliest" | "latest" | Duration;

export interface Tuning {
  readonly sessionTimeoutMs: number;
  readonly checkpointIntervalMs: number;
  readonly checkpointMaxRecords: number;
  readonly alignmentMs: number;
  readonly bufferBytes: number;
  readonly startFrom: StartFrom;
  /** How much longer than twice the live state a task's state log may become. Default 1 MiB. */
  readonly stateLogSlackBytes?: number;
}

export interface TaskContext {
  readonly groupId: string;
  readonly topics: Topics;
  /** Number of tasks: partitions of every co-partitioned topic. */
  readonly partitions: number;
  readonly detectionPartitions: number;
  readonly deadLetterPartitions: number;
  readonly group: Group;
  readonly logs: Logs;
  /** For commands, detections and dead letters. */
  readonly producer: Producer;
  /** For the state log alone: a checkpoint's megabytes must not stand before a command. */
  readonly stateProducer: Producer;
  readonly partitioner: Partitioner;
  readonly codec: Codec;
  readonly stateCodec: StateCodec;
  readonly stateLogCodec: StateLogCodec;
  readonly openPartition: OpenPartition;
  /** In force for tasks opened from now on; Worker.replaceRules changes it, and the running tasks with it. */
  rules: RuleSet;
  readonly settings: CoreSettings;
  readonly tuning: Tuning;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** A fresh random id for each ownership of a task. */
  readonly newWriter: () => string;
}
