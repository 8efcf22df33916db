// The fraud desk's commands on the command line: their flags, and what is wrong with them. What they do is
// case.ts's and decide.ts's.

import type { Command } from "commander";
import { KAFKA_SETTINGS, REGISTRY_SETTINGS, TOPIC_SETTINGS } from "../config.ts";
import { text } from "../config/setting-kinds.ts";
import { VERDICTS } from "../core/decision.ts";
import type { Verdict } from "../core/decision.ts";
import { instantFromJson } from "../core/event-json.ts";
import type { Duration, Instant } from "../core/time.ts";
import { parseDuration } from "../sigma/duration.ts";
import { suggest } from "../sigma/nearest.ts";
import { partsOf } from "./case/case-id.ts";
import { addCommand } from "./command.ts";
import type { DecideOptions } from "./decide.ts";

type Flags = Readonly<Record<string, unknown>>;
type Own = Omit<
  DecideOptions,
  (typeof KAFKA_SETTINGS)[number] | (typeof REGISTRY_SETTINGS)[number] | (typeof TOPIC_SETTINGS)[number]
>;

const WAIT = text({
  pattern: /^(0|\d{1,4}[sm])$/,
  allowed: "`0`, or a whole number and s or m, such as `10s`",
});

export function addDesk(program: Command, ending: Parameters<typeof addCommand>[2]): void {
  addCommand(
    program,
    {
      name: "case",
      summary: "Show what happened to an account, what was said and why, and what is closed now.",
      settings: [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, ...TOPIC_SETTINGS, "rules"],
      ownFlags: {
        "--json": "print the case file as JSON",
        "--html <file>": "write it as one page to read, print and hand over",
        "--redact": "leave out other customers' identifiers, and notes",
      },
      argument: { name: "account", doc: "an account's id, or a case's", required: true },
      run: async ({ settings, flags, argument: about = "" }, io) => {
        const html = typeof flags["html"] === "string" ? flags["html"] : null;
        const own = { about, html, json: flags["json"] === true, redact: flags["redact"] === true };
        return (await import("./case.ts")).showCase({ ...settings, ...own }, io);
      },
    },
    ending,
  );
  addCommand(
    program,
    {
      name: "decide",
      summary: "Decide on a case: release it, call it false, confirm or extend it.",
      settings: [...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, ...TOPIC_SETTINGS],
      ownFlags: {
        "--account <id>": "decide on all open cases of the account",
        "--case <id>": "decide on this one",
        "--by <name>": "who decides",
        "--note <text>": "why, for whoever reads the case later",
        "--until <time>": "EXTEND, CONFIRMED_TAKEOVER: 2026-06-12T18:00:00Z, or a span from now such as 3d",
        "--wait <span>": "how long to wait for what comes of it (default 10s; 0: do not)",
        "--anyway": "also where no such case is known",
      },
      ownKinds: { wait: WAIT },
      argument: { name: "verdict", doc: VERDICTS.join(", "), required: true },
      ownProblems: ({ flags, argument }) => readDecision(argument, flags, Date.now()).problems,
      run: async ({ settings, flags, argument }, io) => {
        const { own } = readDecision(argument, flags, Date.now());
        return (await import("./decide.ts")).decide({ ...settings, ...own }, io);
      },
    },
    ending,
  );
}

/** What the flags say; where there are problems `own` is of no use. */
function readDecision(argument: string | undefined, flags: Flags, now: Instant): { own: Own; problems: string[] } {
  const problems: string[] = [];
  const given = (name: string): string | null => {
    const value = flags[name];
    return typeof value === "string" && value.trim() !== "" ? value : null;
  };
  const [account, caseId, by] = [given("account"), given("case"), given("by")];
  const verdict = argument === undefined ? null : verdictOf(argument, problems);
  if ((account === null) === (caseId === null)) problems.push("give either --account or --case");
  const accountId = caseId === null ? account : partsOf(caseId)?.accountId;
  if (caseId !== null && accountId === undefined) {
    problems.push("--case must be a case's id, such as alice/a7bc9420/e3: `holdfast case ACCOUNT` prints it");
  }
  if (by === null) problems.push("--by is missing: every decision names who made it");
  const until = untilOf(given("until"), { verdict, now, problems });
  const own = {
    accountId: accountId ?? "",
    caseId,
    verdict: verdict ?? "RELEASE",
    by: by ?? "",
    note: given("note"),
    until,
    wait: parseDuration(given("wait") ?? "10s") ?? 0,
    anyway: flags["anyway"] === true,
  };
  return { own, problems };
}

function verdictOf(argument: string, problems: string[]): Verdict | null {
  const name = argument.toUpperCase().replaceAll("-", "_");
  const verdict = VERDICTS.find((each) => each === name) ?? null;
  if (verdict === null) problems.push(`"${argument}" is no verdict; ${suggest(name, VERDICTS)}`);
  return verdict;
}

function untilOf(
  text: string | null,
  { verdict, now, problems }: { verdict: Verdict | null; now: Instant; problems: string[] },
): Instant | null {
  if (text === null) {
    if (verdict === "EXTEND") problems.push("--until is missing: EXTEND needs to know until when");
    return null;
  }
  if (verdict === "RELEASE" || verdict === "FALSE_POSITIVE") problems.push(`--until has no meaning for ${verdict}`);
  const length: Duration | null = parseDuration(text);
  const until = length === null ? instantFromJson(text) : now + length;
  if (until === undefined)
    problems.push(`--until "${text}" must be a time such as 2026-06-12T18:00:00Z, or a span such as 3d`);
  else if (until <= now) problems.push(`--until ${text} is past`);
  else return until;
  return null;
}
