// Kafka's Metadata, version 12 (brokers since 3.1), for one thing only: the ids of topics (KIP-516), which a topic
// that was deleted and created anew does not share with the one before. kafkajs knows Metadata without ids.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { Connections } from "./connections.ts";
import { brokerFailure } from "./failures.ts";
import { kafkajs } from "./kafkajs.ts";
import type { Broker } from "./kafkajs.ts";
import { sendRequest } from "./request.ts";
import type { Throttled } from "./request.ts";
import { WireReader, WireWriter } from "./wire.ts";

const METADATA = 3;
const VERSION = 12;
const NO_ID = Buffer.alloc(16).toString("base64url");

interface MetadataAnswer extends Throttled {
  readonly topics: readonly { readonly code: number; readonly topic: string; readonly id: string }[];
}

/**
 * @returns by topic, in base64url
 * @throws BrokerFailure; with code UNKNOWN_TOPIC_OR_PARTITION when one is missing
 */
export async function topicIds(connections: Connections, topics: readonly string[]): Promise<Map<string, string>> {
  try {
    const cluster = await connections.ready(topics);
    const broker = await cluster.brokerPool.findConnectedBroker();
    insistOnIds(broker);
    const answer = await sendRequest(broker, {
      apiKey: METADATA,
      apiVersion: VERSION,
      apiName: "Metadata",
      isFlexible: true,
      body: [encodeRequest(topics)],
      decode: decodeAnswer,
      timeoutMs: 0,
    });
    for (const { code } of answer.topics) if (code !== 0) throw kafkajs.createErrorFromCode(code);
    return new Map(answer.topics.map(({ topic, id }) => [topic, id]));
  } catch (error) {
    connections.suspect(error);
    throw brokerFailure(error, `read the ids of ${topics.join(", ")}`);
  }
}

/** One that does not know the version would hang up without a word. */
function insistOnIds({ versions }: Broker): void {
  if ((versions?.[METADATA]?.maxVersion ?? VERSION) >= VERSION) return;
  const message = "the brokers do not tell the ids of topics: Kafka 3.1 or later is needed";
  throw new BrokerFailure(message, { disposition: "halt", code: "UNSUPPORTED_VERSION" });
}

function encodeRequest(topics: readonly string[]): Buffer {
  const writer = new WireWriter(64 + topics.length * 48).compactArray(topics.length);
  for (const topic of topics) writer.uuid(NO_ID).compactString(topic).noTags();
  return writer.int8(0).int8(0).noTags().take(); // create none, tell no authorised operations
}

function decodeAnswer(payload: Buffer): MetadataAnswer {
  const reader = new WireReader(payload);
  reader.tags();
  const throttleMs = reader.int32();
  reader.compactArray(skipBroker);
  reader.compactString(); // cluster id
  reader.int32(); // controller
  const topics = reader.compactArray(() => {
    const topic = { code: reader.int16(), topic: reader.compactString(), id: reader.uuid() };
    reader.int8(); // internal
    reader.compactArray(skipPartition);
    reader.int32(); // authorised operations
    reader.tags();
    return topic;
  });
  return { throttleMs, topics };
}

function skipBroker(reader: WireReader): void {
  reader.int32(); // node id
  reader.compactString(); // host
  reader.int32(); // port
  reader.compactString(); // rack
  reader.tags();
}

function skipPartition(reader: WireReader): void {
  reader.int16(); // error
  for (let field = 0; field < 3; field += 1) reader.int32(); // partition, leader, leader epoch
  for (let list = 0; list < 3; list += 1) reader.compactArray(() => reader.int32()); // replicas, in sync, offline
  reader.tags();
}
