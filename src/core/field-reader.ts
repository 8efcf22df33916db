// Fields of events by name, as correlations read them for groups and values: a path into the event
// (object-path.ts), or a fact of the profile. Compiled once a rule; total.

import { readerOf } from "./object-path.ts";
import type { ProfileFacts } from "./profile-facts.ts";
import { writtenNumber } from "./written-number.ts";

/** A text, number or boolean, or an array of them that is not empty; null: anything else, or nothing. */
export type FieldReader = (event: object, facts: ProfileFacts | null) => unknown;

const PROFILE = "profile.";

export function fieldReader(path: string): FieldReader {
  const read = readerOf(path);
  if (!path.startsWith(PROFILE)) return (event) => simple(read(event));
  const fact = path.slice(PROFILE.length);
  return (event, facts) => simple(facts === null ? read(event) : (facts as unknown as Record<string, unknown>)[fact]);
}

function simple(value: unknown): unknown {
  if (Array.isArray(value)) {
    const all = value.filter(isScalar);
    return all.length === 0 ? null : all;
  }
  return isScalar(value) ? value : null;
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** A finite number, also one that text writes; null: it is none. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" ? writtenNumber(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
