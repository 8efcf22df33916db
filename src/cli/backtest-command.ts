// `holdfast backtest` on the command line: its flags, and what is wrong with them. What it does is
// backtest.ts's.

import type { Command } from "commander";
import { KAFKA_SETTINGS, REGISTRY_SETTINGS, TOPIC_SETTINGS } from "../config.ts";
import { CORE_SETTINGS } from "../config/core-settings.ts";
import { RESPONSE_SETTINGS } from "../config/response-settings.ts";
import type { ResponseSettings } from "../config/response-settings.ts";
import { text } from "../config/setting-kinds.ts";
import { instantFromJson } from "../core/event-json.ts";
import type { Duration, Instant } from "../core/time.ts";
import { parseDuration } from "../sigma/duration.ts";
import { addCommand } from "./command.ts";

interface Given {
  readonly from: Instant;
  readonly to: Instant | null;
  readonly warmUp: Duration;
}

const JUDGING = [
  ...CORE_SETTINGS,
  ...(Object.keys(RESPONSE_SETTINGS) as (keyof ResponseSettings)[]),
  "maxAccounts",
] as const;
const WARM_UP = "1d";
const SPAN = text({
  pattern: /^(0|\d{1,7}[smh]|\d{1,3}d)$/,
  allowed: "`0`, or a whole number and s, m, h or d, such as `14d`",
});

export function addBacktest(program: Command, ending: Parameters<typeof addCommand>[2]): void {
  addCommand(
    program,
    {
      name: "backtest",
      summary: "Say what rules would have done with what the topics hold, and what others would have.",
      settings: [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, ...TOPIC_SETTINGS, "rules", ...JUDGING],
      ownFlags: {
        "--against <dir>": "rules to compare with: a directory of rule files, or one file",
        "--from <time>": "count what is decided from then on: 2024-06-09T00:00:00Z, a date, or a span back such as 7d",
        "--to <time>": "read up to then (default: now)",
        "--warm-up <span>": `read so much before --from, for what rules remember (default ${WARM_UP})`,
        "--json": "print one JSON object, every difference in it",
      },
      ownKinds: { warmUp: SPAN },
      ownProblems: ({ flags }) => read(flags, Date.now()).problems,
      run: async ({ settings, flags }, io) => {
        const { own } = read(flags, Date.now());
        const against = textOf(flags["against"]);
        const json = flags["json"] === true;
        return (await import("./backtest.ts")).backtest({ ...settings, ...own, against, json }, io);
      },
    },
    ending,
  );
}

/** What the flags say; where there are problems `own` is of no use. */
function read(flags: Readonly<Record<string, unknown>>, now: Instant): { own: Given; problems: string[] } {
  const problems: string[] = [];
  const from = timeOf(flags["from"], { name: "--from", now, problems });
  const to = timeOf(flags["to"], { name: "--to", now, problems });
  if (flags["from"] === undefined) problems.push("--from is missing: since when the rules are to be tried");
  if (from !== null && from >= (to ?? now)) {
    problems.push(
      `--from ${String(flags["from"])} is not before ${to === null ? "now" : `--to ${String(flags["to"])}`}`,
    );
  }
  const warmUp = parseDuration(textOf(flags["warmUp"]) ?? WARM_UP) ?? 0;
  return { own: { from: from ?? now, to, warmUp }, problems };
}

function textOf(flag: unknown): string | null {
  return typeof flag === "string" ? flag : null;
}

/** null: not given, or no time. */
function timeOf(
  given: unknown,
  { name, now, problems }: { readonly name: string; readonly now: Instant; readonly problems: string[] },
): Instant | null {
  const written = textOf(given);
  if (written === null) return null;
  const back = parseDuration(written);
  const time =
    back === null ? instantFromJson(/^\d{4}-\d\d-\d\d$/u.test(written) ? `${written}T00:00:00Z` : written) : now - back;
  if (time === undefined) {
    problems.push(
      `${name} "${written}" must be a time such as 2024-06-09T00:00:00Z, a date, or a span back such as 7d`,
    );
  }
  return time ?? null;
}
