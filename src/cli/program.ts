// The command line: which commands there are, and what each reads. A command's module is loaded only
// when it runs, so that `replay` needs no Kafka client. Wrong arguments and settings end in one message
// and exit code 2.

import { randomUUID } from "node:crypto";
import { Command, CommanderError } from "commander";
import { KAFKA_SETTINGS, REGISTRY_SETTINGS, SETTING_NAMES, TOPIC_SETTINGS, topicsOf, variableOf } from "../config.ts";
import type { SettingName } from "../config.ts";
import { CORE_SETTINGS, coreSettingsOf } from "../config/core-settings.ts";
import { choice, integer, text } from "../config/setting-kinds.ts";
import { hint } from "../config/settings-reader.ts";
import type { Duration } from "../core/time.ts";
import { parseDuration } from "../sigma/duration.ts";
import { nearest } from "../sigma/nearest.ts";
import { SHARED_THINGS } from "../testing/exchange/shared-thing.ts";
import { VERSION } from "../version.ts";
import { addBacktest } from "./backtest-command.ts";
import { UsageError, addCommand, pathOf } from "./command.ts";
import { addDesk } from "./desk-commands.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { addRecover } from "./recover-command.ts";
import type { PlainReplayOptions } from "./replay/plain.ts";

/** Settings of making topics; the processor only checks what is there. */
const TOPIC_MAKING: ReadonlySet<SettingName> = new Set(["partitions", "replication"]);
const REPLAY_SETTINGS = ["rules", ...CORE_SETTINGS] as const;
const JSON_FLAG = "--json";
const PLAIN_FLAGS: Readonly<Record<string, string>> = {
  "--plain": "any Sigma rules over any JSON objects; log sources are ignored",
  "--time-field <name>": "with --plain: the field of the time, RFC 3339 or epoch milliseconds (default timestamp)",
  "--id-field <name>": "with --plain: the field of the id (default eventId; without one, the line's number)",
  "--lateness <span>": "with --plain: how late an event may come, such as 30s (default 10m)",
  "--quiet <span>":
    "with --plain: how long a detection stands for further matches; 0: each is one (default: as the rules say)",
};
const SPAN = text({
  pattern: /^(0|\d{1,7}[smh]|\d{1,3}d)$/,
  allowed: "`0`, or a whole number and s, m, h or d, such as `15m`",
});
const DEMO_ACCOUNTS = 3_000;

/** @param argv arguments without program and script. @returns the exit code */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = describeProgram(io, (code) => (exitCode = code));
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    // Commander has written its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof UsageError)) throw error;
    io.stderr(usageText(error));
    return EXIT.usage;
  }
  return exitCode;
}

function usageText({ command, problems }: UsageError): string {
  const name = command === "" ? "holdfast" : `holdfast ${command}`;
  const count = problems.length === 1 ? "" : ` (${problems.length} problems)`;
  return `${name} cannot start${count}:\n${problems.map((problem) => `  ${problem}\n`).join("")}\`${name} --help\` shows what it takes.\n`;
}

