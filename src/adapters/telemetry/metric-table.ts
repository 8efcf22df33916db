// The metrics, one row each: what they count, their labels, what a bad value means. Which events move
// them is in event-table.ts. docs/metrics.md is generated from both. Names carry no `holdfast_` prefix
// here. Labels never name an account, user, address, device, event, offset or error text.

import { VERDICTS } from "../../core/decision.ts";
import type { RejectReason } from "../../core/event.ts";
import type { Action, Mode } from "../../core/output.ts";

export type MetricName =
  | "detection_latency_seconds"
  | "commands_total"
  | "commands_suppressed_total"
  | "command_ack_seconds"
  | "commands_unacknowledged"
  | "decisions_total"
  | "breaker_open"
  | "withdrawn_usd_total"
  | "protected_usd_total"
  | "records_consumed_total"
  | "records_processed_total"
  | "records_produced_total"
  | "record_process_seconds"
  | "dead_letter_total"
  | "quarantined_partitions"
  | "lag_records"
  | "lag_seconds"
  | "event_time_seconds"
  | "lateness_seconds"
  | "loop_seconds_total"
  | "aligned_pauses_total"
  | "accounts"
  | "open_sequences"
  | "evictions_total"
  | "late_contradictions_total"
  | "state_bytes"
  | "state_log_ratio"
  | "checkpoint_seconds"
  | "checkpoints_total"
  | "checkpoint_bytes_total"
  | "checkpoint_age_seconds"
  | "restore_seconds"
  | "restore_remaining_records"
  | "state"
  | "assigned_tasks"
  | "rebalances_total"
  | "rebalance_seconds"
  | "fenced_total"
  | "rules_loaded"
  | "rules_info"
  | "rules_reload_total"
  | "registry_requests_total"
  | "kafka_errors_total"
  | "build_info";

export interface MetricRow {
  /** `info`: a gauge of 1 whose labels are the message; a new one replaces the old. */
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly help: string;
  /** What a bad value means and where to look. */
  readonly bad: string;
  /** Label → its closed list of values, or "open": bounded by `maxSeries` only. */
  readonly labels: Readonly<Record<string, readonly string[] | "open">>;
  /** Label combinations kept apart; those that come later are counted under "other". Default 10. */
  readonly maxSeries?: number;
  readonly buckets?: readonly number[];
  /** Kept for each task, shown as one number; ends with the task. `age`: seconds since the oldest one. */
  readonly acrossTasks?: "sum" | "max" | "age";
}

export const LATENCY_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];
const LATENESS_BUCKETS: readonly number[] = [1, 10, 60, 300, 600, 3_600];
const RECORD_BUCKETS: readonly number[] = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 0.1];

const ACTIONS: readonly Action[] = ["HOLD", "FREEZE", "STEP_UP", "REVIEW", "RELEASE"];
const MODES: readonly Mode[] = ["observe", "step-up", "enforce"];
const REASONS: readonly RejectReason[] = [
  "UNDECODABLE",
  "UNKNOWN_SCHEMA",
  "TOO_LARGE",
  "WRONG_KEY",
  "MISSING_FIELD",
  "INVALID_FIELD",
  "FUTURE_TIME",
];

/** Of the instance, as far as the group is concerned. */
export const STATES = ["starting", "joining", "assigned", "stopping"] as const;

const TOPIC = { topic: "open" } as const;

