// What a story leaves to chance: a script is its steps, with the freedom a thief (or a customer) has. Owns
// that notation and its expansion into the steps of one play. Leaves when and where to story.ts.

import type { Random } from "./random.ts";
import type { Step } from "./story.ts";

/** Steps in this order, save where a freedom says otherwise. */
export type Script = readonly (Step | Freedom)[];

export type Freedom =
  /** Scripts that do not depend on each other, each in its own order. */
  | { readonly anyOrder: readonly Script[] }
  /** One of them. */
  | { readonly oneOf: readonly Script[] }
  /** Told or left out; half of the plays have it. */
  | { readonly maybe: Script }
  /** Told so often. */
  | { readonly repeat: Script; readonly times: readonly [number, number] };

/** Leaves nothing to chance, as routine does. */
export function isFixed(script: Script): script is readonly Step[] {
  return script.every((part) => "type" in part);
}

/** The steps of one play. */
export function stepsOf(script: Script, random: Random): Step[] {
  return script.flatMap((part) => {
    if ("type" in part) return [part];
    if ("oneOf" in part) return stepsOf(random.pick(part.oneOf), random);
    if ("maybe" in part) return random.chance(0.5) ? stepsOf(part.maybe, random) : [];
    if ("anyOrder" in part) return shuffled(part.anyOrder, random).flatMap((each) => stepsOf(each, random));
    const times = random.integer(...part.times);
    return Array.from({ length: times }, () => stepsOf(part.repeat, random)).flat();
  });
}

export interface Reach {
  /** Of the longest play, from its first step to its last. */
  readonly seconds: number;
  /** Some play asks for money. */
  readonly withdraws: boolean;
  /** Some play trades. */
  readonly trades: boolean;
}

export function reachOf(script: Script): Reach {
  const reaches = script.map(reachOfPart);
  return {
    seconds: reaches.reduce((sum, { seconds }) => sum + seconds, 0),
    withdraws: reaches.some(({ withdraws }) => withdraws),
    trades: reaches.some(({ trades }) => trades),
  };
}

function reachOfPart(part: Step | Freedom): Reach {
  if ("type" in part) {
    const { type, service, after } = part;
    return { seconds: after[1], withdraws: type === "WITHDRAWAL_REQUESTED", trades: service === "trade" };
  }
  if ("maybe" in part) return reachOf(part.maybe);
  if ("anyOrder" in part) return reachOf(part.anyOrder.flat());
  if ("repeat" in part) {
    const reach = reachOf(part.repeat);
    return { ...reach, seconds: reach.seconds * part.times[1] };
  }
  const reaches = part.oneOf.map(reachOf);
  return {
    seconds: Math.max(...reaches.map(({ seconds }) => seconds)),
    withdraws: reaches.some(({ withdraws }) => withdraws),
    trades: reaches.some(({ trades }) => trades),
  };
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = random.integer(0, last);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
