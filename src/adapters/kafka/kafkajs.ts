// The one door to kafkajs: its public entry and the internal modules the adapter builds on, with types for
// what is used of them. Owns the check that this is the release the adapter was written against. Leaves
// patches to the *-patch.ts files.
//
// Why internals: kafkajs's consumer commits a default offset on "out of range" (wiping the metadata that is
// our checkpoint), stops every fetch while one batch is processed, retries commits under whatever
// generation is current, and decodes some 100,000 records a second. Its connections, protocol and cluster
// metadata are sound; those are what is taken from it.

import { createRequire } from "node:module";
import type { Admin, ConfigResourceTypes, KafkaConfig, logLevel, SASLOptions } from "kafkajs";

export type { Admin, SASLOptions } from "kafkajs";

const require = createRequire(import.meta.url);
const EXPECTED = "2.2.4";

/** What is used of kafkajs's logger. */
export interface Logger {
  namespace(name: string): Logger;
}

export interface LogEntry {
  readonly namespace: string;
  readonly label: string;
  readonly log: { readonly message: string } & Readonly<Record<string, unknown>>;
}

export interface Socket {
  cork(): void;
  uncork(): void;
  write(data: Buffer): boolean;
  destroy(): void;
  on(event: "data", listener: (data: Buffer) => void): void;
  on(event: "end" | "close", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly connectionTimeout: number;
  readonly socketFactory: (options: { host: string; port: number; ssl: unknown; onConnect: () => void }) => Socket;
  readonly requestQueue: RequestQueue;
  readonly clientId: string;
  socket: Socket | null | undefined;
  connectionStatus: "connected" | "disconnected";
  authenticatedAt: unknown;
  /** Set while a log-in waits for its answer. */
  readonly authHandlers: { onError(): void } | null;
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  connect(): Promise<true>;
  disconnect(): Promise<boolean>;
  isConnected(): boolean;
  /** False for one that needs no log-in, too. */
  isAuthenticated(): boolean;
  /** Logs in where that is needed; does nothing where it is not. */
  authenticate(): Promise<void>;
  failIfNotConnected(): void;
  nextCorrelationId(): number;
  processData(data: Buffer): void;
  rejectRequests(error: Error): void;
}

export interface QueuedRequest {
  readonly entry: {
    readonly apiKey: number;
    readonly apiName: string;
    readonly apiVersion: number;
    readonly correlationId: number;
    resolve(answer: { readonly payload: Buffer }): void;
    reject(error: Error): void;
  };
  readonly expectResponse: boolean;
  readonly requestTimeout: number;
  sendRequest(): void;
}

export interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: readonly unknown[];
  /** Sends it now or, while too many are under way or the broker throttles, later. */
  push(request: QueuedRequest): void;
  maybeThrottle(ms: number): void;
  checkPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  destroy(): void;
  scheduleCheckPendingRequests(): void;
}

export interface Encoder {
  readonly buffer: Buffer;
  writeBuffer(buffer: Buffer): Encoder;
}

