// Case is folded as Unicode says, one character for one.

import { deepEqual, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { fold, foldAmongAscii, isAscii } from "../../src/sigma/fold.ts";
import { NO_FACTS, event, matcherOf } from "./loading.ts";

test("folding is the engine's own of /iu, of every character, and keeps its length", () => {
  const characters: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const folded = fold(character);
    const why = `U+${code.toString(16)}`;
    strictEqual(folded.length, character.length, why);
    strictEqual(fold(folded), folded, why);
    if (isAscii(folded)) strictEqual(foldAmongAscii(character), folded, why);
    const isAlone = character.toLowerCase() === character && character.toUpperCase() === character;
    if (isAlone) strictEqual(folded, character, why);
    else characters.push(character);
  }
  const all = characters.join("");
  const alike = Map.groupBy(characters, fold);
  for (const character of characters) {
    const code = character.codePointAt(0)!.toString(16);
    const like = all.match(new RegExp(`\\u{${code}}`, "giu"));
    deepEqual(like, alike.get(fold(character)), `U+${code}`);
  }
});

test("a text is like another whatever its case, wherever it is compared", () => {
  const rows: readonly (readonly [value: string, text: string, same: boolean])[] = [
    ["ΟΔΟΣ", "οδος", true],
    ["οδος", "ΟΔΟΣ", true],
    ["İstanbul", "İSTANBUL", true],
    ["istanbul", "İSTANBUL", false],
    ["k", "\u212a", true],
    ["\u212a", "K", true],
    ["pass", "pa\u017fS", true],
    ["µ", "Μ", true],
    ["straße", "STRASSE", false],
    ["𐐀", "𐐨", true],
  ];
  const others = Array.from({ length: 20 }, (_, index) => `other${index}`).join(", ");
  for (const [value, text, same] of rows) {
    const asked: readonly (readonly [selection: string, text: string])[] = [
      [`{ userAgent: '${value}' }`, text],
      [`{ userAgent: ['${value}', ${others}] }`, text],
      [`{ userAgent: ['${value}', ${others}, ä] }`, text],
      [`{ userAgent|contains: '${value}' }`, `α${text}α`],
      [`{ userAgent|startswith: '${value}' }`, `${text}α`],
      [`{ userAgent|endswith: '${value}' }`, `α${text}`],
      [`{ userAgent: '${value}?' }`, `${text}İ`],
      [`{ '|contains': '${value}' }`, `α${text}α`],
    ];
    const answers = asked.map(([selection, held]) => matcherOf(selection)(event({ userAgent: held }), NO_FACTS));
    deepEqual(
      answers,
      asked.map(() => same),
      `${value} and ${text}`,
    );
    const refers = matcherOf("{ userAgent|fieldref: deviceId }");
    strictEqual(refers(event({ userAgent: text, deviceId: value }), NO_FACTS), same, `${value} and ${text}`);
  }
});
