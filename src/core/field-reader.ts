// Fields of events by name, as correlations read them for groups and values: a field of the event, one
// inside by dots (arrays of objects fan out), or a fact of the profile. Compiled once a rule; total.

import type { ProfileFacts } from "./profile-facts.ts";

/** null where there is nothing. */
export type FieldReader = (event: object, facts: ProfileFacts | null) => unknown;

const PROFILE = "profile.";

export function fieldReader(path: string): FieldReader {
  if (path.startsWith(PROFILE)) {
    const fact = path.slice(PROFILE.length);
    return (_, facts) => (facts === null ? null : own(facts, fact));
  }
  const parts = path.split(".");
  if (parts.length === 1) return (event) => own(event, path);
  return (event) => own(event, path) ?? inside(event, parts, 0);
}

function own(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? ((value as Record<string, unknown>)[name] ?? null) : null;
}

function inside(value: unknown, parts: readonly string[], from: number): unknown {
  if (from === parts.length) return value ?? null;
  if (Array.isArray(value)) {
    const all = value.map((item: unknown) => inside(item, parts, from)).filter((each) => each !== null);
    return all.length === 0 ? null : all.flat();
  }
  return typeof value === "object" && value !== null ? inside(own(value, parts[from]!), parts, from + 1) : null;
}

/** A finite number, also one written as text; null: it is none. */
export function numberOf(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
