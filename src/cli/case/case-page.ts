// A case file as one page to read, print and hand over: nothing fetched, no script, every time in UTC. What a
// moment is and in which order they stand is moments.ts's.

import type { Evidence } from "../../core/output.ts";
import type { Instant } from "../../core/time.ts";
import { MINUTE } from "../../core/time.ts";
import { VERSION } from "../../version.ts";
import type { CaseFile, CaseRecord, SaidCommand } from "./case-file.ts";
import { markedLine, scaleOf, timeBar } from "./drawing.ts";
import { html } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { momentItems } from "./page-moments.ts";
import { PAGE_STYLE } from "./page-style.ts";
import type { Protection } from "./protection.ts";
import { fieldInWords, inWords, readSummary } from "./summary.ts";
import { answerText, dateTime, shellWord, span, statusText, subjectText, targetsText } from "./wording.ts";

export function casePage(file: CaseFile): string {
  const title = `Case file: ${subjectText(file)}`;
  const articles = file.cases.map((record, index) => article(record, { asOf: file.asOf, anchor: `case-${index + 1}` }));
  return `<!doctype html>\n${String(
    html`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
     `,
  )}<style>${PAGE_STYLE}</style>${String(
    html`</head>
      <body>
        <main>
          ${head(file)} ${articles}
          <footer>
            Made by Holdfast ${VERSION} from its topics on ${dateTime(file.asOf)}. All times are
            UTC.${file.redacted && " Identifiers of other customers, and notes, are left out of this copy."}
          </footer>
        </main>
      </body>
      </html>`,
  )}\n`;
}

function head(file: CaseFile): Markup {
  const alarms = file.cases.flatMap(({ commands }) => commands.filter(({ alarming }) => alarming));
  return html`<header>
    <h1>${subjectText(file)}</h1>
    <p class="soft">As of ${dateTime(file.asOf)} UTC</p>
    ${alarms.map((said) => html`<p class="alarm">${alarmText(said)}</p>`)}
    ${file.gaps.map((gap) => html`<p class="alarm">Something may be missing: ${gap}</p>`)}
    ${
      file.accountId === null
        ? html`<p class="soft">Shared by several accounts: each has cases of its own, and what is closed is theirs.</p>`
        : file.protections.length === 0
          ? html`<p class="free">Nothing is closed.</p>`
          : html`<ul class="closed">
              ${file.protections.map(closedItem)}
            </ul>`
    }
    ${
      file.cases.length > 1 &&
      html`<nav aria-label="Cases">
        <h3>${file.cases.length} cases</h3>
        <ul>
          ${file.cases.map(
            (record, index) =>
              html`<li><a href="#case-${index + 1}">${record.ruleTitle}</a>, ${statusText(record)}</li>`,
          )}
        </ul>
      </nav>`
    }
  </header>`;
}

function alarmText(said: SaidCommand): string {
  const { command } = said;
  const answer = said.ack === null ? "was not acknowledged by any enforcing service" : `was ${answerText(said)}`;
  return `${command.action} of ${command.scopes.join(", ")} ${answer}: it may protect nobody.`;
}

function closedItem({ scope, action, targets, until }: Protection): Markup {
  const word = { FREEZE: "frozen", HOLD: "held", STEP_UP: "strongest factor only" }[action];
  return html`<li class="${action.toLowerCase()}">
    <b>${scope}: ${word}</b><span>until ${dateTime(until)}</span>${
      targets !== null && html`<span>only ${targetsText(targets)}</span>`
    }
  </li>`;
}

