// `holdfast decide`: a person's word on a case, or on all open cases of an account, written to the decisions
// topic; then what Holdfast and the enforcing service made of it. Owns refusing what would change nothing or
// hits nothing: a mistyped case would leave a customer frozen whom somebody believes free.

import { randomUUID } from "node:crypto";
import { subjectOf } from "../adapters/codec.ts";
import { createKeyedWriter } from "../adapters/kafka/writer.ts";
import type { Decision, Verdict } from "../core/decision.ts";
import type { Duration, Instant } from "../core/time.ts";
import { DAY, SECOND } from "../core/time.ts";
import { readAccount, readDetections } from "./case/account-records.ts";
import type { Cluster } from "./case/account-records.ts";
import { caseFileOf } from "./case/case-file.ts";
import type { CaseRecord } from "./case/case-file.ts";
import { partsOf } from "./case/case-id.ts";
import { followClosing, followOutcome } from "./case/outcome.ts";
import type { Outcome } from "./case/outcome.ts";
import type { DeskSettings } from "./case/connection.ts";
import { answered } from "./case/connection.ts";
import { dateTime, plainText, shellWord, statusText } from "./case/wording.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

export interface DecideOptions extends DeskSettings {
  readonly accountId: string;
  /** null: all open cases. */
  readonly caseId: string | null;
  readonly verdict: Verdict;
  readonly by: string;
  readonly note: string | null;
  /** EXTEND and CONFIRMED_TAKEOVER; null: the verdict's default. */
  readonly until: Instant | null;
  /** How long to wait for what comes of it; 0: do not. */
  readonly wait: Duration;
  /** Also where the topics hold no such case. */
  readonly anyway: boolean;
}

/** Of CONFIRMED_TAKEOVER without `until`. */
const CONFIRMED_FOR = 7 * DAY;
const WRITE_WITHIN = 30 * SECOND;

/** Exit code 1: not written, or nobody acted on it in time. */
export async function decide(options: DecideOptions, io: Io): Promise<number> {
  return answered(options, io, async (cluster) => {
    const header = await schemaHeader(cluster);
    if (header === null) {
      const { decisions } = cluster.topics;
      io.stderr(`the schema of ${decisions} is not registered: run \`holdfast schemas register\`\n`);
      return EXIT.failed;
    }
    const isOpening = options.caseId !== null && partsOf(options.caseId)?.isOpening === true;
    const cases = isOpening ? [] : await casesMeant(cluster, options);
    const why = isOpening ? await whyNoOpening(cluster, options) : refusalOf(options, cases);
    const refusal = options.anyway ? null : why;
    if (refusal !== null) {
      io.stderr(`${plainText(refusal)}\n`);
      return EXIT.failed;
    }
    return write(cluster, { ...options, header, cases, isOpening }, io);
  });
}

async function schemaHeader({ registry, topics, schemas }: Cluster): Promise<Buffer | null> {
  const id = await registry.idOf(subjectOf(topics.decisions), schemas.decision.text);
  if (id === null) return null;
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return header;
}

/** The named case, or all that are open. */
async function casesMeant(cluster: Cluster, { accountId, caseId }: DecideOptions): Promise<CaseRecord[]> {
  const { records } = await readAccount(cluster, accountId);
  const { cases } = caseFileOf(accountId, records, { asOf: Date.now() });
  return cases.filter((each) => (caseId === null ? each.status === "open" : each.caseId === caseId));
}

/** A breaker's opening: what is wrong with a decision on it. */
async function whyNoOpening(cluster: Cluster, { caseId, verdict }: DecideOptions): Promise<string | null> {
  const detections = await readDetections(cluster, caseId!);
  if (detections.length === 0)
    return `no breaker's opening ${caseId} is known; its id stands in the detection BREAKER_OPENED`;
  if (verdict !== "RELEASE")
    return `${caseId} is a breaker's opening: all that can be said of it is RELEASE, which closes the breaker`;
  const isClosed = detections.some(({ value }) => value.kind === "BREAKER_CLOSED");
  return isClosed ? `the breaker that ${caseId} opened is closed already` : null;
}

function refusalOf({ accountId, caseId, verdict }: DecideOptions, cases: readonly CaseRecord[]): string | null {
  const look = `\`holdfast case ${shellWord(accountId)}\` shows what there is; --anyway writes the decision all the same`;
  if (cases.length === 0) {
    return caseId === null ? `account ${accountId} has no open case; ${look}` : `no case ${caseId} is known; ${look}`;
  }
  const closed = cases.every(({ status }) => status !== "open");
  if (closed && (verdict === "RELEASE" || verdict === "EXTEND")) {
    return `case ${caseId} is ${statusText(cases[0]!)} UTC: there is nothing to ${verdict.toLowerCase()}; ${look}`;
  }
  return null;
}

async function write(
  cluster: Cluster,
  given: DecideOptions & {
    readonly header: Buffer;
    readonly cases: readonly CaseRecord[];
    readonly isOpening: boolean;
  },
  io: Io,
): Promise<number> {
  const { accountId, caseId, verdict, header, cases, isOpening, wait } = given;
  const decidedAt = Date.now();
  const decision: Decision = {
    decisionId: randomUUID(),
    accountId,
    caseId,
    verdict,
    until: given.until,
    decidedBy: given.by,
    decidedAt,
    note: given.note,
  };
  // Before writing: the answer may come at once.
  const waiting = cases.filter((record) => awaitsCommand(record, decision)).map((record) => record.caseId);
  const follow = (): Promise<Outcome> =>
    isOpening ? followClosing(cluster, decision.caseId!) : followOutcome(cluster, decision, waiting);
  const outcome = wait > 0 ? await follow() : null;
  const writer = createKeyedWriter(cluster.client, { patienceMs: WRITE_WITHIN, signal: io.signal });
  try {
    const value = Buffer.concat([header, cluster.schemas.decision.type.toBuffer(decision)]);
    await writer.write(cluster.topics.decisions, [{ key: accountId, value }]);
    io.stdout(`${plainText(describe(decision))}\n`);
    if (outcome === null) return EXIT.ok;
    const { acted, lines } = await outcome.within(wait);
    for (const line of lines) (acted ? io.stdout : io.stderr)(`${plainText(line)}\n`);
    return acted ? EXIT.ok : EXIT.failed;
  } finally {
    outcome?.stop();
    writer.close();
  }
}

/**
 * A release is always said, of all cases only of those that are open to Holdfast: without protection nobody knows
 * from outside. An extension is said where it goes beyond what is in force.
 */
function awaitsCommand({ status, until }: CaseRecord, decision: Decision): boolean {
  const { caseId, verdict, until: asked, decidedAt } = decision;
  if (status !== "open") return false;
  if (verdict === "RELEASE" || verdict === "FALSE_POSITIVE") return caseId !== null || until !== null;
  return until !== null && (asked ?? decidedAt + CONFIRMED_FOR) > until;
}

function describe({ accountId, caseId, verdict, until, decisionId, decidedBy }: Decision): string {
  const what = caseId ?? `every open case of ${accountId}`;
  const end = until === null ? "" : ` until ${dateTime(until)} UTC`;
  return `${verdict} of ${what}${end}, by ${decidedBy} (decision ${decisionId})`;
}
