// The runbooks name metrics, settings and pages that exist: at three in the morning nobody wants to find out
// that one was renamed.

import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { METRICS } from "../../src/adapters/telemetry/metric-table.ts";
import { EVENTS } from "../../src/adapters/telemetry/event-table.ts";
import { SETTING_NAMES, variableOf } from "../../src/config.ts";

const folder = join(import.meta.dirname, "../../docs/runbooks");
const pages = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
const alerts = pages.filter(({ name }) => name !== "README.md");

/** Of OPERATIONS: one page each. */
const ALERTS = [
  "CheckpointFailing",
  "CommandsUnacknowledged",
  "DeadLetterRatio",
  "DetectionLatencyBudgetBurn",
  "LagSecondsHigh",
  "MassFreezeBreakerOpen",
  "MetricsAbsent",
  "OutflowAnomaly",
  "RebalanceStorm",
  "RestoreStuck",
  "RuleReloadFailed",
  "StateNearLimit",
  "TaskStalled",
  "TasksUnowned",
];

function found(pattern: RegExp): { page: string; word: string }[] {
  return pages.flatMap(({ name, text }) =>
    [...text.matchAll(pattern)].map((match) => ({ page: name, word: match[1]! })),
  );
}

test("every alert has a page, and the index names each", () => {
  assert.deepEqual(
    alerts.map(({ name }) => name),
    ALERTS.map((alert) => `${alert}.md`),
  );
  const index = pages.find(({ name }) => name === "README.md")!.text;
  for (const alert of ALERTS) assert.ok(index.includes(`](${alert}.md)`), alert);
});

test("every page says what to look at first, what it can be, and when it is over", () => {
  for (const { name, text } of alerts) {
    const headings = [...text.matchAll(/^#+ (.*)$/gmu)].map((match) => match[1]);
    assert.deepEqual(headings, [name.replace(".md", ""), "Look first", "Causes and remedies", "Over when"], name);
  }
});

test("metrics, settings, events and pages that runbooks name exist", () => {
  const metrics = new Set(Object.keys(METRICS).flatMap((name) => [name, `${name}_bucket`]));
  for (const { page, word } of found(/\bholdfast_([a-z0-9_]+)/gu)) assert.ok(metrics.has(word), `${page}: ${word}`);
  const settings = new Set(SETTING_NAMES.map(variableOf));
  for (const { page, word } of found(/\b(HOLDFAST_[A-Z_]+)/gu)) assert.ok(settings.has(word), `${page}: ${word}`);
  const files = new Set(pages.map(({ name }) => name));
  for (const { page, word } of found(/\]\(([^)]+)\)/gu)) assert.ok(files.has(word), `${page}: ${word}`);
  const events = new Set(Object.keys(EVENTS));
  for (const { page, word } of found(
    /`((?:task|group|broker|breaker|command|rules|checkpoint|quarantine)\.[a-zA-Z]+)`/gu,
  ))
    assert.ok(events.has(word), `${page}: ${word}`);
});
