// The topics of a fraud desk's test on a real broker: made, registered, written to as the processor and an
// enforcing service would, and read as they would.

import type { TestContext } from "node:test";
import { registeredEncoder } from "../../../src/adapters/registered-encoder.ts";
import { createKafkaClient } from "../../../src/adapters/kafka/client.ts";
import type { KafkaClient } from "../../../src/adapters/kafka/client.ts";
import { readTopic } from "../../../src/adapters/kafka/reader.ts";
import type { ReadRecord, TopicReader } from "../../../src/adapters/kafka/reader.ts";
import { createTopics, plannedTopics } from "../../../src/adapters/kafka/topics.ts";
import { createKeyedWriter } from "../../../src/adapters/kafka/writer.ts";
import { RecordDecoder } from "../../../src/adapters/record-decoder.ts";
import { createRegistry } from "../../../src/adapters/registry.ts";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../../src/adapters/schema-files.ts";
import type { SchemaFile } from "../../../src/adapters/schema-files.ts";
import { SETTING_NAMES, topicsOf } from "../../../src/config.ts";
import type { Settings } from "../../../src/config.ts";
import { readSettings } from "../../../src/config/settings-reader.ts";
import type { Ack, Decision } from "../../../src/core/decision.ts";
import type { Command, Detection } from "../../../src/core/output.ts";
import { SILENT } from "../../../src/runtime/telemetry.ts";
import type { Topics } from "../../../src/runtime/topics.ts";
import type { TestCluster } from "../../cluster.ts";

export const PARTITIONS = 3;

interface OwnTopics {
  readonly commands: Command;
  readonly detections: Detection;
  readonly decisions: Decision;
  readonly acks: Ack;
}
type Role = keyof OwnTopics;

export interface DeskTopics {
  readonly client: KafkaClient;
  readonly topics: Topics;
  /** Settings as variables. */
  readonly env: Readonly<Record<string, string>>;
  write<R extends Role>(role: R, value: OwnTopics[R], key?: string): Promise<void>;
  writeBytes(role: Role, key: string, value: Buffer): Promise<void>;
  /** Everything the topic holds by now. */
  all<R extends Role>(role: R): Promise<OwnTopics[R][]>;
  /** Hears what is appended from now on. The test's end waits for what a listener has begun. */
  hear<R extends Role>(role: R, listener: (value: OwnTopics[R]) => unknown): Promise<void>;
}

export async function openDeskTopics(t: TestContext, kafka: TestCluster): Promise<DeskTopics> {
  const env = {
    HOLDFAST_KAFKA_BROKERS: kafka.brokers.join(","),
    HOLDFAST_REGISTRY_URL: kafka.registryUrl,
    HOLDFAST_TOPIC_PREFIX: kafka.prefix,
    HOLDFAST_PARTITIONS: String(PARTITIONS),
    HOLDFAST_REPLICATION: "1",
  };
  const topics = topicsOf(settingsOf(env));
  const client = createKafkaClient({ brokers: kafka.brokers, clientId: "test" });
  await createTopics(client, plannedTopics(topics, { partitions: PARTITIONS, replication: 1 }));
  const registry = createRegistry({ url: kafka.registryUrl, telemetry: SILENT });
  const { command, detection, decision, ack } = await loadSchemas(SCHEMAS_DIRECTORY);
  const files: Record<Role, SchemaFile> = { commands: command, detections: detection, decisions: decision, acks: ack };
  const encoders = new Map<Role, (record: object) => Buffer>();
  for (const role of Object.keys(files) as Role[]) {
    encoders.set(role, await registeredEncoder(registry, { topic: topics[role], file: files[role] }));
  }
  const writer = createKeyedWriter(client);
  const readers: TopicReader[] = [];
  const begun: Promise<unknown>[] = [];
  t.after(async () => {
    for (const reader of readers) reader.stop();
    await Promise.all(begun).finally(() => writer.close());
  });

  return {
    client,
    topics,
    env,
    async write(role, value, key) {
      const own = "accountId" in value ? value.accountId : Object.values(value.group).join("/");
      await writer.write(topics[role], [{ key: key ?? own, value: encoders.get(role)!(value) }]);
    },
    async writeBytes(role, key, value) {
      await writer.write(topics[role], [{ key, value }]);
    },
    async all<R extends Role>(role: R) {
      const decoder = new RecordDecoder<OwnTopics[R]>(registry, files[role]);
      const values: (Buffer | null)[] = [];
      const reader = await readTopic({ client, topic: topics[role], from: "start", until: "end" }, ({ value }) =>
        values.push(value && Buffer.from(value)),
      );
      await reader.done;
      return Promise.all(values.map((value) => decoder.decode(value)));
    },
    async hear<R extends Role>(role: R, listener: (value: OwnTopics[R]) => unknown) {
      const decoder = new RecordDecoder<OwnTopics[R]>(registry, files[role]);
      const onRecord = ({ value }: ReadRecord): void => void begun.push(decoder.decode(value).then(listener));
      readers.push(await readTopic({ client, topic: topics[role], from: "end" }, onRecord));
    },
  };
}

function settingsOf(env: Readonly<Record<string, string>>): Settings {
  const read = readSettings(SETTING_NAMES, { env, flags: {} });
  if ("problems" in read) throw new Error(read.problems.join("\n"));
  return read.settings;
}
