// The values of a comparison while its modifiers work on them, one after another in the written order, as
// pySigma applies them: each modifier takes values of some kinds and makes values of others. What a
// modifier cannot take is refused at the value.

import { PART_RANGES, TIME_PARTS } from "./calendar.ts";
import type { TimePart } from "./calendar.ts";
import { compileNetwork } from "./cidr.ts";
import { UTF16_MARK, base64, base64Offsets, dashSpellings, utf16 } from "./encodings.ts";
import type { Utf16 } from "./encodings.ts";
import type { OrderOperator } from "./expression.ts";
import { joinLiterals, literalOf, parsePattern, widen } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { describe } from "./tree-reader.ts";
import type { YamlScalar } from "./yaml-tree.ts";

interface Text {
  readonly kind: "text";
  readonly pattern: Pattern;
  readonly cased: boolean;
  /** What a modifier of places did: keywords are searched anywhere unless one did. */
  readonly placed: boolean;
  /** utf16 put its mark before it. */
  readonly marked: boolean;
}

/** `at`: where the value stands, for messages. */
export type Value = { readonly at: YamlScalar } & (
  | Text
  | { readonly kind: "null" }
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "boolean"; readonly boolean: boolean }
  | { readonly kind: "regex"; readonly source: string; readonly flags: string }
  | {
      readonly kind: "reference";
      readonly path: string;
      readonly cased: boolean;
      readonly before: boolean;
      readonly after: boolean;
    }
  | { readonly kind: "network"; readonly network: string }
  | { readonly kind: "exists"; readonly exists: boolean }
  | { readonly kind: "order"; readonly operator: OrderOperator; readonly bound: number; readonly part: TimePart | null }
  | { readonly kind: "part"; readonly part: TimePart; readonly number: number }
  | { readonly kind: "placeholder"; readonly list: string; readonly cased: boolean }
);

const ORDER: readonly OrderOperator[] = ["lt", "lte", "gt", "gte"];

/** The value as written, as these modifiers want it; null where it was refused. */
export function readValue(at: YamlScalar, changes: readonly string[], findings: Findings): Value | null {
  const { value } = at;
  if (value === null) return { at, kind: "null" };
  if (typeof value === "boolean") return { at, kind: "boolean", boolean: value };
  if (typeof value === "number") return isExact(at, value, findings) ? { at, kind: "number", number: value } : null;
  if (!at.quoted && isReadDifferently(value)) {
    refuseYaml(at, `quote it: '${at.text}'`, findings);
    return null;
  }
  const pattern = changes.includes("re") ? [value] : parsePattern(value, changes.includes("expand"));
  return { at, kind: "text", pattern, cased: false, placed: false, marked: false };
}

/** YAML 1.1: `no` is false, `010` is 8, `1_000` a number, `12:30` 750, `2024-06-09` a date. */
function isReadDifferently(text: string): boolean {
  return (
    /^(?:yes|no|on|off)$/iu.test(text) ||
    /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/u.test(text) ||
    /^[-+]?\d+_[\d_]*$/u.test(text) ||
    /^\d{4}-\d\d?-\d\d?(?:$|[Tt\s])/u.test(text)
  );
}

function refuseYaml(at: YamlScalar, instead: string, findings: Findings): void {
  findings.refuse(at.at, `${quote(at.text)}, which YAML 1.1 readers (pySigma) read as something else`, instead);
}

function isExact(at: YamlScalar, number: number, findings: Findings): boolean {
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number))) {
    findings.refuse(at.at, `the number ${quote(at.text)}, which cannot be held exactly`, `quote it: '${at.text}'`);
    return false;
  }
  if (/^[-+]?(?:0[\do]|\d+e)/iu.test(at.text)) {
    refuseYaml(at, `quote it, or write ${number}`, findings);
    return false;
  }
  return true;
}

type Change = (value: Value, refuse: Refuse) => readonly Value[];
type Refuse = (found: string, instead: string) => readonly Value[];