function describeProgram(io: Io, done: (exitCode: number) => void): Command {
  const program = new Command("holdfast")
    .description("Sigma correlation rules on Kafka that stop an account takeover before the money leaves.")
    .version(VERSION, "--version", "print the version")
    .exitOverride()
    .configureOutput({
      writeOut: io.stdout,
      writeErr: io.stderr,
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  refuseUnknownCommands(program);
  const ending = { io, done };
  addProcessing(program, ending);
  addDesk(program, ending);
  addSetup(program, ending);
  addRules(program, ending);
  addBacktest(program, ending);
  addSimulation(program, ending);
  return program;
}

type Ending = Parameters<typeof addCommand>[2];

function addProcessing(program: Command, ending: Ending): void {
  addCommand(
    program,
    {
      name: "run",
      summary: "Read the exchange's events and protect its accounts, until stopped.",
      settings: SETTING_NAMES,
      settingFlags: SETTING_NAMES.filter((name) => !TOPIC_MAKING.has(name)),
      run: async ({ settings }, io) => (await import("../app.ts")).runProcessor(settings, io),
    },
    ending,
  );
  addCommand(
    program,
    {
      name: "demo",
      summary: "Start everything, rob some simulated customers, and see whether their money leaves.",
      settings: ["rules"],
      ownFlags: {
        [JSON_FLAG]: "print the summary as the last line, as JSON",
        "--kill": "kill one of the two processes now and then",
        "--attach": "start nothing: play where Holdfast runs already, on the broker and topics of the settings",
        "--accounts <number>": `customers of the exchange (default ${DEMO_ACCOUNTS})`,
        "--seed <text>": "the same seed, the same customers and takeovers (default: another each time)",
      },
      ownKinds: { accounts: integer({ unit: "accounts", min: 300, max: 1_000_000 }) },
      run: async ({ settings, flags }, io) => {
        const { accounts = DEMO_ACCOUNTS, seed = randomUUID().slice(0, 8) } = flags;
        const own = {
          accounts: Number(accounts),
          seed: String(seed),
          kill: flags["kill"] === true,
          attach: flags["attach"] === true,
        };
        return (await import("./demo.ts")).demo({ ...settings, ...own, json: flags["json"] === true }, io);
      },
    },
    ending,
  );
  addCommand(
    program,
    {
      name: "status",
      summary: "Ask a running instance how it is.",
      settings: ["httpHost", "httpPort"],
      ownFlags: { [JSON_FLAG]: "print the answer as JSON" },
      run: async ({ settings, flags }, io) =>
        (await import("./status.ts")).status({ ...settings, json: flags["json"] === true }, io),
    },
    ending,
  );
}

function addSetup(program: Command, ending: Ending): void {
  const topics = group(program, "topics", "Kafka topics");
  for (const [action, summary] of [
    ["create", "Create the topics that are missing, then verify all."],
    ["verify", "Say what is wrong with the topics."],
  ] as const) {
    addCommand(
      topics,
      {
        name: action,
        summary,
        settings: [...KAFKA_SETTINGS, ...TOPIC_SETTINGS, "partitions", "replication"],
        run: async ({ settings }, io) => (await import("./topics.ts")).topics({ action, ...settings }, io),
      },
      ending,
    );
  }
  addRecover(program, ending);
  const schemas = group(program, "schemas", "The registry's schemas");
  for (const [action, summary] of [
    ["register", "Register this version's schemas, under the topics' subjects."],
    ["check", "Say where the registry's schemas and this version's do not fit."],
  ] as const) {
    addCommand(
      schemas,
      {
        name: action,
        summary,
        settings: [...REGISTRY_SETTINGS, "insecure", ...TOPIC_SETTINGS],
        run: async ({ settings }, io) => (await import("./schemas.ts")).schemas({ action, ...settings }, io),
      },
      ending,
    );
  }
}

function addRules(program: Command, ending: Ending): void {
  addCommand(
    program,
    {
      name: "check",
      summary: "Say what is wrong with the rules, all of it.",
      settings: ["rules"],
      ownFlags: { "--test": "run the tests that the rules carry, too" },
      run: async ({ settings, flags }, io) =>
        (await import("./check.ts")).check({ ...settings, test: flags["test"] === true }, io),
    },
    ending,
  );
  addCommand(
    program,
    {
      name: "test",
      summary: "Run the tests that the rules carry.",
      settings: ["rules"],
      ownFlags: { "--junit <file>": "write the results as JUnit's XML, too" },
      run: async ({ settings, flags }, io) => {
        const junit = typeof flags["junit"] === "string" ? flags["junit"] : null;
        return (await import("./test.ts")).testRules({ ...settings, junit }, io);
      },
    },
    ending,
  );
  addCommand(
    program,
    {
      name: "explain",
      summary: "Say why a rule fired on a file of events, or how far it came.",
      settings: [...REPLAY_SETTINGS, ...TOPIC_SETTINGS],
      settingFlags: [...REPLAY_SETTINGS, "topicPrefix", "topicAuth", "topicApiKey", "topicWithdrawal"],
      argument: { name: "rule", doc: "the rule's name, id or title", required: true },
      secondArgument: { name: "file", doc: "events, one JSON object a line; - for standard input", required: true },
      run: async ({ settings, argument: rule = "", secondArgument: file = "" }, io) => {
        const { inputs } = topicsOf(settings);
        const own = { rules: settings.rules, rule, file, inputs, settings: coreSettingsOf(settings) };
        return (await import("./explain.ts")).explain(own, io);
      },
    },
    ending,
  );
  addCommand(
    program,
    {
      name: "replay",
      summary: "Run the rules over a file of events, without Kafka.",
      settings: [...REPLAY_SETTINGS, ...TOPIC_SETTINGS],
      settingFlags: [...REPLAY_SETTINGS, "topicPrefix", "topicAuth", "topicApiKey", "topicWithdrawal", "topicTrade"],
      ownFlags: { [JSON_FLAG]: "one JSON object a line, on a terminal too", ...PLAIN_FLAGS },
      ownKinds: { lateness: SPAN, quiet: SPAN },
      argument: { name: "file", doc: "events, one JSON object a line; - for standard input", required: true },
      run: async ({ settings, flags, argument: file = "" }, io) => {
        const plain = plainFlags(flags);
        if (plain !== null) {
          return (await import("./replay/plain.ts")).replayPlain({ rules: settings.rules, file, ...plain }, io);
        }
        const { inputs } = topicsOf(settings);
        const { replay } = await import("./replay.ts");
        const own = { rules: settings.rules, file, inputs, settings: coreSettingsOf(settings) };
        return replay({ ...own, json: flags["json"] === true }, io);
      },
    },
    ending,
  );
}

function addSimulation(program: Command, ending: Ending): void {
  addCommand(
    program,
    {
      name: "simulate",
      summary: "Write the events of a simulated exchange and its takeovers, to a file or to Kafka.",
      settings: TOPIC_SETTINGS,
      settingFlags: ["topicPrefix", "topicAuth", "topicApiKey", "topicWithdrawal", "topicTrade"],
      ownFlags: {
        "--seed <text>": "the same seed, the same exchange (default: another each time)",
        "--accounts <number>": "its customers (default 2000)",
        "--rate <number>": "routine events a second (default 20)",
        "--takeovers <number>": "how many (default 40)",
        "--oddities <number>": "how often each honest story that looks bad is told (default 2)",
        "--length <span>": "of the traffic, such as 30m (default 2h)",
        "--campaign <thing>": "one gang's takeovers instead; they share its device, network or destination",
        "--out <file>": "where to write (default: standard output)",
        "--truth <file>": "one JSON object a takeover: who, which story, which rule has to say what by when",
        "--kafka": "play it in real time on the broker of the settings (HOLDFAST_KAFKA_BROKERS …) instead",
      },
      ownKinds: {
        accounts: integer({ unit: "accounts", min: 1, max: 10_000_000 }),
        rate: integer({ unit: "events a second", min: 0, max: 1_000_000 }),
        takeovers: integer({ min: 0, max: 1_000_000 }),
        oddities: integer({ min: 0, max: 1_000_000 }),
        length: SPAN,
        campaign: choice(SHARED_THINGS),
      },
      run: async ({ settings, flags }, io) => {
        const { seed = randomUUID().slice(0, 8), accounts = 2_000, rate = 20, takeovers = 40, oddities = 2 } = flags;
        const own = {
          seed: String(seed),
          accounts: Number(accounts),
          rate: Number(rate),
          takeovers: Number(takeovers),
          oddities: Number(oddities),
          length: spanOf(flags["length"] ?? "2h"),
          campaign: SHARED_THINGS.find((thing) => thing === flags["campaign"]) ?? null,
          out: pathOrNull(flags["out"]),
          truth: pathOrNull(flags["truth"]),
          kafka: flags["kafka"] === true,
        };
        // The demo's stage reads all its settings as variables.
        const given = TOPIC_SETTINGS.map((name) => [variableOf(name), settings[name]] as const);
        const env = { ...io.env, ...Object.fromEntries(given) };
        const { simulate } = await import("./simulate.ts");
        return simulate({ ...own, inputs: topicsOf(settings).inputs }, { ...io, env });
      },
    },
    ending,
  );
}

function pathOrNull(flag: unknown): string | null {
  return typeof flag === "string" ? flag : null;
}

/** null: the events are the exchange's. */
function plainFlags(flags: Readonly<Record<string, unknown>>): Omit<PlainReplayOptions, "rules" | "file"> | null {
  const { plain, timeField = "timestamp", idField = "eventId", lateness = "10m", quiet } = flags;
  if (plain === true) {
    const quietSpan = quiet === undefined ? null : spanOf(quiet);
    return { timeField: String(timeField), idField: String(idField), lateness: spanOf(lateness), quiet: quietSpan };
  }
  const alone = ["timeField", "idField", "lateness", "quiet"].filter((name) => flags[name] !== undefined);
  if (alone.length === 0) return null;
  const dashed = (name: string): string => `--${name.replace("Field", "-field")}`;
  throw new UsageError(
    "replay",
    alone.map((name) => `${dashed(name)} is for any JSON objects; add --plain`),
  );
}

/** Of text that `SPAN` lets through. */
function spanOf(text: unknown): Duration {
  return parseDuration(String(text)) ?? 0;
}

function group(program: Command, name: string, summary: string): Command {
  const command = program.command(name).description(summary);
  refuseUnknownCommands(command);
  return command;
}

function refuseUnknownCommands(command: Command): void {
  command.on("command:*", ([name]: string[]) => {
    const known = command.commands.map((each) => each.name());
    const close = nearest(name!, known);
    throw new UsageError(pathOf(command), [`"${name}" is no command; ${hint(close, `there are ${known.join(", ")}`)}`]);
  });
}
