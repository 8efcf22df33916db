// What the exchange does in one simulated world: accounts with stories, each event with the instant at which
// its service appends it; bad records and repetitions among them. Drawn from a seed; the same seed, the same
// scenario. Leaves what goes wrong meanwhile to faults.ts.
//
// How much a run under faults must equal the calm one follows from how accounts are spread over topics:
//
//   one topic         everything in `auth`, time leaps by days: one order, so all bytes are the same
//   a topic an account   three topics, none of an account's events in two of them: the same
//   three topics      an account's events come from all three: the order between them is the faults' to choose
//   linked accounts   everything in `auth`, accounts share devices: what one learns of another comes at any time
//   decided cases     everything in `auth`; services answer commands, people end cases and prolong them meanwhile
//   absences          three topics, and what did not happen has to be found in them: exactly that
//   open breakers     everything in `auth`, and no more than two accounts may be held by a rule at a time: the same
//   closed breakers   the same, and people close what has opened: how many are held follows from when they do
//   too many accounts    one topic, and memory for fewer: who is dropped, and with that what is found, depends on
//                        when, but what is written of it must be what is remembered

import { murmur2Partitioner } from "../../adapters/kafka/partitioner.ts";
import type { ExchangeEvent, ExchangeService } from "../../core/event.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../../core/time.ts";
import type { Duration, Instant } from "../../core/time.ts";
import type { Random } from "../exchange/random.ts";
import { seededRandom } from "../exchange/random.ts";
import { ABSENCE_SPAN, drawAbsenceStory } from "./absences.ts";
import { RELEASES } from "./releases.ts";
import { drawStory } from "./stories.ts";
import type { StoryStep } from "./stories.ts";

const SPREADS = [
  "one topic",
  "a topic an account",
  "three topics",
  "absences",
  "linked accounts",
  "decided cases",
  "open breakers",
  "closed breakers",
  "too many accounts",
] as const;
export type Spread = (typeof SPREADS)[number];

/** One record, appended `at` milliseconds after the start. */
export interface Posting {
  readonly at: Duration;
  readonly accountId: string;
  /** The record's timestamp. */
  readonly timestamp: Instant;
  readonly content:
    | {
        readonly event: Partial<ExchangeEvent> & Pick<ExchangeEvent, "eventId" | "accountId" | "type" | "occurredAt">;
        /** Of the producer. */
        readonly release: number;
      }
    | { readonly service: ExchangeService; readonly garbage: string };
}

export interface Scenario {
  readonly seed: number;
  readonly spread: Spread;
  readonly partitions: number;
  readonly instances: number;
  /** Kept by each task. */
  readonly maxAccounts: number;
  /** How much longer than twice the live state a state log may be, bytes. */
  readonly stateLogSlackBytes: number;
  /** All faults are over by then. */
  readonly length: Duration;
  readonly postings: readonly Posting[];
}

export const SCENARIO_START: Instant = Date.UTC(2024, 5, 9);

export function drawScenario(seed: number): Scenario {
  const random = seededRandom(`scenario ${seed}`);
  const spread = SPREADS[seed % SPREADS.length]!;
  const length = spread === "absences" ? 13 * SECOND : random.integer(5, 12) * SECOND;
  const isCrowded = spread === "too many accounts";
  const hasBreakers = spread === "open breakers" || spread === "closed breakers";
  const accounts = isCrowded || hasBreakers ? random.integer(6, 9) : random.integer(2, 6);
  const told = Array.from({ length: accounts }, (_, account) =>
    tell(`account-${account}`, { spread, length, random: random.fork(`account ${account}`) }),
  ).flat();
  const inOrder = told.toSorted((a, b) => a.at - b.at);
  return {
    seed,
    spread,
    partitions: isCrowded ? 1 : random.integer(1, hasBreakers ? 2 : 3),
    instances: random.integer(1, 3),
    maxAccounts: isCrowded ? random.integer(1, 3) : 1_000,
    stateLogSlackBytes: random.pick([0, 2_000, 1_048_576]),
    length,
    postings: spread === "one topic" || isCrowded ? leaping(inOrder, random.fork("leaps")) : inOrder,
  };
}

