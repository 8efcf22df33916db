// The fraud desk's way to broker and registry, and one clear message when they do not answer.

import { createKafkaClient } from "../../adapters/kafka/client.ts";
import { createRegistry } from "../../adapters/registry.ts";
import { SCHEMAS_DIRECTORY, loadSchemas } from "../../adapters/schema-files.ts";
import { topicsOf } from "../../config.ts";
import type { KAFKA_SETTINGS, REGISTRY_SETTINGS, Settings, TOPIC_SETTINGS } from "../../config.ts";
import { kafkaConnection } from "../../config/kafka-connection.ts";
import { registryConnection } from "../../config/registry-connection.ts";
import { BrokerFailure } from "../../runtime/ports.ts";
import { SILENT } from "../../runtime/telemetry.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import type { Cluster } from "./account-records.ts";

export type DeskSettings = Pick<
  Settings,
  (typeof KAFKA_SETTINGS)[number] | (typeof REGISTRY_SETTINGS)[number] | (typeof TOPIC_SETTINGS)[number]
>;

/** Runs `ask` with connections that open when used. */
export async function answered(
  options: DeskSettings,
  io: Io,
  ask: (cluster: Cluster) => Promise<number>,
): Promise<number> {
  const cluster = {
    client: createKafkaClient(kafkaConnection(options)),
    registry: createRegistry({ ...registryConnection(options), telemetry: SILENT }),
    schemas: await loadSchemas(SCHEMAS_DIRECTORY),
    topics: topicsOf(options),
    signal: io.signal,
  };
  try {
    return await ask(cluster);
  } catch (error) {
    if (io.signal.aborted) return EXIT.failed;
    if (isFileError(error)) io.stderr(`${error.message}\n`);
    else if (error instanceof BrokerFailure) io.stderr(`${error.message}\n${remedyOf(error, options)}\n`);
    else throw error;
    return EXIT.failed;
  }
}

function remedyOf({ code }: BrokerFailure, options: DeskSettings): string {
  if (code.startsWith("REGISTRY")) return "Is the registry running, and --registry-url its Confluent API?";
  if (code === "UNKNOWN_TOPIC_OR_PARTITION") return "Are --topic-prefix and the topics' names those of the processor?";
  return `Do the brokers run at ${options.kafkaBrokers.join(", ")}, and may this client ask them?`;
}

function isFileError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error && "path" in error;
}
