// `holdfast simulate`: the simulated exchange as a stream of events, in the format `holdfast replay` reads,
// or live on Kafka, and the truth about it for whoever measures. One seed is one exchange; a file is the
// same, byte for byte, whenever it is made. Customers and stories are kept in memory, traffic is not.
//
// In a file every withdrawal is paid out: nobody was there to stop it. On Kafka the exchange listens to
// `holdfast.commands`, answers them, and asks the ledger first. Without a trade topic no story with trades is told.

import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExchangeEvent, Service } from "../core/event.ts";
import { SECOND } from "../core/time.ts";
import type { Duration, Instant } from "../core/time.ts";
import { makeLedger } from "../testing/exchange/enforcer.ts";
import { makeCampaign } from "../testing/exchange/campaign.ts";
import { REAL_LIFE, makeExchange } from "../testing/exchange/exchange.ts";
import type { Exchange, Repertoire } from "../testing/exchange/exchange.ts";
import { EVERYTHING } from "../testing/exchange/repertoire.ts";
import { reachOf } from "../testing/exchange/script.ts";
import type { SharedThing } from "../testing/exchange/shared-thing.ts";
import type { Posting, Story } from "../testing/exchange/story.ts";
import { deadlineOf } from "../testing/exchange/verdict.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

export interface SimulateOptions {
  readonly seed: string;
  readonly accounts: number;
  /** Routine events a second. */
  readonly rate: number;
  readonly takeovers: number;
  /** How often each honest story that looks bad is told. */
  readonly oddities: number;
  readonly length: Duration;
  /** What one gang's takeovers share; null: takeovers of all kinds, each by itself. */
  readonly campaign: SharedThing | null;
  /** null: standard output. */
  readonly out: string | null;
  /** Where to write the truth; null: nowhere. */
  readonly truth: string | null;
  readonly kafka: boolean;
  readonly inputs: readonly { readonly topic: string; readonly service: Service }[];
}

/** When a file's live traffic begins: the day of the takeovers this project learned from. */
const JUNE_9: Instant = Date.UTC(2024, 5, 9, 12);
/** On Kafka, from the accounts' past to live traffic. */
const PROLOGUE: Duration = 3 * SECOND;
const CHUNK_BYTES = 256 * 1024;

/** Exit code 0 when everything was written; 1 when it was stopped or could not be; 2 when it cannot be played. */
export async function simulate(options: SimulateOptions, io: Io): Promise<number> {
  const from = options.kafka ? Date.now() + PROLOGUE : JUNE_9;
  let exchange: Exchange;
  try {
    exchange = options.campaign === null ? exchangeOf(options, from) : campaignOf(options, options.campaign, from);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    io.stderr(`holdfast simulate: ${error.message}; raise --accounts, or lower --takeovers or --oddities\n`);
    return EXIT.usage;
  }
  try {
    if (options.truth !== null) await writeTo(options.truth, truthOf(exchange), io);
    const events = options.kafka ? await playOnKafka(exchange, { from, io }) : await writeFile(exchange, options, io);
    io.stderr(`${events} events, ${exchange.accounts.length} accounts, ${exchange.takeovers.length} takeovers\n`);
    return io.signal.aborted ? EXIT.failed : EXIT.ok;
  } catch (error) {
    io.stderr(io.signal.aborted ? "stopped\n" : `holdfast simulate: ${(error as Error).message}\n`);
    return EXIT.failed;
  }
}

function exchangeOf(options: SimulateOptions, from: Instant): Exchange {
  return makeExchange({ ...REAL_LIFE, ...options, from, repertoire: repertoireOf(options.inputs) });
}

/** @throws RangeError */
function campaignOf(options: SimulateOptions, shares: SharedThing, from: Instant): Exchange {
  const { seed, accounts, takeovers: victims, length } = options;
  if (accounts < victims) throw new RangeError(`${accounts} accounts cannot have ${victims} takeovers`);
  return makeCampaign({ ...REAL_LIFE, seed, shares, victims, bystanders: accounts - victims, from, length });
}

/** All of it, or what can be told where nobody hears of trades. */
function repertoireOf(inputs: SimulateOptions["inputs"]): Repertoire {
  if (inputs.some(({ service }) => service === "trade")) return EVERYTHING;
  const isTold = ({ steps }: Story): boolean => !reachOf(steps).trades;
  return { takeovers: EVERYTHING.takeovers.filter(isTold), honest: EVERYTHING.honest.filter(isTold) };
}

/** One JSON object a takeover: who, which story, and which rule has to say what by when. */
function* truthOf({ takeovers }: Exchange): Generator<string> {
  for (const told of takeovers) {
    const { story, account, postings } = told;
    const truth = {
      accountId: account.id,
      story: story.name,
      title: story.title,
      rule: story.rule,
      says: story.says,
      beginsAt: instantText(Math.min(...postings.map(({ event }) => event.occurredAt))),
      by: instantText(deadlineOf(told)),
      events: postings.map(({ event }) => event.eventId),
    };
    yield `${JSON.stringify(truth)}\n`;
  }
}

async function writeFile(exchange: Exchange, options: SimulateOptions, io: Io): Promise<number> {
  const topics = new Map(options.inputs.map(({ service, topic }) => [service, topic]));
  let events = 0;
  const lines = function* (): Generator<string> {
    for (const postings of [exchange.past(), exchange.live()]) {
      for (const posting of postings) {
        events += 1;
        yield lineOf(posting, topics.get(posting.service)!);
      }
    }
  };
  await writeTo(options.out, lines(), io);
  return events;
}

function lineOf({ at, event }: Posting, topic: string): string {
  const { createdAt, occurredAt, ...rest } = event;
  const times = {
    recordTimestamp: instantText(at),
    occurredAt: instantText(occurredAt),
    ...(createdAt != null && { createdAt: instantText(createdAt) }),
  };
  return `${JSON.stringify({ topic, ...times, ...rest })}\n`;
}

function instantText(at: Instant): string {
  return new Date(at).toISOString();
}

/** @param path null: standard output. Ends early when the signal aborts. */
async function writeTo(path: string | null, lines: Iterable<string>, io: Io): Promise<void> {
  await using file = path === null ? null : await open(path, "w");
  const flush = async (text: string): Promise<void> => {
    if (file === null) io.stdout(text);
    else await file.writeFile(text);
    // A signal is heard between two chunks.
    await sleep(0);
  };
  let chunk = "";
  for (const line of lines) {
    chunk += line;
    if (chunk.length < CHUNK_BYTES) continue;
    await flush(chunk);
    chunk = "";
    if (io.signal.aborted) return;
  }
  await flush(chunk);
}

async function playOnKafka(exchange: Exchange, { from, io }: { from: Instant; io: Io }): Promise<number> {
  const { openStage } = await import("./demo/stage.ts");
  const { enforce } = await import("./demo/enforcement.ts");
  const { feed } = await import("./demo/feed.ts");
  const failing = new AbortController();
  const signal = AbortSignal.any([io.signal, failing.signal]);
  const stage = await openStage({ env: io.env, signal, onFailure: (why) => failing.abort(why) });
  try {
    const ledger = makeLedger();
    await enforce(stage, ledger);
    const past = exchange.past();
    await stage.append(past);
    let events = past.length;
    await sleep(Math.max(0, from - Date.now()), undefined, { signal });
    await feed(exchange.live(), {
      signal,
      append: (postings) => stage.append(postings),
      mayLeave: (request: ExchangeEvent) => ledger.closing(request, Date.now()).length === 0,
      onPosting: () => void (events += 1),
    });
    return events;
  } finally {
    await stage.close();
  }
}