function article(record: CaseRecord, { asOf, anchor }: { asOf: Instant; anchor: string }): Markup {
  const { notes, evidence, evidenceCount, otherEvents, otherEventCount, group } = record;
  const shared = Object.entries(group).filter(([field]) => field !== "accountId");
  return html`<article id="${anchor}">
    <h2>${record.ruleTitle}</h2>
    <div class="badges">
      <span class="badge ${record.status}">${statusText(record)}</span>${
        record.level !== null && html`<span class="badge ${record.level}">${record.level}</span>`
      }<span class="badge">mode ${record.mode}</span>${record.reasons.map(
        (reason) => html`<span class="badge">${reason}</span>`,
      )}
    </div>
    ${shared.length > 0 && html`<p>Shared by several accounts: ${shared.map(([field, value]) => `${field} ${value}`).join(", ")}.</p>`}
    ${notes !== null && notes.description !== "" && html`<p>${notes.description}</p>`} ${runUp(record)}
    <h3>What happened</h3>
    <ol class="moments">
      ${momentItems(record)}
    </ol>
    ${evidenceCount > evidence.length && html`<p class="soft small">And ${evidenceCount - evidence.length} more events that are not listed.</p>`}
    ${otherEventCount > otherEvents.length && html`<p class="soft small">And ${otherEventCount - otherEvents.length} more events of the account meanwhile that are not evidence.</p>`}
    ${protectionBars(record, asOf)}
    ${
      notes !== null &&
      notes.falsePositives.length > 0 &&
      html`<h3>What else may look like this</h3>
        <ul class="plain">
          ${notes.falsePositives.map((each) => html`<li>${each}</li>`)}
        </ul>`
    }
    ${
      record.status === "open" &&
      record.commands.length > 0 &&
      html`<h3>To undo it</h3>
        <code class="undo">holdfast decide --case ${shellWord(record.caseId)} FALSE_POSITIVE --by YOU --note WHY</code>`
    }
    <h3>References</h3>
    <p class="small mono">
      case ${record.caseId}<br />rule ${record.ruleId}, hash
      ${record.ruleHash}${record.tags.length > 0 && html`<br />${record.tags.join(", ")}`}
    </p>
  </article>`;
}

/** The events to scale, and what was said against them while they ran. */
function runUp(record: CaseRecord): Markup | null {
  const { evidence, commands } = record;
  if (evidence.length < 2) return null;
  const first = evidence[0]!.occurredAt;
  const last = evidence.at(-1)!.occurredAt;
  // What was said much later (a replay of old events) would squeeze the events into one point.
  const horizon = last + Math.max(last - first, 10 * MINUTE);
  const protections = commands.filter(
    ({ command, saidAt, isByDecision }) =>
      isProtection(command.action) && !isByDecision && saidAt <= horizon && saidAt >= first,
  );
  const scale = scaleOf([...evidence.map(({ occurredAt }) => occurredAt), ...protections.map(({ saidAt }) => saidAt)]);
  const events = evidence.map(({ occurredAt, eventId, summary, type }, index) => ({
    at: occurredAt,
    label: String(index + 1),
    kind: eventId === record.decidedBy ? "decides" : "event",
    title: describe({ summary, type }),
  }));
  const said = protections.map(({ command, saidAt }) => ({
    at: saidAt,
    label: command.action.charAt(0),
    kind: command.action.toLowerCase(),
    title: `${command.action} ${command.scopes.join(" ")}`,
  }));
  const marks = [...events, ...said].sort((a, b) => a.at - b.at);
  const length = span(scale.to - scale.from);
  return html`<figure>
    ${markedLine(marks, scale, `${evidence.length} events within ${length}`)}
    <figcaption class="ends">
      <span>${dateTime(scale.from)}</span><span>${length}</span><span>${dateTime(scale.to)}</span>
    </figcaption>
  </figure>`;
}

function describe(evidence: Pick<Evidence, "summary" | "type">): string {
  const { type, fields } = readSummary(evidence);
  return [inWords(type), ...fields.map(fieldInWords).map(({ name, value }) => `${name} ${value}`)].join(", ");
}

function protectionBars(record: CaseRecord, asOf: Instant): Markup | null {
  const said = record.commands.filter(({ command }) => isProtection(command.action));
  if (said.length === 0) return null;
  const released = record.status === "released" ? (record.until ?? asOf) : Infinity;
  const scale = scaleOf(said.flatMap(({ command }) => [command.effectiveAt, command.expiresAt ?? command.effectiveAt]));
  const rows = said.map(({ command }) => {
    const plannedTo = command.expiresAt ?? command.effectiveAt;
    const kind = command.action.toLowerCase();
    const bar = {
      from: command.effectiveAt,
      to: Math.min(plannedTo, Math.max(released, command.effectiveAt)),
      plannedTo,
      kind,
    };
    const only = targetsText(command.targets);
    return html`<div class="protection">
      <p>
        <b class="${kind}">${command.action}</b> ${command.scopes.join(", ")}${only !== "" && `, only ${only}`}
        <span class="soft">for ${span(plannedTo - command.effectiveAt)}${released < plannedTo && ", released"}</span>
      </p>
      ${timeBar(bar, scale, asOf)}
    </div>`;
  });
  return html`<h3>Protection</h3>
    ${rows}
    <p class="ends"><span>${dateTime(scale.from)}</span><span>${dateTime(scale.to)}</span></p>`;
}

function isProtection(action: SaidCommand["command"]["action"]): boolean {
  return action === "FREEZE" || action === "HOLD" || action === "STEP_UP";
}
