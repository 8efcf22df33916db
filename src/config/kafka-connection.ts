// From the settings to what the Kafka adapter needs to connect.

import type { KafkaConnection } from "../adapters/kafka/client.ts";
import { bearerTokens } from "../adapters/kafka/bearer-token.ts";
import type { BearerToken } from "../adapters/kafka/bearer-token.ts";
import type { KAFKA_SETTINGS, Settings } from "../config.ts";
import type { AccessSettings } from "./access-settings.ts";

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

type LoginSettings = Pick<AccessSettings, Extract<(typeof KAFKA_SETTINGS)[number], keyof AccessSettings>>;

function loginOf(settings: LoginSettings): Pick<KafkaConnection, "sasl"> {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPasswordFile: secret } = settings;
  const password = secret?.reveal();
  if (mechanism === "oauthbearer") {
    const token = tokenOf(settings, { username, password });
    return token === undefined ? {} : { sasl: { mechanism, oauthBearerProvider: bearerTokens(token) } };
  }
  if (mechanism === undefined || username === undefined || password === undefined) return {};
  return { sasl: { mechanism, username, password } };
}

function tokenOf(
  { kafkaSaslTokenPath: path, kafkaSaslTokenUrl: endpoint, kafkaSaslTokenScope: scope }: LoginSettings,
  { username, password }: { username: string | undefined; password: string | undefined },
): BearerToken | undefined {
  if (path !== undefined) return { path };
  if (endpoint === undefined || username === undefined || password === undefined) return undefined;
  return { endpoint, clientId: username, clientSecret: password, ...(scope === undefined ? {} : { scope }) };
}
