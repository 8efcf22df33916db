// The pictures of a case as SVG that keeps its text readable at any width: positions are percentages, sizes
// are not. Owns the scale of time and where labels go; leaves colours to page-style.ts.

import type { Instant } from "../../core/time.ts";
import { html } from "./markup.ts";
import type { Markup } from "./markup.ts";

/** Time on a line from 0 to 100 percent. */
export interface Scale {
  readonly from: Instant;
  readonly to: Instant;
  percent(at: Instant): number;
}

/** What is a moment wide gets some width all the same. */
export function scaleOf(times: readonly Instant[]): Scale {
  const from = Math.min(...times);
  const to = Math.max(...times, from + 1_000);
  return {
    from,
    to,
    percent: (at) => Math.round(Math.min(Math.max((at - from) / (to - from), 0), 1) * 10_000) / 100,
  };
}

export interface Mark {
  readonly at: Instant;
  /** One or two characters. */
  readonly label: string;
  /** What the mark stands for; its class. */
  readonly kind: string;
  readonly title: string;
}

/** Marks whose labels would touch on a narrow screen stand above one another. */
const APART_PERCENT = 8;
const ROW_HEIGHT = 24;
const RADIUS = 10;
const MOST_ROWS = 5;
/** Room at both ends for half a mark. */
const MARGIN_PERCENT = 4;

/** A line of time with a numbered mark at each moment. */
export function markedLine(marks: readonly Mark[], scale: Scale, label: string): Markup {
  const placed = inRows(marks, scale);
  const rows = Math.max(1, ...placed.map(({ row }) => row + 1));
  const axis = rows * ROW_HEIGHT + 4;
  const x = (percent: number): string => `${MARGIN_PERCENT + (percent * (100 - 2 * MARGIN_PERCENT)) / 100}%`;
  const yOf = (row: number): number => axis - 14 - row * ROW_HEIGHT;
  // Stems below all heads: a stem would strike a lower head's label through.
  const stems = placed.map(
    ({ mark, row, percent }) =>
      html`<line class="stem ${mark.kind}" x1="${x(percent)}" x2="${x(percent)}" y1="${yOf(row)}" y2="${axis}" />`,
  );
  const heads = placed.map(
    ({ mark, row, percent }) =>
      html`<g class="head ${mark.kind}"
        ><title>${mark.title}</title><circle cx="${x(percent)}" cy="${yOf(row)}" r="${RADIUS}" />
        <text x="${x(percent)}" y="${yOf(row) + 4}" text-anchor="middle">${mark.label}</text></g
      >`,
  );
  return html`<svg class="line" width="100%" height="${axis + 6}" role="img" aria-label="${label}">
    <line class="axis" x1="0" x2="100%" y1="${axis}" y2="${axis}" />
    ${stems}${heads}
  </svg>`;
}

interface Placed {
  readonly mark: Mark;
  readonly row: number;
  readonly percent: number;
}

function inRows(marks: readonly Mark[], scale: Scale): Placed[] {
  const lastInRow: number[] = [];
  return marks.map((mark) => {
    const percent = scale.percent(mark.at);
    const free = lastInRow.findIndex((last) => percent - last >= APART_PERCENT);
    const row = free >= 0 ? free : Math.min(lastInRow.length, MOST_ROWS - 1);
    lastInRow[row] = percent;
    return { mark, row, percent };
  });
}

export interface Bar {
  readonly from: Instant;
  readonly to: Instant;
  /** Planned, but cut short: drawn faintly up to here. */
  readonly plannedTo: Instant;
  readonly kind: string;
}

/** One protection's stretch of time, with the present where it lies within. */
export function timeBar(bar: Bar, scale: Scale, now: Instant): Markup {
  const [from, to, planned] = [bar.from, bar.to, bar.plannedTo].map((at) => scale.percent(at)) as [
    number,
    number,
    number,
  ];
  const present = now > scale.from && now < scale.to;
  const here = scale.percent(now);
  return html`<svg class="bar" width="100%" height="16" aria-hidden="true">
    <rect class="room" width="100%" height="16" rx="3" />
    ${planned > to && html`<rect class="${bar.kind} cut" x="${from}%" width="${planned - from}%" height="16" rx="3" />`}
    <rect class="${bar.kind}" x="${from}%" width="${Math.max(to - from, 0.5)}%" height="16" rx="3" />
    ${present && html`<line class="now" x1="${here}%" x2="${here}%" y1="0" y2="16" />`}
  </svg>`;
}
