// Rule files on disk: a file, or every `*.yml` and `*.yaml` below a directory. Gives texts; what they say
// is src/sigma's to judge.

import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { loadRules } from "../sigma/rule-set.ts";
import type { LoadedRules } from "../sigma/rule-set.ts";
import type { RuleText } from "../sigma/document.ts";
import { NotUtf8, utf8Fault } from "./utf8.ts";
import { WatchListFiles, watchListsBeside } from "./watch-list-files.ts";

/** The rules could not be read at all; the message says which path and why. */
export class RulesUnreadable extends Error {
  constructor(path: string, cause: unknown) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const message = `the rules at ${path} cannot be read (${why}); give a directory of .yml files, or one file`;
    // The lists beside them are not of the rules' path, and say which file it is.
    super(cause instanceof NotUtf8 ? cause.message : message, { cause });
    this.name = "RulesUnreadable";
  }
}

/**
 * In the order of their paths; hidden files and directories are left out. An empty directory is an empty
 * list: whoever asks warns.
 * @throws RulesUnreadable
 */
export async function readRuleTexts(path: string): Promise<RuleText[]> {
  try {
    const paths = (await stat(path)).isDirectory() ? await ruleFilesBelow(path) : [path];
    return await Promise.all(paths.map(readRuleText));
  } catch (error) {
    throw new RulesUnreadable(path, error);
  }
}

async function readRuleText(path: string): Promise<RuleText> {
  const bytes = await readFile(path);
  const fault = utf8Fault(bytes);
  return fault === null ? { path, text: bytes.toString("utf8") } : { path, text: "", fault };
}

export interface ReadOptions {
  /** Rules over any JSON objects. */
  readonly plain?: boolean;
  /** What placeholders read, kept up to date by whoever gave it. Default: the lists beside the rules, read once. */
  readonly watchLists?: WatchListFiles;
}

/**
 * Reads and checks the rules at a path. A path without any rule file is a warning of the result, with a
 * rule set of nothing.
 * @throws RulesUnreadable
 */
export async function readRules(path: string, { plain = false, watchLists }: ReadOptions = {}): Promise<LoadedRules> {
  const texts = await readRuleTexts(path);
  const { lists } = watchLists ?? (await listsBeside(path));
  const loaded = loadRules(texts, { plain, watchLists: lists });
  if (texts.length > 0) return loaded;
  const nothing = {
    file: path,
    line: 1,
    column: 1,
    found: "no rule files",
    instead: "nothing will be detected; put .yml files there",
  };
  return { ...loaded, warnings: [nothing, ...loaded.warnings] };
}

async function listsBeside(path: string): Promise<WatchListFiles> {
  try {
    const files = new WatchListFiles(await watchListsBeside(path));
    await files.reload();
    return files;
  } catch (error) {
    throw new RulesUnreadable(path, error);
  }
}

/** Symbolic links are followed: Kubernetes mounts a ConfigMap's files as links. */
async function ruleFilesBelow(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => !name.startsWith(".")).toSorted();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      if ((await stat(path)).isDirectory()) return ruleFilesBelow(path);
      return /\.ya?ml$/u.test(name) ? [path] : [];
    }),
  );
  return found.flat();
}