export const METRICS: Readonly<Record<MetricName, MetricRow>> = {
  detection_latency_seconds: {
    type: "histogram",
    help: "From the deciding event's own time to the acknowledgement of the command by the broker.",
    bad: "The service level objective. High while catching up after a stop; otherwise look at lag_seconds, then at the producers' delay.",
    labels: { rule: "open" },
    maxSeries: 40,
    buckets: LATENCY_BUCKETS,
  },
  commands_total: {
    type: "counter",
    help: "Commands acknowledged by the broker.",
    bad: "A jump of one rule: an attack, or a rule that matches honest customers. Look at its detections.",
    labels: { rule: "open", action: ACTIONS, mode: MODES },
    maxSeries: 200,
  },
  commands_suppressed_total: {
    type: "counter",
    help: "Actions of rules not said as written: they would have expired already (stale), the mode forbids them (observe), the account is a protected one (protected) or the rule acts on too many (breaker): then less is said.",
    bad: "stale: events arrive so late that their protection is over. breaker: see breaker_open.",
    labels: { reason: ["stale", "observe", "protected", "breaker"] },
  },
  command_ack_seconds: {
    type: "histogram",
    help: "From the deciding event of a HOLD or FREEZE to its being in force, as the enforcing service acknowledges.",
    bad: "The time to protection. Compare detection_latency_seconds: what lies between is the enforcing service's.",
    labels: {},
    buckets: LATENCY_BUCKETS,
  },
  commands_unacknowledged: {
    type: "gauge",
    help: "HOLD and FREEZE commands said twice that no service has acknowledged, and that are not over.",
    bad: "Above 0: accounts are not protected although Holdfast says so. See whether the enforcing service is down, or rejects them.",
    labels: {},
    acrossTasks: "sum",
  },
  decisions_total: {
    type: "counter",
    help: "Decisions taken on cases, by rule and verdict.",
    bad: "FALSE_POSITIVE as a share of a rule's decisions: how often it is wrong.",
    labels: { rule: "open", verdict: VERDICTS },
    maxSeries: 200,
  },
  breaker_open: {
    type: "gauge",
    help: "Partitions of this instance in which a breaker of the rule is open.",
    bad: "Above 0: the rule acts on too many accounts; its freezes are short holds and reviews until it closes.",
    labels: { rule: "open" },
    maxSeries: 40,
    acrossTasks: "sum",
  },
  withdrawn_usd_total: {
    type: "counter",
    help: "US dollars that left by completed withdrawals, by exit; a completion that is delivered twice counts twice.",
    bad: "Above its own baseline: money leaves the exchange faster than it does, whether or not a rule says so.",
    labels: { channel: ["ON_CHAIN", "INTERNAL", "P2P", "GIFT", "FIAT", "UNKNOWN"] },
  },
  protected_usd_total: {
    type: "counter",
    help: "US dollars asked for while a hold or freeze of the rule had closed that exit.",
    bad: "Not bad by itself: what the rule kept in, honest customers' requests included.",
    labels: { rule: "open" },
    maxSeries: 40,
  },
  records_consumed_total: {
    type: "counter",
    help: "Records received from the brokers.",
    bad: "Flat while producers write: fetching has stopped; look at the state and at kafka_errors_total.",
    labels: TOPIC,
  },
  records_processed_total: {
    type: "counter",
    help: "Records by what became of them; misrouted ones (wrong partition for their key) are counted among the others too.",
    bad: "late: a producer's delay exceeds the allowed lateness. stale: what they called for would be over already (an old topic is replayed, or Holdfast is far behind). rejected: see dead_letter_total. misrouted: a producer uses another partitioner, and its events miss the account's history.",
    labels: { ...TOPIC, result: ["ok", "late", "stale", "rejected", "misrouted"] },
    maxSeries: 40,
  },
  records_produced_total: {
    type: "counter",
    help: "Records appended by the outbox: commands, detections, dead letters.",
    bad: "Flat while commands are decided: the brokers do not take them.",
    labels: TOPIC,
  },
  record_process_seconds: {
    type: "histogram",
    help: "Processing time of a record, decoding included: the mean of each slice of work.",
    bad: "Growing: a costly rule or very large accounts.",
    labels: {},
    buckets: RECORD_BUCKETS,
  },
  dead_letter_total: {
    type: "counter",
    help: "Records that could not be processed, by reason.",
    bad: "A producer's mistake or a schema that changed. The dead-letter topic holds each record with its detail.",
    labels: { ...TOPIC, reason: REASONS },
    maxSeries: 50,
  },
  quarantined_partitions: {
    type: "gauge",
    help: "Topic-partitions held because most of their records were rejected.",
    bad: "Above 0: nothing of them is detected. The log and /status name them, with the last reason; dead_letter_total the reasons before.",
    labels: {},
    acrossTasks: "sum",
  },
  lag_records: {
    type: "gauge",
    help: "Records between the position and the end of the partition.",
    bad: "Growing: the instance is slower than the producers, or the task stands still.",
    labels: { ...TOPIC, partition: "open" },
    maxSeries: 256,
  },
  lag_seconds: {
    type: "gauge",
    help: "How long the next record of the topic has been waiting for, by its timestamp: the worst of the tasks; 0: read to the end.",
    bad: "Protection comes this late. Growing: add instances up to the number of partitions, or a task stands still.",
    labels: TOPIC,
    acrossTasks: "max",
  },
  event_time_seconds: {
    type: "gauge",
    help: "Event time reached, in seconds since the epoch: the furthest of the tasks.",
    bad: "Standing still while lag_records grows: the task is stuck.",
    labels: TOPIC,
    acrossTasks: "max",
  },
  lateness_seconds: {
    type: "histogram",
    help: "How far behind the frontier of event time the latest event of each slice of work was.",
    bad: "Near the allowed lateness: events come so late that sequences are missed. Near the grace: absences are decided too early.",
    labels: TOPIC,
    maxSeries: 6,
    buckets: LATENESS_BUCKETS,
  },
  loop_seconds_total: {
    type: "counter",
    help: "Time of the one loop. process, checkpoint (taking and encoding state), poll (I/O) and idle add up to the time passed; produce is of sends under way, beside them.",
    bad: "Little idle: the instance is at its limit. Much produce: the brokers are slow to acknowledge.",
    labels: { phase: ["poll", "process", "produce", "checkpoint", "idle"] },
  },
  aligned_pauses_total: {
    type: "counter",
    help: "Times a topic was paused, while catching up, for the others to come up to it in time.",
    bad: "Outside of catching up: one topic's producer is behind the others.",
    labels: TOPIC,
  },
  accounts: {
    type: "gauge",
    help: "Accounts and other groups held in memory.",
    bad: "A jump: somebody makes keys. It bounds the memory.",
    labels: {},
    acrossTasks: "sum",
  },
  late_contradictions_total: {
    type: "counter",
    help: "Events that contradict an absence already decided; they undo nothing.",
    bad: "Many: events arrive later than the grace, and rules with `not` hold customers who did confirm.",
    labels: {},
  },
  open_sequences: {
    type: "gauge",
    help: "Accounts that have seen so many of the steps of a rule, and not all: counted in rounds, within a minute or so.",
    bad: "Many at a late stage: an attack under way, or a step that honest customers take every day.",
    labels: { rule: "open", stage: ["1", "2", "3", "4", "5"] },
    maxSeries: 60,
    acrossTasks: "sum",
  },
  evictions_total: {
    type: "counter",
    help: "Entries dropped from bounded state, by what was full.",
    bad: "Many: an account's history exceeds its bound, on purpose or not; rules on the oldest entries may miss.",
    labels: { reason: "open" },
    maxSeries: 20,
  },
  state_bytes: {
    type: "gauge",
    help: "Encoded state of all accounts, as of the last checkpoints.",
    bad: "Growing without end: accounts are added faster than their number is bounded; see HOLDFAST_MAX_ACCOUNTS.",
    labels: {},
    acrossTasks: "sum",
  },
  state_log_ratio: {
    type: "gauge",
    help: "Length of the state log against the state it holds: the worst of the tasks. About 2 when busy; more for a small state.",
    bad: "Above 4 with a large state_bytes: the log grows faster than it is rewritten, and a restore takes as much longer.",
    labels: {},
    acrossTasks: "max",
  },
  checkpoint_seconds: {
    type: "histogram",
    help: "Time from taking a checkpoint to its commit.",
    bad: "Seconds: the brokers are slow to acknowledge.",
    labels: {},
    buckets: LATENCY_BUCKETS,
  },
  checkpoints_total: {
    type: "counter",
    help: "Checkpoints by result; where nothing has changed none is written.",
    bad: "rejected: the group has moved on, normal in a rebalance. failed: the process ends over it. Brokers that do not answer show in checkpoint_age_seconds: it is tried until they do.",
    labels: { result: ["committed", "rejected", "failed"] },
  },
  checkpoint_bytes_total: {
    type: "counter",
    help: "State written to the state log.",
    bad: "Growing faster than the traffic: routine events change state, or accounts are very large.",
    labels: {},
  },
  checkpoint_age_seconds: {
    type: "gauge",
    help: "Age of the oldest last checkpoint among the tasks of this instance; of a task that has read everything it does not grow.",
    bad: "Growing: a task has records to read and does not come to a checkpoint. It waits for the brokers, for a schema, or all it has to read is held.",
    labels: {},
    acrossTasks: "age",
  },
  restore_seconds: {
    type: "histogram",
    help: "Time to rebuild a task's state from the state log.",
    bad: "Detection of these accounts stands still for so long.",
    labels: {},
    buckets: LATENCY_BUCKETS,
  },
  restore_remaining_records: {
    type: "gauge",
    help: "Records of the state log still to be read by the tasks that are being restored.",
    bad: "Not falling: the restore is stuck.",
    labels: {},
    acrossTasks: "sum",
  },
  state: {
    type: "gauge",
    help: "1 for the state this instance is in, 0 for the others.",
    bad: "starting: the start-up checks are not passed yet. joining, at a start or a rebalance, for longer than the session time-out: the group does not settle.",
    labels: { state: STATES },
  },
  assigned_tasks: {
    type: "gauge",
    help: "Tasks (partitions) this instance owns; none while it rejoins the group.",
    bad: "Summed over the instances it must be the number of partitions; less: nobody watches some accounts.",
    labels: {},
  },
  rebalances_total: {
    type: "counter",
    help: "Completed joins of the consumer group.",
    bad: "Several a minute: instances crash, or are too slow to send heartbeats.",
    labels: {},
  },
  rebalance_seconds: {
    type: "histogram",
    help: "Time from the start of a rejoin to the assignment.",
    bad: "Nothing is detected meanwhile.",
    labels: {},
    buckets: LATENCY_BUCKETS,
  },
  fenced_total: {
    type: "counter",
    help: "Times a task did nothing because its ownership was in doubt: its lease had lapsed, or its commit was refused.",
    bad: "lease: the process is paused or starved for longer than half the session time-out, or the coordinator does not answer. commit without a rebalance: another installation uses this group id.",
    labels: { reason: ["lease", "commit"] },
  },
  rules_loaded: {
    type: "gauge",
    help: "Rules in force.",
    bad: "0: nothing is detected.",
    labels: {},
  },
  rules_info: {
    type: "info",
    help: "Hash of the rules in force.",
    bad: "Different among instances outside of a roll-out: they judge differently.",
    labels: { hash: "open" },
  },
  rules_reload_total: {
    type: "counter",
    help: "Changes of the rule files that were noticed, by result.",
    bad: "refused: the files on disk do not load; the rules before them stay in force.",
    labels: { result: ["replaced", "refused"] },
  },
  registry_requests_total: {
    type: "counter",
    help: "Questions to the schema registry, by result.",
    bad: "unknown_id: a producer's schema is not in this registry. unreachable: new schemas wait; known ones go on.",
    labels: { result: ["ok", "unknown_id", "refused", "unreachable"] },
  },
  kafka_errors_total: {
    type: "counter",
    help: "Failures of the Kafka client by protocol code.",
    bad: "A few during broker changes are normal; authorisation codes need an operator.",
    labels: { code: "open" },
    maxSeries: 40,
  },
  build_info: {
    type: "info",
    help: "Version of Holdfast and of Node.",
    bad: "Different among instances outside of a roll-out.",
    labels: { version: "open", node: "open" },
  },
};