/** Modifiers that change values; `all` and `neq` change how they are joined. */
export const CHANGES: Readonly<Record<string, Change>> = {
  contains: (value, refuse) => place(value, { before: true, after: true, refuse }),
  startswith: (value, refuse) => place(value, { before: false, after: true, refuse }),
  endswith: (value, refuse) => place(value, { before: true, after: false, refuse }),
  cased(value, refuse) {
    if (value.kind !== "text" && value.kind !== "placeholder") return noText(value, refuse);
    return [{ ...value, cased: true }];
  },
  re(value, refuse) {
    if (value.kind !== "text") return noText(value, refuse);
    return [{ at: value.at, kind: "regex", source: literalOf(value.pattern) ?? "", flags: "" }];
  },
  ...Object.fromEntries(
    ["i", "m", "s"].map((flag): [string, Change] => [flag, (value, refuse) => addFlag(value, flag, refuse)]),
  ),
  base64: (value, refuse) => encode(value, refuse, (text, marked) => [base64(text, marked)]),
  base64offset: (value, refuse) => encode(value, refuse, base64Offsets),
  wide: (value, refuse) => widenCharacters(value, "utf16le", refuse),
  utf16le: (value, refuse) => widenCharacters(value, "utf16le", refuse),
  utf16be: (value, refuse) => widenCharacters(value, "utf16be", refuse),
  utf16: (value, refuse) => widenCharacters(value, "utf16", refuse),
  windash: spellDashes,
  cidr(value, refuse) {
    const text = value.kind === "text" ? literalOf(value.pattern) : null;
    if (text !== null && compileNetwork(text) !== null) return [{ at: value.at, kind: "network", network: text }];
    const advice = "write a network without host bits, such as 10.0.0.0/8 or 2001:db8::/32";
    return refuse(`${describe(value.at)} after cidr`, advice);
  },
  exists(value, refuse) {
    if (value.kind !== "boolean") return refuse(`${describe(value.at)} after exists`, "write true or false");
    return [{ at: value.at, kind: "exists", exists: value.boolean }];
  },
  fieldref(value, refuse) {
    const path = value.kind === "text" ? literalOf(value.pattern) : null;
    if (value.kind !== "text" || path === null || path === "")
      return refuse(`${describe(value.at)} after fieldref`, "write the name of a field");
    return [{ at: value.at, kind: "reference", path, cased: value.cased, before: false, after: false }];
  },
  expand: insertPlaceholder,
  ...Object.fromEntries(
    ORDER.map((operator): [string, Change] => [operator, (value, refuse) => order(value, operator, refuse)]),
  ),
  ...Object.fromEntries(
    TIME_PARTS.map((part): [string, Change] => [part, (value, refuse) => takePart(value, part, refuse)]),
  ),
};

/** What the modifier makes of the values; those it refuses are left out and reported. */
export function changeValues(values: readonly Value[], name: string, findings: Findings): Value[] {
  const change = CHANGES[name];
  if (change === undefined) return [...values];
  return values.flatMap((value) =>
    change(value, (found, instead) => {
      findings.refuse(value.at.at, found, instead);
      return [];
    }),
  );
}

function noText(value: Value, refuse: Refuse): readonly Value[] {
  if (value.kind === "null") return refuse("null with a modifier for text", "write null without it");
  if (value.kind === "number" || value.kind === "boolean")
    return refuse(`${describe(value.at)} with a modifier for text`, `quote it: '${value.at.text}'`);
  return refuse(`modifiers that cannot follow each other on ${describe(value.at)}`, "write two keys, one with each");
}

function place(
  value: Value,
  at: { readonly before: boolean; readonly after: boolean; readonly refuse: Refuse },
): readonly Value[] {
  switch (value.kind) {
    case "text":
      return [{ ...value, pattern: widen(value.pattern, at), placed: true }];
    case "reference":
      return [{ ...value, before: value.before || at.before, after: value.after || at.after }];
    case "regex": {
      // Found anywhere as it is; anchored where only one side is open.
      if (at.before && at.after) return [value];
      return [{ ...value, source: at.before ? `(?:${value.source})\\z` : `\\A(?:${value.source})` }];
    }
    case "placeholder":
      return at.refuse("a placeholder with a modifier of places", "list whole values, and write expand alone");
    default:
      return noText(value, at.refuse);
  }
}

