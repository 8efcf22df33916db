// One command on the command line: its flags from the settings table and of its own, its argument, and
// the check that reports everything wrong with them at once. Leaves what the command does to its module,
// and which commands there are to program.ts.

import { Option } from "commander";
import type { Command } from "commander";
import { SETTINGS, flagOf, variableOf } from "../config.ts";
import type { SettingName, Settings } from "../config.ts";
import { hint, readSettings } from "../config/settings-reader.ts";
import type { Kind } from "../config/setting-kinds.ts";
import { nearest } from "../sigma/nearest.ts";
import type { Io } from "./io.ts";

/** Wrong arguments or settings: told to the user as they are, exit code 2. */
export class UsageError extends Error {
  /** As typed, `topics create`; empty: the program itself. */
  readonly command: string;
  readonly problems: readonly string[];
  constructor(command: string, problems: readonly string[]) {
    super(problems.join("; "));
    this.name = "UsageError";
    this.command = command;
    this.problems = problems;
  }
}

export interface Given<K extends SettingName> {
  readonly settings: Pick<Settings, K>;
  /** Flags of the command's own, by camelCase name; absent ones are undefined. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly argument: string | undefined;
  /** The one after it. */
  readonly secondArgument: string | undefined;
}

export interface CommandSpec<K extends SettingName> {
  readonly name: string;
  readonly summary: string;
  /** Settings it reads. A function sees which ones were given by flag or variable. */
  readonly settings: readonly K[] | ((isGiven: (name: SettingName) => boolean) => readonly K[]);
  /** Settings that are flags of this command; the same as `settings` unless that is a function. */
  readonly settingFlags?: readonly SettingName[];
  /** Flags of its own, in commander's notation → what they do. */
  readonly ownFlags?: Readonly<Record<string, string>>;
  /** What own flags that take a value may be, by camelCase name; they reach `run` as text all the same. */
  readonly ownKinds?: Readonly<Record<string, Kind<unknown>>>;
  readonly argument?: ArgumentDoc;
  readonly secondArgument?: ArgumentDoc;
  /** What is wrong with its own flags and argument beyond each one's kind. */
  readonly ownProblems?: (given: Pick<Given<K>, "flags" | "argument">) => readonly string[];
  readonly run: (given: Given<K>, io: Io) => Promise<number>;
}

interface ArgumentDoc {
  readonly name: string;
  readonly doc: string;
  readonly required: boolean;
}

/** Adds the command to `parent`; its exit code goes to `done`. */
export function addCommand<K extends SettingName>(
  parent: Command,
  spec: CommandSpec<K>,
  { io, done }: { io: Io; done: (exitCode: number) => void },
): void {
  const command = parent.command(spec.name).description(spec.summary);
  // Wrong flags and arguments are collected by problemsOf, with the wrong settings.
  command.allowUnknownOption().allowExcessArguments();
  const names = spec.settingFlags ?? (typeof spec.settings === "function" ? [] : spec.settings);
  for (const [flags, doc] of Object.entries(spec.ownFlags ?? {})) command.option(flags, doc);
  for (const name of names) command.addOption(optionOf(name));
  for (const { name, doc } of argumentsOf(spec)) command.argument(`[${name}]`, doc);
  command.action(async () => {
    const flags = command.opts<Record<string, unknown>>();
    const [argument, secondArgument] = command.args;
    done(await spec.run({ settings: settingsOf(command, spec, io), flags, argument, secondArgument }, io));
  });
}

function optionOf(name: SettingName): Option {
  const { kind, doc, section } = SETTINGS[name];
  const value = kind.bare ? `[${kind.placeholder}]` : `<${kind.placeholder}>`;
  const sentence = doc.split(/\.(?: |$)/, 1)[0]!.replaceAll("`", "");
  const option = new Option(`${flagOf(name)} ${value}`, `${sentence} (${defaultOf(name)}${variableOf(name)})`);
  return option.helpGroup(`${section}:`);
}

function defaultOf(name: SettingName): string {
  const setting = SETTINGS[name];
  if (setting.default === "required") return "required; ";
  const shown = setting.default === "none" ? "" : (setting.kind as Kind<unknown>).show(setting.default);
  return shown === "" ? "" : `default ${shown}; `;
}

function settingsOf<K extends SettingName>(command: Command, spec: CommandSpec<K>, io: Io): Pick<Settings, K> {
  const flags = settingFlags(command);
  const isGiven = (name: SettingName): boolean => flags[name] !== undefined || (io.env[variableOf(name)] ?? "") !== "";
  const names = typeof spec.settings === "function" ? spec.settings(isGiven) : spec.settings;
  const read = readSettings(names, { env: io.env, flags });
  const problems = [...argumentProblems(command, spec), ...("problems" in read ? read.problems : [])];
  if ("problems" in read || problems.length > 0) throw new UsageError(pathOf(command), problems);
  return read.settings;
}

/** A flag without a value, where that is allowed, means `true`. */
function settingFlags(command: Command): Partial<Record<SettingName, string>> {
  const flags: Partial<Record<SettingName, string>> = {};
  for (const [name, value] of Object.entries(command.opts<Record<string, unknown>>())) {
    if (name in SETTINGS) flags[name as SettingName] = String(value);
  }
  return flags;
}

type ArgumentSpec = Pick<CommandSpec<never>, "argument" | "secondArgument" | "ownKinds" | "ownProblems">;

function argumentsOf({ argument, secondArgument }: ArgumentSpec): ArgumentDoc[] {
  return [argument, secondArgument].filter((each) => each !== undefined);
}

function argumentProblems(command: Command, spec: ArgumentSpec): string[] {
  const { ownKinds = {} } = spec;
  const known = command.options.map(({ long }) => long!);
  const firstFlag = command.args.findIndex((each) => each.startsWith("-") && each !== "-");
  const positional = firstFlag < 0 ? command.args : command.args.slice(0, firstFlag);
  const unknown = command.args.slice(positional.length).filter((each) => each.startsWith("--"));
  const problems = unknown.map((each) => {
    const name = each.split("=", 1)[0]!;
    return `${name} is no flag of this command; ${hint(nearest(name, known), "--help lists them")}`;
  });
  for (const [name, value] of Object.entries(command.opts<Record<string, unknown>>())) {
    const parsed = ownKinds[name]?.parse(String(value));
    if (parsed !== undefined && "problem" in parsed) problems.push(`--${name} ${parsed.problem}`);
  }
  const wanted = argumentsOf(spec);
  for (const extra of positional.slice(wanted.length)) problems.push(`"${extra}" is one argument too many`);
  // What follows an unknown flag may be its value or the argument: nobody can tell.
  for (const { name, doc, required } of firstFlag < 0 ? wanted.slice(positional.length) : []) {
    if (required) problems.push(`${name} is missing: ${doc}`);
  }
  problems.push(...(spec.ownProblems?.({ flags: command.opts(), argument: positional[0] }) ?? []));
  return problems;
}

/** `topics create`, without the program's own name. */
export function pathOf(command: Command): string {
  const above = command.parent === null ? "" : pathOf(command.parent);
  return command.parent === null ? "" : above === "" ? command.name() : `${above} ${command.name()}`;
}
