// From the settings to what the Kafka adapter needs to connect.

import type { KafkaConnection } from "../adapters/kafka/client.ts";
import type { KAFKA_SETTINGS, Settings } from "../config.ts";

/** The reader has checked that what belongs together is there together. */
export function kafkaConnection(settings: Pick<Settings, (typeof KAFKA_SETTINGS)[number]>): KafkaConnection {
  const { kafkaBrokers: brokers, kafkaClientId: clientId } = settings;
  return { brokers, clientId, ...tlsOf(settings), ...loginOf(settings) };
}

type TlsSettings = Pick<Settings, "kafkaSsl" | "kafkaSslCaFile" | "kafkaSslCertFile" | "kafkaSslKeyFile">;

function tlsOf(settings: TlsSettings): Pick<KafkaConnection, "ssl"> {
  if (!settings.kafkaSsl) return {};
  const { kafkaSslCaFile: ca, kafkaSslCertFile: cert, kafkaSslKeyFile: key } = settings;
  return { ssl: { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert, key }) } };
}

type LoginSettings = Pick<Settings, "kafkaSaslMechanism" | "kafkaSaslUsername" | "kafkaSaslPasswordFile">;

function loginOf(settings: LoginSettings): Pick<KafkaConnection, "sasl"> {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPasswordFile: secret } = settings;
  if (mechanism === undefined || username === undefined || secret === undefined) return {};
  return { sasl: { mechanism, username, password: secret.reveal() } };
}
