// What the core is told, from the settings of those names: the same for every command that runs it.

import type { CoreSettings } from "../core/partition.ts";
import type { Settings } from "../config.ts";

export const CORE_SETTINGS = ["mode", "allowedLatenessMs", "absenceGraceMs", "profileWarmupMs"] as const;

export function coreSettingsOf(settings: Pick<Settings, (typeof CORE_SETTINGS)[number]>): CoreSettings {
  return {
    mode: settings.mode,
    allowedLateness: settings.allowedLatenessMs,
    absenceGrace: settings.absenceGraceMs,
    profileWarmup: settings.profileWarmupMs,
  };
}
