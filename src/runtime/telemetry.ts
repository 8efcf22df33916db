// The named events of the shell: the only way to log or to touch a metric. This file is the closed list
// (name → fields); adapters/telemetry.ts has one row a name (level, message, metrics) and the compiler
// counts them. Hot loops report once a slice, never once a record.

import type { BrokerFailure } from "./ports.ts";

/** `doing`: one of a few for each topic and partition. `detail`: all that is known of it. */
interface Failed {
  code: string;
  disposition: string;
  doing: string;
  detail: string;
}

export interface TelemetryEvents {
  "process.started": { version: string; tasks: number; rulesHash: string; rules: number };
  "http.listening": { url: string };
  "process.stopping": { signal: string };
  "process.stopped": { cleanly: boolean };
  "group.suspended": { generation: number };
  "group.assigned": { generation: number; tasks: readonly number[]; seconds: number };
  "group.fenced": { task: number; reason: "lease" | "commit" };
  "task.restoring": { task: number; records: number };
  "task.restoreProgress": { task: number; remaining: number };
  "task.kept": { task: number; groups: number };
  "task.restored": { task: number; groups: number; seconds: number };
  "task.adopted": { task: number; commands: number };
  "task.running": { task: number; positions: Readonly<Record<string, number>> };
  "task.stopped": { task: number; reason: string };
  "checkpoint.done": {
    task: number;
    result: "committed" | "rejected" | "failed";
    seconds: number;
    groups: number;
    bytes: number;
    /** Of the latest states; and of the state log that holds them. */
    stateBytes: number;
    logBytes: number;
  };
  "checkpoint.unneeded": { task: number };
  "outbox.sent": { topic: string; records: number; seconds: number };
  "command.acknowledged": {
    rule: string;
    action: string;
    mode: string;
    latencySeconds: number | null;
    accountId: string;
    caseId: string;
  };
  "command.suppressed": { reason: string; count: number };
  "command.answered": {
    rule: string;
    status: string;
    seconds: number | null;
    service: string;
    accountId: string;
    caseId: string;
  };
  "command.repeated": { rule: string; action: string; mode: string; accountId: string; caseId: string };
  "commands.unanswered": { task: number; count: number };
  "decision.taken": { rule: string; verdict: string; accountId: string; caseId: string };
  "decision.idle": { verdict: string; accountId: string };
  "breaker.opened": { rule: string; bound: string; caseId: string };
  "breaker.closed": { rule: string; bound: string; caseId: string };
  "breaker.observed": { task: number; rule: string; open: boolean };
  "money.withdrawn": { channel: string; usd: number };
  "money.protected": { rule: string; usd: number };
  "records.consumed": { topic: string; count: number };
  "records.processed": {
    topic: string;
    ok: number;
    late: number;
    stale: number;
    rejected: number;
    misrouted: number;
    seconds: number;
  };
  "records.misrouted": { topic: string; partition: number; count: number };
  /** `held`: topics of the task that are held now. */
  "quarantine.begun": {
    topic: string;
    partition: number;
    records: number;
    reason: string;
    detail: string;
    held: number;
  };
  "quarantine.ended": { topic: string; partition: number; held: number };
  "record.deadLettered": { topic: string; reason: string; partition: number; offset: number; detail: string };
  "time.observed": { topic: string; partition: number; eventTime: number; latenessSeconds: number };
  /** `seconds`: null where nothing of the topic was seen yet. */
  "lag.observed": { topic: string; partition: number; records: number; seconds: number | null };
  "loop.observed": { process: number; checkpoint: number; poll: number; idle: number };
  "alignment.paused": { topic: string };
  "state.observed": { task: number; accounts: number };
  "sequences.counted": { task: number; rule: string; stage: number; accounts: number };
  "absence.contradicted": { count: number };
  "state.evicted": { reason: string; count: number };
  "broker.failed": Failed;
  "registry.failed": Failed;
  "registry.requested": { result: "ok" | "unknown_id" | "refused" | "unreachable" };
  "rules.loaded": { count: number; hash: string };
  "rules.reloaded": { count: number; hash: string };
  "rules.refused": { problems: number; first: string };
}

export interface Telemetry {
  emit<K extends keyof TelemetryEvents>(name: K, fields: TelemetryEvents[K]): void;
}

/** What an event says of a failure. */
export function failed({ code, disposition, message }: BrokerFailure, doing: string): Failed {
  return { code, disposition, doing, detail: message };
}

export const SILENT: Telemetry = { emit: () => {} };
