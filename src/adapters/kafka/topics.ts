// Makes and checks the topics Holdfast needs. Owns which settings each role must have and how to say what is
// wrong; the names and the partition count are configuration. Everything wrong is reported at once.

import { coPartitioned } from "../../runtime/topics.ts";
import type { Topics } from "../../runtime/topics.ts";
import type { KafkaClient } from "./client.ts";
import { brokerFailure } from "./failures.ts";
import { kafkajs } from "./kafkajs.ts";
import type { Admin } from "./kafkajs.ts";
import { createKafkaLogs } from "./logs.ts";

export interface TopicProblem {
  readonly topic: string;
  /** A start is refused for an error. */
  readonly severity: "error" | "warning";
  readonly problem: string;
  readonly remedy: string;
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

interface Role {
  readonly topic: string;
  readonly kind: "input" | "signals" | "commands" | "state" | "output";
}

const CREATE = "create it with `holdfast topics create`";
const SAFE_IN_SYNC = 2;
const CHECKED = [
  "cleanup.policy",
  "max.message.bytes",
  "message.timestamp.type",
  "min.insync.replicas",
  "retention.bytes",
  "retention.ms",
];
/** One send of blocks stays below it (state-log.ts); brokers take a little more by default. */
const STATE_SEND_BYTES = 1_048_576;
const READY_WITHIN_MS = 15_000;
const LOOK_AGAIN_MS = 50;

function roles(topics: Topics): Role[] {
  return [
    ...topics.inputs.map(({ topic }): Role => ({ topic, kind: "input" })),
    { topic: topics.decisions, kind: "input" },
    { topic: topics.acks, kind: "input" },
    { topic: topics.signals, kind: "signals" },
    { topic: topics.commands, kind: "commands" },
    { topic: topics.state, kind: "state" },
    { topic: topics.detections, kind: "output" },
    { topic: topics.deadLetter, kind: "output" },
  ];
}

/** The topics as `holdfast topics create` makes them. */
export function plannedTopics(
  topics: Topics,
  size: { readonly partitions: number; readonly replication: number },
): NewTopic[] {
  const safe = { "min.insync.replicas": String(Math.min(SAFE_IN_SYNC, Math.max(1, size.replication - 1))) };
  return roles(topics).map(({ topic, kind }) => ({ topic, ...size, config: { ...safe, ...ROLE_CONFIG[kind] } }));
}

/**
 * Record time must be the broker's where it is compared: of the inputs with each other, of commands for
 * their latency. The state log ends where a checkpoint says, never by age or size.
 */
const ROLE_CONFIG: Readonly<Record<Role["kind"], Readonly<Record<string, string>>>> = {
  input: { "message.timestamp.type": "LogAppendTime" },
  signals: { "message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete" },
  commands: { "message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete" },
  state: { "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" },
  output: {},
};

/**
 * Creates what does not exist yet and waits until it can be used; leaves existing topics as they are.
 * @returns the names of the topics created
 * @throws BrokerFailure
 */
export async function createTopics(client: KafkaClient, planned: readonly NewTopic[]): Promise<string[]> {
  return withAdmin(client, `create the topics ${planned.map(({ topic }) => topic).join(", ")}`, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = planned.filter(({ topic }) => !existing.has(topic));
    if (missing.length === 0) return [];
    const request = {
      waitForLeaders: false, // the library takes a topic that is not known everywhere yet for an error
      topics: missing.map(({ topic, partitions, replication, config }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replication,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    };
    await admin.createTopics(request).catch(exceptExisting);
    await untilLed(client, missing);
    return missing.map(({ topic }) => topic);
  });
}

/** Two processes may create the same topics at once. */
function exceptExisting(error: unknown): void {
  const refused = (error as { errors?: readonly { type?: string }[] }).errors ?? [];
  const others = refused.filter(({ type }) => type !== "TOPIC_ALREADY_EXISTS");
  if (refused.length === 0 || others.length > 0) throw others[0] ?? error;
}

/** Metadata names a leader before that broker knows of it: only an answer of the leader itself counts. */
async function untilLed(client: KafkaClient, created: readonly NewTopic[]): Promise<void> {
  const pairs = created.flatMap(({ topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  );
  const logs = createKafkaLogs(client);
  try {
    for (const deadline = performance.now() + READY_WITHIN_MS; ;) {
      try {
        await logs.ranges(pairs);
        return;
      } catch (error) {
        const failure = brokerFailure(error, "wait for the new topics' leaders");
        if (failure.disposition === "halt" || performance.now() > deadline) throw failure;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  } finally {
    logs.close();
  }
}

/**
 * Compares the topics with what Holdfast needs of them.
 * @returns every problem, errors first; empty: all is well
 * @throws BrokerFailure when the brokers do not answer
 */
export async function verifyTopics(client: KafkaClient, topics: Topics): Promise<TopicProblem[]> {
  const found = await withAdmin(client, "read the topics' settings", (admin) => describe(admin, roles(topics)));
  const problems = [
    ...roles(topics).flatMap((role) => missing(role, found)),
    ...unequalCounts(coPartitioned(topics), found),
    ...roles(topics).flatMap((role) => wrongSettings(role, found.get(role.topic))),
  ];
  return problems.toSorted((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : 0));
}

interface Described {
  readonly partitions: number;
  readonly replication: number;
  readonly config: ReadonlyMap<string, string>;
}

async function describe(admin: Admin, wanted: readonly Role[]): Promise<Map<string, Described>> {
  const existing = new Set(await admin.listTopics());
  const names = [...new Set(wanted.map(({ topic }) => topic))].filter((topic) => existing.has(topic));
  if (names.length === 0) return new Map();
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: CHECKED })),
  });
  const configs = new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
  return new Map(
    topics.map(({ name, partitions }): [string, Described] => [
      name,
      {
        partitions: partitions.length,
        replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
        config: configs.get(name) ?? new Map(),
      },
    ]),
  );
}

function missing({ topic }: Role, found: ReadonlyMap<string, Described>): TopicProblem[] {
  if (found.has(topic)) return [];
  return [{ topic, severity: "error", problem: "does not exist, or this client may not describe it", remedy: CREATE }];
}

function unequalCounts(topics: readonly string[], found: ReadonlyMap<string, Described>): TopicProblem[] {
  const counts = topics.flatMap((topic) =>
    found.has(topic) ? [{ topic, partitions: found.get(topic)!.partitions }] : [],
  );
  if (new Set(counts.map(({ partitions }) => partitions)).size < 2) return [];
  const listed = counts.map(({ topic, partitions }) => `${topic} ${partitions}`).join(", ");
  const most = mostCommon(counts.map(({ partitions }) => partitions));
  return counts
    .filter(({ partitions }) => partitions !== most)
    .map(({ topic, partitions }) => ({
      topic,
      severity: "error",
      problem: `has ${partitions} partitions, but all topics of a task must have the same number (${listed})`,
      remedy: `create it anew with ${most} partitions: adding partitions later moves keys between them`,
    }));
}

function mostCommon(numbers: readonly number[]): number {
  const times = Map.groupBy(numbers, (number) => number);
  return [...times].toSorted(([a, as], [b, bs]) => bs.length - as.length || b - a)[0]![0];
}

function wrongSettings({ topic, kind }: Role, found: Described | undefined): TopicProblem[] {
  if (found === undefined) return [];
  const problems: TopicProblem[] = [];
  for (const [name, wanted] of Object.entries(ROLE_CONFIG[kind])) {
    const actual = found.config.get(name);
    if (actual === undefined || actual === wanted) continue;
    problems.push({
      topic,
      severity: name === "message.timestamp.type" ? "warning" : "error",
      problem: `has ${name}=${actual}: ${CONSEQUENCE[name]}`,
      remedy: `set ${name}=${wanted}`,
    });
  }
  if (kind === "state") problems.push(...tooSmallSends(topic, found));
  if (kind !== "input") problems.push(...tooFewReplicas(topic, found));
  return problems;
}

const CONSEQUENCE: Readonly<Record<string, string>> = {
  "cleanup.policy": "compaction would remove records that a restore needs",
  "retention.ms": "old state would be deleted while it is still needed",
  "retention.bytes": "old state would be deleted while it is still needed",
  "message.timestamp.type": "its times are the producers' clocks, not the broker's",
};

function tooSmallSends(topic: string, { config }: Described): TopicProblem[] {
  const most = Number(config.get("max.message.bytes") ?? STATE_SEND_BYTES);
  if (most >= STATE_SEND_BYTES) return [];
  return [
    {
      topic,
      severity: "error",
      problem: `has max.message.bytes=${most}: a checkpoint's blocks would be refused`,
      remedy: `set max.message.bytes=${STATE_SEND_BYTES} or more`,
    },
  ];
}

function tooFewReplicas(topic: string, { config, replication }: Described): TopicProblem[] {
  const inSync = Number(config.get("min.insync.replicas") ?? SAFE_IN_SYNC);
  if (inSync >= SAFE_IN_SYNC && replication >= SAFE_IN_SYNC) return [];
  return [
    {
      topic,
      severity: "warning",
      problem: `has replication ${replication} and min.insync.replicas=${inSync}: the loss of one broker can lose acknowledged records`,
      remedy: "use replication 3 and min.insync.replicas=2",
    },
  ];
}

async function withAdmin<T>(client: KafkaClient, doing: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.admin();
  try {
    await admin.connect();
    return await use(admin);
  } catch (error) {
    throw brokerFailure(error, doing);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}
