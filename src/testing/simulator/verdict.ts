// What must hold in the end of a world under faults, beside the same world without. Where an account has one
// order of events, everything is the same to the byte; where faults may change the order between topics, what
// every order finds must be found and nothing that none does (orders.ts).

import type { ExchangeEvent } from "../../core/event.ts";
import { MINUTE } from "../../core/time.ts";
import { absencesIn, ofAbsences } from "./absences.ts";
import type { WorldParts } from "./faulty-world.ts";
import { protectionsOfOrders } from "./orders.ts";
import { distinct } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import type { Problem } from "./probes.ts";
import type { Scenario } from "./scenario.ts";

export interface Judged {
  readonly scenario: Scenario;
  readonly outcome: Outcome;
  /** Of the run without faults. */
  readonly calm: Outcome;
  readonly badPlaces: readonly string[];
  /** Cases that somebody decided to end. */
  readonly ended: readonly string[];
  readonly parts: WorldParts;
  /** Rules that not all processes had all the time: the outcomes are without what they said. */
  readonly apart: ReadonlySet<string>;
}

export function judgeOutcome(judged: Judged): Problem[] {
  const { scenario, outcome, calm, badPlaces, ended, apart } = judged;
  const problems = [
    ...differences("dead letters", Object.keys(outcome.deadLetters), badPlaces).map(({ check, detail }) => ({
      check,
      detail: `${detail} ${outcome.deadLetters[detail.slice(detail.lastIndexOf(" ") + 1)] ?? ""}`,
    })),
    ...differences(
      "released cases",
      outcome.released,
      ended.filter((caseId) => !apart.has(ruleOf(caseId))),
    ),
    ...missedTakeovers(judged),
  ];
  problems.push(...unannounced(judged));
  if (scenario.spread === "too many accounts" || scenario.spread === "closed breakers") return problems;
  if (scenario.spread === "absences") {
    const found = differences("absences", ofAbsences(outcome.protections), absencesIn(scenario, judged.parts));
    return [...problems, ...found];
  }
  if (scenario.spread === "three topics") return [...problems, ...wrongProtections(judged)];
  problems.push(...differences("links", outcome.links, calm.links));
  if (scenario.spread === "linked accounts" || scenario.spread === "decided cases") {
    return [...problems, ...differences("protections", outcome.protections, calm.protections)];
  }
  return [
    ...problems,
    ...byteDifferences("commands", outcome.commands, calm.commands),
    ...byteDifferences("detections", outcome.detections, calm.detections),
    ...byteDifferences("state", outcome.state, calm.state, (hex) => stateText(hex, judged)),
  ];
}

function differences(check: string, found: readonly string[], wanted: readonly string[]): Problem[] {
  const missing = wanted.filter((each) => !found.includes(each)).map((each) => `missing: ${each}`);
  const extra = found.filter((each) => !wanted.includes(each)).map((each) => `not without the faults: ${each}`);
  return [...missing, ...extra].map((detail) => ({ check, detail }));
}

function byteDifferences(
  check: string,
  found: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
  readable: (text: string) => string = (text) => text,
): Problem[] {
  const differ = (a: string, b: string): boolean => a !== b && readable(a) !== readable(b);
  const changed = Object.keys(wanted).filter((id) => found[id] !== undefined && differ(found[id], wanted[id]!));
  return [
    ...differences(check, Object.keys(found), Object.keys(wanted)),
    ...changed.map((id) => ({
      check,
      detail: `${id} is\n${readable(found[id]!)}\n    and without the faults\n${readable(wanted[id]!)}`,
    })),
  ];
}

/**
 * A group's state as text, without what depends on when something no longer needed was released and says
 * nothing: in which order an account came to its memories, and to when one has decided already.
 */
function stateText(hex: string, { parts, apart }: Judged): string {
  const isCompared = (value: { readonly rule?: string } | null): boolean => !apart.has(value?.rule ?? "");
  const telling = (name: string, value: unknown): unknown => {
    if (name === "decidedTo") return undefined;
    if (!Array.isArray(value)) return value;
    return value.filter(isCompared).toSorted((a, b) => compareText(JSON.stringify(a), JSON.stringify(b)));
  };
  return JSON.stringify(parts.stateCodec.decodeGroup(Buffer.from(hex, "hex")), telling);
}

/** A case is named `account/rule/event`. */
function ruleOf(caseId: string): string {
  return decodeURIComponent(caseId.split("/")[1] ?? "");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Only where the runs differ is it worth asking what other orders would have given. */
function wrongProtections({ scenario, outcome, calm, parts, apart }: Judged): Problem[] {
  const accounts = distinct(scenario.postings.map(({ accountId }) => accountId));
  return accounts.flatMap((account) => {
    const of = (all: Outcome): string[] => all.protections.filter((each) => each.startsWith(`${account} `));
    if (of(outcome).join() === of(calm).join()) return [];
    const orders = protectionsOfOrders(scenario, account, parts);
    if (orders === null) return [];
    const found = of(outcome);
    return [
      ...orders.always
        .filter((each) => !found.includes(each) && !apart.has(each.split(" ")[1]!))
        .map((each) => `missing, though every order finds it: ${each}`),
      ...found.filter((each) => !orders.ever.includes(each)).map((each) => `no order of the events finds it: ${each}`),
    ].map((detail) => ({ check: "protections", detail }));
  });
}

/** But for what an owner said that died, of an order of topics that its successor did not meet. */
function unannounced({ scenario, outcome, parts }: Judged): Problem[] {
  const announced = new Set(outcome.announced);
  return outcome.protections.flatMap((protection) => {
    const [account, rule] = protection.split(" ") as [string, string];
    if (announced.has(`${account} ${rule}`)) return [];
    const orders = scenario.spread === "three topics" ? protectionsOfOrders(scenario, account, parts) : null;
    if (orders !== null && !orders.always.includes(protection)) return [];
    return [{ check: "announced", detail: `${protection} is told to nobody` }];
  });
}

/** By the letter of June 2024: warned, factor traded for a weaker one, a key made with it, one after the other. */
function missedTakeovers({ scenario, outcome }: Judged): Problem[] {
  const events = scenario.postings.flatMap(({ content }) => ("event" in content ? [content.event] : []));
  return distinct(scenario.postings.map(({ accountId }) => accountId)).flatMap((account) => {
    const own = events.filter(({ accountId }) => accountId === account);
    const frozen = outcome.protections.some((each) => each.startsWith(`${account} `) && each.endsWith(" FREEZE"));
    return isTakeover(own) && !frozen ? [{ check: "takeovers", detail: `${account} is not frozen` }] : [];
  });
}

function isTakeover(events: readonly (Partial<ExchangeEvent> & Pick<ExchangeEvent, "occurredAt">)[]): boolean {
  const notices = events.filter(({ type }) => type === "RISK_NOTICE_SENT");
  const switches = events.filter(({ type }) => type === "FACTOR_SWITCHED");
  const keys = events.filter(({ type, rights }) => type === "API_KEY_CREATED" && rights?.includes("WITHDRAW") === true);
  return notices.some((notice) =>
    switches.some(
      (weaker) =>
        weaker.occurredAt >= notice.occurredAt &&
        keys.some((key) => key.occurredAt >= weaker.occurredAt && key.occurredAt <= notice.occurredAt + 10 * MINUTE),
    ),
  );
}