function addFlag(value: Value, flag: string, refuse: Refuse): readonly Value[] {
  if (value.kind !== "regex") return refuse(`the modifier ${quote(flag)} without re`, `write re|${flag}`);
  return [{ ...value, flags: value.flags.includes(flag) ? value.flags : value.flags + flag }];
}

function encode(
  value: Value,
  refuse: Refuse,
  encoder: (text: string, marked: boolean) => readonly string[],
): readonly Value[] {
  if (value.kind !== "text") return noText(value, refuse);
  const text = literalOf(value.pattern);
  if (text === null)
    return refuse(`${describe(value.at)}: wildcards cannot be encoded`, "encode first: base64|contains");
  return encoder(text, value.marked).map((encoded) => ({ ...value, pattern: [encoded], marked: false }));
}

function widenCharacters(value: Value, form: Utf16, refuse: Refuse): readonly Value[] {
  if (value.kind !== "text") return noText(value, refuse);
  const parts: Pattern[number][] = [];
  if (form === "utf16") parts.push(UTF16_MARK);
  for (const part of value.pattern) {
    const encoded = typeof part === "string" ? utf16(part, form) : part;
    if (encoded === null) return refuse(`${describe(value.at)}, whose UTF-16 is no text`, "write ASCII characters");
    parts.push(encoded);
  }
  return [{ ...value, pattern: joinLiterals(parts), marked: form === "utf16" }];
}

function spellDashes(value: Value, refuse: Refuse): readonly Value[] {
  if (value.kind !== "text") return noText(value, refuse);
  let patterns: Pattern[] = [[]];
  for (const part of value.pattern) {
    const spellings = typeof part === "string" ? dashSpellings(part) : [part];
    if (spellings !== null)
      patterns = patterns.flatMap((pattern) => spellings.map((spelling) => [...pattern, spelling]));
    if (spellings === null || patterns.length > 125)
      return refuse(`more than three dashes in ${describe(value.at)}`, "write a value for each, with fewer dashes");
  }
  return patterns.map((pattern) => ({ ...value, pattern }));
}

function insertPlaceholder(value: Value, refuse: Refuse): readonly Value[] {
  if (value.kind === "regex") {
    if (!/%[^%\\]+%/u.test(value.source)) return [value];
    return refuse("a placeholder in a regular expression", "list whole values, and write expand alone");
  }
  if (value.kind !== "text") return noText(value, refuse);
  const found = value.pattern.some((part) => typeof part === "string" && /%[^%\\]+%/u.test(part));
  if (!found) return [{ ...value, pattern: joinLiterals(value.pattern) }];
  const list = /^%([\w.-]{1,128})%$/u.exec(literalOf(value.pattern) ?? "")?.[1];
  if (list !== undefined) return [{ at: value.at, kind: "placeholder", list, cased: value.cased }];
  const isAlone = /^%[^%]+%$/u.test(literalOf(value.pattern) ?? "");
  return isAlone
    ? refuse(`the placeholder ${describe(value.at)}`, "name it with letters, digits, _, - and .")
    : refuse(`a placeholder beside other text in ${describe(value.at)}`, "list whole values: '%name%' alone");
}

function order(value: Value, operator: OrderOperator, refuse: Refuse): readonly Value[] {
  const { at } = value;
  if (value.kind === "number") return [{ at, kind: "order", operator, bound: value.number, part: null }];
  if (value.kind === "part") return [{ at, kind: "order", operator, bound: value.number, part: value.part }];
  return refuse(`${describe(at)} after ${operator}`, "write a number");
}

function takePart(value: Value, part: TimePart, refuse: Refuse): readonly Value[] {
  const [least, most] = PART_RANGES[part];
  if (value.kind === "number" && Number.isInteger(value.number) && value.number >= least && value.number <= most)
    return [{ at: value.at, kind: "part", part, number: value.number }];
  return refuse(`${describe(value.at)} after ${part}`, `write a number from ${least} to ${most}`);
}

/** A keyword is searched anywhere in a field unless a modifier says where. */
export function anywhere(value: Text): Pattern {
  return value.placed ? value.pattern : widen(value.pattern, { before: true, after: true });
}
