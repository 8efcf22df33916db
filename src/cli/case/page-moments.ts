// The moments of a case as items of the page's list: time, what it was, and how long after the one before.

import type { Instant } from "../../core/time.ts";
import { SECOND } from "../../core/time.ts";
import type { CaseRecord, OtherEvent, SaidCommand } from "./case-file.ts";
import { html } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { momentsOf } from "./moments.ts";
import type { Moment } from "./moments.ts";
import { fieldInWords, inWords, readSummary } from "./summary.ts";
import type { SummaryField } from "./summary.ts";
import { answerText, dateTime, delayText, span, targetsText } from "./wording.ts";

/** Shorter gaps are not worth a word. */
const GAP_SHOWN = SECOND;

export function momentItems(record: CaseRecord): Markup[] {
  const moments = momentsOf(record);
  let before: Instant | undefined;
  let events = 0;
  return moments.map((moment) => {
    const { at } = moment;
    const gap = before === undefined ? 0 : at - before;
    const [date, time] = dateTime(at).split(" ") as [string, string];
    const isNewDay = before === undefined || dateTime(before).slice(0, date.length) !== date;
    before = at;
    const sign = moment.kind === "event" ? String((events += 1)) : SIGNS[moment.kind];
    const later = gap >= GAP_SHOWN && html` <span class="gap">${span(gap)} later</span>`;
    return html`<li>
      <time datetime="${new Date(at).toISOString()}"
        >${isNewDay && html`<span class="date">${date}</span> `}${time}${later}</time
      >
      <span class="dot ${kindOf(moment)}"><span>${sign}</span></span>
      <div class="what">${contentOf(moment)}</div>
    </li>`;
  });
}

const SIGNS = { other: "·", command: "→", ack: "✓", decision: "!", end: "○" } as const;

/** The class that colours it. */
function kindOf(moment: Moment): string {
  switch (moment.kind) {
    case "event":
      return moment.decides ? "decides" : "event";
    case "command":
      return moment.said.command.action.toLowerCase();
    case "ack":
      return moment.said.ack?.value.status === "REJECTED" ? "unanswered" : "ack";
    case "other":
    case "decision":
    case "end":
      return moment.kind;
  }
}

function contentOf(moment: Moment): Markup {
  switch (moment.kind) {
    case "event":
      return eventContent(moment);
    case "other":
      return otherContent(moment.event);
    case "command":
      return commandContent(moment.said);
    case "ack":
      return html`${moment.said.command.action} <b>${answerText(moment.said)}</b>`;
    case "decision": {
      const { verdict, decidedBy, until, note } = moment.made.decision;
      return html`<b>${inWords(verdict)}</b>, decided by
        ${decidedBy}${until !== null && `, until ${dateTime(until)}`}${
          note !== null && html`<blockquote>${note}</blockquote>`
        }${!moment.made.carriedOut && html`<p class="soft small">No command has followed yet.</p>`}`;
    }
    case "end":
      return html`The case ended by itself.`;
  }
}

function eventContent({ evidence, decides }: Extract<Moment, { kind: "event" }>): Markup {
  const { account, type, fields } = readSummary(evidence);
  return html`<b>${inWords(type)}</b
    >${account !== "" && ` of account ${account}`}${decides && html` <span class="decides small">decided the case</span>`}
    ${fieldList(fields)}
    <div class="place mono">${evidence.rule} · ${placeText(evidence)}</div>`;
}

function otherContent(event: OtherEvent): Markup {
  const { type, fields } = readSummary(event);
  return html`${inWords(type)} <span class="small">· not evidence</span> ${fieldList(fields)}
    <div class="place mono">${placeText(event)}</div>`;
}

function fieldList(fields: readonly SummaryField[]): Markup {
  return html`<dl class="fields">
    ${fields.map(fieldInWords).map(
      ({ name, value }) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function placeText({ topic, partition, offset, eventId }: OtherEvent): string {
  return `${topic} ${partition}@${offset} · ${eventId}`;
}

function commandContent(said: SaidCommand): Markup {
  const { command } = said;
  const only = targetsText(command.targets);
  const delay = delayText(said);
  return html`<b>${command.action}</b> ${command.scopes.join(", ")}${only !== "" && `, only ${only}`}${
      command.expiresAt !== null && `, until ${dateTime(command.expiresAt)}`
    }${delay !== "" && html` <span class="soft">${delay}</span>`}${
      said.ack === null &&
      answerText(said) !== "" &&
      html`<p class="${said.alarming ? "unanswered" : "soft"} small">${answerText(said)}</p>`
    }`;
}
