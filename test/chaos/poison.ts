// Records that no processor can use, each of a kind of its own, with the reason that must stand beside it in
// the dead letters. Each carries a header, by which the oracle finds it again.

import type { Random } from "../../src/testing/exchange/random.ts";
import type { Occurrence } from "./occurrence.ts";

export interface PoisonRecord {
  readonly key: string;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** The value is the reason code of the dead letter. */
export const POISON_HEADER = "chaos-poison";

interface Recipe {
  readonly reason: string;
  readonly value: (given: Given) => Buffer | null;
}

interface Given {
  readonly random: Random;
  readonly occurrence: Occurrence;
  readonly encode: (occurrence: Occurrence) => Buffer;
}

const RECIPES: readonly Recipe[] = [
  { reason: "UNDECODABLE", value: ({ random }) => Buffer.from(`7${random.hex(60)}`) },
  { reason: "UNDECODABLE", value: () => null },
  { reason: "UNDECODABLE", value: ({ occurrence, encode }) => encode(occurrence).subarray(0, 12) },
  { reason: "UNDECODABLE", value: ({ occurrence, encode }) => Buffer.concat([encode(occurrence), Buffer.alloc(3)]) },
  { reason: "WRONG_KEY", value: ({ occurrence, encode }) => encode({ ...occurrence, accountId: "somebody else" }) },
  { reason: "MISSING_FIELD", value: ({ occurrence, encode }) => encode({ ...occurrence, eventId: "" }) },
  { reason: "INVALID_FIELD", value: ({ occurrence, encode }) => encode({ ...occurrence, occurredAt: 0 }) },
  {
    reason: "FUTURE_TIME",
    value: ({ occurrence, encode }) => encode({ ...occurrence, occurredAt: Date.UTC(2100, 0) }),
  },
  { reason: "TOO_LARGE", value: () => Buffer.alloc(300_000) },
];

/** @param given.occurrence an event as it would be; its account is the record's key */
export function poisonRecord(given: Given): PoisonRecord {
  const recipe = given.random.pick(RECIPES);
  return { key: given.occurrence.accountId, value: recipe.value(given), headers: { [POISON_HEADER]: recipe.reason } };
}
