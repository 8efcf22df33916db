// `holdfast explain RULE events.ndjson`: why a rule fired on a file of events, or how far it came: for each
// account the events that completed it, or which of its steps were seen and which were not.

import type { Detection, Evidence } from "../core/output.ts";
import type { CoreSettings } from "../core/partition.ts";
import type { Instant } from "../core/time.ts";
import { suggest } from "../sigma/nearest.ts";
import { Explanation, findRule } from "../testing/explanation.ts";
import type { AnyRule, GroupProgress } from "../testing/explanation.ts";
import { EXIT } from "./io.ts";
import type { Io } from "./io.ts";
import { eventsOf, isFileError } from "./replay/event-file.ts";
import type { Inputs } from "./replay/event-line.ts";
import { readSoundRules } from "./sound-rules.ts";

export interface ExplainOptions {
  readonly rules: string;
  /** Id, name or title. */
  readonly rule: string;
  /** A file of one JSON object a line; `-`: standard input. */
  readonly file: string;
  readonly inputs: Inputs;
  readonly settings: CoreSettings;
}

const MOST_GROUPS = 20;

/** Exit code 0 when it could say; 1 when some lines were no events; 2 when it could not start. */
export async function explain(options: ExplainOptions, io: Io): Promise<number> {
  try {
    const loaded = await readSoundRules(options.rules, io);
    if (loaded === null) return EXIT.usage;
    const { rules, documents, conditionsOf } = loaded;
    const rule = findRule(rules, options.rule);
    if (rule === null) {
      const names = [...rules.correlations, ...rules.detections].map(({ name, title }) => name ?? title);
      io.stderr(`no rule is called "${options.rule}"; ${suggest(options.rule, names)}\n`);
      return EXIT.usage;
    }
    const document = documents.find((each) => each.identity === rule.id);
    const conditions = document?.kind === "detection" ? conditionsOf(document) : [];
    const explanation = new Explanation(rule, { rules, conditions, settings: options.settings });
    const tally = { events: 0, rejected: 0 };
    for await (const { arrival, event } of eventsOf(options, io, tally)) {
      tally.events += 1;
      explanation.apply(arrival, event);
    }
    io.stdout(describe(rule, explanation.finish(), tally.events));
    return tally.rejected === 0 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!isFileError(error)) throw error;
    io.stderr(`${options.file} cannot be read (${error.code})\n`);
    return EXIT.usage;
  }
}

function describe(rule: AnyRule, groups: readonly GroupProgress[], events: number): string {
  const kind = rule.kind === "detection" ? "one event" : `${rule.type} within ${rule.timespan / 1_000} s`;
  const fired = groups.filter(({ firings }) => firings > 0);
  const began = groups.filter(({ firings }) => firings === 0);
  const total = fired.reduce((sum, { firings }) => sum + firings, 0);
  const lines = [`${rule.title} (${kind}): ${times(total)} on ${events} events`];
  for (const { group, fired: detections, firings } of fired.slice(0, MOST_GROUPS)) {
    lines.push(`  ${group}: ${times(firings)}`, ...detections.flatMap(describeFiring));
    if (firings > detections.length) lines.push(`    and ${firings - detections.length} more`);
  }
  if (fired.length > MOST_GROUPS) lines.push(`  and ${fired.length - MOST_GROUPS} groups more`);
  if (began.length > 0) lines.push("began, and did not fire");
  for (const { group, steps, closest } of began.slice(0, MOST_GROUPS)) {
    const seen = steps.filter(({ matches }) => matches > 0).length;
    lines.push(`  ${group}: ${seen} of ${steps.length} ${rule.kind === "detection" ? "conditions" : "steps"} seen`);
    if (closest !== null) {
      const missed = closest.missed.map(({ name }) => name).join("; ");
      lines.push(`    closest ${describeEvidence(closest.evidence)}, which lacks ${missed}`);
    }
    for (const { rule: step, matches, latest } of steps) {
      const last = latest === null ? "" : `, the latest ${describeEvidence(latest)}`;
      lines.push(`    ${step.name ?? step.title}: ${matches === 0 ? "none" : matches}${last}`);
    }
  }
  if (began.length > MOST_GROUPS) lines.push(`  and ${began.length - MOST_GROUPS} groups more`);
  return `${lines.join("\n")}\n`;
}

function times(count: number): string {
  return count === 0 ? "did not fire" : `fired ${count === 1 ? "once" : `${count} times`}`;
}

function describeFiring(detection: Detection): string[] {
  return [
    `    decided by ${detection.decidedBy}`,
    ...detection.evidence.map((evidence) => `      ${evidence.rule}: ${describeEvidence(evidence)}`),
  ];
}

function describeEvidence({ occurredAt, summary, eventId }: Evidence): string {
  return `${utc(occurredAt)} ${summary} (${eventId})`;
}

function utc(at: Instant): string {
  return new Date(at).toISOString();
}
