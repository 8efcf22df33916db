// Checks a `correlation:` section: type, rules, group-by, timespan, condition. The kinds Sigma has and
// Holdfast does not are refused by name.

import type { Duration } from "../core/time.ts";
import { UUID } from "./document.ts";
import type { Placed } from "./document.ts";
import { DURATION_ADVICE, parseDuration } from "./duration.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { describe, readText, readTexts, refuseUnknownKeys, textOf } from "./tree-reader.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlEntry, YamlMap } from "./yaml-tree.ts";

export interface CorrelationSection {
  readonly type: "temporal_ordered";
  readonly rules: readonly Placed[];
  readonly groupBy: readonly ["accountId"];
  readonly timespan: Duration;
}

const TYPES = ["temporal_ordered"];
const UNSUPPORTED_TYPES: ReadonlySet<string> = new Set([
  "event_count",
  "value_count",
  "value_sum",
  "value_avg",
  "value_percentile",
  "temporal",
]);

/** Meaningless where something was refused. */
export function checkCorrelation(section: YamlMap, findings: Findings): CorrelationSection {
  refuseUnknownKeys(section, ["type", "rules", "aliases", "group-by", "timespan", "condition"], {
    where: "correlation",
    findings,
  });
  checkType(section, findings);
  const aliases = entryOf(section, "aliases");
  if (aliases !== undefined)
    findings.refuse(aliases.at, "aliases are not supported", "group by accountId, which every event has");
  const rules = checkRules(section, findings);
  checkGroupBy(section, findings);
  checkCount(section, rules.length, findings);
  return { type: "temporal_ordered", rules, groupBy: ["accountId"], timespan: checkTimespan(section, findings) };
}

function checkType(section: YamlMap, findings: Findings): void {
  const type = readText(section, "type", findings);
  const at = entryOf(section, "type")?.value.at ?? section.at;
  if (type === undefined) {
    if (entryOf(section, "type") === undefined)
      findings.refuse(at, "a correlation without type", "write type: temporal_ordered");
  } else if (UNSUPPORTED_TYPES.has(type)) {
    findings.refuse(at, `the correlation type ${quote(type)} is not supported`, "write temporal_ordered");
  } else if (!TYPES.includes(type)) {
    findings.refuse(at, `the unknown correlation type ${quote(type)}`, suggest(type, TYPES));
  }
}

function checkRules(section: YamlMap, findings: Findings): Placed[] {
  const entry = entryOf(section, "rules");
  if (entry === undefined) {
    findings.refuse(section.at, "a correlation without rules", "write the rules' names or ids in their order");
    return [];
  }
  const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
  if (nodes.length === 0)
    findings.refuse(entry.value.at, "an empty list of rules", "write the rules' names or ids in their order");
  const rules: Placed[] = [];
  for (const node of nodes) {
    const written = textOf(node, "rules: item", findings);
    if (written === undefined) continue;
    const text = UUID.test(written) ? written.toLowerCase() : written;
    if (rules.some((rule) => rule.text === text))
      findings.refuse(node.at, `the rule ${quote(text)} twice`, "write a second rule with another name");
    rules.push({ text, at: node.at });
  }
  return rules;
}

function checkGroupBy(section: YamlMap, findings: Findings): void {
  const entry = entryOf(section, "group-by");
  if (entry === undefined) {
    findings.refuse(section.at, "a correlation without group-by", "write group-by: [accountId]");
    return;
  }
  const fields = readTexts(section, "group-by", findings);
  if (fields !== undefined && (fields.length !== 1 || fields[0] !== "accountId")) {
    findings.refuse(
      entry.value.at,
      `group-by ${fields.length === 0 ? "nothing" : quote(fields.join(", "))} is not supported`,
      "write group-by: [accountId]",
    );
  }
}

function checkTimespan(section: YamlMap, findings: Findings): Duration {
  const entry = entryOf(section, "timespan");
  if (entry === undefined) {
    findings.refuse(section.at, "a correlation without timespan", "write timespan: 15m");
    return 0;
  }
  const text = textOf(entry.value, "timespan:", findings);
  if (text === undefined) return 0;
  const span = parseDuration(text);
  if (span === null || span === 0) findings.refuse(entry.value.at, `timespan: ${quote(text)}`, DURATION_ADVICE);
  return span ?? 0;
}

/** The count of different rules: all of them is what a sequence means anyway. */
function checkCount(section: YamlMap, rules: number, findings: Findings): void {
  const entry = entryOf(section, "condition");
  if (entry === undefined) return;
  if (entry.value.kind !== "map") {
    findings.refuse(
      entry.value.at,
      `condition: ${describe(entry.value)}: boolean conditions over rules are not supported`,
      "remove it: a sequence asks for all its rules",
    );
    return;
  }
  const [only, ...others] = entry.value.entries;
  if (only === undefined || others.length > 0 || !isCountOfAll(only, rules)) {
    findings.refuse(entry.value.at, "a count other than that of all rules", `remove it or write gte: ${rules}`);
  }
}

function isCountOfAll(entry: YamlEntry, rules: number): boolean {
  return (entry.key === "gte" || entry.key === "eq") && entry.value.kind === "scalar" && entry.value.value === rules;
}
