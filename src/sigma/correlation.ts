// Checks a `correlation:` section: type, rules, group-by, aliases, timespan; its condition is
// correlation-condition.ts's. What only the whole set can tell (which rules these are, what their events
// have) is left to references.ts.

import { MAX_ENTRIES, MAX_PLAIN_ENTRIES } from "../core/correlation/correlation.ts";
import type { CorrelationCondition, CorrelationType } from "../core/rule.ts";
import type { Duration } from "../core/time.ts";
import { checkCorrelationCondition } from "./correlation-condition.ts";
import type { Alias, Placed } from "./document.ts";
import { DURATION_ADVICE, parseDuration } from "./duration.ts";
import { referenceOf } from "./names.ts";
import { suggest } from "./nearest.ts";
import { quote } from "./problem.ts";
import type { Findings } from "./problem.ts";
import { describe, readBoolean, readMap, readText, refuseUnknownKeys, textOf } from "./tree-reader.ts";
import { entryOf } from "./yaml-tree.ts";
import type { YamlMap } from "./yaml-tree.ts";

export interface CorrelationSection {
  readonly type: CorrelationType;
  readonly rules: readonly Placed[];
  readonly groupBy: readonly Placed[];
  readonly aliases: readonly Alias[];
  readonly timespan: Duration;
  readonly valueFields: readonly Placed[];
  readonly condition: CorrelationCondition;
  /** pySigma reads `generate` here; the specification has it beside the section. */
  readonly generate: boolean;
}

const TYPES: readonly CorrelationType[] = [
  "event_count",
  "value_count",
  "value_sum",
  "value_avg",
  "value_percentile",
  "temporal",
  "temporal_ordered",
];

/** What a group's memory says of an event is one bit for each rule. */
const MAX_RULES = 30;
const RULES_ADVICE = "write the rules' names or ids";

/** Meaningless where something was refused. */
export function checkCorrelation(
  section: YamlMap,
  { findings, plain }: { readonly findings: Findings; readonly plain: boolean },
): CorrelationSection {
  refuseUnknownKeys(section, ["type", "rules", "aliases", "group-by", "timespan", "condition", "generate"], {
    where: "correlation",
    findings,
  });
  const type = checkType(section, findings);
  const written = checkRules(section, findings);
  const mostEntries = plain ? MAX_PLAIN_ENTRIES : MAX_ENTRIES;
  const conditioned = checkCorrelationCondition(section, { type, rules: written, findings, mostEntries });
  if (conditioned.rules.length > MAX_RULES) {
    findings.refuse(section.at, `${conditioned.rules.length} rules in one correlation`, `write at most ${MAX_RULES}`);
  }
  return {
    type: type ?? "temporal",
    ...conditioned,
    groupBy: checkGroupBy(section, findings),
    aliases: checkAliases(section, findings),
    timespan: checkTimespan(section, findings),
    generate: readGenerate(section, findings) ?? false,
  };
}

/** Refused, it counts as given: else responses of the correlation's rules would be refused, too. */
export function readGenerate(map: YamlMap, findings: Findings): boolean | undefined {
  return readBoolean(map, "generate", findings) ?? (entryOf(map, "generate") === undefined ? undefined : true);
}

function checkType(section: YamlMap, findings: Findings): CorrelationType | null {
  const type = readText(section, "type", findings);
  const at = entryOf(section, "type")?.value.at ?? section.at;
  if (type === undefined) {
    if (entryOf(section, "type") === undefined)
      findings.refuse(at, "a correlation without type", `write type: and one of ${TYPES.join(", ")}`);
    return null;
  }
  const known = TYPES.find((candidate) => candidate === type);
  if (known === undefined) findings.refuse(at, `the unknown correlation type ${quote(type)}`, suggest(type, TYPES));
  return known ?? null;
}

/** null: left out, which only a boolean condition allows. */
function checkRules(section: YamlMap, findings: Findings): readonly Placed[] | null {
  const entry = entryOf(section, "rules");
  if (entry === undefined) return null;
  const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
  if (nodes.length === 0) findings.refuse(entry.value.at, "an empty list of rules", RULES_ADVICE);
  const rules: Placed[] = [];
  const seen = new Set<string>();
  for (const node of nodes) {
    const written = textOf(node, "rules: item", findings);
    if (written === undefined) continue;
    const text = referenceOf(written);
    if (seen.has(text))
      findings.refuse(node.at, `the rule ${quote(text)} twice`, "write a second rule with another name");
    seen.add(text);
    rules.push({ text, at: node.at });
  }
  return rules;
}

/** Empty where something was refused: without it, groups would be others. */
function checkGroupBy(section: YamlMap, findings: Findings): Placed[] {
  const entry = entryOf(section, "group-by");
  if (entry === undefined) {
    findings.refuse(section.at, "a correlation without group-by", "write group-by: [accountId]");
    return [];
  }
  if (entry.value.kind !== "list" || entry.value.items.length === 0) {
    const found = entry.value.kind === "list" ? "group-by nothing" : `group-by: ${describe(entry.value)}`;
    findings.refuse(entry.value.at, found, "write a list, such as group-by: [accountId]");
    return [];
  }
  const fields: Placed[] = [];
  for (const item of entry.value.items) {
    const text = textOf(item, "group-by: item", findings);
    if (text === undefined) continue;
    if (fields.some((field) => field.text === text)) findings.refuse(item.at, `${quote(text)} twice`, "write it once");
    fields.push({ text, at: item.at });
  }
  return fields.length < entry.value.items.length ? [] : fields;
}

/** Each alias: for each rule the field that it stands for in that rule's events. */
function checkAliases(section: YamlMap, findings: Findings): Alias[] {
  const aliases = readMap(section, "aliases", findings);
  return (aliases?.entries ?? []).map(({ key, at, value }) => {
    if (value.kind !== "map") {
      findings.refuse(value.at, `the alias ${quote(key)}: ${describe(value)}`, "write rule: field, a line each");
      return { name: key, at, fields: null };
    }
    const fields = value.entries.flatMap((entry) => {
      const field = textOf(entry.value, `${entry.key}:`, findings);
      const rule = referenceOf(entry.key);
      return field === undefined
        ? []
        : [{ rule: { text: rule, at: entry.at }, field: { text: field, at: entry.value.at } }];
    });
    return { name: key, at, fields: fields.length < value.entries.length ? null : fields };
  });
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
