// Fields of events by name, as correlations read them for groups and values: a field of the event, one
// inside by dots (arrays fan out), or a fact of the profile. Compiled once a rule; total.

import type { ProfileFacts } from "./profile-facts.ts";

/** A text, number or boolean, or an array of them that is not empty; null: anything else, or nothing. */
export type FieldReader = (event: object, facts: ProfileFacts | null) => unknown;

const PROFILE = "profile.";
/** Objects nested deeper have no such field; it bounds the recursion. */
const MAX_DEPTH = 64;

export function fieldReader(path: string): FieldReader {
  if (path.startsWith(PROFILE)) {
    const fact = path.slice(PROFILE.length);
    return (event, facts) =>
      simple(facts === null ? inside(event, path.split("."), 0) : (facts as unknown as Record<string, unknown>)[fact]);
  }
  const parts = path.split(".");
  if (parts.length === 1) return (event) => simple(own(event, path));
  return (event) => simple(own(event, path) ?? inside(event, parts, 0));
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

function own(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? ((value as Record<string, unknown>)[name] ?? null) : null;
}

function inside(from: unknown, parts: readonly string[], depth: number): unknown {
  if (depth > MAX_DEPTH) return null;
  let value = from;
  for (let next = 0; next < parts.length; next++) {
    if (Array.isArray(value)) {
      const rest = parts.slice(next);
      return value.flatMap((item: unknown) => inside(item, rest, depth + 1) ?? []);
    }
    if (typeof value !== "object" || value === null) return null;
    value = own(value, parts[next]!);
  }
  return value;
}

/** A finite number, also one written as text; null: it is none. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
