// What the modifiers base64, base64offset, wide, utf16le, utf16be, utf16 and windash make of a text, as pySigma
// does it. null: the text has no such form.

const DASHES = ["-", "/", "–", "—", "―"] as const;
/** Each dash makes five texts of one. */
const MAX_DASHES = 3;
const BYTE_ORDER_MARK = "\ufeff";

export type Utf16 = "utf16le" | "utf16be" | "utf16";

export function base64(text: string, marked: boolean): string {
  return bytesOf(text, marked).toString("base64");
}

/** What stays the same of the text's Base64 form, wherever it stands in what was encoded: one for each shift. */
export function base64Offsets(text: string, marked: boolean): string[] {
  const bytes = bytesOf(text, marked);
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift, " "), bytes]).toString("base64");
    const cut = [0, 3, 2][(bytes.length + shift) % 3] ?? 0;
    return encoded.slice([0, 2, 3][shift], encoded.length - cut);
  });
}

/** `marked`: the text begins with the mark that utf16 has put there, which is two bytes in UTF-16. */
function bytesOf(text: string, marked: boolean): Buffer {
  if (!marked || !text.startsWith(BYTE_ORDER_MARK)) return Buffer.from(text, "utf8");
  return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text.slice(1), "utf8")]);
}

/** The bytes of UTF-16 as text, one character a byte; null where a byte is none of ASCII. */
export function utf16(text: string, form: Utf16): string | null {
  let encoded = "";
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const [low, high] = [unit & 0xff, unit >> 8];
    if (low > 0x7f || high > 0x7f) return null;
    encoded += form === "utf16be" ? String.fromCharCode(high, low) : String.fromCharCode(low, high);
  }
  return encoded;
}

export const UTF16_MARK: string = BYTE_ORDER_MARK;

const WORD = /[\p{L}\p{N}_]/u;

/** Every spelling of the dashes that begin a parameter; null where there are more than three. */
export function dashSpellings(text: string): string[] | null {
  const places: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const isDash = text[index] === "-" || text[index] === "/";
    if (isDash && !WORD.test(text[index - 1] ?? "") && WORD.test(text[index + 1] ?? "")) places.push(index);
  }
  if (places.length > MAX_DASHES) return null;
  let spellings = [text];
  for (const place of places) {
    spellings = spellings.flatMap((spelling) =>
      DASHES.map((dash) => spelling.slice(0, place) + dash + spelling.slice(place + 1)),
    );
  }
  return spellings;
}
