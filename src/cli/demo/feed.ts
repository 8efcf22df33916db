// Plays the simulated exchange in real time: appends each event when it is due, and asks the enforcer
// before it lets a withdrawal end. Knows no broker: `append` is given.

import { setTimeout as sleep } from "node:timers/promises";
import type { Duration } from "../../core/time.ts";
import type { ExchangeEvent } from "../../core/event.ts";
import type { Posting } from "../../testing/exchange/story.ts";
import { rejected } from "../../testing/exchange/story.ts";

export interface FeedOptions {
  /** Appends all of them, in order within a topic; resolves when the broker has them. */
  readonly append: (postings: readonly Posting[]) => Promise<void>;
  /** May this withdrawal be paid out now? Asked once, when its review is over. */
  readonly mayLeave: (request: ExchangeEvent) => boolean;
  /** Told of each posting as decided, just before its append: nobody hears a command before its cause. */
  readonly onPosting: (posting: Posting) => void;
  readonly signal: AbortSignal;
}

/** Events due within this time go together: a request for each would cost more than it shows. */
const BATCH: Duration = 10;

/** Ends with the last posting. @throws the signal's reason when it aborts */
export async function feed(postings: Iterable<Posting>, options: FeedOptions): Promise<void> {
  let batch: Posting[] = [];
  const flush = async (): Promise<void> => {
    const decided = batch.map((posting) => decide(posting, options));
    batch = [];
    for (const posting of decided) options.onPosting(posting);
    await options.append(decided);
  };
  for (const posting of postings) {
    const isDue = posting.at <= Date.now() + BATCH;
    // However late it is: nobody can answer for a withdrawal that was not requested yet.
    if (batch.length > 0 && (!isDue || endsOneOf(posting, batch))) await flush();
    const wait = posting.at - Date.now();
    if (wait > BATCH) await sleep(wait, undefined, { signal: options.signal });
    options.signal.throwIfAborted();
    batch.push(posting);
  }
  await flush();
}

/** Is it the end of a withdrawal whose request is among them? */
function endsOneOf({ settles }: Posting, batch: readonly Posting[]): boolean {
  return settles !== null && batch.some(({ event }) => event.eventId === settles.eventId);
}

function decide(posting: Posting, options: FeedOptions): Posting {
  return posting.settles === null || options.mayLeave(posting.settles) ? posting : rejected(posting);
}
