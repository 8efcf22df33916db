// The one table of settings. Everything about a setting is here: its kind, default, meaning; its
// variable and flag follow from its name. The reader (config/settings-reader.ts), `--help` and
// docs/configuration.md come from this table; a setting that is not here does not exist.

import { DAY, HOUR, MINUTE, SECOND } from "./core/time.ts";
import type { Duration } from "./core/time.ts";
import type { Mode } from "./core/output.ts";
import type { Topics } from "./runtime/topics.ts";
import {
  brokers,
  choice,
  integer,
  milliseconds,
  pemFile,
  secretFile,
  startFrom,
  text,
  truth,
  url,
} from "./config/setting-kinds.ts";
import { ACCESS_SETTINGS } from "./config/access-settings.ts";
import type { AccessSettings } from "./config/access-settings.ts";
import { RESPONSE_SETTINGS } from "./config/response-settings.ts";
import type { ResponseSettings } from "./config/response-settings.ts";
import type { Kind, Secret, StartFrom } from "./config/setting-kinds.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** A setting whose name ends in `File` holds what the file holds. */
export interface Settings extends AccessSettings, ResponseSettings {
  readonly kafkaBrokers: readonly string[];
  readonly kafkaClientId: string;
  readonly kafkaSsl: boolean;
  readonly kafkaSslCaFile: string | undefined;
  readonly kafkaSslCertFile: string | undefined;
  readonly kafkaSslKeyFile: string | undefined;
  readonly insecure: boolean;
  readonly groupId: string;
  readonly sessionTimeoutMs: Duration;
  readonly registryUrl: string;
  readonly topicPrefix: string;
  readonly topicAuth: string;
  readonly topicApiKey: string;
  readonly topicWithdrawal: string;
  readonly topicTrade: string | undefined;
  readonly topicDecisions: string;
  readonly topicAcks: string;
  readonly topicSignals: string;
  readonly topicCommands: string;
  readonly topicDetections: string;
  readonly topicState: string;
  readonly topicDeadLetter: string;
  readonly partitions: number;
  readonly replication: number;
  readonly rules: string;
  readonly rulesReloadMs: Duration;
  readonly mode: Mode;
  readonly allowedLatenessMs: Duration;
  readonly absenceGraceMs: Duration;
  readonly profileWarmupMs: Duration;
  readonly startFrom: StartFrom;
  readonly alignmentMs: Duration;
  readonly checkpointIntervalMs: Duration;
  readonly checkpointMaxRecords: number;
  readonly bufferBytes: number;
  readonly maxAccounts: number;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly logLevel: LogLevel;
  readonly logAccountIds: boolean;
  readonly pseudonymKeyFile: Secret | undefined;
}

export type SettingName = keyof Settings;

export const SECTIONS = [
  "Kafka",
  "Schema registry",
  "Topics",
  "Detection",
  "Responding",
  "Checkpoints",
  "Operations",
] as const;

export interface Setting<T> {
  readonly section: (typeof SECTIONS)[number];
  readonly kind: Kind<Exclude<T, undefined>>;
  /** "required": without a value nothing starts. "none": absent (undefined) is a value of its own. */
  readonly default: Exclude<T, undefined> | "required" | "none";
  /** One or more sentences; the first stands alone in `--help`. */
  readonly doc: string;
}

const topicName = text({
  placeholder: "topic",
  pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}$/,
  allowed: "a topic name (letters, digits, `.`, `_`, `-`; at most 200)",
});

function topic(name: string, content: string): Setting<string> {
  return { section: "Topics", kind: topicName, default: name, doc: `Topic of ${content}.` };
}

