// What the rules make of one simulated exchange: plays it through the production core with the enforcing
// service beside it (a closed exit pays nothing out, a closed market fills nothing), and says which
// takeovers were recognised in time and what honest customers met. Pure: one seed, one verdict.

import type { Command } from "../../core/output.ts";
import type { RuleSet } from "../../core/rule.ts";
import type { Instant } from "../../core/time.ts";
import { openDriver } from "../driver.ts";
import { makeLedger } from "./enforcer.ts";
import type { Exchange, Told } from "./exchange.ts";
import type { Posting, Takeover } from "./story.ts";
import { rejected } from "./story.ts";

export interface TakeoverVerdict {
  readonly told: Told<Takeover>;
  /** When its rule said what it has to say; null: never. Time of the append that made it speak. */
  readonly saidAt: Instant | null;
  readonly deadline: Instant;
  /** US cents that were paid out, and worth of the orders filled after its rule spoke. */
  readonly lostUsdCents: number;
  /** Its own rule spoke in time, no money was paid out, and nothing was traded away afterwards. */
  readonly caught: boolean;
}

export interface HonestVerdict {
  readonly accountId: string;
  /** null: nothing but routine. */
  readonly story: string | null;
  readonly mayHold: boolean;
  readonly commands: readonly Command[];
}

export interface Verdict {
  readonly takeovers: readonly TakeoverVerdict[];
  /** Honest accounts that met any command; `honestAccounts` is all of them. */
  readonly honest: readonly HonestVerdict[];
  readonly honestAccounts: number;
  /** Events of honest accounts, their snapshots not counted. */
  readonly honestEvents: number;
}

/** When it is too late: the first payment's decision; where nothing is withdrawn, the last event. */
export function deadlineOf({ postings }: Told): Instant {
  const decisions = postings.filter(({ settles }) => settles !== null).map(({ at }) => at);
  return decisions.length > 0 ? Math.min(...decisions) : Math.max(...postings.map(({ at }) => at));
}

/** `ids`: rule names to ids as commands have them. */
export function judgeExchange(
  exchange: Exchange,
  given: { readonly rules: RuleSet; readonly ids: ReadonlyMap<string, string> },
): Verdict {
  const driver = openDriver({ rules: given.rules });
  const ledger = makeLedger();
  const victims = new Set(exchange.takeovers.map(({ account }) => account.id));
  const heard = new Map<string, { readonly command: Command; readonly at: Instant }[]>();
  /** What left each account: paid out, or filled at whatever price. */
  const left: Departure[] = [];
  let honestEvents = 0;
  let offset = 0;

  const hear = (commands: readonly Command[], at: Instant): void => {
    for (const command of commands) {
      ledger.apply(command);
      const own = heard.get(command.accountId);
      if (own === undefined) heard.set(command.accountId, [{ command, at }]);
      else own.push({ command, at });
    }
  };
  const play = (posting: Posting): void => {
    const decided = decide(posting);
    if (decided === null) return;
    const { at, service, event, settles } = decided;
    if (!victims.has(event.accountId) && event.type !== "ACCOUNT_SNAPSHOT") honestEvents++;
    if (settles !== null && event.type === "WITHDRAWAL_COMPLETED")
      left.push({ accountId: event.accountId, at, paid: true, usdCents: event.amountUsdCents ?? 0 });
    if (event.type === "TRADE_FILLED")
      left.push({ accountId: event.accountId, at, paid: false, usdCents: event.notionalUsdCents ?? 0 });
    const outputs = driver.apply(
      { service, topic: service, partition: 0, offset: offset++, recordTimestamp: at },
      event,
    );
    for (const { commands } of outputs) hear(commands, at);
  };
  const decide = (posting: Posting): Posting | null => {
    const { at, event, settles } = posting;
    if (settles !== null) return ledger.closing(settles, at).length === 0 ? posting : rejected(posting);
    return event.type === "TRADE_FILLED" && ledger.closing(event, at).length > 0 ? null : posting;
  };
  for (const posting of exchange.past()) play(posting);
  let end = 0;
  for (const posting of exchange.live()) {
    play(posting);
    end = posting.at;
  }
  // What only the end of time decides was decided in nobody's time.
  for (const { commands } of driver.finish()) hear(commands, end);

  return {
    takeovers: exchange.takeovers.map((told) => judgeTakeover(told, { ids: given.ids, heard, left })),
    honest: honestOf(exchange, { victims, heard }),
    honestAccounts: exchange.accounts.length - victims.size,
    honestEvents,
  };
}

interface Departure {
  readonly accountId: string;
  readonly at: Instant;
  readonly paid: boolean;
  readonly usdCents: number;
}

type Heard = ReadonlyMap<string, readonly { readonly command: Command; readonly at: Instant }[]>;

function judgeTakeover(
  told: Told<Takeover>,
  world: {
    readonly ids: ReadonlyMap<string, string>;
    readonly heard: Heard;
    readonly left: readonly Departure[];
  },
): TakeoverVerdict {
  const { story, account } = told;
  const said = (world.heard.get(account.id) ?? []).find(
    ({ command }) => command.action === story.says && command.ruleId === world.ids.get(story.rule),
  );
  const deadline = deadlineOf(told);
  const saidAt = said?.at ?? null;
  const lostUsdCents = world.left
    .filter(({ accountId, at, paid }) => accountId === account.id && (paid || saidAt === null || at > saidAt))
    .reduce((sum, { usdCents }) => sum + usdCents, 0);
  return { told, saidAt, deadline, lostUsdCents, caught: saidAt !== null && saidAt < deadline && lostUsdCents === 0 };
}

function honestOf(
  exchange: Exchange,
  { victims, heard }: { victims: ReadonlySet<string>; heard: Heard },
): HonestVerdict[] {
  const stories = new Map(exchange.oddities.map(({ story, account }) => [account.id, story]));
  return [...heard]
    .filter(([accountId]) => !victims.has(accountId))
    .map(([accountId, said]) => {
      const story = stories.get(accountId);
      const commands = said.map(({ command }) => command);
      return { accountId, story: story?.name ?? null, mayHold: story?.mayHold ?? false, commands };
    });
}
