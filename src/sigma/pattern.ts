// Sigma's string values: wildcards `*` and `?`, escaped by a backslash, and how text is compared with them.
// Case is ignored by folding (fold.ts), without allocating for ASCII.

import { fold, foldAmongAscii, isAscii } from "./fold.ts";

/** Runs of code units to find literally, and wildcards. Never two `*` in a row. */
export type PatternPart = string | typeof ANY | typeof ONE;
export const ANY = { wildcard: "*" } as const;
export const ONE = { wildcard: "?" } as const;
export type Pattern = readonly PatternPart[];

export type TextTest = (text: string) => boolean;

/**
 * Reads a value as Sigma escapes it: `\*`, `\?` and `\\` are the plain characters, a backslash before
 * anything else (or at the end) is itself. `percents`: so is `\%`, each a part by itself, so that no placeholder
 * is found around it.
 */
export function parsePattern(text: string, percents = false): Pattern {
  const parts: PatternPart[] = [];
  let literal = "";
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    const next = text.charAt(index + 1);
    if (character === "\\" && (next === "*" || next === "?" || next === "\\")) {
      literal += next;
      index += 1;
    } else if (percents && character === "\\" && next === "%") {
      if (literal !== "") parts.push(literal);
      literal = "";
      parts.push(next);
      index += 1;
    } else if (character === "*" || character === "?") {
      if (literal !== "") parts.push(literal);
      literal = "";
      if (character === "?") parts.push(ONE);
      else if (parts.at(-1) !== ANY) parts.push(ANY);
    } else {
      literal += character;
    }
  }
  if (literal !== "") parts.push(literal);
  return parts;
}

/** Texts that follow each other as one. */
export function joinLiterals(pattern: Pattern): Pattern {
  const parts: PatternPart[] = [];
  for (const part of pattern) {
    const last = parts.at(-1);
    if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
    else parts.push(part);
  }
  return parts;
}

/** The text itself where the pattern has no wildcard, else null. */
export function literalOf(pattern: Pattern): string | null {
  const [first] = pattern;
  if (pattern.length === 0) return "";
  return pattern.length === 1 && typeof first === "string" ? first : null;
}

/** `*` before or after the pattern, unless it is there already. */
export function widen(pattern: Pattern, sides: { before: boolean; after: boolean }): Pattern {
  const before = sides.before && pattern[0] !== ANY ? [ANY] : [];
  const after = sides.after && (pattern.at(-1) !== ANY || pattern.length === 0) ? [ANY] : [];
  if (pattern.length === 0) return sides.before || sides.after ? [ANY] : [];
  return [...before, ...pattern, ...after];
}

/** Is the text one of these? Exact ones are found first: events spell closed sets one way. */
export function compileLiterals(literals: readonly string[], cased: boolean): TextTest {
  const exact = new Set(literals);
  if (cased) {
    const [only] = literals;
    return exact.size === 1 ? (text) => text === only : (text) => exact.has(text);
  }
  const folded = [...new Set(literals.map(fold))];
  if (folded.length > 16) {
    const lookup = new Set(folded);
    const foldText = folded.every(isAscii) ? foldAmongAscii : fold;
    // Folding keeps the length: most texts need not be folded to be none of these.
    const lengths = new Set(folded.map(({ length }) => length));
    return (text) => lengths.has(text.length) && (exact.has(text) || lookup.has(foldText(text)));
  }
  return (text) => {
    if (exact.has(text)) return true;
    for (let index = 0; index < folded.length; index++) {
      if (equalsFolded(text, folded[index] as string)) return true;
    }
    return false;
  };
}

/** Does the whole text follow the pattern? Backtracks to the latest `*` only: no pattern is exponential. */
export function compilePattern(pattern: Pattern, cased: boolean): TextTest {
  const units: number[] = [];
  let ascii = true;
  for (const part of pattern) {
    if (part === ANY) units.push(ANY_UNIT);
    else if (part === ONE) units.push(ONE_UNIT);
    else if (typeof part === "string") {
      const literal = cased ? part : fold(part);
      for (let index = 0; index < literal.length; index++) {
        const unit = literal.charCodeAt(index);
        if (unit > 0x7f) ascii = false;
        units.push(unit);
      }
    }
  }
  if (cased) return (text) => matchesUnits(text, units, false);
  if (ascii) return (text) => matchesUnits(text, units, true);
  return (text) => matchesUnits(fold(text), units, false);
}

const ANY_UNIT = -1;
const ONE_UNIT = -2;

function matchesUnits(text: string, units: readonly number[], fold: boolean): boolean {
  let at = 0;
  let unit = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    const wanted = units[unit];
    const code = text.charCodeAt(at);
    if (wanted === ANY_UNIT) {
      star = unit;
      starAt = at;
      unit += 1;
    } else if (wanted === ONE_UNIT) {
      at += widthAt(text, at);
      unit += 1;
    } else if (wanted !== undefined && wanted === (fold ? lower(code) : code)) {
      at += 1;
      unit += 1;
    } else if (star >= 0) {
      starAt += widthAt(text, starAt);
      at = starAt;
      unit = star + 1;
    } else {
      return false;
    }
  }
  while (units[unit] === ANY_UNIT) unit += 1;
  return unit === units.length;
}

/** 2 for a surrogate pair: `?` is one character, not half of one. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

const LONG_S = 0x17f;
const KELVIN_SIGN = 0x212a;

/** Folds into ASCII: its capitals, and the two other characters that fold to one of its letters. */
function lower(code: number): number {
  if (code <= 0x7f) return code >= 0x41 && code <= 0x5a ? code | 0x20 : code;
  return code === KELVIN_SIGN ? 0x6b : code === LONG_S ? 0x73 : code;
}

/** `folded` is folded. Allocates only where a character is not ASCII. */
function equalsFolded(text: string, folded: string): boolean {
  const length = folded.length;
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return fold(text) === folded;
    if (lower(code) !== folded.charCodeAt(index)) return false;
  }
  return true;
}