/** In the order of the reference page; total over `Settings`. */
export const SETTINGS: { readonly [K in SettingName]: Setting<Settings[K]> } = {
  kafkaBrokers: {
    section: "Kafka",
    kind: brokers(),
    default: "required",
    doc: "Brokers to ask first; the others of the cluster are found through them.",
  },
  kafkaClientId: {
    section: "Kafka",
    kind: text({ pattern: /^[A-Za-z0-9._-]{1,100}$/, allowed: "letters, digits, `.`, `_`, `-`; at most 100" }),
    default: "holdfast",
    doc: "Client id in the brokers' logs and quotas.",
  },
  kafkaSsl: { section: "Kafka", kind: truth(), default: false, doc: "Speak TLS to the brokers." },
  kafkaSslCaFile: {
    section: "Kafka",
    kind: pemFile(),
    default: "none",
    doc: "Certificate authority that signed the brokers' certificates. Without it, the system's.",
  },
  kafkaSslCertFile: {
    section: "Kafka",
    kind: pemFile(),
    default: "none",
    doc: "Client certificate for mutual TLS. Needs the key as well.",
  },
  kafkaSslKeyFile: {
    section: "Kafka",
    kind: pemFile(),
    default: "none",
    doc: "Private key of the client certificate.",
  },
  kafkaSaslMechanism: ACCESS_SETTINGS.kafkaSaslMechanism,
  kafkaSaslUsername: ACCESS_SETTINGS.kafkaSaslUsername,
  kafkaSaslPasswordFile: ACCESS_SETTINGS.kafkaSaslPasswordFile,
  kafkaSaslTokenPath: ACCESS_SETTINGS.kafkaSaslTokenPath,
  kafkaSaslTokenUrl: ACCESS_SETTINGS.kafkaSaslTokenUrl,
  kafkaSaslTokenScope: ACCESS_SETTINGS.kafkaSaslTokenScope,
  insecure: {
    section: "Kafka",
    kind: truth(),
    default: false,
    doc: "Allow brokers without TLS that are not on this machine's loopback, and secrets to a registry or token endpoint without it. Whoever is on the network between can then read and forge commands.",
  },
  groupId: {
    section: "Kafka",
    kind: text({ pattern: /^[A-Za-z0-9._-]{1,200}$/, allowed: "letters, digits, `.`, `_`, `-`; at most 200" }),
    default: "holdfast",
    doc: "Consumer group; instances that share it share the work. Its committed offsets are the checkpoints: another group starts anew.",
  },
  sessionTimeoutMs: {
    section: "Kafka",
    kind: milliseconds(6 * SECOND, 5 * MINUTE),
    default: 10 * SECOND,
    doc: "How long an instance may be silent before its partitions go to others. A takeover that runs on a dead instance's partition waits this long; a process paused for longer loses its work to others.",
  },
  registryUrl: {
    section: "Schema registry",
    kind: url(),
    default: "required",
    doc: "Base URL of a registry with the Confluent API. Apicurio: `http://host:8080/apis/ccompat/v7`.",
  },
  registryUsername: ACCESS_SETTINGS.registryUsername,
  registryPasswordFile: ACCESS_SETTINGS.registryPasswordFile,
  registryTokenPath: ACCESS_SETTINGS.registryTokenPath,
  registrySslCaFile: ACCESS_SETTINGS.registrySslCaFile,
  topicPrefix: {
    section: "Topics",
    kind: text({ pattern: /^[A-Za-z0-9._-]{0,40}$/, allowed: "letters, digits, `.`, `_`, `-`; at most 40" }),
    default: "",
    doc: "Put before every topic name below, for several installations on one cluster.",
  },
  topicAuth: topic("auth-events", "log-ins, recovery, factors, contact data (input)"),
  topicApiKey: topic("api-key-events", "API keys and their rights (input)"),
  topicWithdrawal: topic("withdrawal-events", "addresses and money leaving (input)"),
  topicTrade: {
    section: "Topics",
    kind: topicName,
    default: "none",
    doc: "Topic of fills, for drains by cross-trading (optional input, by convention `trade-events`). Without it no trades are read, and rules on them never match.",
  },
  topicDecisions: topic("holdfast.decisions", "what people say of cases (input)"),
  topicAcks: topic("holdfast.acks", "what enforcing services answer to commands (input)"),
  topicSignals: topic("holdfast.signals", "facts regrouped by device, address or network, and links (Holdfast's own)"),
  topicCommands: topic("holdfast.commands", "what to hold, freeze, release (output, read back on restore)"),
  topicDetections: topic("holdfast.detections", "opened and closed cases, for people and SIEMs (output)"),
  topicState: topic("holdfast.state", "the state log (Holdfast's own)"),
  topicDeadLetter: topic("holdfast.dead-letter", "records that could not be processed, with the reason (output)"),
  partitions: {
    section: "Topics",
    kind: integer({ unit: "partitions", min: 1, max: 1_000 }),
    default: 12,
    doc: "Partitions of the topics that `holdfast topics create` makes; the most instances that can share the work. Cannot be changed once there is state.",
  },
  replication: {
    section: "Topics",
    kind: integer({ unit: "replicas", min: 1, max: 9 }),
    default: 3,
    doc: "Replicas of the topics that `holdfast topics create` makes. With fewer than 3 the loss of one broker can lose or stop state.",
  },
  rules: {
    section: "Detection",
    kind: text({ placeholder: "dir", allowed: "a path" }),
    default: "rules",
    doc: "Directory of rule files, or one file.",
  },
  rulesReloadMs: {
    section: "Detection",
    kind: milliseconds(100, HOUR),
    default: 5 * SECOND,
    doc: "Time between two looks whether the rules or watch-lists on disk have changed. A set that does not load is refused; the one before it stays in force.",
  },
  mode: {
    section: "Detection",
    kind: choice(["observe", "step-up", "enforce"]),
    default: "enforce",
    doc: "The most that any rule may do: detect only, ask for the strongest factor, or act as written. Can only lower a rule's own mode.",
  },
  allowedLatenessMs: {
    section: "Detection",
    kind: milliseconds(0, 7 * DAY),
    default: 10 * MINUTE,
    doc: "How late an event may be, in event time, and still count towards everything. More costs memory, never latency.",
  },
  absenceGraceMs: {
    section: "Detection",
    kind: milliseconds(0, HOUR),
    default: MINUTE,
    doc: "How late an event may be, in event time, and still contradict what a rule waits for the absence of. More decides absences, upper bounds and averages that much later.",
  },
  profileWarmupMs: {
    section: "Detection",
    kind: milliseconds(0, 365 * DAY),
    default: 14 * DAY,
    doc: "History an account needs before its devices, countries, networks and addresses count as known without a snapshot. Shorter holds more honest accounts at go-live.",
  },
  startFrom: {
    section: "Detection",
    kind: startFrom(),
    default: 24 * HOUR,
    doc: "Where a partition without a checkpoint starts to read; what was said since then is in force, and not said again. Only the first start reads it.",
  },
  alignmentMs: {
    section: "Detection",
    kind: milliseconds(SECOND, HOUR),
    default: MINUTE,
    doc: "While catching up, how far one input topic may run ahead of the slowest, in record time.",
  },
  ...RESPONSE_SETTINGS,
  checkpointIntervalMs: {
    section: "Checkpoints",
    kind: milliseconds(50, MINUTE),
    default: SECOND,
    doc: "Time between checkpoints of a partition. Longer repeats more work after a crash; commands never wait for it.",
  },
  checkpointMaxRecords: {
    section: "Checkpoints",
    kind: integer({ unit: "records", min: 100, max: 1_000_000 }),
    default: 20_000,
    doc: "Records after which a checkpoint is due whatever the time.",
  },
  bufferBytes: {
    section: "Checkpoints",
    kind: integer({ unit: "bytes", min: 1_048_576, max: 4_294_967_296 }),
    default: 33_554_432,
    doc: "Fetched bytes that may wait to be processed before fetching pauses.",
  },
  maxAccounts: {
    section: "Checkpoints",
    kind: integer({ unit: "accounts", min: 1_000, max: 10_000_000 }),
    default: 1_000_000,
    doc: "Accounts a partition keeps; an account takes up to 1 KB of memory. Beyond, those not heard of for longest are forgotten with their history, and counted; never one with an open case.",
  },
  httpHost: {
    section: "Operations",
    kind: text({ placeholder: "address", pattern: /^[A-Za-z0-9.:_-]{1,253}$/, allowed: "a host name or IP address" }),
    default: "127.0.0.1",
    doc: "Address the operations port listens on. The container image sets `0.0.0.0`, so that probes and Prometheus reach it.",
  },
  httpPort: {
    section: "Operations",
    kind: integer({ min: 0, max: 65_535 }),
    default: 9_464,
    doc: "Port of `/metrics`, `/livez`, `/readyz`, `/startupz`, `/status`. 0 takes any free one and logs it.",
  },
  logLevel: {
    section: "Operations",
    kind: choice(["debug", "info", "warn", "error", "silent"]),
    default: "info",
    doc: "Least severe log line that is written.",
  },
  logAccountIds: {
    section: "Operations",
    kind: truth(),
    default: false,
    doc: "Write account ids into logs as they are. Otherwise a keyed pseudonym stands for each.",
  },
  pseudonymKeyFile: {
    section: "Operations",
    kind: secretFile(),
    default: "none",
    doc: "Key of the pseudonyms. Without it each process draws its own, and one account has another pseudonym in every process.",
  },
};

