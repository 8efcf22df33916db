// HTML from templates, in which every value is text and is escaped, except what was made here. Owns what
// foreign text (devices, addresses, notes) can do to a page: nothing.

/** Only `html` makes it. */
export class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

type Value = Markup | string | number | false | null | readonly (Markup | string)[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A template's values become text; arrays are joined; false and null are left out. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(parts.map((part, index) => part + (index < values.length ? render(values[index]!) : "")).join(""));
}

function render(value: Value): string {
  if (value === false || value === null) return "";
  if (value instanceof Markup) return value.toString();
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escape(value);
  return value.map((each) => render(each)).join("");
}

/** Control characters and direction marks would be invisible, or turn what stands beside them around. */
function escape(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "\u{FFFD}").replace(/[&<>"']/gu, (each) => ENTITIES[each]!);
}