const CLOSING_TYPES = { auth: "LOGOUT", api_key: "API_KEY_DELETED", withdrawal: "WITHDRAWAL_CANCELLED" } as const;

/**
 * One routine event of a bystander for each partition of each topic, after everything else: event time is what
 * the latest events say, and where these changed nothing that is written the next event says it again.
 */
export function closingPostings({ postings, partitions, length }: Scenario): Posting[] {
  const timestamp = Math.max(SCENARIO_START, ...postings.map((posting) => posting.timestamp)) + 1;
  return bystanders(partitions).flatMap((accountId) =>
    Object.entries(CLOSING_TYPES).map(([service, type]) => {
      const event = { eventId: `${accountId}-${service}`, accountId, type, occurredAt: timestamp };
      return { at: length, accountId, timestamp, content: { event, release: 0 } };
    }),
  );
}

/** Other groups of the state are what accounts share. */
export function isAccount(group: string): boolean {
  return /^(?:account|bystander)-\d+$/u.test(group);
}

/** One account of each partition. */
function bystanders(partitions: number): string[] {
  const found = new Map<number, string>();
  for (let index = 0; found.size < partitions; index++) {
    const accountId = `bystander-${index}`;
    const partition = murmur2Partitioner(Buffer.from(accountId), partitions);
    if (!found.has(partition)) found.set(partition, accountId);
  }
  return [...found.values()];
}

interface Telling {
  readonly spread: Spread;
  readonly length: Duration;
  readonly random: Random;
}

/** One account's records over the scenario's length. */
function tell(accountId: string, { spread, length, random }: Telling): Posting[] {
  const places = spread === "linked accounts" ? "" : `${accountId}-`;
  const steps =
    spread === "absences" ? drawAbsenceStory(random) : drawStory(servicesFor(spread, random), { random, places });
  // What answers has to come about when what it answers is decided on.
  const within = spread === "absences" ? ABSENCE_SPAN : length;
  const from = random.integer(0, length - within);
  const instants = steps.map(() => from + random.integer(0, within - 1)).toSorted((a, b) => a - b);
  return steps.flatMap((step, index) => posted(step, { accountId, index, at: instants[index]!, length, random }));
}

function servicesFor(spread: Spread, random: Random): readonly ExchangeService[] {
  switch (spread) {
    case "one topic":
    case "linked accounts":
    case "decided cases":
    case "open breakers":
    case "closed breakers":
    case "too many accounts":
      return ["auth"];
    case "a topic an account":
      return [random.pick(["auth", "api_key", "withdrawal"] as const)];
    case "three topics":
    case "absences":
      return ["auth", "api_key", "withdrawal"];
  }
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
  const once = { at, accountId, timestamp, content: { event, release: random.integer(0, RELEASES - 1) } };
  if (!random.chance(0.08)) return [once];
  const again = random.integer(at, by.length - 1);
  return [once, { ...once, at: again, timestamp: SCENARIO_START + again }];
}

/**
 * Now and then hours pass between two records: cases close, memory is released, evictions leave tombstones. A
 * repetition from before such a leap is left out: so late, its effect would depend on what was released by then.
 */
function leaping(postings: readonly Posting[], random: Random): Posting[] {
  let leapt = 0;
  const leaptAt = new Map<string, Duration>();
  return postings.flatMap((posting) => {
    if (random.chance(0.15)) leapt += random.pick([11 * MINUTE, 2 * HOUR, DAY, 4 * DAY]);
    const timestamp = posting.timestamp + leapt;
    if (!("event" in posting.content)) return [{ ...posting, timestamp }];
    const { event, release } = posting.content;
    if ((leaptAt.get(event.eventId) ?? leapt) !== leapt) return [];
    leaptAt.set(event.eventId, leapt);
    return [{ ...posting, timestamp, content: { event: { ...event, occurredAt: event.occurredAt + leapt }, release } }];
  });
}
