// A case file without other customers' identifiers, to be handed over: where money would have gone within the
// exchange, what was shared with other accounts, and notes, which may say anything. The same identifier keeps
// the same stand-in throughout the file. Addresses on a chain stay: they are what a victim may have.
//
// Invariants:
//   RD1 no identifier that is replaced anywhere is left anywhere else, be it part of an id

import type { Evidence } from "../../core/output.ts";
import type { CaseFile, CaseRecord, OtherEvent } from "./case-file.ts";
import { readSummary, textsOf, writeSummary } from "./summary.ts";
import type { Summary, SummaryField } from "./summary.ts";

const NOTE = "(left out)";
/** What a link was made of: `deviceId=d9 country=HK`. */
const SHARED = /(\w+)=(.*?)(?= \w+=|$)/gsu;

export function redacted(file: CaseFile): CaseFile {
  const secrets = new Map<string, string>();
  const counts = new Map<string, number>();
  const hide = (what: string, identifier: string): void => {
    if (identifier === "" || identifier === file.accountId || secrets.has(identifier)) return;
    const nth = (counts.get(what) ?? 0) + 1;
    counts.set(what, nth);
    secrets.set(identifier, `[${what} ${nth}]`);
  };
  const onChain = new Set(file.cases.flatMap((record) => eventsOf(record).flatMap(chainAddress)));
  for (const record of file.cases) collect(record, onChain, hide);
  const cases = file.cases.map((record) => ({
    ...record,
    evidence: record.evidence.map(withoutLink),
    decisions: record.decisions.map((made) => {
      const { decision } = made;
      return decision.note === null ? made : { ...made, decision: { ...decision, note: NOTE } };
    }),
  }));
  return { ...replaceAll({ ...file, cases }, inEveryForm(secrets)), redacted: true };
}

/** As every record tells them: a summary that is shortened in one is whole in another. */
function eventsOf({ evidence, otherEvents, commands }: CaseRecord): readonly OtherEvent[] {
  return [...evidence, ...otherEvents, ...commands.flatMap(({ command }) => command.evidence)];
}

function collect(
  record: CaseRecord,
  onChain: ReadonlySet<string>,
  hide: (what: string, identifier: string) => void,
): void {
  const { commands, group } = record;
  for (const [field, value] of Object.entries(group)) if (field !== "accountId") hide(field, value);
  for (const each of eventsOf(record)) {
    const { account, fields } = readSummary(each);
    const { type, eventId } = each;
    hide("account", account);
    if (account !== "") hide("event", eventId);
    for (const address of valuesOf(fields, "address")) if (!onChain.has(address)) hide("address", address);
    if (type !== "LINKED") continue;
    hide("link", eventId);
    const shared = valuesOf(fields, "linkedBy").join(" ");
    for (const [, field, value] of shared.matchAll(SHARED)) hide(field!, value!);
  }
  for (const { command } of commands) {
    for (const address of command.targets.addresses) if (!onChain.has(address)) hide("address", address);
  }
}

function chainAddress(event: OtherEvent): string[] {
  const { fields } = readSummary(event);
  const isOnChain = fields.some(({ name, value }) => name === "channel" && value === "ON_CHAIN");
  return isOnChain ? valuesOf(fields, "address") : [];
}

function valuesOf(fields: readonly SummaryField[], wanted: string): string[] {
  return fields.filter(({ name }) => name === wanted).flatMap(({ value }) => textsOf(value));
}

/** What a link was made of names a device, a network or a destination of others. */
function withoutLink(evidence: Evidence): Evidence {
  if (evidence.type !== "LINKED") return evidence;
  const { account, type, fields } = readSummary(evidence);
  const kept: Summary = {
    account,
    type,
    fields: fields.filter(({ name }) => name === "linkedCount" || name === "linkRule"),
  };
  return { ...evidence, summary: writeSummary(kept) };
}

/** Each identifier as it is and as it stands, percent-encoded, in ids, and in ids within ids. */
function inEveryForm(secrets: ReadonlyMap<string, string>): Map<string, string> {
  const forms = new Map(secrets);
  for (const [identifier, name] of secrets) {
    const once = encodeURIComponent(identifier.toWellFormed());
    const quoted = JSON.stringify(identifier).slice(1, -1);
    for (const form of [once, encodeURIComponent(once), quoted]) if (!forms.has(form)) forms.set(form, name);
  }
  return forms;
}

/** RD1 */
function replaceAll<T>(value: T, names: ReadonlyMap<string, string>): T {
  if (names.size === 0) return value;
  const longestFirst = [...names.keys()].toSorted((a, b) => b.length - a.length);
  // Whole words only: an identifier may be as short as "7". An encoded character before it ends a word, too, and
  // ids are joined by underscores.
  const begin = String.raw`(?:(?<![A-Za-z0-9])|(?<=%(?:25)*[0-9A-F]{2}))`;
  const any = longestFirst.map((form) => RegExp.escape(form)).join("|");
  const pattern = new RegExp(String.raw`${begin}(?:${any})(?![A-Za-z0-9])`, "gu");
  const visit = (node: unknown): unknown => {
    if (typeof node === "string") return node.replace(pattern, (found) => names.get(found)!);
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([name, inner]) => [name, visit(inner)]));
  };
  return visit(value) as T;
}
