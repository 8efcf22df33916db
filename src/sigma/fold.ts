// Text without its case: Unicode's simple case folding, one character for one. So what is equal is so wherever it
// stands in a text, which `toLowerCase` does not give: its sigma differs at a word's end, its İ becomes two
// characters, and it keeps letters apart that have one capital (ſ and s, ϐ and β).

/** What `toLowerCase` makes something else of, by itself or (Σ) by its place in a word. */
const OTHERWISE =
  /[\u0345\u00b5\u0130\u017f\u03a3\u03c2\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u03f5\u1c80-\u1c88\u1e9b\u1fbe\u1fd3\u1fe3\ufb05]/u;

/** Without a capital that is one character, and like another one all the same. */
const LIKE: ReadonlyMap<string, string> = new Map([
  ["\u1fd3", "\u0390"],
  ["\u1fe3", "\u03b0"],
  ["\ufb05", "\ufb06"],
]);

/** As long as the text, in code units. */
export function fold(text: string): string {
  return OTHERWISE.test(text) ? Array.from(text, foldCharacter).join("") : text.toLowerCase();
}

/** To be compared with ASCII text alone, which takes less: of what `toLowerCase` misses only ſ folds into ASCII. */
export function foldAmongAscii(text: string): string {
  return text.includes("ſ") ? fold(text) : text.toLowerCase();
}

export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/u.test(text);
}

/** By way of its capital, which letters of one kind share. */
function foldCharacter(character: string): string {
  // Its capital is I, but only Turkish takes the two for one letter.
  if (character === "ı") return character;
  const like = LIKE.get(character);
  if (like !== undefined) return like;
  const capital = oneOr(character.toUpperCase(), character);
  return oneOr(capital.toLowerCase(), capital);
}

function oneOr(text: string, otherwise: string): string {
  return text.length === otherwise.length ? text : otherwise;
}
