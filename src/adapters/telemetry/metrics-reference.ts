// docs/metrics.md, from the tables. A test compares the file with this text; `npm run docs` writes it.

import { EVENTS } from "./event-table.ts";
import type { EventRow } from "./event-row.ts";
import { METRICS } from "./metric-table.ts";
import type { MetricName } from "./metric-table.ts";
import { PREFIX } from "./meter.ts";

const HEAD = `# Metrics and events

Metrics are at \`/metrics\`, in Prometheus' text format, beside Node's own (\`process_…\`, \`nodejs_…\`).
Units are seconds and bytes. The number of series is bounded: label values past a metric's limit are
counted as \`other\`. Log lines are JSON, one for each event below, under \`event\`; many of one kind
within a second are cut short, and the next one counts them as \`omitted\`. Account ids in logs are
pseudonyms (see \`HOLDFAST_LOG_ACCOUNT_IDS\`).

This page is generated from \`src/adapters/telemetry/\` by \`npm run docs\`.
`;

/** The whole page, as Markdown. */
export function metricsReference(): string {
  const metrics = (Object.keys(METRICS) as MetricName[]).map(metricRow).join("\n");
  const events = Object.entries(EVENTS).map(eventRow).join("\n");
  return `${HEAD}
## Metrics

| metric | type | labels | meaning | what a bad value means | moved by |
|---|---|---|---|---|---|
${metrics}

## Events

| event | level | message | what it means |
|---|---|---|---|
${events}
`;
}

function metricRow(name: MetricName): string {
  const { type, labels, help, bad } = METRICS[name];
  const feeds = Object.entries(EVENTS).filter(([, row]) => row.metrics !== undefined && name in row.metrics);
  const names = Object.keys(labels).map((label) => `\`${label}\``);
  const movedBy = feeds.length === 0 ? "start" : feeds.map(([event]) => `\`${event}\``).join(", ");
  return `| \`${PREFIX}${name}\` | ${type === "info" ? "gauge" : type} | ${names.join(", ")} | ${help} | ${bad} | ${movedBy} |`;
}

function eventRow([name, row]: [string, EventRow<never>]): string {
  const level = typeof row.level === "string" ? row.level : "by outcome";
  return `| \`${name}\` | ${level} | ${row.message} | ${row.means} |`;
}
