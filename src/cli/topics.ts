// `holdfast topics create|verify`: makes the topics that are missing, and says everything that is wrong
// with those that are there, each with its remedy. Never changes an existing topic.

import { createKafkaClient } from "../adapters/kafka/client.ts";
import type { KafkaClient } from "../adapters/kafka/client.ts";
import { createTopics, plannedTopics, verifyTopics } from "../adapters/kafka/topics.ts";
import { topicsOf } from "../config.ts";
import type { KAFKA_SETTINGS, Settings, TOPIC_SETTINGS } from "../config.ts";
import { kafkaConnection } from "../config/kafka-connection.ts";
import { BrokerFailure } from "../runtime/ports.ts";
import type { Topics } from "../runtime/topics.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

type TopicSettings = Pick<
  Settings,
  (typeof KAFKA_SETTINGS)[number] | (typeof TOPIC_SETTINGS)[number] | "partitions" | "replication"
>;

export interface TopicsOptions extends TopicSettings {
  readonly action: "create" | "verify";
}

/** Exit code 1 when a topic is not as it must be, or the brokers do not answer; warnings alone are no failure. */
export async function topics(options: TopicsOptions, io: Io): Promise<number> {
  const client = createKafkaClient(kafkaConnection(options));
  const wanted = topicsOf(options);
  try {
    if (options.action === "create") await create(client, wanted, { size: options, io });
    return await verify(client, wanted, io);
  } catch (error) {
    if (!(error instanceof BrokerFailure)) throw error;
    io.stderr(
      `${error.message}\nDo the brokers run at ${options.kafkaBrokers.join(", ")}, and may this client ask them?\n`,
    );
    return EXIT.failed;
  }
}

async function create(
  client: KafkaClient,
  wanted: Topics,
  { size, io }: { size: { readonly partitions: number; readonly replication: number }; io: Io },
): Promise<void> {
  const { partitions, replication } = size;
  for (const topic of await createTopics(client, plannedTopics(wanted, { partitions, replication }))) {
    io.stdout(`created  ${topic}: ${partitions} partitions, replication ${replication}\n`);
  }
}

async function verify(client: KafkaClient, wanted: Topics, io: Io): Promise<number> {
  const problems = await verifyTopics(client, wanted);
  for (const { severity, topic, problem, remedy } of problems) {
    io.stderr(`${severity === "error" ? "wrong  " : "warning"}  ${topic} ${problem}; ${remedy}\n`);
  }
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (errors > 0) return EXIT.failed;
  io.stdout("ok       every topic is as it must be\n");
  return EXIT.ok;
}
