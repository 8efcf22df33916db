// Paths with dots into any JSON value. A key that is the whole path wins over nested ones; a path fans out
// through arrays on its way. Never throws: what is not there is null.

export type PathReader = (value: unknown) => unknown;

/** Events nested deeper than this have no such field; it bounds the recursion. */
const MAX_DEPTH = 64;

/** Reads one value, or the array of all that the path leads to. */
export function readerOf(path: string): PathReader {
  const names = path.split(".");
  if (names.length === 1) return (value) => own(value, path);
  return (value) => own(value, path) ?? follow(value, names, { next: 0, depth: 0 });
}

function own(value: unknown, name: string): unknown {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return null;
  return (value as Record<string, unknown>)[name];
}

function follow(
  from: unknown,
  names: readonly string[],
  at: { readonly next: number; readonly depth: number },
): unknown {
  if (at.depth > MAX_DEPTH) return null;
  let value = from;
  for (let next = at.next; next < names.length; next++) {
    if (Array.isArray(value)) return fanOut(value, names, { next, depth: at.depth + 1 });
    value = own(value, names[next]!);
    if (value === null || value === undefined) return null;
  }
  return value;
}

function fanOut(
  values: readonly unknown[],
  names: readonly string[],
  at: { readonly next: number; readonly depth: number },
): unknown[] {
  const found: unknown[] = [];
  for (const value of values) {
    const reached = follow(value, names, at);
    if (Array.isArray(reached)) for (const each of reached) found.push(each);
    else if (reached !== null && reached !== undefined) found.push(reached);
  }
  return found;
}
