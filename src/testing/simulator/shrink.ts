// The shortest list that still fails: halves, then quarters, … are left out as long as the rest fails, down to
// single members (delta debugging, after Zeller). Deterministic where `fails` is.

/**
 * @param list something for which `fails` holds
 * @returns a part of it, in order, for which it holds and from which no single member can be left out
 */
export async function shrink<T>(list: readonly T[], fails: (part: readonly T[]) => Promise<boolean>): Promise<T[]> {
  let kept = [...list];
  let size = Math.ceil(kept.length / 2);
  while (size >= 1 && kept.length > 0) {
    let shorter: T[] | null = null;
    for (let from = 0; from < kept.length && shorter === null; from += size) {
      const rest = kept.toSpliced(from, size);
      if (await fails(rest)) shorter = rest;
    }
    if (shorter !== null) kept = shorter;
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
    size = Math.min(size, Math.max(1, kept.length));
  }
  return kept;
}
