// What the core decides, as outbox entries: encoded at once, so that a later change of memory cannot alter
// what was said. Owns which partition an output belongs to.

import type { Command, Detection, Outputs } from "../core/output.ts";
import { isByDecision } from "../core/decision.ts";
import { signalKey } from "../core/signal.ts";
import type { Outbox, Output } from "./outbox.ts";
import type { Clock, Codec, Partitioner } from "./ports.ts";
import type { Telemetry } from "./telemetry.ts";
import type { Topics } from "./topics.ts";

export interface DecisionSink {
  readonly task: number;
  readonly topics: Topics;
  /** Partitions of the signals topic, and of every other of a task. */
  readonly partitions: number;
  /** Partitions of the detections topic; it need not be co-partitioned. */
  readonly detectionPartitions: number;
  readonly partitioner: Partitioner;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Adds one decision's outputs: its commands in one send to the task's own partition, then the others. */
export function say(outputs: Outputs, outbox: Outbox, sink: DecisionSink): void {
  if (outputs.commands.length > 0) {
    outbox.add(
      sink.topics.commands,
      sink.task,
      outputs.commands.map((command) =>
        commandOutput(command, { ...sink, isRepetition: outputs.isRepetition === true }),
      ),
    );
  }
  for (const detection of outputs.detections) {
    tellOfBreaker(detection, sink.telemetry);
    const key = Buffer.from(Object.values(detection.group).join("/"));
    const partition = sink.partitioner(key, sink.detectionPartitions);
    const value = sink.codec.encodeDetection(detection);
    outbox.add(sink.topics.detections, partition, [{ record: { key, value, headers: {} } }]);
  }
  for (const signal of outputs.signals) {
    const key = Buffer.from(signalKey(signal));
    const partition = sink.partitioner(key, sink.partitions);
    outbox.add(sink.topics.signals, partition, [
      { record: { key, value: sink.codec.encodeSignal(signal), headers: {} } },
    ]);
  }
}

function tellOfBreaker({ kind, ruleId: rule, caseId, group }: Detection, telemetry: Telemetry): void {
  const bound = group["breaker"] ?? "";
  if (kind === "BREAKER_OPENED") telemetry.emit("breaker.opened", { rule, bound, caseId });
  if (kind === "BREAKER_CLOSED") telemetry.emit("breaker.closed", { rule, bound, caseId });
}

function commandOutput(command: Command, sink: DecisionSink & { readonly isRepetition: boolean }): Output {
  const of = {
    rule: command.ruleId,
    action: command.action,
    mode: command.mode,
    accountId: command.accountId,
    caseId: command.caseId,
  };
  const key = Buffer.from(command.accountId);
  const record = (said: Command): Output["record"] => ({ key, value: sink.codec.encodeCommand(said), headers: {} });
  return {
    record: record(command),
    minimal: () => record({ ...command, evidence: [] }),
    acknowledged: () => {
      if (sink.isRepetition) return sink.telemetry.emit("command.repeated", of);
      const sinceIssued = Math.max(0, sink.clock.now() - command.issuedAt) / 1_000;
      const latencySeconds = isByDecision(command) ? null : sinceIssued; // of a person's word nothing was detected
      sink.telemetry.emit("command.acknowledged", { ...of, latencySeconds });
    },
  };
}
