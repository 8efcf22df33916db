// Watch-lists: sets of values that rules name by placeholder. A list's values can be replaced while rules that
// read it run; between two events, since nothing here waits. Owns what a line of a list's file says.

import { fold } from "./fold.ts";

/** One list; however long, asking it is one or two look-ups. */
export class WatchList {
  #values: WatchValues;

  constructor(values: WatchValues | Iterable<string>) {
    this.#values = valuesOf(values);
  }

  get size(): number {
    return this.#values.size;
  }

  replace(values: WatchValues | Iterable<string>): void {
    this.#values = valuesOf(values);
  }

  /** `cased`: with its case; else whatever its case. */
  has(text: string, cased: boolean): boolean {
    return this.#values.size > 0 && this.#values.has(text, cased);
  }
}

export type WatchLists = ReadonlyMap<string, WatchList>;

const SHARDS = 256;
/** Characters from the end that tell shards apart: those of addresses, accounts and domains differ there. */
const TELLING = 10;

/**
 * The values of one list, taken in one after another. In shards: one set of a million would copy itself each
 * time it doubles, and nothing else could happen meanwhile.
 */
export class WatchValues {
  readonly #exact = Array.from({ length: SHARDS }, () => new Set<string>());
  /** Folded, of the values that are something else then. */
  readonly #folded = Array.from({ length: SHARDS }, () => new Set<string>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(value: string): void {
    const shard = this.#exact[shardOf(value)]!;
    const before = shard.size;
    shard.add(value);
    if (shard.size === before) return;
    this.#size++;
    const folded = fold(value);
    if (folded !== value) this.#folded[shardOf(folded)]!.add(folded);
  }

  has(text: string, cased: boolean): boolean {
    if (this.#exact[shardOf(text)]!.has(text)) return true;
    if (cased) return false;
    const folded = fold(text);
    const shard = shardOf(folded);
    return this.#folded[shard]!.has(folded) || this.#exact[shard]!.has(folded);
  }
}

function shardOf(text: string): number {
  let hash = text.length;
  for (let at = Math.max(0, text.length - TELLING); at < text.length; at++)
    hash = (hash * 31 + text.charCodeAt(at)) | 0;
  return hash & (SHARDS - 1);
}

function valuesOf(values: WatchValues | Iterable<string>): WatchValues {
  if (values instanceof WatchValues) return values;
  const made = new WatchValues();
  for (const value of values) made.add(value);
  return made;
}

/** The value on a line of a list's file; `#` begins a comment, alone or after a space. null: there is none. */
export function watchValue(line: string): string | null {
  const comment = line.startsWith("#") ? 0 : line.search(/\s#/u);
  const value = (comment < 0 ? line : line.slice(0, comment)).trim();
  return value === "" ? null : value;
}