export const SETTING_NAMES: readonly SettingName[] = Object.keys(SETTINGS) as SettingName[];

/** `kafkaBrokers` → `HOLDFAST_KAFKA_BROKERS` */
export function variableOf(name: SettingName): string {
  return `HOLDFAST_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** `kafkaBrokers` → `--kafka-brokers` */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, "-$&").toLowerCase()}`;
}

/** Settings that name topics, in the order of the table. */
export const TOPIC_SETTINGS = [
  "topicPrefix",
  "topicAuth",
  "topicApiKey",
  "topicWithdrawal",
  "topicTrade",
  "topicDecisions",
  "topicAcks",
  "topicSignals",
  "topicCommands",
  "topicDetections",
  "topicState",
  "topicDeadLetter",
] as const;

/** Settings that reach the brokers. */
export const KAFKA_SETTINGS = [
  "kafkaBrokers",
  "kafkaClientId",
  "kafkaSsl",
  "kafkaSslCaFile",
  "kafkaSslCertFile",
  "kafkaSslKeyFile",
  "kafkaSaslMechanism",
  "kafkaSaslUsername",
  "kafkaSaslPasswordFile",
  "kafkaSaslTokenPath",
  "kafkaSaslTokenUrl",
  "kafkaSaslTokenScope",
  "insecure",
] as const;

/** Settings that reach the registry; `insecure` counts, too. */
export const REGISTRY_SETTINGS = [
  "registryUrl",
  "registryUsername",
  "registryPasswordFile",
  "registryTokenPath",
  "registrySslCaFile",
] as const;

/** Full topic names, prefix included, by role. */
export function topicsOf(settings: Pick<Settings, (typeof TOPIC_SETTINGS)[number]>): Topics {
  const full = (name: string): string => settings.topicPrefix + name;
  return {
    inputs: [
      { topic: full(settings.topicAuth), service: "auth" },
      { topic: full(settings.topicApiKey), service: "api_key" },
      { topic: full(settings.topicWithdrawal), service: "withdrawal" },
      ...(settings.topicTrade === undefined
        ? []
        : [{ topic: full(settings.topicTrade), service: "trade" as const, optional: true }]),
    ],
    decisions: full(settings.topicDecisions),
    acks: full(settings.topicAcks),
    signals: full(settings.topicSignals),
    commands: full(settings.topicCommands),
    detections: full(settings.topicDetections),
    state: full(settings.topicState),
    deadLetter: full(settings.topicDeadLetter),
  };
}
