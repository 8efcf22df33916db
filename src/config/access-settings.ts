// The settings of how to log in to the brokers and the registry: rows of the table in config.ts. Secrets come
// from files only, so that they show in no process list. What must hold between them is access-problems.ts's.

import type { Setting } from "../config.ts";
import { choice, pemFile, secretFile, text, tokenPath, url } from "./setting-kinds.ts";
import type { Secret } from "./setting-kinds.ts";

export type SaslMechanism = "plain" | "scram-sha-256" | "scram-sha-512" | "oauthbearer";

/** A setting whose name ends in `File` holds what the file holds, one that ends in `Path` where it lies. */
export interface AccessSettings {
  readonly kafkaSaslMechanism: SaslMechanism | undefined;
  readonly kafkaSaslUsername: string | undefined;
  readonly kafkaSaslPasswordFile: Secret | undefined;
  readonly kafkaSaslTokenPath: string | undefined;
  readonly kafkaSaslTokenUrl: string | undefined;
  readonly kafkaSaslTokenScope: string | undefined;
  readonly registryUsername: string | undefined;
  readonly registryPasswordFile: Secret | undefined;
  readonly registryTokenPath: string | undefined;
  readonly registrySslCaFile: string | undefined;
}

export const ACCESS_SETTINGS: { readonly [K in keyof AccessSettings]: Setting<AccessSettings[K]> } = {
  kafkaSaslMechanism: {
    section: "Kafka",
    kind: choice(["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"]),
    default: "none",
    doc: "How to log in to the brokers. Without it, no log-in. `oauthbearer` needs a token's path, or a token URL with user name (client id) and password (client secret).",
  },
  kafkaSaslUsername: {
    section: "Kafka",
    kind: text(),
    default: "none",
    doc: "User name of the log-in; the client id of a token URL.",
  },
  kafkaSaslPasswordFile: {
    section: "Kafka",
    kind: secretFile(),
    default: "none",
    doc: "Password of the log-in; the client secret of a token URL. From a file only, so that it shows in no process list.",
  },
  kafkaSaslTokenPath: {
    section: "Kafka",
    kind: tokenPath(),
    default: "none",
    doc: "File with the bearer token for `oauthbearer`. Read at every log-in, so that it may be replaced while running (a projected service account token).",
  },
  kafkaSaslTokenUrl: {
    section: "Kafka",
    kind: url(),
    default: "none",
    doc: "Token endpoint for `oauthbearer` (OAuth 2.0, client credentials).",
  },
  kafkaSaslTokenScope: {
    section: "Kafka",
    kind: text(),
    default: "none",
    doc: "Scope to ask the token endpoint for.",
  },
  registryUsername: {
    section: "Schema registry",
    kind: text(),
    default: "none",
    doc: "User name of HTTP basic authentication.",
  },
  registryPasswordFile: {
    section: "Schema registry",
    kind: secretFile(),
    default: "none",
    doc: "Password of HTTP basic authentication.",
  },
  registryTokenPath: {
    section: "Schema registry",
    kind: tokenPath(),
    default: "none",
    doc: "File with the bearer token. Read at every question, so that it may be replaced while running.",
  },
  registrySslCaFile: {
    section: "Schema registry",
    kind: pemFile(),
    default: "none",
    doc: "Certificate authority that signed the registry's certificate. Without it, the system's.",
  },
};
