// Turns variables and flags into typed settings. Reports every problem at once, each naming the source
// of the value; a flag wins over a variable, a variable over the default. Leaves the table to config.ts
// and the command line's syntax to cli/program.ts.

import { SETTINGS, SETTING_NAMES, TOPIC_SETTINGS, flagOf, topicsOf, variableOf } from "../config.ts";
import type { SettingName, Settings } from "../config.ts";
import { accessProblems } from "./access-problems.ts";
import { nearest } from "../sigma/nearest.ts";
import type { Parsed } from "./setting-kinds.ts";

export interface SettingSources {
  /** An empty variable counts as absent, as compose files write `X: ${X:-}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<Partial<Record<SettingName, string>>>;
}

export type ReadSettings<K extends SettingName> =
  | { readonly settings: Pick<Settings, K> }
  | { readonly problems: readonly string[] };

/** Reads the settings called `names`; variables of others are only checked for being known. */
export function readSettings<K extends SettingName>(names: readonly K[], sources: SettingSources): ReadSettings<K> {
  const problems = unknownVariables(sources.env);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of names) {
    const read = readOne(name, sources);
    if ("problem" in read) problems.push(read.problem);
    else values[name] = read.value;
  }
  problems.push(...contradictions(values as Partial<Settings>));
  return problems.length > 0 ? { problems } : { settings: values as Pick<Settings, K> };
}

function readOne(name: SettingName, sources: SettingSources): Parsed<unknown> {
  const setting = SETTINGS[name];
  const flag = sources.flags[name];
  const variable = sources.env[variableOf(name)];
  const given = flag ?? (variable === "" ? undefined : variable);
  if (given !== undefined) {
    const origin = flag === undefined ? variableOf(name) : flagOf(name);
    const parsed: Parsed<unknown> = setting.kind.parse(given);
    return "problem" in parsed ? { problem: `${origin} ${parsed.problem}` } : parsed;
  }
  if (setting.default === "required") {
    return {
      problem: `${variableOf(name)} (or ${flagOf(name)}) is not set: ${setting.kind.allowed.replaceAll("`", "")}`,
    };
  }
  return { value: setting.default === "none" ? undefined : setting.default };
}

function unknownVariables(env: SettingSources["env"]): string[] {
  const known = new Set(SETTING_NAMES.map(variableOf));
  return Object.keys(env)
    .filter((name) => name.startsWith("HOLDFAST_") && !known.has(name) && !isServiceLink(name, env[name]))
    .toSorted()
    .map((name) => `${name} is no setting; ${hint(nearest(name, known), "docs/configuration.md lists them")}`);
}

/** Kubernetes tells every pod of every Service in such variables; one named "holdfast" must not stop us. */
function isServiceLink(name: string, value = ""): boolean {
  if (/_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?$/.test(name)) return true;
  return name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value);
}

/** The end of a message about an unknown name. */
export function hint(close: string | null, otherwise: string): string {
  return close === null ? otherwise : `did you mean ${close}?`;
}

/** What no single setting can see. A setting that was not asked for, or is wrong itself, is no property here. */
function contradictions(settings: Partial<Settings>): string[] {
  return [...accessProblems(settings), ...topicProblems(settings)];
}

function topicProblems(settings: Partial<Settings>): string[] {
  if (!TOPIC_SETTINGS.every((name) => name in settings)) return [];
  const { inputs, ...own } = topicsOf(settings as Settings);
  const all = [...inputs.map(({ topic }) => topic), ...Object.values(own)];
  const twice = new Set(all.filter((name, index) => all.indexOf(name) !== index));
  return [...twice].map((name) => `topic "${name}" is named by two settings; every topic has one use`);
}
