// What the exchange does in one simulated world: accounts with stories, each event with the instant at which
// its service appends it; bad records and repetitions among them. Drawn from a seed; the same seed, the same
// scenario. Leaves what goes wrong meanwhile to faults.ts.
//
// How much a run under faults must equal the calm one follows from how accounts are spread over topics:
//
//   one topic         everything in `auth`, time leaps by days: one order, so all bytes are the same
//   a topic an account   three topics, none of an account's events in two of them: the same
//   three topics      an account's events come from all three: the order between them is the faults' to choose

import type { ExchangeEvent, ExchangeService } from "../../core/event.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../../core/time.ts";
import type { Duration, Instant } from "../../core/time.ts";
import type { Random } from "../exchange/random.ts";
import { seededRandom } from "../exchange/random.ts";
import { drawStory } from "./stories.ts";
import type { StoryStep } from "./stories.ts";

export const SPREADS = ["one topic", "a topic an account", "three topics"] as const;
export type Spread = (typeof SPREADS)[number];

/** One record, appended `at` milliseconds after the start. */
export interface Posting {
  readonly at: Duration;
  readonly accountId: string;
  /** The record's timestamp. */
  readonly timestamp: Instant;
  readonly content:
    | { readonly event: Partial<ExchangeEvent> & Pick<ExchangeEvent, "eventId" | "accountId" | "type" | "occurredAt"> }
    | { readonly service: ExchangeService; readonly garbage: string };
}

export interface Scenario {
  readonly seed: number;
  readonly spread: Spread;
  readonly partitions: number;
  readonly instances: number;
  /** All faults are over by then. */
  readonly length: Duration;
  readonly postings: readonly Posting[];
}

export const SCENARIO_START: Instant = Date.UTC(2024, 5, 9);

export function drawScenario(seed: number): Scenario {
  const random = seededRandom(`scenario ${seed}`);
  const spread = random.pick(SPREADS);
  const length = random.integer(5, 12) * SECOND;
  const accounts = random.integer(2, 6);
  const told = Array.from({ length: accounts }, (_, account) =>
    tell(`account-${account}`, { spread, length, random: random.fork(`account ${account}`) }),
  ).flat();
  const inOrder = told.toSorted((a, b) => a.at - b.at);
  return {
    seed,
    spread,
    partitions: random.integer(1, 3),
    instances: random.integer(1, 3),
    length,
    postings: spread === "one topic" ? leaping(inOrder, random.fork("leaps")) : inOrder,
  };
}

interface Telling {
  readonly spread: Spread;
  readonly length: Duration;
  readonly random: Random;
}

/** One account's records over the scenario's length. */
function tell(accountId: string, { spread, length, random }: Telling): Posting[] {
  const services = { "one topic": ["auth"], "a topic an account": [random.pick(["auth", "api_key", "withdrawal"])] };
  const within = spread === "three topics" ? ["auth", "api_key", "withdrawal"] : services[spread];
  const steps = drawStory(within as ExchangeService[], random);
  const instants = steps.map(() => random.integer(0, length - 1)).toSorted((a, b) => a - b);
  return steps.flatMap((step, index) => posted(step, { accountId, index, at: instants[index]!, length, random }));
}

function posted(
  { service, fields }: StoryStep,
  by: { accountId: string; index: number; at: Duration; length: Duration; random: Random },
): Posting[] {
  const { accountId, at, random } = by;
  const timestamp = SCENARIO_START + at;
  if (random.chance(0.04)) return [{ at, accountId, timestamp, content: { service, garbage: `bad ${by.index}` } }];
  const occurredAt = timestamp - random.integer(0, 3) * random.integer(0, 400);
  const event = { eventId: `${accountId}-${by.index}`, accountId, occurredAt, ...fields };
  const once = { at, accountId, timestamp, content: { event } };
  if (!random.chance(0.08)) return [once];
  const again = random.integer(at, by.length - 1);
  return [once, { ...once, at: again, timestamp: SCENARIO_START + again }];
}

/** Now and then hours pass between two records: cases close, memory is released, evictions leave tombstones. */
function leaping(postings: readonly Posting[], random: Random): Posting[] {
  let leapt = 0;
  return postings.map((posting) => {
    if (random.chance(0.15)) leapt += random.pick([11 * MINUTE, 2 * HOUR, DAY, 4 * DAY]);
    const timestamp = posting.timestamp + leapt;
    if (!("event" in posting.content)) return { ...posting, timestamp };
    const { event } = posting.content;
    return { ...posting, timestamp, content: { event: { ...event, occurredAt: event.occurredAt + leapt } } };
  });
}
