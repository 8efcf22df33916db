// Paths with dots into any JSON value. At each map a key that is the whole rest of the path wins over nested ones,
// since names have dots, too; a path fans out through arrays on its way. Never throws: what is not there is null.

export type PathReader = (value: unknown) => unknown;

/** Events nested deeper than this have no such field; it bounds the recursion. */
const MAX_DEPTH = 64;

/** Reads one value, or the array of all that the path leads to. */
export function readerOf(path: string): PathReader {
  const names = path.split(".");
  if (names.length === 1) return (value) => own(value, path);
  const steps = names.map((name, index): Step => ({ name, rest: names.slice(index).join(".") }));
  return (value) => follow(value, steps, { next: 0, depth: 0 });
}

interface Step {
  readonly name: string;
  /** From this name to the path's end. */
  readonly rest: string;
}

function own(value: unknown, name: string): unknown {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return null;
  return (value as Record<string, unknown>)[name];
}

function follow(from: unknown, steps: readonly Step[], at: { readonly next: number; readonly depth: number }): unknown {
  if (at.depth > MAX_DEPTH) return null;
  let value = from;
  const last = steps.length - 1;
  for (let next = at.next; next <= last; next++) {
    if (Array.isArray(value)) return fanOut(value, steps, { next, depth: at.depth + 1 });
    const step = steps[next]!;
    const whole = own(value, step.rest);
    if (next === last || (whole !== null && whole !== undefined)) return whole;
    value = own(value, step.name);
    if (value === null || value === undefined) return null;
  }
  return value;
}

function fanOut(
  values: readonly unknown[],
  steps: readonly Step[],
  at: { readonly next: number; readonly depth: number },
): unknown[] {
  const found: unknown[] = [];
  for (const value of values) {
    const reached = follow(value, steps, at);
    if (Array.isArray(reached)) for (const each of reached) found.push(each);
    else if (reached !== null && reached !== undefined) found.push(reached);
  }
  return found;
}
