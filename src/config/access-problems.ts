// What is wrong with the ways to brokers and registry together, where each setting alone is right: halves of a
// pair, two ways to log in, secrets in plain text, certificates that TLS cannot use.

import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { flagOf, variableOf } from "../config.ts";
import type { SettingName, Settings } from "../config.ts";

/** What no single setting can see. A setting that was not asked for, or is wrong itself, is no property here. */
export function accessProblems(settings: Partial<Settings>): string[] {
  return [
    ...togetherProblems(settings),
    ...bearerProblems(settings),
    ...plainTextProblems(settings),
    ...certificateProblems(settings),
  ];
}

function togetherProblems(settings: Partial<Settings>): string[] {
  const problems: string[] = [];
  const both = (one: SettingName, other: SettingName): void => {
    if (settings[one] !== undefined && other in settings && settings[other] === undefined) {
      problems.push(`${variableOf(one)} is set but ${variableOf(other)} is not; they go together`);
    }
  };
  if (settings.kafkaSaslMechanism !== "oauthbearer") {
    both("kafkaSaslMechanism", "kafkaSaslUsername");
    both("kafkaSaslMechanism", "kafkaSaslPasswordFile");
  }
  both("kafkaSaslUsername", "kafkaSaslMechanism");
  both("kafkaSaslTokenPath", "kafkaSaslMechanism");
  both("kafkaSaslTokenUrl", "kafkaSaslMechanism");
  both("kafkaSaslTokenScope", "kafkaSaslTokenUrl");
  both("kafkaSslCertFile", "kafkaSslKeyFile");
  both("kafkaSslKeyFile", "kafkaSslCertFile");
  both("registryUsername", "registryPasswordFile");
  both("registryPasswordFile", "registryUsername");
  return problems;
}

function bearerProblems(settings: Partial<Settings>): string[] {
  const { kafkaSaslMechanism: mechanism, kafkaSaslTokenPath: path, kafkaSaslTokenUrl: endpoint } = settings;
  const problems: string[] = [];
  if (mechanism === "oauthbearer" && path === undefined && endpoint === undefined) {
    problems.push(
      `${variableOf("kafkaSaslMechanism")} is oauthbearer, but no token is named: ` +
        `set ${variableOf("kafkaSaslTokenPath")}, or ${variableOf("kafkaSaslTokenUrl")} with user name and password`,
    );
  }
  if (mechanism !== undefined && mechanism !== "oauthbearer" && (path ?? endpoint) !== undefined) {
    problems.push(`a token is named, but ${variableOf("kafkaSaslMechanism")} is ${mechanism}, not oauthbearer`);
  }
  if (path !== undefined && endpoint !== undefined) {
    problems.push(
      `${variableOf("kafkaSaslTokenPath")} and ${variableOf("kafkaSaslTokenUrl")} are two sources of one token; set one`,
    );
  }
  const named = settings.kafkaSaslUsername !== undefined && settings.kafkaSaslPasswordFile !== undefined;
  if (endpoint !== undefined && !named) {
    problems.push(
      `${variableOf("kafkaSaslTokenUrl")} needs ${variableOf("kafkaSaslUsername")} (the client id) ` +
        `and ${variableOf("kafkaSaslPasswordFile")} (the client secret)`,
    );
  }
  if (settings.registryUsername !== undefined && settings.registryTokenPath !== undefined) {
    problems.push(
      `${variableOf("registryUsername")} and ${variableOf("registryTokenPath")} are two ways to log in; set one`,
    );
  }
  return problems;
}

function plainTextProblems(settings: Partial<Settings>): string[] {
  const problems: string[] = [];
  const trusted = `or ${variableOf("insecure")}=true if the network is trusted`;
  const exposed = (settings.kafkaBrokers ?? []).filter((broker) => !isLoopback(hostOf(broker)));
  if (settings.kafkaSsl === false) {
    if (settings.kafkaSslCaFile !== undefined || settings.kafkaSslCertFile !== undefined) {
      problems.push(`certificates are set but ${variableOf("kafkaSsl")} is false; set it to true`);
    }
    if (settings.insecure === false && exposed.length > 0) {
      problems.push(
        `${variableOf("kafkaBrokers")}: ${exposed.join(", ")} would be spoken to in plain text; ` +
          `set ${variableOf("kafkaSsl")}=true, ${trusted}`,
      );
    }
  }
  const carriers = [
    ["kafkaSaslTokenUrl", settings.kafkaSaslTokenUrl, settings.kafkaSaslPasswordFile],
    ["registryUrl", settings.registryUrl, settings.registryPasswordFile ?? settings.registryTokenPath],
  ] as const;
  for (const [name, address, secret] of carriers) {
    if (address === undefined || secret === undefined || settings.insecure !== false) continue;
    const { protocol, hostname } = new URL(address);
    if (protocol === "https:" || isLoopback(hostname)) continue;
    problems.push(
      `${variableOf(name)} (or ${flagOf(name)}) would be told a secret in plain text; use https, ${trusted}`,
    );
  }
  return problems;
}

/**
 * Found here, each by its name: a connection would only say what OpenSSL says of the first, and nothing of an
 * authority, which Node leaves out when it cannot read it.
 */
function certificateProblems(settings: Partial<Settings>): string[] {
  const { kafkaSslCaFile, kafkaSslCertFile: cert, kafkaSslKeyFile: key, registrySslCaFile } = settings;
  const problems: string[] = [];
  const check = (named: string, use: () => unknown): void => {
    try {
      use();
    } catch (error) {
      problems.push(`${named} cannot be used for TLS: ${(error as Error).message}`);
    }
  };
  const authorities = { kafkaSslCaFile, registrySslCaFile };
  for (const [name, ca] of Object.entries(authorities) as [keyof typeof authorities, string | undefined][]) {
    if (ca !== undefined) check(variableOf(name), () => new X509Certificate(ca));
  }
  if (cert !== undefined && key !== undefined) {
    const pair = `${variableOf("kafkaSslCertFile")} with ${variableOf("kafkaSslKeyFile")}`;
    check(pair, () => createSecureContext({ cert, key }));
  }
  return problems;
}

function hostOf(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(":"));
}

function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}
