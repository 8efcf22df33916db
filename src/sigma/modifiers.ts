// The modifiers of Sigma's appendix: which a field may carry here, which may stand together. A modifier
// that is known to Sigma but not to Holdfast is refused by name, never skipped.

import { nearest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";
import type { OrderOperator } from "./expression.ts";

const ORDER = ["lt", "lte", "gt", "gte"] as const satisfies readonly OrderOperator[];
const SUPPORTED = ["contains", "startswith", "endswith", "all", "exists", "cased", "neq", "cidr", ...ORDER] as const;
type Supported = (typeof SUPPORTED)[number];

/** Sigma has these; a rule that needs one cannot be honoured exactly, so it is refused. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  re: "write contains, startswith, endswith or wildcards",
  i: "write contains, startswith, endswith or wildcards",
  m: "write contains, startswith, endswith or wildcards",
  s: "write contains, startswith, endswith or wildcards",
  fieldref: "compare with values",
  expand: "write the values out as a list",
  base64: "write the encoded text itself",
  base64offset: "write the encoded text itself",
  wide: "write the encoded text itself",
  utf16: "write the encoded text itself",
  utf16le: "write the encoded text itself",
  utf16be: "write the encoded text itself",
  windash: "write each spelling as a value of a list",
  minute: "compare occurredAt with gte and lt",
  hour: "compare occurredAt with gte and lt",
  day: "compare occurredAt with gte and lt",
  week: "compare occurredAt with gte and lt",
  month: "compare occurredAt with gte and lt",
  year: "compare occurredAt with gte and lt",
};

/** What a key's modifiers ask for. `wildcards`: where contains, startswith, endswith put a `*`. */
export interface Modifiers {
  readonly before: boolean;
  readonly after: boolean;
  readonly all: boolean;
  readonly cased: boolean;
  readonly negated: boolean;
  readonly exists: boolean;
  readonly cidr: boolean;
  readonly order: OrderOperator | null;
}

/** Reads `a|b|c` after the field's name; undefined where something was refused. `at` is the key's. */
export function readModifiers(names: readonly string[], at: Position, findings: Findings): Modifiers | undefined {
  const before = findings.problems.length;
  const given = new Set<Supported>();
  for (const name of names) {
    const known = SUPPORTED.find((supported) => supported === name);
    if (known === undefined) refuseModifier(name, at, findings);
    else if (given.has(known)) findings.refuse(at, `the modifier ${quote(known)} twice`, "write it once");
    else given.add(known);
  }
  refuseConflicts(given, at, findings);
  if (findings.problems.length > before) return undefined;
  return {
    before: given.has("contains") || given.has("endswith"),
    after: given.has("contains") || given.has("startswith"),
    all: given.has("all"),
    cased: given.has("cased"),
    negated: given.has("neq"),
    exists: given.has("exists"),
    cidr: given.has("cidr"),
    order: ORDER.find((operator) => given.has(operator)) ?? null,
  };
}

function refuseModifier(name: string, at: Position, findings: Findings): void {
  if (Object.hasOwn(UNSUPPORTED, name)) {
    findings.refuse(at, `the modifier ${quote(name)} is not supported`, UNSUPPORTED[name] ?? "");
    return;
  }
  const close = nearest(name, SUPPORTED);
  const advice = close === null ? `known: ${SUPPORTED.join(", ")}` : `did you mean ${close}?`;
  findings.refuse(at, `the unknown modifier ${quote(name)}`, advice);
}

/** Modifiers of one kind of comparison each; those of two kinds together mean nothing. */
function refuseConflicts(given: ReadonlySet<Supported>, at: Position, findings: Findings): void {
  const text = (["contains", "startswith", "endswith", "cased"] as const).filter((name) => given.has(name));
  const order = ORDER.filter((name) => given.has(name));
  if (given.has("exists") && given.size > 1) {
    findings.refuse(at, 'the modifier "exists" beside another', "write exists alone");
    return;
  }
  const kinds = [text, order, given.has("cidr") ? ["cidr"] : []].filter((names) => names.length > 0);
  if (kinds.length > 1 || order.length > 1) {
    findings.refuse(at, `the modifiers ${kinds.flat().join(" and ")} together`, "write two keys, one with each");
  }
}
