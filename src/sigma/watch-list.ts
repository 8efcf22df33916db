// Watch-lists: sets of values that rules name by placeholder. A list's values can be replaced while rules that
// read it run; between two events, since nothing here waits.

/** One list; however long, asking it is one or two look-ups. */
export class WatchList {
  #exact: ReadonlySet<string>;
  #folded: ReadonlySet<string>;

  constructor(values: Iterable<string>) {
    [this.#exact, this.#folded] = setsOf(values);
  }

  get size(): number {
    return this.#exact.size;
  }

  replace(values: Iterable<string>): void {
    [this.#exact, this.#folded] = setsOf(values);
  }

  /** `cased`: with its case; else whatever its case. */
  has(text: string, cased: boolean): boolean {
    return this.#exact.has(text) || (!cased && this.#folded.has(text.toLowerCase()));
  }
}

export type WatchLists = ReadonlyMap<string, WatchList>;

/** The second set is the first where no value has a capital. */
function setsOf(values: Iterable<string>): [exact: ReadonlySet<string>, folded: ReadonlySet<string>] {
  const exact = new Set(values);
  let isFolded = true;
  for (const value of exact) {
    if (value !== value.toLowerCase()) {
      isFolded = false;
      break;
    }
  }
  if (isFolded) return [exact, exact];
  const folded = new Set<string>();
  for (const value of exact) folded.add(value.toLowerCase());
  return [exact, folded];
}

/** The values of a list's file: one a line; `#` begins a comment, alone or after a space. */
export function parseWatchList(text: string): Set<string> {
  const values = new Set<string>();
  for (const line of text.split("\n")) {
    const comment = line.startsWith("#") ? 0 : line.search(/\s#/u);
    const value = (comment < 0 ? line : line.slice(0, comment)).trim();
    if (value !== "") values.add(value);
  }
  return values;
}
