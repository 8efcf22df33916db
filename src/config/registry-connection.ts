// From the settings to what the registry's client needs to ask it.

import type { RegistryConnection } from "../adapters/registry.ts";
import type { REGISTRY_SETTINGS, Settings } from "../config.ts";

/** The reader has checked that what belongs together is there together. */
export function registryConnection(settings: Pick<Settings, (typeof REGISTRY_SETTINGS)[number]>): RegistryConnection {
  const {
    registryUrl: url,
    registryUsername: username,
    registryPasswordFile: secret,
    registrySslCaFile: ca,
  } = settings;
  const { registryTokenPath: tokenPath } = settings;
  return {
    url,
    ...(username === undefined || secret === undefined ? {} : { basic: { username, password: secret.reveal() } }),
    ...(tokenPath === undefined ? {} : { tokenPath }),
    ...(ca === undefined ? {} : { ca }),
  };
}
