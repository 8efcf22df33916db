// What happened to an account, as the chaos run's own producers write it and its oracle reads it back: plain
// data, bound to no code of the processor.

export type Source = "auth" | "api_key" | "withdrawal";

export const SOURCES: readonly Source[] = ["auth", "api_key", "withdrawal"];

/** Fields as EVENTS names them; those that are not given are null in the record. */
export interface Occurrence {
  readonly eventId: string;
  readonly accountId: string;
  readonly type: string;
  /** Event time, milliseconds. */
  readonly occurredAt: number;
  readonly factor?: string | null;
  readonly deviceId?: string | null;
  readonly asn?: number | null;
  readonly address?: string | null;
  readonly amountUsdCents?: number | null;
  readonly enrolledFactors?: readonly string[] | null;
  readonly verifiedWith?: readonly string[] | null;
}

/** An occurrence found in its topic. */
export interface Appended {
  readonly occurrence: Occurrence;
  /** By the broker's clock; of the first record that carries it. */
  readonly appendedAt: number;
}
