// `holdfast case ACCOUNT|CASE`: what happened, what was said and why, what came of it, and what is closed
// now, out of the topics alone. Owns the choice of form: text, JSON, or a page to hand over.

import { writeFile } from "node:fs/promises";
import type { Settings } from "../config.ts";
import { readEvents } from "./case/account-events.ts";
import { readAccount, readDetections } from "./case/account-records.ts";
import type { Cluster } from "./case/account-records.ts";
import { caseFileOf } from "./case/case-file.ts";
import type { CaseFile } from "./case/case-file.ts";
import { partsOf } from "./case/case-id.ts";
import { caseJson } from "./case/case-json.ts";
import { casePage } from "./case/case-page.ts";
import { caseText } from "./case/case-text.ts";
import { answered } from "./case/connection.ts";
import type { DeskSettings } from "./case/connection.ts";
import { joined, periodOf, withOtherEvents } from "./case/other-events.ts";
import { redacted } from "./case/redaction.ts";
import { readRuleNotes } from "./case/rule-notes.ts";
import { plainText } from "./case/wording.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";

export interface CaseOptions extends DeskSettings, Pick<Settings, "rules"> {
  /** An account's id, or a case's. */
  readonly about: string;
  readonly json: boolean;
  /** Path of a page to write; null: none. */
  readonly html: string | null;
  readonly redact: boolean;
}

/** Exit code 1 when nothing is known of the account or case, or the brokers do not answer. */
export async function showCase(options: CaseOptions, io: Io): Promise<number> {
  return answered(options, io, async (cluster) => {
    const found = await findCases(cluster, options);
    if (found === null) {
      io.stderr(
        `${cluster.topics.commands} and ${cluster.topics.detections} hold nothing of "${plainText(options.about)}"; ` +
          "it is an account's id, or a case's as `holdfast case ACCOUNT` prints it\n",
      );
      return EXIT.failed;
    }
    const file = await withMeanwhile(cluster, found);
    const shown = options.redact ? redacted(file) : file;
    if (options.html !== null) {
      await writeFile(options.html, casePage(shown));
      io.stderr(`wrote ${options.html}\n`);
    }
    if (options.json) io.stdout(caseJson(shown));
    else if (options.html === null) io.stdout(caseText(shown));
    return EXIT.ok;
  });
}

/** What happened to the account beside the evidence; of what several accounts share there is no such thing. */
async function withMeanwhile(cluster: Cluster, file: CaseFile): Promise<CaseFile> {
  if (file.accountId === null) return file;
  const periods = joined(file.cases.flatMap((record) => periodOf(record) ?? []));
  const { events, gaps } = await readEvents(cluster, file.accountId, periods);
  return withOtherEvents({ ...file, gaps: [...file.gaps, ...gaps] }, events);
}

async function findCases(cluster: Cluster, { about, rules }: CaseOptions): Promise<CaseFile | null> {
  const notesOf = await readRuleNotes(rules);
  const asOf = Date.now();
  const parts = partsOf(about);
  if (parts !== undefined) {
    const { records, gaps } = await readAccount(cluster, parts.accountId);
    const file = caseFileOf(parts.accountId, records, { asOf, notesOf, gaps });
    const cases = file.cases.filter(({ caseId }) => caseId === parts.caseId);
    if (cases.length > 0) return { ...file, cases };
  }
  // Also what looks like a case's id may be an account's.
  const { records, gaps } = await readAccount(cluster, about);
  const file = caseFileOf(about, records, { asOf, notesOf, gaps });
  if (file.cases.length > 0) return file;
  if (parts === undefined) return null;
  // A case of what several accounts share stands under what they share.
  const detections = await readDetections(cluster, about);
  const shared = caseFileOf("", { commands: [], detections, decisions: [], acks: [] }, { asOf, notesOf });
  return shared.cases.length > 0 ? shared : null;
}
