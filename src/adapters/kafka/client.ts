// The settings every part of the Kafka adapter shares, and the making of connections from them. Owns TLS
// and SASL pass-through, time-outs and where the library's own log lines go. Opens nothing by itself.

import type { ConnectionOptions } from "node:tls";
import { patchConnection } from "./connection-patch.ts";
import { kafkajs } from "./kafkajs.ts";
import type { Admin, Cluster, LogEntry, SASLOptions } from "./kafkajs.ts";
import { patchMetadata } from "./metadata-patch.ts";
import { patchRequestQueue } from "./request-queue-patch.ts";

export interface KafkaConnection {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** Milliseconds to wait for an answer; as long goes by until a broker that hangs is noticed. Default 5,000. */
  readonly requestTimeoutMs?: number;
  /** Receives the library's own lines; by default they are dropped (every failure reaches its caller anyway). */
  readonly onLog?: (line: KafkaLogLine) => void;
}

export interface KafkaLogLine {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface KafkaClient {
  /** Connections of their own, not opened yet. */
  cluster(): Cluster;
  /** kafkajs's administration client, not connected yet. */
  admin(): Admin;
}

const CONNECTION_TIMEOUT_MS = 3_000;
const METADATA_MAX_AGE_MS = 60_000;

export function createKafkaClient(connection: KafkaConnection): KafkaClient {
  patchRequestQueue();
  patchConnection();
  patchMetadata();
  const { clientId, sasl, onLog, requestTimeoutMs = 5_000 } = connection;
  const brokers = [...connection.brokers];
  const ssl = connection.ssl === false ? undefined : connection.ssl;
  const logCreator = () => (entry: LogEntry) => onLog?.(logLine(entry));
  // No more than it takes to try every broker of the list once; all other loops are the callers'.
  const retry = { retries: brokers.length, initialRetryTime: 20, maxRetryTime: 100 };
  const shared = {
    brokers,
    clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry,
  };
  const logger = kafkajs.createLogger({ level: kafkajs.logLevel.INFO, logCreator });
  return {
    cluster: () =>
      new kafkajs.Cluster({
        ...shared,
        ssl,
        sasl,
        logger,
        socketFactory: kafkajs.createSocketFactory(),
        metadataMaxAge: METADATA_MAX_AGE_MS,
        allowAutoTopicCreation: false,
      }),
    admin: () =>
      new kafkajs.Kafka({
        ...shared,
        ...(ssl === undefined ? {} : { ssl }),
        ...(sasl === undefined ? {} : { sasl }),
        logCreator,
        logLevel: kafkajs.logLevel.INFO,
      }).admin(),
  };
}

function logLine({ label, namespace, log }: LogEntry): KafkaLogLine {
  const { message, ...fields } = log;
  return { level: label.toLowerCase() as KafkaLogLine["level"], message, fields: { ...fields, namespace } };
}