export interface JoinedGroup {
  readonly generationId: number;
  readonly groupProtocol: string;
  readonly leaderId: string;
  readonly memberId: string;
  /** Filled for the leader only. */
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface TopicOf<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

/** A node of the cluster. Every call throws kafkajs's errors, also for the first partition refused. */
export interface Broker {
  readonly nodeId: number;
  /** By API key, once connected. */
  readonly versions?: Readonly<Record<number, { readonly maxVersion: number }>> | null;
  readonly connectionPool: {
    readonly pool: readonly Connection[];
    /** Connected; fetches have one of their own. */
    getConnectionByRequest(of: { readonly request: { readonly apiKey: number } }): Promise<Connection>;
  };
  findGroupCoordinator(options: { groupId: string }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
  joinGroup(options: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: readonly { name: string; metadata: Buffer }[];
  }): Promise<JoinedGroup>;
  syncGroup(options: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(options: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(options: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(options: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: readonly TopicOf<{ partition: number; offset: number; metadata: string }>[];
  }): Promise<unknown>;
  offsetFetch(options: { groupId: string; topics: readonly TopicOf<{ partition: number }>[] }): Promise<{
    readonly responses: readonly TopicOf<{ partition: number; offset: string; metadata: string | null }>[];
  }>;
  /** One topic a call: its answer's errors are looked up under the first one. */
  deleteRecords(options: { topics: readonly TopicOf<{ partition: number; offset: number }>[] }): Promise<unknown>;
}

export interface Cluster {
  readonly brokerPool: {
    readonly brokers: Readonly<Record<string, Broker>>;
    readonly seedBroker?: Broker;
    findConnectedBroker(): Promise<Broker>;
  };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findBroker(options: { nodeId: number }): Promise<Broker>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[];
}

export interface ClusterOptions {
  readonly logger: Logger;
  readonly socketFactory: unknown;
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl: KafkaConfig["ssl"] | undefined;
  readonly sasl: SASLOptions | undefined;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
  readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
}

export interface MetadataAnswer {
  readonly topicMetadata: readonly { readonly topicErrorCode: number }[];
}

interface MemberProtocol<T> {
  encode(value: T): Buffer;
  decode(bytes: Buffer): T;
}

interface Modules {
  readonly Cluster: new (options: ClusterOptions) => Cluster;
  readonly Connection: { readonly prototype: Connection };
  readonly RequestQueue: { readonly prototype: RequestQueue };
  readonly Encoder: new (initialSize?: number) => Encoder;
  readonly MemberMetadata: MemberProtocol<{ version: number; topics: readonly string[]; userData: Buffer }>;
  readonly MemberAssignment: {
    encode(value: { version: number; assignment: Readonly<Record<string, readonly number[]>> }): Buffer;
    /** null: an empty assignment. */
    decode(bytes: Buffer): { assignment: Readonly<Record<string, readonly number[]>> } | null;
  };
  /** Of every version of the request. */
  readonly metadataResponses: readonly { parse(answer: MetadataAnswer): Promise<MetadataAnswer> }[];
  readonly ConnectionError: new (message: string) => Error;
  readonly createErrorFromCode: (code: number) => Error;
  readonly createSocketFactory: () => unknown;
  readonly createLogger: (options: { level: number; logCreator: () => (entry: LogEntry) => void }) => Logger;
  readonly ConfigResourceTypes: typeof ConfigResourceTypes;
  readonly logLevel: typeof logLevel;
  readonly Kafka: new (config: KafkaConfig) => { admin(): Admin };
}

const { version } = require("kafkajs/package.json") as { version: string };
if (version !== EXPECTED) {
  throw new Error(
    `kafkajs ${version} is installed, but the Kafka adapter builds on the internals of ${EXPECTED}: ` +
      `install exactly that release, or check every module listed in adapters/kafka/kafkajs.ts against the new one`,
  );
}

const kafkajsEntry = require("kafkajs");
const { MemberMetadata, MemberAssignment } = require("kafkajs/src/consumer/assignerProtocol");
const { KafkaJSConnectionError } = require("kafkajs/src/errors");
const { createErrorFromCode } = require("kafkajs/src/protocol/error");
const { createLogger } = require("kafkajs/src/loggers");
const { versions: metadataVersions } = require("kafkajs/src/protocol/requests/metadata") as { versions: string[] };

export const kafkajs: Modules = {
  Cluster: require("kafkajs/src/cluster"),
  Connection: require("kafkajs/src/network/connection"),
  RequestQueue: require("kafkajs/src/network/requestQueue"),
  Encoder: require("kafkajs/src/protocol/encoder"),
  MemberMetadata,
  MemberAssignment,
  metadataResponses: metadataVersions.map((v) => require(`kafkajs/src/protocol/requests/metadata/v${v}/response`)),
  ConnectionError: KafkaJSConnectionError,
  createErrorFromCode,
  createSocketFactory: require("kafkajs/src/network/socketFactory"),
  createLogger,
  ConfigResourceTypes: kafkajsEntry.ConfigResourceTypes,
  logLevel: kafkajsEntry.logLevel,
  Kafka: kafkajsEntry.Kafka,
};
