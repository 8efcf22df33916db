// One row for each named event: its log line, the metrics it moves, and what it means when it is seen.
// Total over TelemetryEvents: the compiler counts the rows. Rows are pure; telemetry.ts runs them.

import type { TelemetryEvents } from "../../runtime/telemetry.ts";
import type { EventRow, Sample } from "./event-row.ts";
import { STATES } from "./metric-table.ts";

const ONE: Sample = { value: 1 };
const LOOP_PHASES = ["process", "checkpoint", "poll", "idle"] as const;

function inState(state: (typeof STATES)[number]): readonly Sample[] {
  return STATES.map((each) => ({ value: each === state ? 1 : 0, labels: { state: each } }));
}

export const EVENTS: { readonly [K in keyof TelemetryEvents]: EventRow<TelemetryEvents[K]> } = {
  "process.started": {
    level: "info",
    message: "started",
    means: "Start-up checks passed; the group is being joined.",
    metrics: { state: () => inState("joining") },
  },
  "http.listening": {
    level: "info",
    message: "operations port open",
    means:
      "/metrics, /livez, /readyz, /startupz and /status answer here, also while brokers and registry are waited for.",
  },
  "process.stopping": {
    level: "info",
    message: "stopping",
    means: "The batch in hand is finished, a last checkpoint taken, the group left.",
    metrics: { state: () => inState("stopping") },
  },
  "process.stopped": {
    level: (fields) => (fields.cleanly ? "info" : "error"),
    message: "stopped",
    means: "Not cleanly: some work is repeated by the next owner; nothing is lost.",
  },
  "group.suspended": {
    level: "info",
    message: "rejoining the group; nothing is decided meanwhile",
    means: "An instance came or went, or this one was too slow.",
    metrics: { state: () => inState("joining"), assigned_tasks: () => ({ value: 0 }) },
  },
  "group.assigned": {
    level: "info",
    message: "joined the group",
    means: "These tasks are this instance's until the next rejoin.",
    metrics: {
      state: () => inState("assigned"),
      assigned_tasks: (fields) => ({ value: fields.tasks.length }),
      rebalances_total: () => ONE,
      rebalance_seconds: (fields) => ({ value: fields.seconds }),
    },
    endsTask: (fields, task) => !fields.tasks.includes(task),
  },
  "group.fenced": {
    level: "warn",
    message: "ownership in doubt; the task does nothing",
    means:
      "Another instance may own the task. lease: no heartbeat was answered for half the session time-out; this process was paused or starved, or the coordinator does not answer. commit: the group has moved on, or another member has committed.",
    metrics: { fenced_total: (fields) => ({ value: 1, labels: { reason: fields.reason } }) },
  },
  "task.restoring": {
    level: "info",
    message: "restoring state",
    means: "The task's accounts are not watched until it runs.",
    metrics: {
      restore_remaining_records: (fields) => ({ value: fields.records, labels: { task: fields.task } }),
    },
  },
  "task.restoreProgress": {
    level: "info",
    message: "restoring",
    means: "At most once a second. Must fall to 0.",
    metrics: {
      restore_remaining_records: (fields) => ({ value: fields.remaining, labels: { task: fields.task } }),
    },
  },
  "task.kept": {
    level: "info",
    message: "task kept over the rebalance",
    means: "Its checkpoint is still the committed one: nothing has to be restored.",
  },
  "task.restored": {
    level: "info",
    message: "state restored",
    means: "The last committed checkpoint, exactly.",
    metrics: {
      restore_seconds: (fields) => ({ value: fields.seconds }),
      restore_remaining_records: (fields) => ({ value: 0, labels: { task: fields.task } }),
    },
  },
  "task.adopted": {
    level: (fields) => (fields.commands === 0 ? "debug" : "info"),
    message: "commands of earlier owners adopted",
    means: "An owner ended between saying a command and its checkpoint; its word stands.",
  },
  "task.running": {
    level: "info",
    message: "task runs",
    means: "From these positions on.",
    metrics: { checkpoint_age_seconds: (fields) => ({ value: 0, labels: { task: fields.task } }) },
  },
  "task.stopped": {
    level: "info",
    message: "task stopped",
    means: "By a rebalance or at shutdown; another owner goes on from the last checkpoint.",
    endsTask: (fields, task) => fields.task === task,
  },
  "checkpoint.done": {
    level: (fields) => (fields.result === "committed" ? "debug" : "warn"),
    message: "checkpoint",
    means: "rejected is normal in a rebalance; failed ends the process, whose last line says why.",
    metrics: {
      checkpoints_total: (fields) => ({ value: 1, labels: { result: fields.result } }),
      checkpoint_seconds: (fields) => ({ value: fields.seconds }),
      checkpoint_bytes_total: (fields) => ({ value: fields.bytes }),
      state_bytes: (fields) => ({ value: fields.stateBytes, labels: { task: fields.task } }),
      state_log_ratio: (fields) => ({
        value: fields.logBytes / Math.max(1, fields.stateBytes),
        labels: { task: fields.task },
      }),
      checkpoint_age_seconds: (fields) =>
        fields.result === "committed" ? { value: 0, labels: { task: fields.task } } : [],
    },
  },
  "checkpoint.unneeded": {
    level: "debug",
    message: "nothing new since the last checkpoint, and nothing left to read",
    means: "An idle task's checkpoint does not grow old.",
    metrics: { checkpoint_age_seconds: ({ task }) => ({ value: 0, labels: { task } }) },
  },
  "outbox.sent": {
    level: "debug",
    message: "outputs appended",
    means: "The broker has acknowledged them.",
    metrics: {
      records_produced_total: (fields) => ({ value: fields.records, labels: { topic: fields.topic } }),
      loop_seconds_total: ({ seconds }) => ({ value: seconds, labels: { phase: "produce" } }),
    },
  },
  "command.acknowledged": {
    level: "info",
    message: "command appended",
    means: "From now on enforcing services see it.",
    metrics: {
      detection_latency_seconds: ({ latencySeconds: value, rule }) =>
        value === null ? [] : { value, labels: { rule } },
      commands_total: (fields) => ({
        value: 1,
        labels: { rule: fields.rule, action: fields.action, mode: fields.mode },
      }),
    },
  },
  "command.suppressed": {
    level: (fields) => (fields.reason === "observe" ? "debug" : "warn"),
    message: "commands not said as written",
    means:
      "stale: they would have expired before they were said; the events came too late. protected: the account is on the list protected_accounts. breaker: the rule acts on too many accounts.",
    metrics: {
      commands_suppressed_total: (fields) => ({ value: fields.count, labels: { reason: fields.reason } }),
    },
  },
  "command.answered": {
    level: ({ status }) => (status === "REJECTED" ? "error" : status === "EXPIRED" ? "warn" : "debug"),
    message: "a service answered a command",
    means: "REJECTED: the account is not protected, whatever Holdfast said. EXPIRED: the command reached it too late.",
    metrics: { command_ack_seconds: ({ seconds }) => (seconds === null ? [] : { value: seconds }) },
  },
  "command.repeated": {
    level: "error",
    message: "a command was not acknowledged and was said again",
    means: "Until a service answers, nobody is known to protect the account.",
  },
  "commands.unanswered": {
    level: "debug",
    message: "commands without an answer",
    means: "Said twice, and nobody has acknowledged them.",
    metrics: { commands_unacknowledged: ({ task, count }) => ({ value: count, labels: { task } }) },
  },
  "decision.taken": {
    level: "info",
    message: "a decision was taken on a case",
    means: "A person's word: it counts as it is.",
    metrics: { decisions_total: ({ rule, verdict }) => ({ value: 1, labels: { rule, verdict } }) },
  },
  "decision.idle": {
    level: "warn",
    message: "a decision concerns no case that is known",
    means: "An extension of a case that is over, or of all cases where none is open.",
  },
  "breaker.opened": {
    level: "error",
    message: "breaker opened: the rule acts on too many accounts",
    means: "Its freezes become short holds and reviews: a bad rule, or an attack on many. Look at its detections.",
  },
  "breaker.closed": {
    level: "warn",
    message: "breaker closed",
    means: "The rule acts as written again.",
  },
  "breaker.observed": {
    level: "debug",
    message: "breaker",
    means: "Open in this task, or not.",
    metrics: { breaker_open: ({ task, rule, open }) => ({ value: open ? 1 : 0, labels: { task, rule } }) },
  },
  "money.withdrawn": {
    level: "debug",
    message: "money left",
    means: "What withdrawals took out since the last report.",
    metrics: { withdrawn_usd_total: ({ channel, usd }) => ({ value: usd, labels: { channel } }) },
  },
  "money.protected": {
    level: "debug",
    message: "money was asked for while it was held",
    means: "What somebody tried to take out of accounts that a rule had closed.",
    metrics: { protected_usd_total: ({ rule, usd }) => ({ value: usd, labels: { rule } }) },
  },
  "records.consumed": {
    level: "debug",
    message: "records received",
    means: "Flow from the brokers.",
    metrics: { records_consumed_total: (fields) => ({ value: fields.count, labels: { topic: fields.topic } }) },
  },
  "records.processed": {
    level: "debug",
    message: "records processed",
    means: "misrouted: a producer uses another partitioner than Kafka's default.",
    metrics: {
      records_processed_total: ({ topic, ok, late, stale, rejected, misrouted }) => [
        { value: ok, labels: { topic, result: "ok" } },
        { value: late, labels: { topic, result: "late" } },
        { value: stale, labels: { topic, result: "stale" } },
        { value: rejected, labels: { topic, result: "rejected" } },
        { value: misrouted, labels: { topic, result: "misrouted" } },
      ],
      record_process_seconds: ({ ok, late, stale, rejected, seconds }) => {
        const records = ok + late + stale + rejected;
        return records === 0 ? [] : { value: seconds / records };
      },
    },
  },
  "records.misrouted": {
    level: "warn",
    message: "records lie in another partition than their key's",
    means: "Their producer uses another partitioner than Kafka's default: one account's events are judged apart.",
  },
  "quarantine.begun": {
    level: "error",
    message: "most of the last records of a topic-partition were rejected: it is held until they can be read",
    means:
      "A producer's schema or Holdfast's registry is wrong, not single records. Nothing of it is detected meanwhile; the other topics go on. `reason` and `detail` are the last record's.",
    metrics: {
      quarantined_partitions: (fields) => ({ value: fields.held, labels: { task: fields.partition } }),
    },
  },
  "quarantine.ended": {
    level: "info",
    message: "a topic-partition that was held can be read again",
    means: "It goes on where it was held; nothing was skipped.",
    metrics: {
      quarantined_partitions: (fields) => ({ value: fields.held, labels: { task: fields.partition } }),
    },
  },
  "record.deadLettered": {
    level: "warn",
    message: "record rejected",
    means: "It is in the dead-letter topic, unchanged, with the reason; the partition goes on.",
    metrics: {
      dead_letter_total: (fields) => ({ value: 1, labels: { topic: fields.topic, reason: fields.reason } }),
    },
  },
  "time.observed": {
    level: "debug",
    message: "event time",
    means: "How far the topic has come, and how far behind that its latest event was.",
    metrics: {
      event_time_seconds: ({ topic, partition, eventTime }) => ({
        value: eventTime / 1_000,
        labels: { topic, task: partition },
      }),
      lateness_seconds: ({ topic, latenessSeconds }) => ({ value: latenessSeconds, labels: { topic } }),
    },
  },
  "lag.observed": {
    level: "debug",
    message: "lag",
    means: "Records still to be read.",
    metrics: {
      lag_records: (fields) => ({
        value: fields.records,
        labels: { topic: fields.topic, partition: fields.partition },
      }),
      lag_seconds: ({ topic, partition, seconds }) =>
        seconds === null ? [] : { value: seconds, labels: { topic, task: partition } },
    },
  },
  "loop.observed": {
    level: "debug",
    message: "the loop's time",
    means: "What it went to since the last time.",
    metrics: {
      loop_seconds_total: (fields) => LOOP_PHASES.map((phase) => ({ value: fields[phase], labels: { phase } })),
    },
  },
  "alignment.paused": {
    level: "debug",
    message: "topic paused for the others to come up to it",
    means: "Normal while catching up.",
    metrics: { aligned_pauses_total: (fields) => ({ value: 1, labels: { topic: fields.topic } }) },
  },
  "state.observed": {
    level: "debug",
    message: "state",
    means: "Groups in memory.",
    metrics: { accounts: (fields) => ({ value: fields.accounts, labels: { task: fields.task } }) },
  },
  "sequences.counted": {
    level: "debug",
    message: "open sequences",
    means: "Accounts that have seen a part of a rule's steps.",
    metrics: {
      open_sequences: ({ task, rule, stage, accounts }) => ({ value: accounts, labels: { rule, stage, task } }),
    },
  },
  "absence.contradicted": {
    level: "warn",
    message: "an event came too late to undo an absence",
    means: "A producer's delay exceeds the grace: what the rule missed did happen.",
    metrics: { late_contradictions_total: (fields) => ({ value: fields.count }) },
  },
  "state.evicted": {
    level: "debug",
    message: "entries dropped from bounded state",
    means: "Rules that look that far back may miss.",
    metrics: { evictions_total: (fields) => ({ value: fields.count, labels: { reason: fields.reason } }) },
  },
  "broker.failed": {
    level: (fields) => (fields.disposition === "halt" ? "error" : "warn"),
    message: "Kafka failed",
    means: "retry and rejoin mend themselves; halt ends the process and needs an operator.",
    metrics: { kafka_errors_total: (fields) => ({ value: 1, labels: { code: fields.code } }) },
    sameAs: ({ code, doing }) => `${code} ${doing}`,
  },
  "registry.failed": {
    level: (fields) => (fields.disposition === "halt" ? "error" : "warn"),
    message: "the schema registry failed",
    means: "Asked again until it answers; halt, at the start only, ends the process and needs an operator.",
    sameAs: ({ code, doing }) => `${code} ${doing}`,
  },
  "registry.requested": {
    level: (fields) => (fields.result === "ok" ? "debug" : "warn"),
    message: "schema registry asked",
    means: "Unreachable: records of unknown schemas wait, the others go on.",
    metrics: { registry_requests_total: (fields) => ({ value: 1, labels: { result: fields.result } }) },
  },
  "rules.loaded": {
    level: (fields) => (fields.count === 0 ? "warn" : "info"),
    message: "rules loaded",
    means: "Without rules nothing is detected.",
    metrics: {
      rules_loaded: (fields) => ({ value: fields.count }),
      rules_info: (fields) => ({ value: 1, labels: { hash: fields.hash } }),
    },
  },
  "rules.reloaded": {
    level: (fields) => (fields.count === 0 ? "warn" : "info"),
    message: "rules replaced",
    means: "Rules whose matching part is unchanged kept their partial matches.",
    metrics: {
      rules_loaded: (fields) => ({ value: fields.count }),
      rules_info: (fields) => ({ value: 1, labels: { hash: fields.hash } }),
      rules_reload_total: () => ({ value: 1, labels: { result: "replaced" } }),
    },
  },
  "rules.refused": {
    level: "error",
    message: "changed rules refused; the old ones stay in force",
    means: "The files on disk are not the rules in force: check them with `holdfast check`.",
    metrics: { rules_reload_total: () => ({ value: 1, labels: { result: "refused" } }) },
  },
};
