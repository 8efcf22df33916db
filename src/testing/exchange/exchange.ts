// The simulated exchange: accounts with habits, their routine, honest stories that look bad, and
// takeovers. Everything it will ever say follows from its options, so one seed is one exchange; only
// the outcome of a withdrawal is left open, for whoever plays it asks the enforcer.

import type { Duration, Instant } from "../../core/time.ts";
import { HOUR, MINUTE, SECOND } from "../../core/time.ts";
import type { Account } from "./account.ts";
import { makeAccount, snapshotOf } from "./account.ts";
import type { HonestStory } from "./honest.ts";
import { HONEST_STORIES, ROUTINES } from "./honest.ts";
import type { Random } from "./random.ts";
import { seededRandom } from "./random.ts";
import { reachOf } from "./script.ts";
import type { Posting, Story, Takeover } from "./story.ts";
import { play } from "./story.ts";
import { TAKEOVERS } from "./takeovers.ts";

export interface ExchangeOptions {
  readonly seed: string | number;
  readonly accounts: number;
  readonly takeovers: number;
  /** How often each honest story that looks bad is told. */
  readonly oddities: number;
  /** Routine events a second, on average. */
  readonly rate: number;
  /** When live traffic begins; snapshots and the beginnings of slow stories lie before it. */
  readonly from: Instant;
  readonly length: Duration;
  /** See PlayOptions. */
  readonly pace: number;
  readonly lag: Duration;
  readonly review: Duration;
  /** What is told, in turns; default: June 2024 and the honest stories beside it. */
  readonly repertoire?: Repertoire;
}

export interface Repertoire {
  readonly takeovers: readonly Takeover[];
  readonly honest: readonly HonestStory[];
}

const JUNE_2024: Repertoire = { takeovers: TAKEOVERS, honest: HONEST_STORIES };

/** One story told of one account that no other story is told of. */
export interface Told<S extends Story = Story> {
  readonly story: S;
  readonly account: Account;
  /** In the order they happen. */
  readonly postings: readonly Posting[];
}

export interface Exchange {
  readonly accounts: readonly Account[];
  readonly takeovers: readonly Told<Takeover>[];
  readonly oddities: readonly Told<HonestStory>[];
  /** Snapshots of all accounts, then what happened before `from`, ordered by `at`. */
  past(): Posting[];
  /** Everything from `from` on, ordered by `at`. Nothing is begun that could not end before `from + length`. */
  live(): Generator<Posting>;
}

/** @throws RangeError when there are too few accounts for the stories asked for */
export function makeExchange(options: ExchangeOptions): Exchange {
  const random = seededRandom(options.seed);
  const accounts = Array.from({ length: options.accounts }, (_, index) =>
    makeAccount(index, { random: random.fork(`account ${index}`), now: options.from }),
  );
  const free = new Set(accounts);
  const repertoire = options.repertoire ?? JUNE_2024;
  const takeovers = tell(repeat(repertoire.takeovers, options.takeovers), {
    ...options,
    name: "takeover",
    random,
    free,
  });
  const honest = repertoire.honest.flatMap((story) => repeat([story], options.oddities));
  const oddities = tell(honest, { ...options, name: "oddity", random, free });
  const told = [...takeovers, ...oddities].flatMap((each) => each.postings).toSorted(byAppend);
  const before = told.filter((posting) => posting.at < options.from);
  const after = told.filter((posting) => posting.at >= options.from);
  return {
    accounts,
    takeovers,
    oddities,
    past: () => [...accounts.map((account) => snapshotPosting(account, options.from - 2 * HOUR)), ...before],
    live: () => traffic(after, { ...options, random: random.fork("routine"), accounts: [...free] }),
  };
}

function repeat<T>(list: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, index) => list[index % list.length]!);
}

function snapshotPosting(account: Account, at: Instant): Posting {
  return { at, service: "auth", event: snapshotOf(account, at), settles: null };
}

/**
 * Tells each story of an account of its own (taken out of `free`), spread over the time in which it can
 * still come to its end.
 */
function tell<S extends Story>(
  stories: readonly S[],
  options: ExchangeOptions & { name: string; random: Random; free: Set<Account> },
): Told<S>[] {
  return stories.map((story, index) => {
    const random = options.random.fork(`${options.name} ${index}`);
    const suited = [...options.free].filter((account) => story.suits(account));
    if (suited.length === 0) {
      throw new RangeError(
        `none of ${options.accounts} accounts is left for the story ${story.name}: more accounts are needed`,
      );
    }
    const account = random.pick(suited);
    options.free.delete(account);
    const window = Math.max(0, options.length - longest(story, options));
    const offset = ((index + random.between(0.1, 0.9)) / stories.length) * window;
    const postings = play(story, { ...options, account, random, at: options.from + Math.round(offset) });
    return { story, account, postings };
  });
}

/** How long a play may take from its anchor to its last append, the outcome of withdrawals included. */
function longest(story: Story, options: Pick<ExchangeOptions, "pace" | "lag" | "review">): Duration {
  const { seconds, withdraws } = reachOf(story.steps);
  const played = story.slow === true ? 0 : seconds * SECOND * options.pace;
  return played + options.lag + (withdraws ? options.review : 0);
}

/** Merges the told stories with routine drawn second by second, so that a long run needs little memory. */
function* traffic(
  told: readonly Posting[],
  options: Omit<ExchangeOptions, "accounts"> & { random: Random; accounts: readonly Account[] },
): Generator<Posting> {
  const { random, accounts, from, length } = options;
  const routines = ROUTINES.map((each) => ({ ...each, lasts: longest(each, options) }));
  let waiting: Posting[] = [];
  let next = 0;
  /** Events that routine is behind its rate; negative after a play of several. */
  let owed = 0;
  for (let second = from; ; second += SECOND) {
    const fitting = routines.filter(({ lasts }) => second + SECOND + lasts <= from + length);
    owed += options.rate;
    while (owed >= 1 && accounts.length > 0 && fitting.length > 0) {
      const account = random.pick(accounts);
      // Never empty: a log-in is the shortest, and suits everybody.
      const routine = random.weighted(fitting.filter((each) => each.suits(account)));
      const postings = play(routine, { ...options, account, random, at: second + random.integer(0, 999) });
      owed -= postings.length;
      waiting.push(...postings);
    }
    while (next < told.length && told[next]!.at < second + SECOND) waiting.push(told[next++]!);
    waiting.sort(byAppend);
    const due = waiting.findIndex((posting) => posting.at >= second + SECOND);
    yield* due === -1 ? waiting : waiting.slice(0, due);
    waiting = due === -1 ? [] : waiting.slice(due);
    if (second >= from + length && waiting.length === 0 && next === told.length) return;
  }
}

function byAppend(left: Posting, right: Posting): number {
  return left.at - right.at;
}

/** A stretch of real life for tests and files: an hour, nothing hurried, topics up to half a minute apart. */
export const REAL_LIFE: Pick<ExchangeOptions, "length" | "pace" | "lag" | "review"> = {
  length: HOUR,
  pace: 1,
  lag: 30 * SECOND,
  review: 20 * MINUTE,
};
