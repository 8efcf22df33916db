// Randomness as an argument: one seed reproduces a whole exchange. Each part of it draws from a fork
// named after that part, so that a new script or another account does not shift everybody else's luck.

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Whole number in [min, max], both included. */
  integer(min: number, max: number): number;
  /** Real number in [min, max). */
  between(min: number, max: number): number;
  chance(probability: number): boolean;
  /** @throws RangeError for an empty list */
  pick<T>(choices: readonly T[]): T;
  /** A choice by its weight; weights need not add up to anything. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T;
  /** `digits` random hexadecimal digits. */
  hex(digits: number): string;
  /** An independent stream; the same seed and name give the same one. */
  fork(name: string): Random;
}

const HEX = "0123456789abcdef";

/** A deterministic stream for a seed (any text or number). Not for secrets. */
export function seededRandom(seed: string | number): Random {
  const next = sfc32(String(seed));
  const random: Random = {
    next,
    integer: (min, max) => min + Math.floor(next() * (max - min + 1)),
    between: (min, max) => min + next() * (max - min),
    chance: (probability) => next() < probability,
    pick(choices) {
      if (choices.length === 0) throw new RangeError("nothing to pick from");
      return choices[Math.floor(next() * choices.length)]!;
    },
    weighted(choices) {
      if (choices.length === 0) throw new RangeError("nothing to pick from");
      let rest = next() * choices.reduce((sum, choice) => sum + choice.weight, 0);
      return choices.find((choice) => (rest -= choice.weight) < 0) ?? choices.at(-1)!;
    },
    hex(digits) {
      let text = "";
      for (let digit = 0; digit < digits; digit++) text += HEX[Math.floor(next() * 16)]!;
      return text;
    },
    fork: (name) => seededRandom(`${seed}/${name}`),
  };
  return random;
}

/** Chris Doty-Humphrey's Small Fast Counting generator, 32 bits; its state is the seed's FNV-1a hashes. */
function sfc32(seed: string): () => number {
  let [a, b, c, counter] = [fnv1a(`a${seed}`), fnv1a(`b${seed}`), fnv1a(`c${seed}`), 1];
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first outputs still show how alike two seeds were.
  for (let i = 0; i < 12; i++) next();
  return next;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash | 0;
}
