// The modifiers after a field's name: which there are, and which cannot stand together whatever the value.
// What each does to values is values.ts's.

import { nearest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings, Position } from "./problem.ts";
import { CHANGES } from "./values.ts";

const LONG_FORMS: Readonly<Record<string, string>> = { ignorecase: "i", multiline: "m", dotall: "s" };
const KNOWN: readonly string[] = [...Object.keys(CHANGES), "all", "neq", ...Object.keys(LONG_FORMS)];

/** These want the value as it is written, so they come first. */
const FIRST: ReadonlySet<string> = new Set(["re", "cidr", "exists"]);

/** The modifiers in their order, without `all` and `neq`. */
export interface Modifiers {
  readonly changes: readonly string[];
  readonly all: boolean;
  readonly negated: boolean;
}

/** Reads `a|b|c` after the field's name; undefined where something was refused. `at` is the key's. */
export function readModifiers(written: readonly string[], at: Position, findings: Findings): Modifiers | undefined {
  const before = findings.problems.length;
  const names = written.map((name) => LONG_FORMS[name] ?? name);
  for (const [index, name] of names.entries()) {
    if (!KNOWN.includes(name)) {
      const close = nearest(name, KNOWN);
      const advice = close === null ? `known: ${KNOWN.join(", ")}` : `did you mean ${close}?`;
      findings.refuse(at, `the unknown modifier ${quote(name)}`, advice);
    } else if (names.indexOf(name) < index) {
      findings.refuse(at, `the modifier ${quote(name)} twice`, "write it once");
    } else if (FIRST.has(name) && index > 0) {
      findings.refuse(at, `the modifier ${quote(name)} after another`, "write it first");
    }
  }
  if (names.includes("exists") && names.some((name) => name !== "exists" && name !== "neq" && name !== "all"))
    findings.refuse(at, 'the modifier "exists" beside another', "write exists alone");
  if (findings.problems.length > before) return undefined;
  return {
    changes: names.filter((name) => name !== "all" && name !== "neq"),
    all: names.includes("all"),
    negated: names.includes("neq"),
  };
}
