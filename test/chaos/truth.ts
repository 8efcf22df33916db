// What the topics hold at the end of a chaos run, as the verdict needs it: what must be said, what was said,
// decided and refused. Reads with the oracle's own client and schemas (topic-log.ts).

import { createHash } from "node:crypto";
import type { Appended, Occurrence } from "./occurrence.ts";
import { linksOf, startedOf } from "./links.ts";
import { expectationsOf } from "./oracle.ts";
import { POISON_HEADER } from "./poison.ts";
import type { Answer } from "./repetition.ts";
import { readWhole } from "./topic-log.ts";
import type { Decoder, LogRecord } from "./topic-log.ts";
import type { EndingDecision, SaidCommand } from "./judged.ts";
import type { Evidence, Refusal, ToldLink } from "./verdict.ts";
import type { BreakerWord, Wanted } from "./waves.ts";

const MOST_HISTORIES = 5;

export interface Truth extends Pick<
  Evidence,
  "expectations" | "links" | "wanted" | "eventsEndAt" | "times" | "poison"
> {
  readonly records: number;
  /** Each record of an account: when, where, what. For whoever has to find out why. */
  readonly histories: ReadonlyMap<string, readonly string[]>;
}

/** Reads every input topic to its end, and works out what must be said. */
export async function readInputs(
  topics: readonly string[],
  { brokers, decoder }: { brokers: readonly string[]; decoder: Decoder },
): Promise<Truth> {
  const accounts = new Map<string, Map<string, Appended>>();
  const times = new Map<string, number>();
  const poison: Refusal[] = [];
  const histories = new Map<string, string[]>();
  const wanted = new Map<string, Wanted>();
  let records = 0;
  let eventsEndAt = 0;
  for (const topic of topics) {
    for (const { partition, offset, value, headers, timestamp } of await readWhole(brokers, topic)) {
      records += 1;
      const reason = headers[POISON_HEADER];
      if (reason !== undefined) {
        poison.push({ place: `${topic}/${partition}/${offset}`, reason });
        continue;
      }
      const occurrence = await decoder.decode<Occurrence>(value);
      const { accountId, eventId, occurredAt } = occurrence;
      times.set(eventId, occurredAt);
      eventsEndAt = Math.max(eventsEndAt, timestamp);
      if (occurrence.type === "PHONE_UNREACHABLE" && !wanted.has(eventId))
        wanted.set(eventId, { accountId, eventId, partition, at: occurredAt, since: timestamp });
      const line = `${iso(timestamp)} ${topic}/${partition}/${offset} ${eventId} ${occurrence.type} of ${iso(occurredAt)}`;
      const history = histories.get(accountId);
      if (history === undefined) histories.set(accountId, [line]);
      else history.push(line);
      const own = accounts.get(accountId) ?? new Map<string, Appended>();
      accounts.set(accountId, own);
      const known = own.get(eventId);
      if (known === undefined || known.appendedAt > timestamp) own.set(eventId, { occurrence, appendedAt: timestamp });
    }
  }
  const appended = new Map(Array.from(accounts, ([id, events]) => [id, [...events.values()]]));
  const links = linksOf(appended);
  const expectations = [...appended].flatMap(([id, events]) => expectationsOf(id, events));
  return {
    expectations: [...expectations, ...startedOf(appended, links)],
    links,
    wanted: [...wanted.values()],
    eventsEndAt,
    times,
    poison,
    records,
    histories,
  };
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

/** What the topics hold of the accounts that findings name. */
export function historiesOf(findings: readonly string[], histories: Truth["histories"]): string[] {
  const named = [...histories.keys()].filter((account) =>
    findings.slice(0, MOST_HISTORIES).some((finding) => finding.includes(account)),
  );
  return named.flatMap((account) => [account, ...histories.get(account)!.map((line) => `  ${line}`)]);
}

export async function readCommands(records: readonly LogRecord[], decoder: Decoder): Promise<SaidCommand[]> {
  const commands: SaidCommand[] = [];
  for (const { value, timestamp } of records) {
    const content = createHash("sha256").update(value!).digest("base64");
    commands.push({ ...(await decoder.decode<SaidCommand>(value)), content, appendedAt: timestamp });
  }
  return commands;
}

/** What accounts were told of others; facts left out. */
export async function readLinks(records: readonly LogRecord[], decoder: Decoder): Promise<ToldLink[]> {
  const signals: (ToldLink & { readonly type: string })[] = [];
  for (const { value } of records) signals.push(await decoder.decode(value));
  return signals.filter(({ type }) => type === "LINKED");
}

/** Each once, however often it was written. */
export async function readDecisions(records: readonly LogRecord[], decoder: Decoder): Promise<EndingDecision[]> {
  const decisions = new Map<string, EndingDecision>();
  for (const { value } of records) {
    const decision = await decoder.decode<EndingDecision>(value);
    decisions.set(decision.decisionId, decision);
  }
  return [...decisions.values()];
}

export async function readAnswers(records: readonly LogRecord[], decoder: Decoder): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const { value, timestamp } of records) {
    answers.push({ ...(await decoder.decode<Answer>(value)), appendedAt: timestamp });
  }
  return answers;
}

/** What is told of breakers; cases left out. */
export async function readBreakers(records: readonly LogRecord[], decoder: Decoder): Promise<BreakerWord[]> {
  const words: BreakerWord[] = [];
  for (const { value, timestamp } of records) {
    words.push({ ...(await decoder.decode<BreakerWord>(value)), appendedAt: timestamp });
  }
  return words.filter(({ kind }) => kind.startsWith("BREAKER_"));
}

export function refusalOf({ headers }: LogRecord): Refusal {
  const place = ["topic", "partition", "offset"].map((part) => headers[`holdfast-${part}`]).join("/");
  return { place, reason: headers["holdfast-reason"] ?? "none given" };
}
