// An evidence's one-line summary, `API_KEY_CREATED rights=[TRADE,WITHDRAW] verifiedWith=[SMS]`, taken apart
// again: the type, and the fields in their order; where several accounts share a case, the account before them.
// Owns how money and symbols read to people.

import type { Evidence } from "../../core/output.ts";

export interface SummaryField {
  readonly name: string;
  /** As it stands: a word, a quoted text, or a list of these in brackets. */
  readonly value: string;
}

export interface Summary {
  /** Whose event it was; "": the case's account's. */
  readonly account: string;
  readonly type: string;
  readonly fields: readonly SummaryField[];
}

const WORD = String.raw`"(?:[^"\\]|\\.)*"?|[^\s,\]"]+`;
/** The summary may have been cut off anywhere. */
const FIELD = new RegExp(String.raw` (\w+)=(\[(?:${WORD}|,)*\]?|(?:${WORD})?)`, "gu");

export function readSummary({ summary, type }: Pick<Evidence, "summary" | "type">): Summary {
  const begin = `${summary} `.startsWith(`${type} `) ? 0 : summary.indexOf(` ${type}`) + 1;
  const fields = [...summary.slice(begin + type.length).matchAll(FIELD)].map(([, name, value]) => {
    return { name: name!, value: value! };
  });
  return { account: summary.slice(0, Math.max(0, begin - 1)), type, fields };
}

export function writeSummary({ account, type, fields }: Summary): string {
  return (account === "" ? "" : `${account} `) + type + fields.map(({ name, value }) => ` ${name}=${value}`).join("");
}

/** `API_KEY_CREATED` → `API key created` */
export function inWords(symbol: string): string {
  const words = symbol
    .toLowerCase()
    .replaceAll("_", " ")
    .replace(/\b(?:api|sim|p2p)\b/gu, (name) => name.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The texts of a value: one, or those of the list. */
export function textsOf(value: string): string[] {
  const inner = value.startsWith("[") ? value.slice(1).replace(/\]$/u, "") : value;
  return [...inner.matchAll(new RegExp(WORD, "gu"))].map(([word]) => unquoted(word));
}

function unquoted(word: string): string {
  if (!word.startsWith('"')) return word;
  try {
    return String(JSON.parse(word));
  } catch {
    return word.slice(1); // cut off
  }
}

/** `amountUsdCents` 123400 → `amount`, `1,234.00 USD`; others as they are, lists without brackets. */
export function fieldInWords({ name, value }: SummaryField): SummaryField {
  const words = name.replace(/[A-Z]/gu, (letter) => ` ${letter.toLowerCase()}`);
  if (name.endsWith("UsdCents") && /^-?\d+$/u.test(value)) {
    return { name: words.replace(" usd cents", ""), value: `${dollars(BigInt(value))} USD` };
  }
  if (name.endsWith("Bps")) return { name: words.replace(" bps", ""), value: `${value} basis points` };
  return { name: words, value: textsOf(value).join(", ") || "none" };
}

function dollars(cents: bigint): string {
  const whole = (cents / 100n).toLocaleString("en-US");
  return `${whole}.${String(cents < 0n ? -cents % 100n : cents % 100n).padStart(2, "0")}`;
}
