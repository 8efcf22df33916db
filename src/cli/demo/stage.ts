// The demo's own connections to broker and registry: the exchange's producers, and the enforcer's consumer and
// producer. Owns topics, schemas and wire format of the demo's side; shares nothing with the Holdfast
// processes but what any exchange would share.

import { setTimeout as sleep } from "node:timers/promises";
import { createCodec, subjectOf } from "../../adapters/codec.ts";
import { createKafkaClient } from "../../adapters/kafka/client.ts";
import { readTopic } from "../../adapters/kafka/reader.ts";
import type { ReadRecord } from "../../adapters/kafka/reader.ts";
import { createTopics, plannedTopics } from "../../adapters/kafka/topics.ts";
import { createKeyedWriter } from "../../adapters/kafka/writer.ts";
import { registeredEncoder } from "../../adapters/registered-encoder.ts";
import { createRegistry } from "../../adapters/registry.ts";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../adapters/schema-files.ts";
import { systemClock } from "../../adapters/system-clock.ts";
import { SETTING_NAMES, topicsOf } from "../../config.ts";
import type { Settings } from "../../config.ts";
import { kafkaConnection } from "../../config/kafka-connection.ts";
import { registryConnection } from "../../config/registry-connection.ts";
import { readSettings } from "../../config/settings-reader.ts";
import type { ExchangeEvent, Service } from "../../core/event.ts";

import type { Evidence } from "../../core/output.ts";
import type { Duration, Instant } from "../../core/time.ts";
import { SECOND } from "../../core/time.ts";
import { SILENT } from "../../runtime/telemetry.ts";
import type { Stage } from "./performance.ts";

export interface OpenStage extends Stage {
  /** What is under way is cut off, which is no failure. */
  close(): Promise<void>;
}

export interface StageOptions {
  /** Settings as variables, the same that the Holdfast processes get. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** The commands cannot be read any more, or not be answered. */
  readonly onFailure: (why: Error) => void;
}

/** Evidence that the reader has not met by then is not found. */
const FIND_WITHIN: Duration = 5 * SECOND;
const LOOK_AGAIN: Duration = 20;

/** Creates the topics, registers the schemas and connects. @throws BrokerFailure; Error with every wrong setting */
export async function openStage(options: StageOptions): Promise<OpenStage> {
  const settings = settingsOf(options.env);
  const topics = topicsOf(settings);
  const client = createKafkaClient(kafkaConnection(settings));
  const { partitions, replication } = settings;
  await createTopics(client, plannedTopics(topics, { partitions, replication }));
  const registry = createRegistry({ ...registryConnection(settings), telemetry: SILENT });
  const schemas = await loadSchemas(SCHEMAS_DIRECTORY);
  await registry.register(subjectOf(topics.signals), schemas.signal.text);
  await registry.register(subjectOf(topics.commands), schemas.command.text);
  await registry.register(subjectOf(topics.detections), schemas.detection.text);
  const encodeAck = await registeredEncoder(registry, { topic: topics.acks, file: schemas.ack });
  const appenders = await Promise.all(
    topics.inputs.map(async ({ topic, service }): Promise<Appender> => {
      const encode = await registeredEncoder(registry, { topic, file: schemas.events[service] });
      return { topic, service, encode };
    }),
  );
  const writer = createKeyedWriter(client, { patienceMs: Infinity, signal: options.signal });
  // Of its own: no event waits behind an answer.
  const answerer = createKeyedWriter(client, { patienceMs: Infinity, signal: options.signal });
  let answered: Promise<unknown> = Promise.resolve();
  let closed = false;
  const fail = (why: unknown): void => {
    if (!closed) options.onFailure(why as Error);
  };
  const codec = createCodec({ ...options, registry, schemas, topics, clock: systemClock, telemetry: SILENT });
  const arrivals = makeArrivals();
  const readers = await Promise.all(
    topics.inputs.map(({ topic }) => readTopic({ client, topic, from: "start" }, (record) => arrivals.add(record))),
  );

  return {
    async append(postings) {
      // Three services append: each its own events in order, none waits for another.
      await Promise.all(
        appenders.map(({ topic, service, encode }) => {
          const own = postings.filter((posting) => posting.service === service);
          // What is sent again may be appended twice: the event's id makes that one event.
          return writer.write(
            topic,
            own.map(({ event }) => ({ key: event.accountId, value: encode(event) })),
          );
        }),
      );
    },
    async listen(onCommand) {
      let before = Promise.resolve();
      const reader = await readTopic({ client, topic: topics.commands, from: "start" }, ({ value, timestamp }) => {
        // Decoding may wait for a schema; commands are heard in the log's order all the same.
        before = before
          .then(async () => {
            const command = await codec.decodeCommand(value ?? Buffer.alloc(0));
            onCommand({ command, appendedAt: timestamp, evidenceAt: arrivals.latest(command.evidence) });
          })
          .catch(fail);
      });
      reader.done.catch(fail);
      readers.push(reader);
    },
    acknowledge(ack) {
      answered = answered
        .then(() => answerer.write(topics.acks, [{ key: ack.accountId, value: encodeAck(ack) }]))
        .catch(fail);
    },
    async close() {
      closed = true;
      for (const reader of readers) reader.stop();
      writer.close();
      answerer.close();
      await answered;
    },
  };
}

function settingsOf(env: StageOptions["env"]): Settings {
  const read = readSettings(SETTING_NAMES, { env, flags: {} });
  if ("problems" in read) throw new Error(read.problems.join("\n"));
  return read.settings;
}

interface Appender {
  readonly topic: string;
  readonly service: Service;
  readonly encode: (event: ExchangeEvent) => Buffer;
}

interface Arrivals {
  add(record: ReadRecord): void;
  /** Broker time of the record appended last; undefined when one of them does not turn up. */
  latest(evidence: readonly Evidence[]): Promise<Instant | undefined>;
}

/** When the broker appended which input record, as its own log says. */
function makeArrivals(): Arrivals {
  const appendedAt = new Map<string, Instant>();
  const place = ({ topic, partition, offset }: Pick<Evidence, "topic" | "partition" | "offset">): string =>
    `${topic}/${partition}/${offset}`;
  return {
    add: (record) => void appendedAt.set(place(record), record.timestamp),
    async latest(evidence) {
      const deadline = Date.now() + FIND_WITHIN;
      for (;;) {
        const times = evidence.map((each) => appendedAt.get(place(each)));
        if (times.every((time) => time !== undefined)) return times.length === 0 ? undefined : Math.max(...times);
        if (Date.now() > deadline) return undefined;
        await sleep(LOOK_AGAIN);
      }
    },
  };
}
