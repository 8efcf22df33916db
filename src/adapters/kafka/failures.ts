// What an error of kafkajs means to the shell: a code from a bounded set and a disposition. Owns the
// classification; who retries and how often is the caller's.

import { BrokerFailure } from "../../runtime/ports.ts";
import type { Disposition } from "../../runtime/ports.ts";

/** Will never succeed, however often it is tried. */
const HALT: ReadonlySet<string> = new Set([
  "CLUSTER_AUTHORIZATION_FAILED",
  "FENCED_INSTANCE_ID",
  "GROUP_AUTHORIZATION_FAILED",
  "GROUP_MAX_SIZE_REACHED",
  "INCONSISTENT_GROUP_PROTOCOL",
  "INVALID_COMMIT_OFFSET_SIZE",
  "INVALID_CONFIG",
  "INVALID_GROUP_ID",
  "INVALID_PARTITIONS",
  "INVALID_RECORD",
  "INVALID_REPLICATION_FACTOR",
  "INVALID_REQUIRED_ACKS",
  "INVALID_SESSION_TIMEOUT",
  "INVALID_TIMESTAMP",
  "INVALID_TOPIC_EXCEPTION",
  "MESSAGE_TOO_LARGE",
  "OFFSET_METADATA_TOO_LARGE",
  "OFFSET_OUT_OF_RANGE",
  "POLICY_VIOLATION",
  "SASL_AUTHENTICATION_FAILED",
  "SECURITY_DISABLED",
  "TOPIC_AUTHORIZATION_FAILED",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
  "UNSUPPORTED_SASL_MECHANISM",
  "UNSUPPORTED_VERSION",
]);

const REJOIN: ReadonlySet<string> = new Set(["ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS", "UNKNOWN_MEMBER_ID"]);

/** kafkajs's own errors, which carry no protocol type. */
const CLIENT_CODES: Readonly<Record<string, string>> = {
  KafkaJSBrokerNotFound: "BROKER_NOT_FOUND",
  KafkaJSConnectionClosedError: "CONNECTION_CLOSED",
  KafkaJSConnectionError: "CONNECTION",
  KafkaJSGroupCoordinatorNotFound: "COORDINATOR_NOT_FOUND",
  KafkaJSLockTimeout: "CONNECTION_LOCK",
  KafkaJSMetadataNotLoaded: "METADATA",
  KafkaJSNoBrokerAvailableError: "BROKER_NOT_FOUND",
  KafkaJSRequestTimeoutError: "REQUEST_TIMEOUT",
  KafkaJSSASLAuthenticationError: "SASL_AUTHENTICATION_FAILED",
  KafkaJSServerDoesNotSupportApiKey: "UNSUPPORTED_VERSION",
  KafkaJSTopicMetadataNotLoaded: "METADATA",
};

/**
 * Of what failed while it authenticated kafkajs keeps only the words, and calls all of it a refusal: a connection lost
 * meanwhile, as by a broker that restarts, must not end the process.
 */
const LOST_WHILE_AUTHENTICATING = /: (?:Closed connection|Connection error|Not connected|Request .* timed out)/u;

/** A batch over the segment's size is refused as a whole, like a record over the limit. */
const SAME_AS: Readonly<Record<string, string>> = { RECORD_LIST_TOO_LARGE: "MESSAGE_TOO_LARGE" };

/**
 * The failure behind an error. A BrokerFailure is returned as it is.
 * @param doing for the message: "append to holdfast.commands partition 3"
 * @throws the error itself when it is a bug (not the world's fault)
 */
export function brokerFailure(error: unknown, doing: string): BrokerFailure {
  const origin = originOf(error);
  if (origin instanceof BrokerFailure) return origin; // of a part that the client asks, such as its tokens
  const code = origin.type ?? clientCode(origin) ?? socketCode(origin) ?? kafkajsCode(origin);
  if (code === undefined) throw error;
  const known = SAME_AS[code] ?? code;
  const disposition: Disposition = HALT.has(known) ? "halt" : REJOIN.has(known) ? "rejoin" : "retry";
  return new BrokerFailure(`could not ${doing}: ${origin.message} (${known})`, {
    disposition,
    code: known,
    cause: error,
  });
}

interface Origin {
  readonly name: string;
  readonly message: string;
  /** The protocol's name of the error. */
  readonly type?: string;
  readonly code?: unknown;
}

/** kafkajs wraps what happened in "retries exceeded" and "not retriable" errors. */
function originOf(error: unknown): Origin {
  let origin = error as Origin & { cause?: unknown };
  for (let depth = 0; depth < 8 && origin.type === undefined && origin.cause instanceof Error; depth += 1) {
    if (origin instanceof BrokerFailure) break;
    origin = origin.cause;
  }
  return origin;
}

function clientCode({ name, message }: Origin): string | undefined {
  const code = CLIENT_CODES[name];
  return code === "SASL_AUTHENTICATION_FAILED" && LOST_WHILE_AUTHENTICATING.test(message) ? "CONNECTION" : code;
}

/** Node's: ECONNREFUSED and its like. */
function socketCode({ code }: Origin): string | undefined {
  return typeof code === "string" && /^E[A-Z]{4,}$/u.test(code) ? "CONNECTION" : undefined;
}

/** "Broker not connected" is thrown, as a plain error, when a broker is used while it is being connected. */
function kafkajsCode({ name, message }: Origin): string | undefined {
  if (message === "Broker not connected") return "CONNECTION";
  return name?.startsWith("KafkaJS") ? "CLIENT" : undefined;
}
