// Watch-lists on disk: each `NAME.txt` of a directory is the list that rules name %NAME%, one value a line. Owns
// which files were read as they are now; what a line says is src/sigma's. A list of a million values takes
// a second or two to read, in pieces of some milliseconds between which everything else goes on.

import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { NotUtf8, utf8Fault } from "./utf8.ts";
import { WatchList, WatchValues, watchValue } from "../sigma/watch-list.ts";
import type { WatchLists } from "../sigma/watch-list.ts";

const DIRECTORY = "watchlists";
/** Rules lie this many directories below what the watch-lists lie beside, at most. */
const MAX_LEVELS = 4;

/** The `watchlists` directory beside the rules, or beside a directory above them; null without one. */
export async function watchListsBeside(rules: string): Promise<string | null> {
  let above = resolve(rules);
  for (let level = 0; level < MAX_LEVELS && above !== dirname(above); level++) {
    above = dirname(above);
    const found = join(above, DIRECTORY);
    if ((await versionOf(found)) !== null) return found;
  }
  return null;
}

/** The lists of one directory. `lists` may be given to rules; `reload` changes what those lists hold. */
export class WatchListFiles {
  readonly #directory: string | null;
  readonly #lists = new Map<string, WatchList>();
  readonly #versions = new Map<string, string>();

  /** null: a directory without any list. */
  constructor(directory: string | null) {
    this.#directory = directory;
  }

  get lists(): WatchLists {
    return this.#lists;
  }

  /**
   * Reads the files that are new or other than they were; a removed one keeps its last values, since rules
   * may still name it. All are read before any list changes, so a fault changes nothing.
   * @returns the names of the lists whose values were read
   * @throws the file system's error, or NotUtf8
   */
  async reload(): Promise<string[]> {
    if (this.#directory === null) return [];
    const changed: { readonly name: string; readonly version: string; readonly values: WatchValues }[] = [];
    const files = (await readdir(this.#directory)).filter((file) => /^[\w-][\w.-]*\.txt$/u.test(file));
    for (const file of files.toSorted()) {
      const path = join(this.#directory, file);
      const name = file.slice(0, -".txt".length);
      const version = await versionOf(path);
      if (version === null || version === this.#versions.get(name)) continue;
      changed.push({ name, version, values: await readValues(path) });
    }
    for (const { name, version, values } of changed) {
      this.#versions.set(name, version);
      const list = this.#lists.get(name);
      if (list === undefined) this.#lists.set(name, new WatchList(values));
      else list.replace(values);
    }
    return changed.map(({ name }) => name);
  }
}

/** Read at once: some 1,500 addresses. */
const PIECE_BYTES = 64 * 1024;

async function readValues(path: string): Promise<WatchValues> {
  const values = new WatchValues();
  const take = (line: string): void => {
    const value = watchValue(line);
    if (value !== null) values.add(value);
  };
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let begun = "";
  try {
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
      const lines = (begun + decoder.decode(piece as Buffer, { stream: true })).split("\n");
      begun = lines.pop() ?? "";
      lines.forEach(take);
    }
    take(begun + decoder.decode());
  } catch (error) {
    throw (await notUtf8(path, error)) ?? error;
  }
  return values;
}

/** The decoder does not say where; the file is read once more to find it. */
async function notUtf8(path: string, error: unknown): Promise<NotUtf8 | null> {
  if (!(error instanceof TypeError)) return null;
  const fault = utf8Fault(await readFile(path));
  return fault === null ? null : new NotUtf8(path, fault);
}

/** Symbolic links are followed: a ConfigMap's files change by a swapped link, which changes the inode. */
async function versionOf(path: string): Promise<string | null> {
  try {
    const { ino, mtimeMs, size } = await stat(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
    throw error;
  }
}
