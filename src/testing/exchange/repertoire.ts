// Every story there is, for measuring rules: June 2024 and its variants, honest stories and near misses.

import type { Repertoire } from "./exchange.ts";
import { HONEST_STORIES } from "./honest.ts";
import { NEAR_MISSES } from "./near-misses.ts";
import { TAKEOVER_VARIANTS } from "./takeover-variants.ts";
import { TAKEOVERS } from "./takeovers.ts";

export const EVERYTHING: Repertoire = {
  takeovers: [...TAKEOVERS, ...TAKEOVER_VARIANTS],
  honest: [...HONEST_STORIES, ...NEAR_MISSES],
};
